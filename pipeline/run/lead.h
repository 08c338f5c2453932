// Rank 0's part of a run: it has the plan, the run directory and the books.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "pipeline/run/attempt.h"
#include "pipeline/run/attempt_log.h"
#include "pipeline/run/books.h"
#include "pipeline/run/outputs.h"
#include "pipeline/run/phase.h"
#include "pipeline/run/progress.h"
#include "pipeline/run/run.h"
#include "pipeline/run/run_dir.h"
#include "pipeline/run/start.h"
#include "pipeline/run/stop.h"
#include "pipeline/run/trace.h"

namespace shardmill {

/// One thread. Lives from the plan to the report.
class Lead final : public Leader {
 public:
  /// `plan` and `description` must outlive the lead. `description.seconds.plan` may come with the
  /// seconds that planning took.
  Lead(Result<Plan>& plan, const RunRequest& request, RunDescription& description);

  /// Before anything is created, what can be wrong is looked at; then the run directory is made.
  StartSetup prepare();
  /// Why the run is to stop softly: its time limit, a file STOP in the run directory, a lost lock.
  std::optional<std::string> stop_wish();
  /// Where phases tell for whose wish they ended.
  std::string* stopped_by() { return &stopped_by_; }

  /// @name The phase of work.
  /// @{
  void begin_work(const Start& start);
  DealerSetup dealer() const;
  std::string body_of(uint64_t item) override;
  Status absorb(const Done& done) override;
  void hear(int rank, const Heartbeat& heartbeat) override;
  void tick() override;
  void end_work();
  /// @}

  /// All units are done, and the ranks are at this. Call often: shown, and told in status.json,
  /// when it is time to.
  void tell(const Step& step);
  /// The tables and the books of the whole run. kFailed if the books do not balance or too many
  /// records were rejected.
  Status conclude(Totals totals);
  /// Which files there are, from what the units wrote. kFailed: see Outputs::finish.
  Status finish_outputs();
  Outputs& outputs() { return outputs_; }
  /// `trace`: an encoded RankTrace; empty if the run is not traced.
  void add_rank(RankResult rank, std::string_view trace = {});
  /// For the trace: what rank 0 did since.
  void add_step(TraceStep step);
  /// Writes what was found, which makes the run a finished one. Errors: see disk_error.
  Status publish();
  /// The ranks did not come together: nothing has begun.
  void give_up(const Status& status);
  /// Leaves the run directory as it is to be. `status` is how the run went, `publish` included.
  Status finish(const Status& status);

 private:
  const Plan& plan() const { return *plan_; }
  Status prepare_folder();
  /// `told`: what an attempt before has told last.
  Status prepare_attempt(const RunStatus& told);
  Status check_same_run(const CheckpointIndex& before) const;
  AttemptSetup attempt_setup() const;
  Status take_covered();
  Status absorb_report(uint64_t unit, std::string_view bytes);
  Status check_handover(const Done& done) const;
  /// Tables and books from these totals.
  Status describe(Totals totals);
  void add_tables(size_t stage, Partial& partial);
  Status judge() const;
  Status judge_early(const std::string& reason) const;
  /// What the run has until now, from its checkpoints.
  Status describe_partial();
  Status verdict_on(const Status& status, bool resumes) const;
  std::string stop_message(bool resumes) const;
  bool has_books() const { return !description_.stages.empty() || !description_.files.empty(); }
  bool is_time_for_status();
  RunStatus status_of(std::string_view state, const Heartbeat& sum) const;
  void write_early_end(const Status& status);
  void end_attempt(const Status& status);
  void write_trace_file() const;
  void fill_sums();
  void fill_seconds();
  Heartbeat done_so_far() const;

  Result<Plan>& plan_;
  const RunRequest& request_;
  RunDescription& description_;
  Outputs outputs_;
  RunDir run_dir_;
  StopWatch watch_;
  std::string stopped_by_;  ///< the wish for which the run ended; empty if for none
  Clock::time_point lock_checked_ = Clock::now();
  Attempt attempt_;
  AttemptLog attempts_;
  std::unordered_map<uint64_t, uint64_t> first_records_;  ///< of covered units that assumed theirs
  UnitBooks units_;
  Heartbeat before_;  ///< what earlier attempts have done
  std::unique_ptr<Progress> progress_;
  std::vector<std::string> hosts_;  ///< by rank
  Clock::time_point start_ = Clock::now();
  std::optional<Clock::time_point> work_start_;  ///< the first deal
  Clock::time_point work_end_ = Clock::now();    ///< the last commit
  uint64_t rejects_seen_ = 0;                    ///< by readers, in units that are done
  double next_status_ = 0;
  Step step_;                      ///< after the phase of work
  std::vector<RankTrace> traces_;  ///< by rank; empty if the run is not traced
  double planned_before_ = 0;      ///< seconds of planning before the lead was made
};

}  // namespace shardmill
