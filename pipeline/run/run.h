// A run from plan to report: the story of the program.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "pipeline/base/status.h"
#include "pipeline/comm/comm.h"
#include "pipeline/plan/plan.h"
#include "pipeline/report/description.h"

namespace shardmill {

struct RunRequest {
  std::string run_dir;  ///< empty: nothing is kept (count and grep without --run-dir)
  unsigned threads =
      0;  ///< workers per rank; 0: the job's, else usable cores shared by ranks of the host
  bool quiet = false;  ///< no progress, no report on standard output
  bool fresh = false;  ///< start over in an existing run directory
  /// After which the run stops softly: see parse_time_limit; empty: no limit.
  std::string time_limit = {};
  /// Where to write what everybody did when, see trace.h; empty: nobody notes it.
  std::string trace = {};
  /// Asked often on every rank: why the run is to stop softly (a signal). May be empty.
  std::function<std::optional<std::string>()> stop_wish = {};
};

/// Collective. Runs the plan (rank 0 has it, the others pass nullptr) and returns the same Status
/// on every rank; rank 0 also fills `description`, writes the run directory and prints progress to
/// standard error. Rank 0 may come with a failed plan: then all ranks return its status without a
/// hang. kStopped if it ended early by a wish: the same request goes on from there.
Status run_job(Comm& comm, Result<Plan>* plan, const RunRequest& request,
               RunDescription* description);

}  // namespace shardmill
