// Groups records by columns and computes aggregates for each group.
#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "pipeline/core/stage.h"
#include "stages/support/aggregate.h"
#include "stages/support/group_codec.h"
#include "stages/support/group_table.h"

namespace shardmill {

namespace {

constexpr uint8_t kVersion = 1;

struct GroupPlan {
  std::vector<std::string> key_names;
  std::vector<ColumnRef> keys;
  AggregatePlan aggregates;

  std::vector<Type> key_types() const {
    std::vector<Type> types;
    for (const ColumnRef& key : keys) types.push_back(key.type);
    return types;
  }
};

/// The groups that were seen and their aggregates.
class GroupPartial : public Partial {
 public:
  explicit GroupPartial(const GroupPlan& plan) : plan_(plan) { reset(); }

  void add(const Batch& batch, std::span<const Column* const> keys, const RowBlock& block,
           KeyScratch& key_scratch, AggregateScratch& scratch, std::vector<uint32_t>& groups) {
    table_->find_or_add(keys, block, key_scratch, groups.data());
    aggregates_->add(batch, block, groups.data(), *table_, scratch);
    is_empty_ = false;
  }

  /// Of a unit that is like the one before: nothing was added yet.
  void expect(size_t groups) {
    if (is_empty_) table_->expect(groups);
  }

  void merge(Partial&& other) override {
    GroupPartial& from = static_cast<GroupPartial&>(other);
    if (from.is_empty_) return;
    if (is_empty_) {
      std::swap(table_, from.table_);
      std::swap(aggregates_, from.aggregates_);
    } else {
      merge_groups(*table_, *from.table_, [&](const GroupMapping& mapping) {
        aggregates_->merge(*table_, *from.aggregates_, *from.table_, mapping);
      });
    }
    is_empty_ = false;
  }

  void encode(ByteWriter& writer) const override {
    writer.u8(kVersion);
    const std::vector<uint32_t> order = table_->sorted();
    encode_keys(*table_, order, writer);
    aggregates_->encode(*table_, order, writer);
  }

  Status decode(ByteReader& reader) override {
    reset();
    if (reader.u8() != kVersion) reader.fail();
    decode_keys(reader, *table_);
    if (!reader.failed()) aggregates_->decode(*table_, reader);
    is_empty_ = false;
    if (reader.failed()) return Status::failed("the state of a group stage is damaged");
    return {};
  }

  size_t memory_bytes() const override {
    return sizeof *this + table_->memory_bytes() + aggregates_->memory_bytes();
  }

  uint64_t entries() const override { return table_->size(); }

  Table finish() const {
    const std::vector<uint32_t> order = table_->sorted();
    Table table;
    for (size_t key = 0; key < plan_.keys.size(); ++key) {
      table.columns.push_back(key_column(*table_, key, plan_.key_names[key], order));
    }
    table.key_columns = plan_.keys.size();
    for (TableColumn& column : aggregates_->finish(*table_, order)) {
      table.columns.push_back(std::move(column));
    }
    return table;
  }

 private:
  void reset() {
    table_ = std::make_unique<GroupTable>(plan_.key_types(), plan_.aggregates.state_words());
    aggregates_ = std::make_unique<Aggregates>(plan_.aggregates);
    is_empty_ = true;
  }

  const GroupPlan& plan_;
  std::unique_ptr<GroupTable> table_;
  std::unique_ptr<Aggregates> aggregates_;
  bool is_empty_ = true;  ///< nothing was added: may be replaced as a whole
};

class GroupWorker : public StageWorker {
 public:
  explicit GroupWorker(const GroupPlan& plan) : plan_(plan), groups_(GroupTable::kBlockRows) {}

  Status process(Batch& batch, const StageContext& context, NextStage& next) override {
    GroupPartial& partial = static_cast<GroupPartial&>(*context.partial);
    partial.expect(groups_before_);
    keys_.clear();
    for (const ColumnRef& key : plan_.keys) keys_.push_back(&batch.columns[key.slot]);
    for_each_block(batch, GroupTable::kBlockRows, [&](const RowBlock& block) {
      partial.add(batch, keys_, block, key_scratch_, scratch_, groups_);
    });
    groups_before_ = partial.entries();
    return next.pass(batch);
  }

