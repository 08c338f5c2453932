// One rank's part of the work: its workers, and what their units add up to.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "pipeline/run/lead.h"
#include "pipeline/run/limits.h"
#include "pipeline/run/memory_budget.h"
#include "pipeline/run/merge.h"
#include "pipeline/run/progress.h"
#include "pipeline/run/start.h"
#include "pipeline/run/timeline.h"
#include "pipeline/run/trace.h"
#include "pipeline/run/unit_task.h"

namespace shardmill {

class RankWork {
 public:
  /// `start` must outlive it.
  explicit RankWork(const Start& start);

  /// Collective. Units are dealt and read until all are committed; the same Status on every rank.
  Status run(Inbox& inbox, Lead* lead, std::function<std::optional<std::string>()> stop_wish = {});
  /// After `run`: the sum of this rank's units.
  Result<Totals> merge();
  /// After a run that ended early while outputs or the report were written: what this rank's
  /// workers did last counts for the next attempt, as far as the disk lets it.
  void keep_last_checkpoints() const;
  /// What workers do after `run` is told to their clocks; `tick` is to be called often meanwhile.
  WorkClock* clock_of(unsigned worker) { return &clocks_[worker]; }
  void tick() { timeline_->tick(); }
  /// Its figures. Once, when everything is done.
  RankResult result(const std::string& host);
  /// For the trace: this rank does something else from now on. After `run`.
  void begin_step(const std::string& name);
  /// Empty if nobody asked for a trace. Once.
  std::string take_trace(const std::string& host);

 private:
  Heartbeat heartbeat() const;
  WorkSample sample() const;
  void trace_workers();
  WorkSeconds spent_until_now() const;

  const Start& start_;
  Mailbox mailbox_;
  std::optional<MemoryBudget> memory_;  ///< if the job is bound here
  RecordLimit limit_;
  WorkCounters counters_;
  std::vector<Totals> totals_;    ///< by worker
  std::vector<Gauge> gauges_;     ///< by worker
  std::deque<WorkClock> clocks_;  ///< by worker
  std::vector<WorkEnd> ends_;     ///< by worker
  double start_up_seconds_ = 0;
  bool has_line_per_worker_ = true;
  std::optional<Timeline> timeline_;  ///< from when work begins
  std::optional<RankTracer> tracer_;  ///< if the run is traced
  WorkShared shared_;
};

/// Between ranks. A result that was not encoded by this program comes back with nothing in it.
std::string encode_rank_result(const RankResult& rank);
RankResult decode_rank_result(std::string_view bytes);

}  // namespace shardmill
