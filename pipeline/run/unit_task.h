// A unit as a transaction: its slices are streamed through the pipeline into partials, books,
// rejects and part files of its own, which count when it commits and are thrown away otherwise.
//
//  * A bad file of a bundle: the unit is done again without it; the file is in the books with its
//    error. All bad files of a unit are found in one pass.
//  * With on_bad_file = "keep_prefix" the whole records before the error of a damaged file stay in
//    the unit, with the error in its books; the error comes from reading, not from a stage.
//  * A cut file with a bad range: that unit is empty, with the error in its books. It hands on no
//    place, so the next range of the file stands as it assumed its first record.
//  * A range whose first record was assumed wrongly (CSV): done again from the right one.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "pipeline/core/input.h"
#include "pipeline/run/checkpoint.h"
#include "pipeline/run/limits.h"
#include "pipeline/run/mailbox.h"
#include "pipeline/run/memory_budget.h"
#include "pipeline/run/merge.h"
#include "pipeline/run/part_file.h"
#include "pipeline/run/progress.h"
#include "pipeline/run/unit_report.h"
#include "pipeline/run/worker.h"

namespace shardmill {

/// What a worker leaves when all units are done.
struct WorkEnd {
  Status parts;  ///< not ok: what it wrote for outputs did not reach the disk
  LastCheckpoint last;
};

/// What the workers of a rank share. Outlives them.
struct WorkShared {
  const BoundJob* job = nullptr;
  std::string parts_dir;
  std::string place;  ///< "rank 3 (node7)"
  int rank = 0;
  const Mailbox* mailbox = nullptr;
  MemoryBudget* memory = nullptr;
  RecordLimit* limit = nullptr;
  WorkCounters* counters = nullptr;
  const CheckpointPlan* checkpoints = nullptr;
  std::vector<WorkEnd>* ends = nullptr;  ///< by worker, each sets its own
};

/// What one worker needs for its units.
class UnitCraft final : public Craft {
 public:
  /// Everything must outlive the craft; `totals`, `gauge` and `clock` are this worker's.
  UnitCraft(const WorkShared& shared, unsigned worker, Totals& totals, Gauge& gauge,
            WorkClock& clock);
  Result<std::unique_ptr<Task>> begin(Deal deal) override;
  void rest() override { gauge_.idle(); }
  void finish() override;
  void leave_early(bool keep) override;

  /// The worker's totals and parts hold this unit now. Writes a checkpoint if it is time to.
  Status cover(CoveredUnit unit, const std::vector<WrittenPart>& parts);

  const WorkShared& shared() const { return shared_; }
  const BoundJob& job() const { return *shared_.job; }
  PipelineWorker& pipeline() { return pipeline_; }
  Batch& batch() { return batch_; }
  Totals& totals() { return totals_; }
  Gauge& gauge() { return gauge_; }
  WorkClock& clock() { return clock_; }
  TableMemory& totals_memory() { return totals_memory_; }
  /// A merge failed half way: the totals count no longer.
  void spoil() { has_failed_ = true; }
  PartPool& part_pool() { return part_pool_; }

 private:
  Status write_checkpoint();

  const WorkShared& shared_;
  const unsigned worker_;
  Totals& totals_;
  Gauge& gauge_;
  WorkClock& clock_;
  TableMemory totals_memory_;
  PartPool part_pool_;
  CheckpointWriter checkpoints_;
  std::vector<PartFileId> new_parts_;  ///< files of their own since the last checkpoint
  bool has_failed_ = false;            ///< no further checkpoint may be written
  PipelineWorker pipeline_;
  Batch batch_;
};

/// One unit in the hands of one worker.
class UnitTask final : public Task {
 public:
  UnitTask(UnitCraft& craft, Unit unit, bool must_wait, const std::optional<Verdict>& verdict);
  ~UnitTask() override;

  Status perform() override;
  bool must_wait() const override { return must_wait_ && !is_bad(); }
  ChainReport report() const override { return {first_record_, handover_}; }
  Result<Done> commit(const std::optional<Verdict>& verdict) override;

 private:
  Status perform_once();
  void start_over();
  Status read_slices(bool& tainted);
  Status read_slice(size_t index, bool& tainted);
  Status read_records(Reader& reader, size_t index);
  Result<bool> next_chunk(Reader& reader);
  Status take_batch(const Reader& reader, SliceBooks& books);
  void close_books(const SliceEnd& end, SliceBooks& books);
  void close_books_early(const Reader& reader, const FileSlice& slice, SliceBooks& books);
  Status look_around(const Reader& reader);
  Status check_most_rejects() const;
  UnitRejectLog make_reject_log() const;
  std::string place_of(const KeptReject& reject) const;
  Status check_memory();
  Status with_memory(const std::function<Status()>& body) const;
  bool keeps_prefix(const Status& error) const;
  Status leave_out(size_t index, const Status& error, const Reader* reader);
  Status check_rejects() const;
  Status commit_parts();
  Status merge_totals();
  void count_in() const;
  ReadContext read_context();
  /// `--limit` needs no more records than these.
  bool has_enough() const { return limit().on && records_ >= limit().left; }
  RecordLimit& limit() const { return *craft_.shared().limit; }
  bool is_bad() const { return unit_.slices.size() == 1 && !report_.slices[0].error.empty(); }

  UnitCraft& craft_;
  const Unit unit_;
  const bool must_wait_;
  std::optional<uint64_t> known_first_;  ///< where the first record starts, if that is known

  Totals totals_;
  UnitRejectLog rejects_;
  std::vector<std::unique_ptr<Part>> parts_;  ///< by stage; nullptr unless it writes
  UnitReport report_;
  std::vector<bool> left_out_;  ///< by slice: it is bad, and nothing of it counts
  TableMemory memory_;
  uint64_t first_record_ = 0;
  uint64_t handover_ = 0;
  uint64_t records_ = 0;  ///< so far
  bool record_by_record_ = false;
  Clock::time_point begun_ = Clock::now();  ///< this pass
  uint32_t chunks_ = 0;                     ///< so far
  uint64_t bytes_read_ = 0;                 ///< from disk, all passes; 0 once they count
};

}  // namespace shardmill
