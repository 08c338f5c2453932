// Where an attempt at a run begins: from nothing, or from what earlier attempts left in the run
// directory. Rank 0 only; the run directory's lock is held.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "pipeline/run/checkpoint.h"

namespace shardmill {

struct Attempt {
  CheckpointPlan checkpoints;
  std::vector<FrozenFile> frozen;
  std::vector<CoveredUnit> covered;  ///< sorted by unit, each once
  std::vector<std::string> damaged;  ///< checkpoints that do not count, a message each
  uint64_t bytes_before = 0;  ///< disk bytes that earlier attempts had read, as far as they told

  bool is_first() const { return checkpoints.generation == 0; }
};

struct AttemptSetup {
  std::string run_dir;
  std::string parts_dir;  ///< empty: no stage writes
  uint64_t identity = 0;
  uint64_t units = 0;  ///< of the plan
  std::string token;   ///< for a first attempt
  LockKey lock;        ///< of the run directory
  double interval_seconds = 30;
};

/// Freezes what is valid and writes the index of the next generation; checkpoints that do not count
/// are taken away. kUsage if there is something to go on from, but of another job or of other
/// inputs.
Result<Attempt> begin_attempt(const AttemptSetup& setup);

/// What the attempts until now cover, this one too, without beginning another: for the report of a
/// run that stopped. REQUIRES: no worker writes any more.
Result<Attempt> covered_so_far(const AttemptSetup& setup);

/// The checkpoints of a run directory.
std::string checkpoint_folder(const std::string& run_dir);

/// True if there are checkpoints, but no index that can be read: nothing may be thrown away.
bool has_lost_index(const std::string& run_dir);

/// True if an attempt that did not finish left something to go on from.
bool can_resume(const std::string& run_dir);

}  // namespace shardmill
