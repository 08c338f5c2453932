// The start of a run: all ranks come to hold the same bound job, or all return the same failure.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "pipeline/plan/memory.h"
#include "pipeline/plan/plan.h"
#include "pipeline/run/checkpoint.h"
#include "pipeline/run/protocol.h"
#include "pipeline/run/run.h"

namespace shardmill {

/// What a rank knows once the run has started.
struct Start {
  Status bound_here;                  ///< not ok: this rank could not bind the job
  std::unique_ptr<BoundJob> own_job;  ///< unset on rank 0
  const BoundJob* job = nullptr;      ///< nullptr if bound_here is not ok
  int rank = 0;
  unsigned threads = 1;   ///< workers of this rank
  MemoryPlan memory;      ///< of this rank, once the job is bound
  std::string place;      ///< this rank in messages: "rank 3 (node7)"
  std::string parts_dir;  ///< empty: no stage writes
  CheckpointPlan checkpoints;
  std::vector<FrozenFile> frozen;  ///< of earlier attempts, those that this rank merges
  uint64_t records_before = 0;     ///< that earlier attempts cover
  std::vector<std::string> hosts;  ///< by rank; rank 0 only
  size_t trace_spans = 0;          ///< that each worker may keep; 0: none
  bool is_traced = false;
};

/// What rank 0 brings: the plan, or why there is none.
struct StartSetup {
  Status status;
  const Plan* plan = nullptr;  ///< if the status is ok
  std::string parts_dir;
  CheckpointPlan checkpoints;
  std::vector<FrozenFile> frozen;
  uint64_t records_before = 0;
};

/// Collective. `setup` on rank 0 only. A failed setup is returned by every rank, and so is kFailed
/// if the ranks run different builds; a rank that cannot bind the job or does not share the run
/// directory says so in Start::bound_here and takes part in the first phase to tell it.
Result<Start> start_together(Inbox& inbox, const StartSetup* setup, const RunRequest& request);

/// How a rank introduces itself.
struct Hello {
  std::string build = {};  ///< see program_build; the first on the wire, in every version
  std::string host;
  unsigned usable_cores = 1;
  std::vector<uint32_t> cores;  ///< of its affinity mask
};

/// kFailed naming the first rank whose program is another build than that of rank 0. Pure.
Status check_same_build(const std::vector<Hello>& ranks);

/// Workers for each rank if nobody says how many: its cores, shared by the ranks of the same host
/// that may use them too; at least 1. Pure.
std::vector<unsigned> share_cores(const std::vector<Hello>& ranks);

/// Ranks on the host of each rank, itself included. Pure.
std::vector<unsigned> ranks_of_hosts(const std::vector<Hello>& ranks);

/// Workers of a rank: as the request says, or the job, or OMP_NUM_THREADS, else `cores`.
unsigned choose_threads(const RunRequest& request, const BoundJob& job, unsigned cores);

/// The first number of OMP_NUM_THREADS ("4,2"); 0 if unset or no number.
unsigned omp_num_threads();

}  // namespace shardmill
