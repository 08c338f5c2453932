// One run at a time in a run directory: a file that names who has it, with a counter that its
// holder moves once a second. It works where flock does not (several hosts, network file systems).
//
// A lock is stale if its process is gone (same host), or if its counter stood still for a minute as
// watched by the newcomer: clocks of hosts are never compared. Who takes a stale lock replaces it;
// the holder of before finds another token and stops.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "pipeline/base/status.h"

namespace shardmill {

/// Who holds a lock. The text of the file, a line each.
struct LockHolder {
  std::string token;
  std::string host;
  int64_t process = 0;
  uint64_t process_start = 0;  ///< ticks since boot: tells a process from a later one of its number
  std::string started;         ///< UTC, for messages
  uint64_t beats = 0;

  std::string text() const;
  /// False if the text is no lock of ours.
  static bool parse(std::string_view text, LockHolder& holder);
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

  /// Reads the file again: kFailed if another run has taken the lock.
  Status check() const;

 private:
  class Beat;
  RunLock(std::string path, LockHolder holder, const LockTimes& times);

  std::string path_;
  LockHolder holder_;
  std::unique_ptr<Beat> beat_;
};

/// False if nobody has `folder`/lock, or the process that has it is certainly gone.
bool may_be_locked(const std::string& folder);

/// True if `folder`/lock is one of ours, held or not.
bool has_run_lock(const std::string& folder);

}  // namespace shardmill
