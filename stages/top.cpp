// The most frequent values of a column, counted exactly.
#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "pipeline/core/stage.h"
#include "stages/support/group_codec.h"
#include "stages/support/group_table.h"
#include "stages/support/value_counter.h"

namespace shardmill {

namespace {

constexpr std::string_view kCount = "count";

constexpr uint8_t kVersion = 1;
/// Room for the frequent words of a language.
constexpr size_t kCounterBytes = 4 << 20;

/// Every value with its count, in the one state word of its group.
class TopPartial : public Partial {
 public:
  explicit TopPartial(Type type) : table(new_table(type)) {}

  void merge(Partial&& other) override {
    TopPartial& from = static_cast<TopPartial&>(other);
    if (table->size() == 0) {
      std::swap(table, from.table);
      return;
    }
    merge_groups(*table, *from.table, [&](const GroupMapping& mapping) {
      const StateWords mine = table->state();
      const StateWords theirs = from.table->state();
      for (size_t i = 0; i < mapping.count; ++i) {
        *mine.at(mapping.into[i]) += *theirs.at(static_cast<uint32_t>(mapping.first + i));
      }
    });
  }

  void encode(ByteWriter& writer) const override {
    writer.u8(kVersion);
    const std::vector<uint32_t> order = table->sorted();
    encode_keys(*table, order, writer);
    for (const uint32_t group : order) writer.varint(*table->state().at(group));
  }

  Status decode(ByteReader& reader) override {
    table = new_table(table->key_types()[0]);
    if (reader.u8() != kVersion) reader.fail();
    decode_keys(reader, *table);
    for (uint32_t group = 0; group < table->size() && !reader.failed(); ++group) {
      *table->state().at(group) = reader.varint();
    }
    if (reader.failed()) return Status::failed("the state of a top stage is damaged");
    return {};
  }

  size_t memory_bytes() const override { return sizeof *this + table->memory_bytes(); }
  uint64_t entries() const override { return table->size(); }

  std::unique_ptr<GroupTable> table;

 private:
  static std::unique_ptr<GroupTable> new_table(Type type) {
    return std::make_unique<GroupTable>(std::vector<Type>{type}, 1);
  }
};

class TopWorker : public StageWorker {
 public:
  explicit TopWorker(ColumnRef column)
      : column_(column),
        counter_(ValueCounter::make(column.type, kCounterBytes)),
        groups_(GroupTable::kBlockRows) {}

  void begin_unit() override { counter_->clear(); }

  Status process(Batch& batch, const StageContext& context, NextStage& next) override {
    GroupTable& table = *static_cast<TopPartial&>(*context.partial).table;
    const Column& column = batch.columns[column_.slot];
    if (batch.selection.all && !column.has_nulls) {
      counter_->add(column, batch.rows, table, scratch_);
    } else {
      count(batch, column, table);
    }
    return next.pass(batch);
  }

  Status end_slice(const StageContext& context, NextStage&) override {
    counter_->flush(*static_cast<TopPartial&>(*context.partial).table, scratch_);
    return {};
  }

 private:
  void count(const Batch& batch, const Column& column, GroupTable& table) {
    const Column* const keys[] = {&column};
    for_each_block(batch, GroupTable::kBlockRows, [&](const RowBlock& block) {
      table.find_or_add(keys, block, scratch_.keys, groups_.data());
      const StateWords counts = table.state();
      for (size_t i = 0; i < block.count; ++i) ++*counts.at(groups_[i]);
    });
  }

  ColumnRef column_;
  std::unique_ptr<ValueCounter> counter_;
  ValueScratch scratch_;
  std::vector<uint32_t> groups_;
};

class BoundTop : public BoundStage {
 public:
  BoundTop(ColumnRef column, std::string name, size_t k)
      : column_(column), name_(std::move(name)), k_(k) {}

  std::unique_ptr<StageWorker> make_worker() const override {
    return std::make_unique<TopWorker>(column_);
  }
  std::unique_ptr<Partial> make_partial() const override {
    return std::make_unique<TopPartial>(column_.type);
  }
  uint64_t worker_bytes() const override { return kCounterBytes; }

