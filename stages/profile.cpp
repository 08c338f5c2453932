// What is in every column: types, nulls, different values, extremes, quantiles, lengths.
#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "pipeline/core/identity.h"
#include "pipeline/core/stage.h"
#include "stages/support/column_profile.h"
#include "stages/support/profile_tables.h"
#include "stages/support/record_sample.h"

namespace shardmill {

namespace {

constexpr uint8_t kVersion = 1;
// Bounds of all columns together, so that memory does not follow their number.
constexpr size_t kExactValues = 10000;
constexpr size_t kExactValuesOfAll = 1000000;
constexpr size_t kSampledRecords = 4096;
constexpr size_t kSampledValuesOfAll = 1000000;
/// Most memory of a worker for values that come often, of one column and of all.
constexpr size_t kCounterBytes = 512 << 10;
constexpr size_t kCounterBytesOfAll = 4 << 20;

/// What is counted, the same for all workers.
struct ProfilePlan {
  std::vector<std::string> names;
  std::vector<ColumnRef> columns;
  uint32_t exact_values = 0;
  size_t sampled_records = 0;
  ProfileTableSettings tables;

  std::vector<Type> types() const {
    std::vector<Type> out;
    for (const ColumnRef& column : columns) out.push_back(column.type);
    return out;
  }
};

class ProfilePartial final : public Partial {
 public:
  explicit ProfilePartial(const ProfilePlan& plan) : sample(plan.types(), plan.sampled_records) {
    for (const ColumnRef& column : plan.columns) {
      columns.emplace_back(column.type, plan.exact_values);
    }
  }

  void merge(Partial&& other) override {
    ProfilePartial& from = static_cast<ProfilePartial&>(other);
    for (size_t i = 0; i < columns.size(); ++i) columns[i].merge(std::move(from.columns[i]));
    sample.merge(from.sample);
  }

  void encode(ByteWriter& writer) const override {
    writer.u8(kVersion);
    for (const ColumnProfile& column : columns) column.encode(writer);
    sample.encode(writer);
  }

  Status decode(ByteReader& reader) override {
    if (reader.u8() != kVersion) reader.fail();
    for (ColumnProfile& column : columns) column.decode(reader);
    sample.decode(reader);
    if (reader.failed()) return Status::failed("the state of a profile stage is damaged");
    return {};
  }

  size_t memory_bytes() const override {
    size_t bytes = sizeof *this + sample.memory_bytes();
    for (const ColumnProfile& column : columns) bytes += column.memory_bytes();
    return bytes;
  }

  std::vector<ColumnProfile> columns;
  RecordSample sample;
};

class ProfileWorker final : public StageWorker {
 public:
  explicit ProfileWorker(const ProfilePlan& plan) : plan_(plan), identity_(0) {
    const size_t share = kCounterBytesOfAll / std::max<size_t>(1, plan.columns.size());
    const size_t bytes = std::clamp(share, ValueCounter::kBytesLeast, kCounterBytes);
    for (const ColumnRef& column : plan.columns) {
      counters_.push_back(ValueCounter::make(column.type, bytes));
    }
  }

  void begin_unit() override {
    for (const auto& counter : counters_) counter->clear();
  }

  Status begin_slice(const FileSlice& slice, const StageContext&) override {
    identity_.begin_file(slice.path);
    return {};
  }

  Status process(Batch& batch, const StageContext& context, NextStage& next) override {
    ProfilePartial& partial = static_cast<ProfilePartial&>(*context.partial);
    const uint32_t* const rows = batch.selection.all ? nullptr : batch.selection.rows.data();
    for (size_t i = 0; i < plan_.columns.size(); ++i) {
      const Column& column = batch.columns[plan_.columns[i].slot];
      partial.columns[i].add(column, rows, batch.selected(), *counters_[i], scratch_);
    }
    sample(batch, partial.sample);
    return next.pass(batch);
  }

  Status end_slice(const StageContext& context, NextStage&) override {
    ProfilePartial& partial = static_cast<ProfilePartial&>(*context.partial);
    for (size_t i = 0; i < counters_.size(); ++i)
      partial.columns[i].take_counts(*counters_[i], scratch_);
    return {};
  }