 private:
  const GroupPlan& plan_;
  std::vector<const Column*> keys_;
  KeyScratch key_scratch_;
  AggregateScratch scratch_;
  std::vector<uint32_t> groups_;
  size_t groups_before_ = 0;  ///< so many had the partial of the last batch
};

class BoundGroup : public BoundStage {
 public:
  explicit BoundGroup(GroupPlan plan) : plan_(std::move(plan)) {}

  std::unique_ptr<StageWorker> make_worker() const override {
    return std::make_unique<GroupWorker>(plan_);
  }
  std::unique_ptr<Partial> make_partial() const override {
    return std::make_unique<GroupPartial>(plan_);
  }
  std::vector<Table> finish(Partial& partial) const override {
    return {static_cast<GroupPartial&>(partial).finish()};
  }

 private:
  GroupPlan plan_;
};

/// The calls of `compute`, or nothing after reporting what is wrong with them.
std::optional<std::vector<AggregateCall>> parse_calls(const Options& options, Problems& problems) {
  std::vector<std::string> texts = options.list("compute");
  if (texts.empty()) texts = {"count()"};
  const int line = options.line("compute");
  std::vector<AggregateCall> calls;
  bool good = true;
  std::vector<std::string> names = options.list("by");
  for (const std::string& text : texts) {
    ParsedAggregate parsed = parse_aggregate(text);
    if (!parsed.call) {
      problems.add(line, std::move(parsed.problem));
      good = false;
      continue;
    }
    if (std::find(names.begin(), names.end(), parsed.call->title) != names.end()) {
      problems.add(
          line, {.place = {},
                 .found = "two columns of the table would be named " + quoted(parsed.call->title),
                 .expected = "different names",
                 .fix = "name one of them, for instance \"other = " +
                        std::string(without_title(text)) + "\""});
      good = false;
    }
    names.push_back(parsed.call->title);
    calls.push_back(std::move(*parsed.call));
  }
  if (!good) return std::nullopt;
  return calls;
}

void check_group(const Options& options, Problems& problems) {
  (void)parse_calls(options, problems);
  const std::vector<std::string>& by = options.list("by");
  for (size_t i = 0; i < by.size(); ++i) {
    if (std::find(by.begin(), by.begin() + static_cast<ptrdiff_t>(i), by[i]) ==
        by.begin() + static_cast<ptrdiff_t>(i)) {
      continue;
    }
    problems.add(options.line("by"), {.place = {},
                                      .found = "by names " + quoted(by[i]) + " twice",
                                      .expected = "each column once",
                                      .fix = "remove one of them"});
  }
}

std::unique_ptr<BoundStage> bind_group(const Options& options, Binder& binder) {
  GroupPlan plan;
  bool good = true;
  for (const std::string& name : options.list("by")) {
    const std::optional<ColumnRef> key = binder.use(name, options.line("by"));
    good = good && key.has_value();
    if (!key) continue;
    plan.keys.push_back(*key);
    plan.key_names.push_back(name);
  }
  const auto calls = parse_calls(options, binder.problems());
  if (!calls) return nullptr;
  const uint32_t limit = options.list("by").empty() ? AggregatePlan::kDistinctLimitOfOneGroup
                                                    : AggregatePlan::kDistinctLimit;
  std::optional<AggregatePlan> aggregates =
      AggregatePlan::bind(*calls, binder, options.line("compute"), limit);
  if (!good || !aggregates) return nullptr;
  plan.aggregates = std::move(*aggregates);
  return std::make_unique<BoundGroup>(std::move(plan));
}

std::vector<StageExample> group_examples() {
  const std::vector<std::string> input = {"city,kind,ms", "Bonn,a,2.5", "Ulm,b,10",
                                          "Bonn,b,0.25",  "Ulm,a,30",   "Bonn,a,7.25"};
  const std::vector<std::string> output = {
      "{ city = \"Bonn\", kind = \"a\", ms = 2.5 }", "{ city = \"Ulm\", kind = \"b\", ms = 10.0 }",
      "{ city = \"Bonn\", kind = \"b\", ms = 0.25 }", "{ city = \"Ulm\", kind = \"a\", ms = 30.0 }",
      "{ city = \"Bonn\", kind = \"a\", ms = 7.25 }"};
  const std::string types = "types = { ms = \"float\" }";
  return {
      {.title = "Counts and sums by one column.",
       .input_format = "csv",
       .input_options = types,
       .input = input,
       .stage = "by = [\"city\"]\ncompute = [\"count()\", \"sum(ms)\", \"mean(ms)\", \"max(ms)\"]",
       .output = output,
       .tables = {"[[\"Bonn\", 3, 10.0, 3.3333333333333335, 7.25], "
                  "[\"Ulm\", 2, 40.0, 20.0, 30.0]]"}},
      {.title = "Several columns make one key; results can be named.",
       .input_format = "csv",
       .input_options = types,
       .input = input,
       .stage = "by = [\"city\", \"kind\"]\ncompute = [\"requests = count()\", \"min(ms)\"]",
       .output = output,
       .tables = {"[[\"Bonn\", \"a\", 2, 2.5], [\"Bonn\", \"b\", 1, 0.25], "
                  "[\"Ulm\", \"a\", 1, 30.0], [\"Ulm\", \"b\", 1, 10.0]]"}},
      {.title = "Without `by` all records are one group.",
       .input_format = "csv",
       .input_options = types,
       .input = input,
       .stage = "by = []\ncompute = [\"count(ms)\", \"distinct(kind)\", \"var(ms)\", \"std(ms)\", "
                "\"p50(ms)\", \"quantile(ms, 1)\", \"max(city)\"]",
       .output = output,
       .tables = {"[[5, 2, 139.71875, 11.820268609469077, 7.265625, 30.0, \"Ulm\"]]"}},
      {.title = "Whole numbers stay whole.",
       .input_format = "csv",
       .input_options = "types = { day = \"text\", bytes = \"int\" }",
       .input = {"day,bytes", "mon,9007199254740993", "mon,9007199254740993", "tue,-5"},
       .stage = "by = [\"day\"]\ncompute = [\"sum(bytes)\", \"median(bytes)\"]",
       .output = {"{ day = \"mon\", bytes = 9007199254740993 }",
                  "{ day = \"mon\", bytes = 9007199254740993 }", "{ day = \"tue\", bytes = -5 }"},
       .tables = {"[[\"mon\", 18014398509481986, 9007199254740993], [\"tue\", -5, -5]]"}},
  };
}

}  // namespace

StageSpec stage_group() {
  return {
      .name = "group",
      .kind = StageKind::kSummarise,
      .summary = "aggregates of columns for each group of records",
      .doc =
          "One row for each different key, by ascending key: numbers by value, NaN after them, "
          "text by bytes, null (a key of its own) last. Nulls are passed over by aggregates; "
          "the sum of nothing is null. Nothing depends on the order of the records: sums are "
          "exact and rounded once.\n\n" +
          aggregates_doc() +
          "\nAn entry can be named: `\"total = sum(price)\"`. Odd column names go in "
          "backquotes. Each group takes 8 bytes a key (16 once one is a text of more), 8 "
          "bytes, 16 bytes a sum, and 16 to 32 bytes of index; quantiles and distinct counts "
          "take more.",
      .fields = {{.name = "by",
                  .kind = FieldKind::kColumnList,
                  .doc = "the columns that make the key; empty: all records are one group"},
                 {.name = "compute",
                  .kind = FieldKind::kTextList,
                  .doc = "what to compute of each group, like \"count()\" or \"mean(ms)\"; "
                         "\"count()\" if left out"}},
      .check = check_group,
      .bind = bind_group,
      .examples = group_examples(),
  };
}

}  // namespace shardmill
