// What a worker does: it takes an item, does it, commits it, takes the next.
//
// An item is a transaction: `perform` does all the work and leaves no trace, `commit` makes it
// count. Between the two an item in a chain may have to wait for its verdict (dealer.h); the worker
// goes on with another one meanwhile, and holds at most one.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "pipeline/base/status.h"
#include "pipeline/run/mailbox.h"
#include "pipeline/run/protocol.h"

namespace shardmill {

/// One item in the hands of one worker.
class Task {
 public:
  virtual ~Task() = default;
  /// Errors end the run.
  virtual Status perform() = 0;
  /// After `perform`: true if the item cannot commit without a verdict.
  virtual bool must_wait() const = 0;
  virtual ChainReport report() const = 0;
  /// Makes the item count; with the verdict if it waited for one. Done::item need not be set.
  virtual Result<Done> commit(const std::optional<Verdict>& verdict) = 0;
};

/// Makes tasks of one kind. One worker's: what tasks share (buffers, scratch memory) is here.
class Craft {
 public:
  virtual ~Craft() = default;
  virtual Result<std::unique_ptr<Task>> begin(Deal deal) = 0;
  /// The worker waits or leaves.
  virtual void rest() {}
  /// All items of the phase are done. Nobody hears of errors: what is left tells of them.
  virtual void finish() {}
  /// The run ends early. `keep`: another attempt will go on from here, so what was committed is to
  /// be kept as far as possible.
  virtual void leave_early(bool /*keep*/) {}
};

/// Called by each worker on its own thread. nullptr if the rank takes no part.
using MakeCraft = std::function<std::unique_ptr<Craft>(unsigned worker)>;

/// The whole life of a worker. An exception becomes a failure of the run, want of memory an early
/// stop; `place` says where in messages ("rank 3 (node7)").
void work(unsigned worker, const MakeCraft& make_craft, Mailbox& mailbox, const std::string& place);

/// Runs `body`; what it throws becomes a failure that says how to go on, want of memory kStopped.
Status without_exceptions(const std::string& place, const std::function<Status()>& body);

}  // namespace shardmill
