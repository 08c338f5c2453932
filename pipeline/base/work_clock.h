// Where a worker's time goes: a clock with a hand that points at what the worker is doing now.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace shardmill {

class SpanLog;

/// One worker turns the hand, any thread may read. Turning costs about 50 ns, so it is done for
/// chunks, not for records.
class WorkClock {
 public:
  /// What a hand may point at; behind kFirstStage the stages of the job in their order.
  enum Activity : size_t {
    kWaiting,        ///< for a unit
    kReading,        ///< bytes from the disk
    kUnpacking,      ///< decompressing them
    kParsing,        ///< making records of them
    kUnit,           ///< the little that a unit costs beside: opening files, books
    kCommitting,     ///< merging what a unit found, parts
    kCheckpointing,  ///< making it durable
    kWriting,        ///< a piece of the user's files, from the parts
    kFinishing,      ///< one of those files: its checksum, its name
    kFirstStage,
  };
  static constexpr uint64_t kAboutNothing = UINT64_MAX;

  explicit WorkClock(size_t stages);

  /// From now on each span also goes to `log`, which must outlive the clock. The worker's.
  void keep_spans(SpanLog* log) { log_ = log; }

  /// @name The worker's, by WorkSpan.
  /// @{
  /// Returns where the hand pointed before, for `close`. `about`: the number of a unit.
  size_t open(size_t activity, uint64_t about = kAboutNothing);
  void close(size_t before);
  /// @}

  /// Nanoseconds by activity until now. Exact if the worker does not turn the hand meanwhile.
  std::vector<uint64_t> read() const;

  /// Of the monotonic clock.
  static uint64_t now_ns();

 private:
  uint64_t turn_to(size_t activity);

  size_t count_;
  std::unique_ptr<std::atomic<uint64_t>[]> spent_;  ///< ns, without the span that runs
  std::atomic<size_t> now_ = kWaiting;
  std::atomic<uint64_t> since_;
  SpanLog* log_ = nullptr;  ///< nullptr: nobody asked for a trace
};

/// Points the hand at `activity` for its own lifetime. Does nothing with a nullptr.
class WorkSpan {
 public:
  WorkSpan(WorkClock* clock, size_t activity, uint64_t about = WorkClock::kAboutNothing)
      : clock_(clock), before_(clock == nullptr ? 0 : clock->open(activity, about)) {}
  ~WorkSpan() {
    if (clock_ != nullptr) clock_->close(before_);
  }
  WorkSpan(const WorkSpan&) = delete;
  WorkSpan& operator=(const WorkSpan&) = delete;

 private:
  WorkClock* clock_;
  size_t before_;
};

}  // namespace shardmill
