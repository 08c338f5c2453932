#include "pipeline/run/rank_work.h"

#include <algorithm>
#include <utility>

#include "pipeline/base/heap.h"
#include "pipeline/base/process.h"

namespace shardmill {

namespace {

/// More workers than these in a run have a line for each rank only.
constexpr uint64_t kLinesMost = 2048;

}  // namespace

RankWork::RankWork(const Start& start)
    : start_(start), mailbox_(start.threads), gauges_(start.threads), ends_(start.threads) {
  if (start.job == nullptr) return;
  memory_.emplace(start.memory, *start.job);
  const uint64_t records = start.job->job.run.limit_records;
  limit_ = {.on = records > 0, .left = records - std::min(records, start.records_before)};
  for (unsigned i = 0; i < start.threads; ++i) {
    totals_.emplace_back(*start.job);
    clocks_.emplace_back(start.job->stages.size());
  }
  shared_ = {.job = start.job,
             .parts_dir = start.parts_dir,
             .place = start.place,
             .rank = start.rank,
             .mailbox = &mailbox_,
             .memory = &*memory_,
             .limit = &limit_,
             .counters = &counters_,
             .checkpoints = &start.checkpoints,
             .ends = &ends_};
}

Status RankWork::run(Inbox& inbox, Lead* lead,
                     std::function<std::optional<std::string>()> stop_wish) {
  PhaseSetup setup = {.phase = Phase::kWork,
                      .place = start_.place,
                      .threads = start_.threads,
                      .mailbox = &mailbox_,
                      .ready = start_.bound_here,
                      .leader = lead};
  setup.make_craft = [this](unsigned worker) -> std::unique_ptr<Craft> {
    if (start_.job == nullptr) return nullptr;
    return std::make_unique<UnitCraft>(shared_, worker, totals_[worker], gauges_[worker],
                                       clocks_[worker]);
  };
  setup.heartbeat = [this] { return heartbeat(); };
  setup.stop_wish = std::move(stop_wish);
  start_up_seconds_ = process_age_seconds();
  has_line_per_worker_ = static_cast<uint64_t>(inbox.comm().size()) * start_.threads <= kLinesMost;
  timeline_.emplace([this] { return sample(); });
  setup.tick = [this] { tick(); };
  trace_workers();
  if (lead != nullptr) {
    lead->begin_work(start_);
    setup.stopped_by = lead->stopped_by();
    setup.dealer = lead->dealer();
  }
  if (memory_ && start_.bound_here.is_ok()) memory_->hold_heap();
  const Status status = run_phase(inbox, std::move(setup));
  if (lead != nullptr) lead->end_work();
  return status;
}

void RankWork::trace_workers() {
  if (!start_.is_traced) return;
  tracer_.emplace(RankTracer::Setup{.start_up_seconds = start_up_seconds_,
                                    .workers = start_.threads,
                                    .capacity = start_.trace_spans});
  for (unsigned i = 0; i < clocks_.size(); ++i) clocks_[i].keep_spans(tracer_->log(i));
}

void RankWork::begin_step(const std::string& name) {
  if (tracer_) tracer_->begin_step(name);
}

std::string RankWork::take_trace(const std::string& host) {
  return tracer_ ? tracer_->take(host).encode() : std::string();
}

Result<Totals> RankWork::merge() {
  for (const WorkEnd& end : ends_) RETURN_IF_ERROR(end.parts);
  // What the tables held is what a message can tell, whatever is lost on the way.
  TableMemory held(*memory_);
  std::vector<std::unique_ptr<TableMemory>> of_workers;
  for (const Totals& totals : totals_) {
    of_workers.push_back(std::make_unique<TableMemory>(*memory_));
    of_workers.back()->set(totals.partials);
  }
  Result<Totals> totals = merge_workers(std::move(totals_), start_.threads, start_.place);
  if (totals.is_ok()) {
    of_workers.clear();
    held.set(totals->partials);
    const Status frozen = without_exceptions(start_.place, [&] {
      return merge_frozen(*start_.job, start_.checkpoints, start_.frozen, *totals);
    });
    if (!frozen.is_ok()) totals = frozen;
  }
  if (totals.status().code() != Code::kStopped) return totals;
  return memory_->stopped(start_.place, "no memory left to merge the tables");
}

void RankWork::keep_last_checkpoints() const {
  for (const WorkEnd& end : ends_) {
    // The run ends for a reason that is told; without this checkpoint only more is done again.
    (void)keep_last(start_.checkpoints, start_.parts_dir, end.last);
  }
}

Heartbeat RankWork::heartbeat() const {
  Heartbeat heartbeat = {.units = counters_.units,
                         .disk_bytes = counters_.disk_bytes,
                         .records = counters_.records,
                         .rejected = counters_.rejected,
                         .threads = start_.threads};
  for (const Gauge& gauge : gauges_) {
    Gauge::Reading reading = gauge.read();
    if (reading.path.empty()) continue;
    heartbeat.disk_bytes += reading.bytes;
    heartbeat.see({.path = std::move(reading.path),
                   .offset = reading.offset,
                   .seconds_still = reading.seconds_still});
  }
  return heartbeat;
}

WorkSample RankWork::sample() const {
  const Heartbeat now = heartbeat();
  WorkSample sample = {.disk_bytes = now.disk_bytes,
                       .records = now.records,
                       .table_bytes = memory_ ? memory_->table_bytes() : 0,
                       .rss_bytes = resident_bytes(),
                       .workers_of_line = has_line_per_worker_ ? 1 : start_.threads};
  for (const Gauge& gauge : gauges_) sample.records += gauge.records();
  for (const WorkClock& clock : clocks_) {
    std::vector<uint64_t> spent = clock.read();
    if (has_line_per_worker_ || sample.spent.empty()) {
      sample.spent.push_back(std::move(spent));
    } else {
      for (size_t i = 0; i < spent.size(); ++i) sample.spent[0][i] += spent[i];
    }
  }
  return sample;
}

WorkSeconds RankWork::spent_until_now() const {
  WorkSeconds sum;
  for (const WorkClock& clock : clocks_) {
    const std::vector<uint64_t> spent = clock.read();
    const auto seconds = [&](size_t activity) {
      return static_cast<double>(spent[activity]) / 1e9;
    };
    sum.waiting += seconds(WorkClock::kWaiting);
    sum.reading += seconds(WorkClock::kReading);
    sum.unpacking += seconds(WorkClock::kUnpacking);
    sum.parsing += seconds(WorkClock::kParsing) + seconds(WorkClock::kUnit);
    sum.committing += seconds(WorkClock::kCommitting) + seconds(WorkClock::kCheckpointing);
    sum.writing += seconds(WorkClock::kWriting) + seconds(WorkClock::kFinishing);
    sum.stages.resize(spent.size() - WorkClock::kFirstStage);
    for (size_t i = 0; i < sum.stages.size(); ++i) {
      sum.stages[i] += seconds(WorkClock::kFirstStage + i);
    }
  }
  return sum;
}

RankResult RankWork::result(const std::string& host) {
  return {.host = host,
          .threads = start_.threads,
          .units = counters_.units,
          .disk_bytes = counters_.disk_bytes,
          .records = counters_.records,
          .busy_seconds = static_cast<double>(counters_.busy_ns) / 1e9,
          .peak_rss_bytes = peak_rss_bytes(),
          .redone_units = counters_.redone_units,
          .abandoned_bytes = counters_.abandoned_bytes,
          .start_up_seconds = start_up_seconds_,
          .spent = spent_until_now(),
          .timeline = timeline_->finish()};
}

std::string encode_rank_result(const RankResult& rank) {
  ByteWriter writer;
  writer.text(rank.host);
  writer.u32(rank.threads);
  for (const uint64_t value : {rank.units, rank.disk_bytes, rank.records, rank.peak_rss_bytes,
                               rank.redone_units, rank.abandoned_bytes}) {
    writer.varint(value);
  }
  writer.f64(rank.busy_seconds);
  writer.f64(rank.start_up_seconds);
  const WorkSeconds& spent = rank.spent;
  for (const double seconds : {spent.waiting, spent.reading, spent.unpacking, spent.parsing,
                               spent.committing, spent.writing}) {
    writer.f64(seconds);
  }
  writer.varint(spent.stages.size());
  for (const double seconds : spent.stages) writer.f64(seconds);
  writer.text(encode_timeline(rank.timeline));
  return writer.take();
}

RankResult decode_rank_result(std::string_view bytes) {
  ByteReader reader(bytes);
  RankResult rank;
  rank.host = reader.text();
  rank.threads = reader.u32();
  for (uint64_t* value : {&rank.units, &rank.disk_bytes, &rank.records, &rank.peak_rss_bytes,
                          &rank.redone_units, &rank.abandoned_bytes}) {
    *value = reader.varint();
  }
  rank.busy_seconds = reader.f64();
  rank.start_up_seconds = reader.f64();
  WorkSeconds& spent = rank.spent;
  for (double* seconds : {&spent.waiting, &spent.reading, &spent.unpacking, &spent.parsing,
                          &spent.committing, &spent.writing}) {
    *seconds = reader.f64();
  }
  const uint64_t stages = reader.varint();
  if (!reader.count_fits(stages, 8)) return rank;
  for (uint64_t i = 0; i < stages; ++i) spent.stages.push_back(reader.f64());
  rank.timeline = decode_timeline(reader.text());
  return rank;
}

}  // namespace shardmill
