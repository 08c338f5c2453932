// One run at a time in a run directory: a file that names who has it, with a counter that its
// holder moves once a second. It works where flock does not (several hosts, network file systems).
//
// A lock is stale if its process is gone (which only the same kernel and PID namespace can tell),
// if Slurm says that its job ended, or if its counter stood still for a minute as watched by the
// newcomer: clocks of hosts are never compared. Who takes a stale lock replaces it; the holder of
// before finds another token and stops. A holder that slept for more than a minute is no holder any
// more and does not know it, so whoever gives a file its name, on any rank, reads the token right
// before (LockKey::check).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "pipeline/base/bytes.h"
#include "pipeline/base/status.h"
#include "pipeline/run/output_file.h"

namespace shardmill {

/// Who holds a lock. The text of the file, a line each.
struct LockHolder {
  std::string token;
  std::string host;
  int64_t process = 0;
  uint64_t process_start = 0;  ///< ticks since boot: tells a process from a later one of its number
  /// Where the process's number means something: kernel's boot and PID namespace. Containers may
  /// share a host's name. Empty if that cannot be told.
  std::string kernel = {};
  std::string slurm_job = {};  ///< see own_slurm_job
  std::string started;         ///< UTC, for messages
  uint64_t beats = 0;

  std::string text() const;
  /// False if the text is no lock of ours.
  static bool parse(std::string_view text, LockHolder& holder);
};

/// Whether the process that holds a lock is there.
enum class HolderLife : uint8_t { kAlive, kGone, kUnknown };
/// kUnknown for processes that this one cannot see: of other hosts or containers, or hidden.
HolderLife life_of(const LockHolder& holder);

/// What a rank needs to know whether its run still has the run directory. Any thread.
struct LockKey {
  std::string path;  ///< empty: there is no lock, all is well
  std::string token;

  /// Reads the file: kFailed if another run has taken the lock.
  Status check() const;
  void encode(ByteWriter& writer) const;
  static LockKey decode(ByteReader& reader);
};

struct LockTimes {
  double beat_seconds = 1;
  double stale_seconds = 60;
};

/// Held until destroyed; a thread of its own moves the counter.
class RunLock {
 public:
  /// Takes `folder`/lock. kUsage naming host and process if another run has it. Waits up to
  /// `stale_seconds` while it is not clear whether the holder still lives. Takes away what
  /// processes left that were killed while they took it.
  static Result<std::unique_ptr<RunLock>> take(const std::string& folder,
                                               const LockTimes& times = {});
  ~RunLock();
  RunLock(const RunLock&) = delete;
  RunLock& operator=(const RunLock&) = delete;

  const LockKey& key() const { return key_; }

 private:
  class Beat;
  RunLock(LockKey key, LockHolder holder, FileHandle file, const LockTimes& times);

  LockKey key_;
  std::unique_ptr<Beat> beat_;
};

/// False if nobody has `folder`/lock, or the process that has it is certainly gone.
bool may_be_locked(const std::string& folder);

/// Who has `folder`/lock; nothing if there is none or it is torn. Only looks.
std::optional<LockHolder> read_run_lock(const std::string& folder);

/// True if `folder`/lock is one of ours, held or not.
bool has_run_lock(const std::string& folder);

}  // namespace shardmill
