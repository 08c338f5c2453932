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
/// process at once with exit code 75 (what checkpoints cover stays). Once, by the program's main
/// thread.
void watch_stop_signals();

/// "signal USR1" once one has come. Any thread.
std::optional<std::string> stop_signal();

/// kUsage unless it is "auto" or a duration like "01:00:00" or "90s".
Status check_time_limit(std::string_view text);
/// In seconds, 0 for none. "auto" asks Slurm, once, for what is left of the job's time: for rank 0.
/// REQUIRES: empty, or check_time_limit found it right.
double time_limit_seconds(std::string_view text);

/// What `squeue -o %L` says: "2-01:00:00", "59:30", "45"; 0 if it is no time ("UNLIMITED"). Pure.
double seconds_left_of_slurm(std::string_view text);

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
