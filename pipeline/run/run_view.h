// A run directory seen from outside, whatever the run is doing: `shardmill status`. Nothing is
// written, locked or waited for; a run at work does not notice.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/base/status.h"
#include "pipeline/report/description.h"
#include "pipeline/run/run_lock.h"
#include "pipeline/run/run_status.h"

namespace shardmill {

enum class RunState : uint8_t {
  kStarting,  ///< a process has the lock and has told nothing yet
  kRunning,
  kSilent,   ///< a process has the lock that cannot be seen from here, and its counter stands still
  kCrashed,  ///< the process is gone without a word
  kStopped,  ///< it said so: the same command goes on
  kFailed,
  kFinished,
};
std::string_view run_state_name(RunState state);

struct RunView {
  std::string run_dir;
  RunState state = RunState::kStarting;
  std::optional<LockHolder> holder;
  std::optional<RunStatus> news;        ///< status.json, as old as it may be
  std::vector<AttemptResult> attempts;  ///< see read_attempts; how the last one ended is said
  bool can_resume = false;              ///< there are checkpoints to go on from

  /// 0 at work or finished, 75 if the same command goes on, 3 failed.
  int exit_code() const;
  /// For people; safe on a terminal. Pure.
  std::string text() const;
  /// For programs. Pure.
  std::string json() const;
};

/// Looks at the run. A lock of another host is watched for `patience_seconds` at most. kUsage if
/// `run_dir` is no folder or holds no run.
Result<RunView> look_at_run(const std::string& run_dir, double patience_seconds = 3);

}  // namespace shardmill
