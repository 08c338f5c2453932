// A validated plan: the job bound to its inputs. Nothing is created before it is valid.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "pipeline/core/pipeline.h"
#include "pipeline/plan/job.h"
#include "pipeline/plan/manifest.h"
#include "pipeline/plan/replay.h"
#include "pipeline/plan/side_files.h"
#include "pipeline/plan/units.h"

namespace shardmill {

/// A job with its stages bound to its columns: what every rank holds. Immutable; shared by workers.
struct BoundJob {
  Job job;
  InputSchema schema;
  SlotPlan slots;
  std::unique_ptr<BoundInput> input;
  std::vector<PipelineStage> stages;
  uint64_t decoder_bytes = 0;  ///< most memory of one worker's decompressor; 0 for plain files
};

/// Binds the stages in order. Problems (unknown columns, wrong types) are collected; nullptr if
/// there is one. With `show_records` every column that the last stage passes on is filled, for
/// callers that look at records (job tests). REQUIRES: job.input.format is set and its options
/// checked.
std::unique_ptr<BoundJob> bind_job(Job job, InputSchema schema, Problems& problems,
                                   bool show_records = false);

/// What rank 0 sends to the others so that they bind the same job without touching a file.
struct PlanMessage {
  std::string job_text;
  std::string job_place;
  std::string format;
  uint64_t decoder_bytes = 0;  ///< see BoundJob
  InputSchema schema;
  std::vector<SideFile> files;           ///< what stages read whole; see side_files.h
  std::shared_ptr<const Replay> replay;  ///< records in place of the files; nullptr: the files

  std::string encode() const;
  static Result<PlanMessage> decode(std::string_view bytes);
};
/// The job reads the message's mended records, if it has some.
void take_replay(const PlanMessage& message, BoundJob& bound);
Result<std::unique_ptr<BoundJob>> bind_from_message(const PlanMessage& message);

/// What rank 0 knows beyond the bound job.
struct Plan {
  std::unique_ptr<BoundJob> bound;
  Manifest manifest;
  std::vector<UnitRange> units;
  PlanMessage message;
};

/// The files that a schema is inferred from: a function of paths and sizes alone. Empty files are
/// left out unless all are empty.
SampleFiles choose_samples(const Manifest& manifest);

/// Job -> manifest -> format -> schema -> bound stages -> units. Rank 0 only. Problems are
/// collected as far as possible. `first_manifest`: manifest.tsv of the attempt that this one goes
/// on from (see keep_first_sizes), or empty. `replay_path`: mended records that are read in place
/// of the files (see read_replay), or empty; formats and columns are those of the files.
Result<Plan> make_plan(Job job, std::string_view run_dir, Problems& problems,
                       std::string_view first_manifest = {}, const std::string& replay_path = {});

struct MemoryPlan;
/// What `shardmill plan` prints: files, units, schema, memory, expected output.
std::string explain(const Plan& plan, const MemoryPlan& memory);

/// Cores that this process may use: affinity mask, cgroup quota, Slurm's cpus per task.
unsigned usable_cores();

}  // namespace shardmill
