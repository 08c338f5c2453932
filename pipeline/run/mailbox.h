// Between the workers of a rank and its communicating thread. Nobody else is ever in between, so a
// worker never waits for a message of another rank while the thread can answer.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <variant>
#include <vector>

#include "pipeline/run/protocol.h"

namespace shardmill {

/// What a worker tells: an item is prepared or done, or the run cannot go on.
using WorkerEvent = std::variant<Prepared, Done, Status>;

/// The run ends by such an error, and another attempt goes on from what is done until now: a wish,
/// a full disk, or a bad file that it is to stop at, which exits with 3 but may be mended.
inline bool keeps_work(Code code) {
  return code == Code::kStopped || code == Code::kBadFile;
}

/// Thread-safe. Items are taken in the order in which they were given (dealer.h relies on it).
class Mailbox {
 public:
  explicit Mailbox(unsigned workers) : held_(workers) {}

  /// @name For the communicating thread.
  /// @{
  void give(Deal deal);
  /// To the worker that holds the prepared item. REQUIRES: one does.
  void answer(const VerdictFor& verdict);
  /// No more work: workers leave when they have nothing left.
  void close();
  /// No more items are begun: what was given and not taken is dropped.
  void drain();
  /// The run ends early: workers leave as soon as they look. `keep`: another attempt goes on from
  /// here. Only the first call counts. Also for workers.
  void stop(bool keep);
  std::vector<WorkerEvent> take_events();
  /// Returns when a worker has told something, or left, or the time is over.
  void wait_for_event(unsigned microseconds);
  /// Workers that wait for an item and have none.
  unsigned idle_workers() const;
  unsigned workers_gone() const;     ///< that have left
  unsigned workers_keeping() const;  ///< that have begun to keep something, gone or not
  /// @}

  /// @name For workers.
  /// @{
  using Next = std::variant<std::monostate, Deal, Verdict>;
  /// Waits for the verdict on the item that this worker holds, or, if `may_take`, for an item.
  /// Nothing means: leave.
  Next next(unsigned worker, bool may_take);
  /// From now on `item` is held by this worker; tells so.
  void post_prepared(unsigned worker, const Prepared& prepared);
  void post(WorkerEvent event);
  /// Looked at after every chunk.
  bool stopped() const { return stopped_.load(std::memory_order_relaxed); }
  const std::atomic<bool>& stop_flag() const { return stopped_; }  ///< the same, to keep at hand
  bool keeps() const;                                              ///< see stop
  /// The worker begins to write down what it has committed, which may take long.
  void begin_keeping();
  /// The worker's last call.
  void leave();
  /// @}

 private:
  struct Held {
    std::optional<uint64_t> item;
    std::optional<Verdict> verdict;
  };

  mutable std::mutex mutex_;
  std::condition_variable for_workers_;
  std::condition_variable for_thread_;
  std::deque<Deal> deals_;
  std::vector<Held> held_;  ///< by worker
  std::vector<WorkerEvent> events_;
  unsigned idle_ = 0;
  unsigned gone_ = 0;
  unsigned keeping_ = 0;
  bool left_ = false;
  bool closed_ = false;
  bool drained_ = false;
  bool keeps_ = false;
  std::atomic<bool> stopped_ = false;
};

}  // namespace shardmill
