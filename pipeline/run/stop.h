// Why a run is to end early: a signal, a time limit, a file named STOP.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "pipeline/base/status.h"
#include "pipeline/run/progress.h"

namespace shardmill {

/// From now on USR1, TERM and INT ask for a soft stop, see stop_signal; a second one ends the
/// process at once, with exit code 75 if the run `resumes` (what checkpoints cover stays), else as
/// the signal does in other programs. Once, by the program's main thread.
void watch_stop_signals(bool resumes);

/// Of a run that stopped early and keeps nothing, so that there is no way to go on: 128 and the
/// signal, as shells have it, or 3 if there was no signal.
int exit_code_of_stop();

/// "signal USR1" once one has come. Any thread.
std::optional<std::string> stop_signal();

/// kUsage unless it is "auto" or a duration like "01:00:00" or "90s".
Status check_time_limit(std::string_view text);
/// In seconds, 0 for none. "auto" asks Slurm, once, for what is left of the job's time: for rank 0.
/// REQUIRES: empty, or check_time_limit found it right.
double time_limit_seconds(std::string_view text);

/// What `shardmill stop` writes into the file STOP, to be told from one that somebody made.
inline constexpr std::string_view kStopCommand = "shardmill stop";

/// Rank 0's own reasons. One thread.
class StopWatch {
 public:
  StopWatch() = default;
  /// `seconds`: of the whole run, 0 for no limit, of which `gone` have passed; the stop is asked
  /// for early enough to write down what there is. `file`: looked for once a second; empty for
  /// none.
  StopWatch(double seconds, double gone, std::string file);
  std::optional<std::string> wish();

 private:
  Clock::time_point start_ = Clock::now();
  double stop_after_seconds_ = 0;
  std::string file_;
  double next_look_ = 0;
};

}  // namespace shardmill
