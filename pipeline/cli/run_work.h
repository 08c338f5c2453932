// Planning and running a job on all ranks, for every command that runs one.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "pipeline/plan/plan.h"
#include "pipeline/run/run.h"

namespace shardmill {

/// What rank 0 is to do. Every rank has the same request.
struct Work {
  /// Parses the job. Only rank 0 calls it.
  std::function<Result<Job>()> read_job;
  RunRequest request;
  std::string replay;  ///< mended records in place of the job's files; empty: the files
  bool strict = false;
  /// Sees what was found; only rank 0 calls it. May be empty.
  std::function<void(const RunDescription&)> finished;
};

/// Collective under mpirun. Returns the same exit code on every rank; only rank 0 prints.
int run_work(const Work& work);

/// What to tell who asks for a job whose run directory holds a finished run; with what became of
/// its inputs. kUsage if that was another job: what it found must not be taken for what this one
/// finds.
Result<std::string> describe_finished(const Job& job, const std::string& run_dir);

/// "slow.run" for "jobs/slow.toml": where a run leaves everything if nothing else is said. Runs of
/// another kind have their own: "slow.replay.run".
std::string default_run_dir(std::string_view job_path, std::string_view kind = {});

}  // namespace shardmill