 private:
  void sample(const Batch& batch, RecordSample& into) {
    columns_.clear();
    for (const ColumnRef& column : plan_.columns) {
      columns_.push_back(&batch.columns[column.slot]);
    }
    chosen_.rows.clear();
    chosen_.hashes.clear();
    batch.for_each_row([&](size_t row) {
      const uint64_t hash = identity_.of(batch, row);
      if (hash > into.threshold()) return;
      chosen_.rows.push_back(static_cast<uint32_t>(row));
      chosen_.hashes.push_back(hash);
    });
    into.add(chosen_, columns_);
  }

  const ProfilePlan& plan_;
  IdentityHash identity_;
  std::vector<std::unique_ptr<ValueCounter>> counters_;  ///< by column
  ProfileScratch scratch_;
  RecordSample::Records chosen_;
  std::vector<const Column*> columns_;
};

class Profile final : public BoundStage {
 public:
  explicit Profile(ProfilePlan plan) : plan_(std::move(plan)) {}

  std::unique_ptr<StageWorker> make_worker() const override {
    return std::make_unique<ProfileWorker>(plan_);
  }
  std::unique_ptr<Partial> make_partial() const override {
    return std::make_unique<ProfilePartial>(plan_);
  }
  uint64_t worker_bytes() const override {
    return std::max(kCounterBytesOfAll, plan_.columns.size() * ValueCounter::kBytesLeast);
  }

  std::vector<Table> finish(Partial& partial) const override {
    ProfilePartial& profile = static_cast<ProfilePartial&>(partial);
    for (ColumnProfile& column : profile.columns) column.finish();
    return profile_tables(plan_.names, profile.columns, profile.sample, plan_.tables);
  }

