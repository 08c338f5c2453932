// The stages count, group and top from options to table.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "pipeline/core/stage.h"

namespace shardmill {

StageSpec stage_count();
StageSpec stage_examples();
StageSpec stage_group();
StageSpec stage_top();

namespace {

using NamedOptions = std::vector<std::pair<std::string, OptionValue>>;

class Next : public NextStage {
 public:
  Status pass(Batch& batch) override {
    passed += batch.selected();
    return {};
  }
  size_t passed = 0;
};

/// A stage over one text column, `line`.
class LineStage {
 public:
  LineStage(const StageSpec& spec, const NamedOptions& named) {
    Schema schema;
    schema.columns = {{.name = "line", .type = Type::kText, .slot = 0}};
    slots_.slots = {{.name = "line", .type = Type::kText, .used = false}};
    Options options;
    for (const auto& [name, value] : named) options.set(name, value, 3);
    if (spec.check != nullptr) spec.check(options, checked);
    Binder binder(schema, slots_, {}, problems);
    bound = spec.bind(options, binder);
  }

  bool reads_lines() const { return slots_.slots[0].used; }

  size_t add(const std::vector<std::string>& lines, Partial& partial) const {
    Batch batch;
    batch.rows = lines.size();
    batch.columns.resize(1);
    if (reads_lines()) {
      batch.columns[0].prepare(Type::kText, lines.size());
      for (size_t i = 0; i < lines.size(); ++i) {
        batch.columns[0].text[i] = lines[i];
        if (lines[i] == "NULL") batch.columns[0].set_null(i);
      }
    }
    StageBooks books;
    Next next;
    const StageContext context{.books = &books, .partial = &partial};
    const std::unique_ptr<StageWorker> worker = bound->make_worker();
    EXPECT_TRUE(worker->process(batch, context, next).is_ok());
    EXPECT_TRUE(worker->end_slice(context, next).is_ok());
    return next.passed;
  }

  Problems problems;
  Problems checked;
  std::unique_ptr<BoundStage> bound;

