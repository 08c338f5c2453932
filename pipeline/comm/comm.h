// Messages between ranks. Two-sided only; every method says whether it is collective.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "pipeline/base/status.h"

namespace shardmill {

/// Tags keep kinds of messages apart: 1 to kLargestTag, 0 belongs to `broadcast`. The engine
/// defines its own in run/protocol.h.
using MessageTag = int;
inline constexpr MessageTag kLargestTag = 8191;

struct IncomingMessage {
  int from = 0;
  MessageTag tag = 0;
  std::string bytes;
};

/// One rank's view of a run. Only the thread that made it may call it.
class Comm {
 public:
  virtual ~Comm() = default;

  /// Not collective.
  virtual int rank() const = 0;
  virtual int size() const = 0;
  virtual std::string host() const = 0;

  /// Not collective. Queues a message; returns at once. Messages from one rank to another arrive in
  /// order; one to the rank itself arrives at its next poll. Any size: longer ones travel in pieces
  /// of at most 16 MiB.
  virtual void send(int to, MessageTag tag, std::string bytes) = 0;
  /// Not collective. The next message that has arrived, from anyone; never blocks. Also moves
  /// queued sends on.
  virtual std::optional<IncomingMessage> poll() = 0;
  /// Not collective. `message` will be the next that `poll` gives: it came too early.
  virtual void put_back(IncomingMessage message) = 0;
  /// Not collective. Brings every rank down at once with this exit code: the last resort.
  [[noreturn]] virtual void abort(int exit_code) = 0;
  /// Collective. Returns when all queued sends are delivered and all ranks have come here; does not
  /// spin. Messages that arrive meanwhile are kept for later polls.
  virtual void finish() = 0;
};

/// Collective. The message of `root`, everywhere. Other messages that arrive meanwhile are kept for
/// later polls.
std::string broadcast(Comm& comm, int root, std::string bytes);

/// The pauses between two polls: 0.05 ms, then twice as long each time while nothing happens, so
/// that waiting ranks leave their core to workers. One thread.
class Backoff {
 public:
  /// The next pause, at most `longest_microseconds`: for callers that have something better to do
  /// than to sleep (wait for a worker).
  unsigned next_microseconds(unsigned longest_microseconds = 5000);
  void wait();  ///< sleeps for the next pause
  void reset() { microseconds_ = kShortest; }

 private:
  static constexpr unsigned kShortest = 50;
  unsigned microseconds_ = kShortest;
};

/// Runs `body(comm)` as `ranks` ranks, each a thread of this process. Returns when all have
/// returned.
void run_local_ranks(int ranks, const std::function<void(Comm&)>& body);

/// A communicator of one rank, for plain `shardmill run`.
std::unique_ptr<Comm> make_single_comm();

/// True if a launcher started this process (Open MPI's, MPICH's or PMIx's environment, or srun's of
/// several tasks).
bool launched_by_mpi();
/// False if the launcher gave this process another rank than 0, before MPI is asked: what must not
/// appear once per rank is printed by the first process only.
bool is_first_of_launcher();
/// What `srun --mpi=` has to say for this program's MPI: "pmix", or "pmi2" for MPICH and its kin.
std::string_view slurm_mpi_type();
/// kUsage if MPI sees one process where the launcher started several: under srun without
/// the right --mpi, or under the launcher of another MPI.
/// REQUIRES: called once, by the main thread. MPI is finalised when the Comm is destroyed.
Result<std::unique_ptr<Comm>> make_mpi_comm();

}  // namespace shardmill