 private:
  const ProfilePlan plan_;
};

uint32_t exact_values(const Options& options, size_t columns) {
  if (options.has("exact_values")) return static_cast<uint32_t>(options.integer("exact_values"));
  return static_cast<uint32_t>(std::min(kExactValues, 1 + kExactValuesOfAll / (columns + 1)));
}

std::unique_ptr<BoundStage> bind(const Options& options, Binder& binder) {
  ProfilePlan plan;
  plan.names = options.list("columns");
  if (plan.names.empty()) plan.names = binder.schema().names();
  for (const std::string& name : plan.names) {
    const std::optional<ColumnRef> column = binder.use(name, options.line("columns"));
    if (column) plan.columns.push_back(*column);
  }
  if (plan.columns.size() < plan.names.size()) return nullptr;
  binder.need_offsets();
  plan.exact_values = exact_values(options, plan.columns.size());
  plan.sampled_records =
      std::min(kSampledRecords, 64 + kSampledValuesOfAll / (plan.columns.size() + 1));
  plan.tables = {.frequent = static_cast<size_t>(options.integer("frequent")),
                 .bins = static_cast<size_t>(options.integer("bins"))};
  return std::make_unique<Profile>(std::move(plan));
}

}  // namespace

StageSpec stage_profile() {
  return {
      .name = "profile",
      .kind = StageKind::kSummarise,
      .summary = "what is in every column: type, nulls, distinct and frequent values, quantiles",
      .doc =
          "Reads every value once and makes up to six tables. The first has a row for each column: "
          "`type`, `values` and `nulls`, how many `distinct` values, and the smallest and largest "
          "as text.\n\n"
          "- `numbers`: mean and sample deviation, both rounded once, and quantiles by nearest "
          "rank; NaN is counted and passed over.\n"
          "- `times`: the same for times.\n"
          "- `texts`: bytes, characters (code points) and words in all, the shortest and longest "
          "size in bytes with such a text, and the share of texts that are `not_utf8`, or would "
          "read as `numbers` or `times`.\n"
          "- `most frequent`: values with their counts, most frequent first.\n"
          "- `histogram`: counts in half-open bins; of texts, of their sizes in bytes.\n\n"
          "As long as a column has at most `exact_values` different values, each is counted and "
          "all "
          "figures are exact. Beyond that (`exact` is false) sums, means, deviations, extremes and "
          "counts still are; distinct values are estimated by HyperLogLog, quantiles are within "
          "0.4 % of the value (of times: 1/4000 of the range), and frequent values come from a "
          "sample of 2,048 to 4,096 records, the same on any layout: `sampled` tells how "
          "many values it had, and values that fewer than ten of them have are not shown.\n\n"
          "Of texts over 100 bytes the start is shown.",
      .fields = {{.name = "columns",
                  .kind = FieldKind::kColumnList,
                  .doc = "the columns to look at; by default all"},
                 {.name = "frequent",
                  .kind = FieldKind::kInt,
                  .doc = "how many of the most frequent values of each column are shown",
                  .default_text = "5",
                  .min = 0,
                  .max = 10000},
                 {.name = "bins",
                  .kind = FieldKind::kInt,
                  .doc = "about how many bins each histogram has",
                  .default_text = "10",
                  .min = 1,
                  .max = 1000},
                 {.name = "exact_values",
                  .kind = FieldKind::kInt,
                  .doc = "up to how many different values of a column each is counted; more needs "
                         "about 50 bytes each, and texts over 15 bytes. By default 10,000, less "
                         "with more than 100 columns",
                  .min = 1,
                  .max = 1e8}},
      .bind = bind,
      .examples =
          {{.title = "Two columns; every figure is exact, because few values differ.",
            .input_format = "csv",
            .input = {"city,n", "Rome,2", "Oslo,4", "Rome,", "Rome,4"},
            .stage = "bins = 2",
            .output = {"{ city = \"Rome\", n = 2 }", "{ city = \"Oslo\", n = 4 }",
                       "{ city = \"Rome\" }", "{ city = \"Rome\", n = 4 }"},
            .tables =
                {"[[\"city\", \"text\", 4, 0, 2, true, \"Oslo\", \"Rome\"], "
                 "[\"n\", \"int\", 3, 1, 2, true, \"2\", \"4\"]]",
                 "[[\"n\", 3.3333333333333335, 1.1547005383792515, 2.0, 2.0, 2.0, 2.0, 4.0, 4.0, "
                 "4.0, 4.0, 4.0, 0]]",
                 "[[\"city\", 16, 16, 4, 4, 4.0, 4, 0.0, 0.0, 0.0, \"Oslo\", \"Oslo\"]]",
                 "[[\"city\", \"Rome\", 3, 0.75, {}], [\"city\", \"Oslo\", 1, 0.25, {}], "
                 "[\"n\", \"4\", 2, 0.6666666666666666, {}], "
                 "[\"n\", \"2\", 1, 0.3333333333333333, {}]]"}},
           {.title = "Lines of text.",
            .input = {"one two", "", "3.5", "2026-01-31"},
            .stage = "frequent = 1",
            .output = {"{ line = \"one two\" }", "{ line = \"\" }", "{ line = \"3.5\" }",
                       "{ line = \"2026-01-31\" }"},
            .tables = {"[[\"line\", \"text\", 4, 0, 4, true, \"\", \"one two\"]]",
                       "[[\"line\", 20, 20, 4, 0, 5.0, 10, 0.0, 0.25, 0.25, \"\", "
                       "\"2026-01-31\"]]"}},
           {.title = "Columns with more different values than are counted one by one.",
            .input_format = "csv",
            .input = {"a,b,t", "1,0.5,2026-01-01", "2,0.25,2026-01-02", "3,-4,2026-01-04"},
            .stage = "exact_values = 2\nfrequent = 0",
            .output = {"{ a = 1, b = 0.5, t = 2026-01-01T00:00:00Z }",
                       "{ a = 2, b = 0.25, t = 2026-01-02T00:00:00Z }",
                       "{ a = 3, b = -4.0, t = 2026-01-04T00:00:00Z }"},
            .tables = {"[[\"a\", \"int\", 3, 0, 3, false, \"1\", \"3\"], "
                       "[\"b\", \"float\", 3, 0, 3, false, \"-4\", \"0.5\"], "
                       "[\"t\", \"time\", 3, 0, 3, false, \"2026-01-01T00:00:00Z\", "
                       "\"2026-01-04T00:00:00Z\"]]"}}},
  };
}

}  // namespace shardmill
