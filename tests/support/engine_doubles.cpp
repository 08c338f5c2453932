#include "tests/support/engine_doubles.h"

#include <algorithm>
#include <chrono>
#include <new>
#include <random>
#include <thread>

#include "pipeline/base/hash.h"
#include "pipeline/base/heap.h"
#include "pipeline/run/rank_work.h"

namespace shardmill {

namespace {

constexpr size_t kShortest = 3;

uint64_t record_hash(std::string_view path, uint64_t offset, std::string_view line) {
  return hash64(line, hash64(path) ^ offset);
}

class DoubleReader final : public Reader {
 public:
  DoubleReader(const DoubleWorld& world, const DoubleFile& file, const FileSlice& slice,
               const ReadContext& context)
      : world_(world), file_(file), slice_(slice), context_(context), random_(slice.begin) {
    at_ = first_record();
    end_.first_record = at_;
  }

  Result<bool> next(Batch& batch) override {
    pause();
    batch.clear();
    batch.raw.clear();
    batch.offsets.clear();
    size_t bytes = 0;
    while (at_ < std::min<uint64_t>(slice_.end, file_.content.size())) {
      const size_t newline = std::min(file_.content.find('\n', at_), file_.content.size());
      if (newline >= file_.fails_at) {
        if (batch.rows > 0) break;
        return Status::bad_file("byte " + std::to_string(file_.fails_at) + ": a bad sector");
      }
      const std::string_view line(file_.content.data() + at_, newline - at_);
      const bool full = batch.rows > 0 && bytes + line.size() > context_.limits.chunk_bytes;
      if (full) break;
      take(line, batch);
      bytes += line.size();
      at_ = std::min<uint64_t>(newline + 1, file_.content.size());
    }
    end_.records += batch.rows;
    if (batch.rows > 0) return true;
    end_.handover = at_;
    end_.plain_bytes = at_ - (slice_.begin == 0 ? 0 : end_.first_record);
    end_.disk_bytes = end_.plain_bytes;
    return false;
  }

  const SliceEnd& end() const override { return end_; }
  uint64_t good_bytes() const override { return at_ - end_.first_record; }
  uint64_t disk_position() const override { return at_; }

 private:
  uint64_t first_record() const {
    if (slice_.begin == 0) return 0;
    if (world_.assumes) return context_.first_record.value_or(slice_.begin);
    const size_t newline = file_.content.find('\n', slice_.begin - 1);
    return std::min<uint64_t>(newline + 1, file_.content.size());
  }

  void take(std::string_view line, Batch& batch) {
    if (line.starts_with('#')) {
      ++end_.rejected;
      end_.rejected_bytes += line.size();
      context_.rejects->reject(slice_.path, at_, line, line.size(), "a line with a hash");
      return;
    }
    batch.raw.push_back(line);
    batch.offsets.push_back(at_);
    ++batch.rows;
  }

  void pause() {
    if (world_.longest_delay_us == 0) return;
    std::this_thread::sleep_for(std::chrono::microseconds(random_() % world_.longest_delay_us));
  }

  const DoubleWorld& world_;
  const DoubleFile& file_;
  const FileSlice& slice_;
  ReadContext context_;
  std::minstd_rand random_;
  uint64_t at_ = 0;
  SliceEnd end_;
};

class DoubleInput final : public BoundInput {
 public:
  explicit DoubleInput(const DoubleWorld& world) : world_(world) {}
  Result<std::unique_ptr<Reader>> open(const FileSlice& slice, ReadContext context) const override {
    const DoubleFile& file = world_.files.at(slice.path);
    if (file.cannot_open) return Status::bad_file("cannot be opened (no such file)");
    return std::unique_ptr<Reader>(std::make_unique<DoubleReader>(world_, file, slice, context));
  }

 private:
  const DoubleWorld& world_;
};

class TallyPartial final : public Partial {
 public:
  explicit TallyPartial(uint64_t table_bytes) : table_bytes_(table_bytes) {}

  void merge(Partial&& other) override {
    const Tally& theirs = static_cast<TallyPartial&>(other).tally;
    tally.records += theirs.records;
    tally.hash_sum += theirs.hash_sum;
  }
  void encode(ByteWriter& writer) const override {
    writer.u64(tally.records);
    writer.u64(tally.hash_sum);
  }
  Status decode(ByteReader& reader) override {
    tally.records = reader.u64();
    tally.hash_sum = reader.u64();
    return reader.failed() ? Status::failed("a damaged tally") : Status::ok();
  }
  size_t memory_bytes() const override { return table_bytes_ + tally.records; }
  uint64_t entries() const override { return tally.records; }

  Tally tally;

 private:
  uint64_t table_bytes_;
};

class TallyWorker final : public StageWorker {
 public:
  Status process(Batch& batch, const StageContext& context, NextStage& next) override {
    Status status;
    batch.keep_rows([&](size_t row) {
      const std::string_view line = batch.raw[row];
      if (line == "!fail") status = Status::failed("the stage cannot go on");
      if (line == "!throw") throw std::bad_alloc();
      if (line.starts_with('?')) {
        context.reject(batch, row, "a line with a question");
        return false;
      }
      return line.size() >= kShortest;
    });
    RETURN_IF_ERROR(status);
    count_drops(batch, context);
    auto& tally = static_cast<TallyPartial&>(*context.partial).tally;
    batch.for_each_row([&](size_t row) {
      ++tally.records;
      tally.hash_sum += record_hash(batch.slice->path, batch.offsets[row], batch.raw[row]);
    });
    return next.pass(batch);
  }

