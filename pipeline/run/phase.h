// A phase of a run: items are dealt to the workers of all ranks until every one is done, or until
// the first failure. The same loop serves for reading units and for writing outputs.
//
// On every rank the calling thread talks to rank 0 and to its own workers, and does nothing else:
// it is no worker, so a deal is answered at once even if all workers are blocked in a read. It
// never sits in a blocking call and never spins: it waits for its workers' events, with pauses that
// grow from 0.05 to 5 ms, 0.2 ms while a worker has just run out of work.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "pipeline/run/dealer.h"
#include "pipeline/run/mailbox.h"
#include "pipeline/run/progress.h"
#include "pipeline/run/protocol.h"
#include "pipeline/run/worker.h"

namespace shardmill {

/// What rank 0 knows of the items and learns from them. One thread.
class Leader {
 public:
  virtual ~Leader() = default;
  /// All that a worker needs to do the item.
  virtual std::string body_of(uint64_t item) = 0;
  /// An item is committed.
  virtual Status absorb(const Done& done) = 0;
  virtual void hear(int /*rank*/, const Heartbeat& /*heartbeat*/) {}
  /// Called often.
  virtual void tick() {}
};

struct PhaseSetup {
  Phase phase = Phase::kWork;
  std::string place;  ///< this rank in messages: "rank 3 (node7)"
  unsigned threads = 1;
  Mailbox* mailbox = nullptr;  ///< for `threads` workers
  MakeCraft make_craft;
  std::function<Heartbeat()> heartbeat;  ///< asked for once a second; may be empty
  std::function<void()> tick;            ///< called every 50 ms at least; may be empty
  /// Asked often: why the run is to stop softly ("signal USR1"), or nothing. Then no more items are
  /// begun, those at work have a second to finish, and the phase ends with kStopped. May be empty.
  std::function<std::optional<std::string>()> stop_wish;
  std::string* stopped_by = nullptr;  ///< rank 0 only: gets the wish for which the phase ended
  Status ready;              ///< not ok: this rank cannot take part, and so the phase fails
  Leader* leader = nullptr;  ///< rank 0 only
  DealerSetup dealer;        ///< rank 0 only; `ranks` is filled in
};

/// Collective. Returns the same Status on every rank: ok, or the first failure that rank 0 heard
/// of. Workers that do not come back within a minute after a failure (a read that hangs) bring the
/// whole run down; those that write a checkpoint have as long as they get on with it, and ten
/// minutes of standing still (a disk that has much to write).
Status run_phase(Inbox& inbox, PhaseSetup setup);

}  // namespace shardmill