  std::vector<Table> finish(Partial& partial) const override {
    const GroupTable& counts = *static_cast<TopPartial&>(partial).table;
    const std::vector<uint32_t> best = most_frequent(counts);
    Table table;
    table.columns.push_back(key_column(counts, 0, name_, best));
    table.columns.push_back({.name = std::string(kCount), .type = Type::kInt});
    table.key_columns = 1;
    for (const uint32_t group : best) {
      table.columns[1].add_int(static_cast<Int128>(*counts.state().at(group)));
    }
    return {std::move(table)};
  }

 private:
  std::vector<uint32_t> most_frequent(const GroupTable& counts) const {
    std::vector<uint32_t> order(counts.size());
    for (uint32_t group = 0; group < order.size(); ++group) order[group] = group;
    const size_t kept = std::min(k_, order.size());
    const auto middle = order.begin() + static_cast<ptrdiff_t>(kept);
    std::partial_sort(order.begin(), middle, order.end(), [&](uint32_t a, uint32_t b) {
      const uint64_t a_count = *counts.state().at(a);
      const uint64_t b_count = *counts.state().at(b);
      return a_count != b_count ? a_count > b_count : counts.compare(a, b) < 0;
    });
    order.resize(kept);
    return order;
  }

  ColumnRef column_;
  std::string name_;  ///< of the table's first column
  size_t k_;
};

std::unique_ptr<BoundStage> bind_top(const Options& options, Binder& binder) {
  const std::optional<ColumnRef> column =
      binder.use(options.text("column"), options.line("column"));
  if (!column) return nullptr;
  const std::string& name = options.text("column");
  return std::make_unique<BoundTop>(*column, name == kCount ? "value" : name,
                                    static_cast<size_t>(options.integer("k")));
}

}  // namespace

StageSpec stage_top() {
  return {
      .name = "top",
      .kind = StageKind::kSummarise,
      .summary = "the most frequent values of a column, counted exactly",
      .doc =
          "Rows of the value and its `count`, most frequent first; equal counts by ascending value "
          "(text by bytes, null last). Null is counted like a value. Every different value is "
          "counted, so memory grows with their number: about 40 bytes each, and the text where "
          "it is longer than 15 bytes.",
      .fields = {{.name = "column",
                  .kind = FieldKind::kColumn,
                  .doc = "the column whose values are counted",
                  .required = true},
                 {.name = "k",
                  .kind = FieldKind::kInt,
                  .doc = "how many values the table shows; has no influence on memory",
                  .default_text = "10",
                  .min = 1,
                  .max = 1e9}},
      .bind = bind_top,
      .examples = {{.title = "The two most frequent values; of equally frequent ones the first.",
                    .input = {"pear", "apple", "fig", "apple", "fig", "apple", "date", "pear"},
                    .stage = "column = \"line\"\nk = 2",
                    .output = {"{ line = \"pear\" }", "{ line = \"apple\" }", "{ line = \"fig\" }",
                               "{ line = \"apple\" }", "{ line = \"fig\" }", "{ line = \"apple\" }",
                               "{ line = \"date\" }", "{ line = \"pear\" }"},
                    .tables = {"[[\"apple\", 3], [\"fig\", 2]]"}},
                   {.title = "Numbers are one value however they are written.",
                    .input_format = "csv",
                    .input_options = "types = { x = \"float\" }",
                    .input = {"x", "1", "1.0", "-0", "0", "1e0", "2.5"},
                    .stage = "column = \"x\"",
                    .output = {"{ x = 1.0 }", "{ x = 1.0 }", "{ x = 0.0 }", "{ x = 0.0 }",
                               "{ x = 1.0 }", "{ x = 2.5 }"},
                    .tables = {"[[1.0, 3], [0.0, 2], [2.5, 1]]"}}},
  };
}

}  // namespace shardmill
