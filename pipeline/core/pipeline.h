// The stages of a job in a row, as one worker runs them.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "pipeline/base/work_clock.h"
#include "pipeline/core/stage.h"

namespace shardmill {

/// One stage of a bound job: its declaration, its bound form and its output if it writes.
struct PipelineStage {
  const StageSpec* spec = nullptr;
  std::unique_ptr<BoundStage> bound;
  std::optional<OutputSpec> output;
  std::string name;          ///< of its tables; the stage's `name` option or its `use`
  Schema schema_before;      ///< columns that reach it
  Schema schema_after;       ///< columns that it passes on
  size_t drop_examples = 0;  ///< records to keep for each of its drop reasons; 0: none
  size_t shown = 0;          ///< records to keep of those that it passes on
};

/// A worker's own copy of all stages. Used by one thread, for one unit after another.
class PipelineWorker {
 public:
  /// `stages` and `slots` must outlive the worker. `last` (may be empty) sees what the last stage
  /// passes on.
  PipelineWorker(std::span<const PipelineStage> stages, const SlotPlan& slots,
                 std::function<Status(Batch&)> last = {});
  ~PipelineWorker();
  PipelineWorker(const PipelineWorker&) = delete;
  PipelineWorker& operator=(const PipelineWorker&) = delete;

  /// Each stage's time is told to this clock from now on; it must outlive the worker.
  void tell_time(WorkClock* clock) { clock_ = clock; }

  /// Points the stages at a unit's state. REQUIRES: one context per stage, books sized by its
  /// declaration.
  void begin_unit(std::span<const StageContext> contexts);
  Status begin_slice(const FileSlice& slice);
  /// Fills $file and $offset if used, then passes the batch through all stages. Counts records in
  /// and out.
  Status process(Batch& batch);
  Status end_slice();

  /// Empty books with a place for each declared drop reason and counter.
  static StageBooks new_books(const PipelineStage& stage);

 private:
  class Link;
  const SlotPlan& slots_;
  WorkClock* clock_ = nullptr;
  std::function<Status(Batch&)> last_;
  std::vector<std::unique_ptr<Link>> links_;
};

}  // namespace shardmill