 private:
  static void count_drops(const Batch& batch, const StageContext& context) {
    for (size_t row = 0; row < batch.rows; ++row) {
      const std::string_view line = batch.raw[row];
      if (line.size() < kShortest && !line.starts_with('?')) context.drop(0, 1);
    }
  }
};

class TallyStage final : public BoundStage {
 public:
  explicit TallyStage(uint64_t table_bytes) : table_bytes_(table_bytes) {}

  std::unique_ptr<StageWorker> make_worker() const override {
    return std::make_unique<TallyWorker>();
  }
  std::unique_ptr<Partial> make_partial() const override {
    return std::make_unique<TallyPartial>(table_bytes_);
  }
  std::vector<Table> finish(Partial& partial) const override {
    const Tally& tally = static_cast<TallyPartial&>(partial).tally;
    Table table;
    for (const char* name : {"records", "hash"}) {
      table.columns.push_back({.name = name, .type = Type::kInt});
    }
    table.columns[0].add_int(tally.records);
    table.columns[1].add_int(tally.hash_sum);
    return {table};
  }

 private:
  uint64_t table_bytes_;
};

const StageSpec& tally_spec() {
  static const StageSpec spec = {.name = "tally",
                                 .kind = StageKind::kSummarise,
                                 .drop_reasons = {{"too_short", "less than 3 bytes"}}};
  return spec;
}

}  // namespace

Plan plan_for(const DoubleWorld& world) {
  Plan plan;
  for (const auto& [path, file] : world.files) {
    plan.manifest.files.push_back({.path = path, .size_bytes = file.content.size()});
    plan.manifest.total_bytes += file.content.size();
  }
  UnitOptions options = {.unit_bytes = world.unit_bytes,
                         .bundle_files = world.bundle_files,
                         .needs_handover = world.assumes};
  plan.units = make_units(plan.manifest, options, [](const ManifestFile&) { return true; });
  plan.bound = std::make_unique<BoundJob>();
  plan.bound->job.run = world.run;
  plan.bound->job.name = "doubles";
  plan.bound->job.place = "job.toml";
  plan.bound->job.input.limits.chunk_bytes = world.chunk_bytes;
  plan.bound->input = std::make_unique<DoubleInput>(world);
  PipelineStage stage;
  stage.spec = &tally_spec();
  stage.bound = std::make_unique<TallyStage>(world.table_bytes);
  stage.name = "tally";
  plan.bound->stages.push_back(std::move(stage));
  return plan;
}

namespace {

Start start_of(const Comm& comm, const BoundJob& job, unsigned threads) {
  Start start;
  start.job = &job;
  start.threads = threads;
  start.rank = comm.rank();
  start.place = "rank " + std::to_string(comm.rank());
  start.hosts.resize(static_cast<size_t>(comm.size()));
  start.memory = plan_memory(job, nullptr, threads, memory_of_rank(job.job.run.memory_bytes, 1),
                             resident_bytes());
  start.bound_here = start.memory.check();
  return start;
}

Status run_rank(Comm& comm, const Start& start, Lead* lead) {
  Inbox inbox(comm);
  RankWork work(start);
  RETURN_IF_ERROR(work.run(inbox, lead));
  const RankResult result = work.result("host");
  Result<Totals> totals = merge_ranks(inbox, *start.job, work.merge(), start.place);
  if (lead == nullptr) return {};
  lead->add_rank(result);
  RETURN_IF_ERROR(totals.status());
  return lead->conclude(std::move(*totals));
}

}  // namespace

DoubleRun run_doubles(const DoubleWorld& world, int ranks, unsigned threads) {
  DoubleRun run;
  run.statuses.resize(static_cast<size_t>(ranks));
  Result<Plan> plan = plan_for(world);
  const RunRequest request = {.quiet = true};
  run_local_ranks(ranks, [&](Comm& comm) {
    const Start start = start_of(comm, *plan->bound, threads);
    std::unique_ptr<Lead> lead;
    if (comm.rank() == 0) lead = std::make_unique<Lead>(plan, request, run.description);
    run.statuses[static_cast<size_t>(comm.rank())] = run_rank(comm, start, lead.get());
    comm.finish();
  });
  run.status = run.statuses[0];
  for (const Table& table : run.description.tables) {
    run.tally = {.records = static_cast<uint64_t>(table.columns[0].ints[0]),
                 .hash_sum = static_cast<uint64_t>(table.columns[1].ints[0])};
  }
  for (const RankResult& rank : run.description.ranks) run.redone_units += rank.redone_units;
  return run;
}

Tally expected_tally(const DoubleWorld& world) {
  Tally tally;
  for (const auto& [path, file] : world.files) {
    if (file.cannot_open || file.fails_at <= file.content.size()) continue;
    size_t at = 0;
    while (at < file.content.size()) {
      const size_t newline = std::min(file.content.find('\n', at), file.content.size());
      const std::string_view line(file.content.data() + at, newline - at);
      if (!line.starts_with('#') && !line.starts_with('?') && line.size() >= kShortest) {
        ++tally.records;
        tally.hash_sum += record_hash(path, at, line);
      }
      at = newline + 1;
    }
  }
  return tally;
}

}  // namespace shardmill
