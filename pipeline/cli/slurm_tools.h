// Slurm's own commands, asked by `submit`, `status` and `stop`. One thread each.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/base/status.h"
#include "pipeline/cli/batch_script.h"

namespace shardmill {

/// What a program said.
struct ToolAnswer {
  bool succeeded = false;  ///< it ended in time, with exit code 0
  std::string output;
  std::string last_words;  ///< the last line that it printed as an error
};

/// kFailed if PATH has no program of this name.
Status check_tool(const std::string& name);
/// Runs the program that `words` begin with, found through PATH, no shell involved, for at most
/// 30 s. kFailed if it cannot be started.
Result<ToolAnswer> ask_tool(const std::vector<std::string>& words);

/// srun if Slurm speaks `mpi_type` (see slurm_mpi_type), so that ranks know of each other; mpirun
/// otherwise.
Launcher choose_launcher(std::string_view mpi_type);
/// Pure: `answer` of `srun --mpi=list`.
Launcher launcher_of(std::string_view answer, std::string_view mpi_type);

/// A job in Slurm's queue.
struct QueuedJob {
  std::string id;
  std::string state;   ///< "PENDING", "RUNNING" ...
  std::string reason;  ///< why it waits, as Slurm calls it
  std::string start;   ///< when it began, or is expected to; empty if nobody knows
  std::string left;    ///< of its time limit, as Slurm writes it
  std::string nodes;

  bool waits() const { return state == "PENDING"; }
  /// "job 12 waits in the queue (Resources), expected to start at 2026-11-21T17:51:52". Pure.
  std::string text() const;
  std::string json() const;
};

/// The job of RUN-DIR/slurm that Slurm has in its queue; nothing if there is none, or no Slurm.
std::optional<QueuedJob> queued_job(const std::string& run_dir);
/// Pure: a line of `squeue -o kQueueFormat`.
std::optional<QueuedJob> parse_queued_job(std::string_view line);
inline constexpr std::string_view kQueueFormat = "%i|%T|%r|%S|%L|%N";

/// "12" or "12_3": nothing else may stand where a job's number is expected.
bool is_job_id(std::string_view text);

}  // namespace shardmill