 private:
  SlotPlan slots_;
};

std::string encoded(const Partial& partial) {
  ByteWriter writer;
  partial.encode(writer);
  return writer.take();
}

std::vector<std::pair<std::string, int64_t>> value_counts(const Table& table) {
  std::vector<std::pair<std::string, int64_t>> rows;
  for (size_t row = 0; row < table.row_count(); ++row) {
    const TableColumn& values = table.columns[0];
    rows.emplace_back(values.null[row] != 0 ? "NULL" : values.text[row],
                      static_cast<int64_t>(table.columns[1].ints[row]));
  }
  return rows;
}

TEST(Count, NeedsNoColumnAtAll) {
  const LineStage stage(stage_count(), {});
  EXPECT_FALSE(stage.reads_lines());
  const auto partial = stage.bound->make_partial();
  EXPECT_EQ(stage.add({"a", "b"}, *partial), 2u);
  EXPECT_EQ(stage.add({"c"}, *partial), 1u);
  const Table table = stage.bound->finish(*partial)[0];
  ASSERT_EQ(table.columns.size(), 1u);
  EXPECT_EQ(static_cast<int>(table.columns[0].ints[0]), 3);
}

TEST(Count, AddsWordsAndBytesOfPartials) {
  const LineStage stage(stage_count(), {{"words", true}});
  const auto first = stage.bound->make_partial();
  const auto second = stage.bound->make_partial();
  stage.add({"to be", "or", "NULL"}, *first);
  stage.add({" not to be "}, *second);
  first->merge(std::move(*second));
  const std::string bytes = encoded(*first);
  const auto again = stage.bound->make_partial();
  ByteReader reader(bytes);
  ASSERT_TRUE(again->decode(reader).is_ok());
  const Table table = stage.bound->finish(*again)[0];
  EXPECT_EQ(static_cast<int>(table.columns[0].ints[0]), 4);
  EXPECT_EQ(static_cast<int>(table.columns[1].ints[0]), 6);
  EXPECT_EQ(static_cast<int>(table.columns[2].ints[0]), 18);
}

TEST(Count, SaysWhichColumnIsMissing) {
  const LineStage stage(stage_count(), {{"words", true}, {"column", std::string("lin")}});
  EXPECT_EQ(stage.bound, nullptr);
  ASSERT_EQ(stage.problems.list().size(), 1u);
  EXPECT_NE(stage.problems.list()[0].message.text().find("did you mean \"line\"?"),
            std::string::npos);
}

TEST(Top, EqualCountsComeByBytesAndNullLast) {
  const LineStage stage(stage_top(), {{"column", std::string("line")}, {"k", int64_t{10}}});
  const auto partial = stage.bound->make_partial();
  stage.add({"b", "NULL", "a", "", "ab", "NULL", "a", "b", "", "\xff", "ab"}, *partial);
  const std::vector<std::pair<std::string, int64_t>> expected = {
      {"", 2}, {"a", 2}, {"ab", 2}, {"b", 2}, {"NULL", 2}, {"\xff", 1}};
  EXPECT_EQ(value_counts(stage.bound->finish(*partial)[0]), expected);
}

TEST(Top, CountsAllValuesBeforeItCuts) {
  std::mt19937_64 random(1);
  const LineStage stage(stage_top(), {{"column", std::string("line")}, {"k", int64_t{7}}});
  std::map<std::string, int64_t> counts;
  std::vector<std::unique_ptr<Partial>> partials;
  std::vector<std::string> all;
  for (size_t part = 0; part < 5; ++part) {
    std::vector<std::string> lines;
    for (size_t i = 0; i < 3000; ++i) {
      lines.push_back(
          fmt::format("{}{}", random() % (1 + random() % 900), std::string(i % 20, 'x')));
      ++counts[lines.back()];
      all.push_back(lines.back());
    }
    partials.push_back(stage.bound->make_partial());
    stage.add(lines, *partials.back());
  }
  for (size_t part = 1; part < 5; ++part) partials[0]->merge(std::move(*partials[part]));
  std::vector<std::pair<std::string, int64_t>> expected(counts.begin(), counts.end());
  std::stable_sort(expected.begin(), expected.end(),
                   [](const auto& a, const auto& b) { return a.second > b.second; });
  expected.resize(7);
  const auto whole = stage.bound->make_partial();
  stage.add(all, *whole);
  const std::string bytes = encoded(*whole);
  EXPECT_EQ(encoded(*partials[0]), bytes);
  const auto decoded = stage.bound->make_partial();
  ByteReader reader(bytes);
  ASSERT_TRUE(decoded->decode(reader).is_ok());
  EXPECT_EQ(encoded(*decoded), bytes);
  for (Partial* partial : {partials[0].get(), whole.get(), decoded.get()}) {
    EXPECT_EQ(value_counts(stage.bound->finish(*partial)[0]), expected);
  }
}

TEST(Top, RefusesDamagedBytes) {
  const LineStage stage(stage_top(), {{"column", std::string("line")}, {"k", int64_t{7}}});
  const auto partial = stage.bound->make_partial();
  stage.add({"a", "b", "c"}, *partial);
  const std::string bytes = encoded(*partial);
  for (size_t size = 0; size < bytes.size(); ++size) {
    ByteReader reader(std::string_view(bytes).substr(0, size));
    const Status status = stage.bound->make_partial()->decode(reader);
    EXPECT_EQ(status.message(), "the state of a top stage is damaged");
  }
}

TEST(Examples, AStateHasOneFormAlsoIfTwoRecordsHaveOnePlace) {
  const LineStage stage(stage_examples(), {{"n", int64_t{2}}});
  const auto state_of = [](const std::vector<std::string>& values) {
    ByteWriter writer;
    writer.u8(1);
    writer.varint(values.size());
    for (const std::string& value : values) {
      writer.u64(7);
      writer.text("a.txt");
      writer.varint(5);
      writer.varint(0);
      writer.text(value);
    }
    return writer.take();
  };
  const auto decoded = [&](const std::string& bytes, Partial& partial) {
    ByteReader reader(bytes);
    return partial.decode(reader);
  };
  const auto partial = stage.bound->make_partial();
  const std::string good = state_of({"one", "two"});
  ASSERT_TRUE(decoded(good, *partial).is_ok());
  EXPECT_EQ(encoded(*partial), good);
  for (const auto& values : {std::vector<std::string>{"two", "one"}, {"one", "two", "x"}}) {
    EXPECT_EQ(decoded(state_of(values), *stage.bound->make_partial()).message(),
              "state of stage \"examples\" is damaged");
  }
}

TEST(Group, CountsRecordsIfNothingElseIsAsked) {
  const LineStage stage(stage_group(), {{"by", std::vector<std::string>{"line"}}});
  const auto partial = stage.bound->make_partial();
  stage.add({"b", "a", "NULL", "b"}, *partial);
  const Table table = stage.bound->finish(*partial)[0];
  EXPECT_EQ(table.columns[1].name, "count");
  const std::vector<std::pair<std::string, int64_t>> expected = {{"a", 1}, {"b", 2}, {"NULL", 1}};
  EXPECT_EQ(value_counts(table), expected);
}

TEST(Group, WithoutRecordsThereIsNoRowUnlessThereIsNoKey) {
  const LineStage keyed(stage_group(), {{"by", std::vector<std::string>{"line"}}});
  EXPECT_EQ(keyed.bound->finish(*keyed.bound->make_partial())[0].row_count(), 0u);
  const LineStage unkeyed(stage_group(),
                          {{"compute", std::vector<std::string>{"count()", "max(line)"}}});
  const Table table = unkeyed.bound->finish(*unkeyed.bound->make_partial())[0];
  ASSERT_EQ(table.row_count(), 1u);
  EXPECT_EQ(static_cast<int>(table.columns[0].ints[0]), 0);
  EXPECT_EQ(table.columns[1].null[0], 1);
}

TEST(Group, AllMistakesThatShowWithoutInputAreReportedAtOnce) {
  const LineStage stage(stage_group(),
                        {{"by", std::vector<std::string>{"line", "line"}},
                         {"compute", std::vector<std::string>{"sun(x)", "count(", "count()"}}});
  ASSERT_EQ(stage.checked.list().size(), 3u);
  EXPECT_EQ(stage.checked.list()[0].line, 3);
  EXPECT_EQ(stage.checked.list()[2].message.text(),
            "by names \"line\" twice, expected each column once; remove one of them");
  EXPECT_EQ(stage.bound, nullptr);
  EXPECT_FALSE(stage.problems.empty());
}

}  // namespace
}  // namespace shardmill
