// What changed between two runs' results: which rows belong together, and what people read.
#include "pipeline/report/run_diff.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

namespace shardmill {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

/// Rows of (city, count, mean).
struct CityRow {
  const char* city = nullptr;  ///< nullptr: null
  Int128 count = 0;
  double mean = 0;
};

ReadTable cities(const std::vector<CityRow>& rows, size_t key_columns = 1) {
  ReadTable table = {.name = "by city", .row_count = rows.size(), .key_columns = key_columns};
  table.columns = {{.name = "city", .type = Type::kText},
                   {.name = "count", .type = Type::kInt},
                   {.name = "mean(ms)", .type = Type::kFloat}};
  for (const CityRow& row : rows) {
    row.city == nullptr ? table.columns[0].add_null() : table.columns[0].add_text(row.city);
    table.columns[1].add_int(row.count);
    table.columns[2].add_float(row.mean);
  }
  return table;
}

TEST(TableDiff, RowsBelongTogetherByTheirKeyWhereverTheyStand) {
  const ReadTable before = cities({{"Rome", 1, 2.5}, {"Oslo", 2, 3}, {nullptr, 3, 4}});
  const ReadTable after = cities({{nullptr, 3, 4.5}, {"Bonn", 9, 9}, {"Rome", 1, 2.5}});
  const TableDiff diff = diff_tables(before, after);
  ASSERT_EQ(diff.changed.size(), 1u);
  EXPECT_EQ(diff.changed[0].before, 2u);
  EXPECT_EQ(diff.changed[0].after, 0u);
  ASSERT_EQ(diff.changed[0].columns.size(), 1u);
  EXPECT_EQ(diff.changed[0].columns[0].before, 2u);
  EXPECT_THAT(diff.removed, ElementsAre(1));
  EXPECT_THAT(diff.added, ElementsAre(1));
  EXPECT_TRUE(
      diff_tables(after, cities({{"Rome", 1, 2.5}, {nullptr, 3, 4.5}, {"Bonn", 9, 9}})).is_empty());
}

TEST(TableDiff, TheTextNullAndNoValueAreTwoKeys) {
  const TableDiff diff = diff_tables(cities({{nullptr, 1, 1}}), cities({{"null", 1, 1}}));
  EXPECT_THAT(diff.removed, ElementsAre(0));
  EXPECT_THAT(diff.added, ElementsAre(0));
}

TEST(TableDiff, SeveralRowsOfOneKeyAreComparedInTheirOrder) {
  const TableDiff diff = diff_tables(cities({{"Rome", 1, 1}, {"Rome", 2, 1}, {"Rome", 3, 1}}),
                                     cities({{"Rome", 1, 1}, {"Rome", 5, 1}}));
  ASSERT_EQ(diff.changed.size(), 1u);
  EXPECT_EQ(diff.changed[0].before, 1u);
  EXPECT_THAT(diff.removed, ElementsAre(2));
  EXPECT_THAT(diff.added, IsEmpty());
}

TEST(TableDiff, WithoutAKeyRowsStandForThemselves) {
  const TableDiff diff =
      diff_tables(cities({{"Rome", 1, 1}}, 0), cities({{"Oslo", 1, 1}, {"Rome", 1, 1}}, 0));
  ASSERT_EQ(diff.changed.size(), 1u);
  EXPECT_THAT(diff.added, ElementsAre(1));
}

TEST(TableDiff, NotANumberEqualsItselfAndZeroHasNoSign) {
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_TRUE(diff_tables(cities({{"a", 1, kNan}}), cities({{"a", 1, kNan}})).is_empty());
  EXPECT_TRUE(diff_tables(cities({{"a", 1, 0.0}}), cities({{"a", 1, -0.0}})).is_empty());
}

TEST(TableDiff, ColumnsAreFoundByNameAndOtherKeysAreNotCompared) {
  ReadTable after = cities({{"Rome", 1, 7}});
  std::swap(after.columns[1], after.columns[2]);
  EXPECT_EQ(diff_tables(cities({{"Rome", 1, 7}}), after).changed.size(), 0u);
  after.columns[1].name = "median(ms)";
  after.columns[2].name = "n";
  TableDiff diff = diff_tables(cities({{"Rome", 1, 7}}), after);
  EXPECT_THAT(diff.columns_removed, ElementsAre("count", "mean(ms)"));
  EXPECT_THAT(diff.columns_added, ElementsAre("median(ms)", "n"));
  after.columns[0].name = "town";
  EXPECT_TRUE(diff_tables(cities({{"Rome", 1, 7}}), after).has_other_key);
  after = cities({{"Rome", 1, 7}});
  after.columns[2] = {.name = "mean(ms)", .type = Type::kInt};
  after.columns[2].add_int(7);
  diff = diff_tables(cities({{"Rome", 1, 7}}), after);
  EXPECT_THAT(diff.columns_of_other_type, ElementsAre("mean(ms): float, now int"));
  EXPECT_THAT(diff.changed, IsEmpty());
}

FinishedRun first_run() {
  FinishedRun run;
  run.place = "a.run";
  run.results_text = "{\"job\": \"a\",\nrest";
  run.results.files = 2;
  run.results.bytes = 3000;
  run.results.records = 1200;
  run.results.stages = {{.use = "keep",
                         .records_in = 1200,
                         .records_out = 1100,
                         .dropped = {{"not_true", 100}},
                         .counters = {{"int_overflow", 1}}},
                        {.use = "group", .records_in = 1100, .records_out = 1100}};
  run.results.tables = {cities({{"Rome", 10, 20.5}, {"Oslo", 4, 1}})};
  run.results.bad_values = {{"ms", 3}};
  run.files.lines = {{.path = "a.log", .size_bytes = 1000, .records = 400, .outcome = "read"},
                     {.path = "b.log", .size_bytes = 2000, .records = 800, .outcome = "read"}};
  run.outputs = {{"output/all.csv", 1}, {"output/old.csv", 2}};
  return run;
}

std::string text_of(const FinishedRun& before, const FinishedRun& after, size_t rows = 20) {
  return diff_text(before, after, diff_runs(before, after), rows);
}

TEST(RunDiff, TheSameResultsAreOneLine) {
  FinishedRun other = first_run();
  other.place = "b.run";
  other.results_text = "{\"job\": \"another name\",\nrest";
  EXPECT_TRUE(diff_runs(first_run(), other).is_same());
  EXPECT_EQ(text_of(first_run(), other),
            "a.run and b.run: the same results: 1,200 records, 1 table, 2 outputs\n");
}

TEST(RunDiff, EverythingThatChangedHasALine) {
  FinishedRun other = first_run();
  other.place = "b.run";
  other.results.files = 3;
  other.results.records = 1300;
  other.results.bad_records = 1;
  other.results.stages[0].records_in = 1300;
  other.results.stages[0].dropped = {{"not_true", 199}};
  other.results.stages[0].rejected = 1;
  other.results.stages[0].counters = {};
  other.results.stages.insert(other.results.stages.begin() + 1,
                              {.use = "derive", .records_in = 1100, .records_out = 1100});
  other.results.stages[2].records_in = 1000;
  other.results.stages[2].records_out = 1000;
  other.results.tables = {cities({{"Rome", 12, 20.25}, {"Bonn", 1, 0.5}}),
                          {.name = "new", .row_count = 7}};
  other.results.bad_values = {{"id", 2}};
  other.files.lines = {
      {.path = "a.log", .size_bytes = 900, .records = 400, .outcome = "partly read"},
      {.path = "c.log", .size_bytes = 2048, .records = 900, .outcome = "read"}};
  other.outputs = {{"output/all.csv", 7}, {"output/new.csv", 2}};
  EXPECT_FALSE(diff_runs(first_run(), other).is_same());
  EXPECT_EQ(text_of(first_run(), other), R"(Inputs
  ~ files 2 -> 3 (+1)
  ~ records 1,200 -> 1,300 (+100)
  ~ bad records 0 -> 1 (+1)

Values that were not of their column's type
  ~ ms 3 -> 0 (-3)
  ~ id 0 -> 2 (+2)

Files
  ~ a.log: bytes 1,000 -> 900 (-100), outcome read -> partly read
  - b.log: read, 1.95 KiB, 800 records
  + c.log: read, 2.00 KiB, 900 records

Stages
  ~ 0 keep: records in 1,200 -> 1,300 (+100), dropped not_true 100 -> 199 (+99), rejected 0 -> 1 (+1), int_overflow 1 -> 0 (-1)
  + 1 derive: 1,100 records in, 1,100 out
  ~ 1 group: records 1,100 -> 1,000 (-100)

Table "by city": 2 rows, 1 changed, 1 removed, 1 added
  ~ city Rome: count 10 -> 12 (+2), mean(ms) 20.5 -> 20.25
  - city Oslo: count 4, mean(ms) 1
  + city Bonn: count 1, mean(ms) 0.5

Table "new"
  + 7 rows, only in the second run

Outputs
  ~ output/all.csv: other bytes
  - output/old.csv
  + output/new.csv

a.run and b.run: different: the inputs, bad values, 3 stages, 2 tables, 3 outputs
)");
}

TEST(RunDiff, OtherFilesWithTheSameAnswerAreShownButNoDifference) {
  FinishedRun other = first_run();
  other.place = "b.run";
  other.files.lines[0].path = "z.log";
  EXPECT_TRUE(diff_runs(first_run(), other).is_same());
  EXPECT_THAT(text_of(first_run(), other), HasSubstr("  - a.log: read, 1000 B, 400 records\n"
                                                     "  + z.log: read, 1000 B, 400 records\n\n"
                                                     "a.run and b.run: the same results: "));
}

TEST(RunDiff, AnotherJobWithTheSameAnswerIsShownButNoDifference) {
  FinishedRun other = first_run();
  other.job = 1;
  other.schema = 2;
  EXPECT_TRUE(diff_runs(first_run(), other).is_same());
  EXPECT_THAT(text_of(first_run(), other),
              testing::StartsWith(
                  "Job\n  ~ job.toml: other stages or options\n  ~ schema.json: other columns or "
                  "types of the input\n\na.run and a.run: the same results: "));
}

TEST(RunDiff, OtherBytesWithoutANameAreADifferenceToo) {
  FinishedRun other = first_run();
  other.results_text += " other";
  EXPECT_FALSE(diff_runs(first_run(), other).is_same());
  EXPECT_THAT(text_of(first_run(), other),
              HasSubstr("results.json\n  ~ other bytes: examples of records, or the order of "
                        "rows\n\na.run and a.run: different: results.json\n"));
}

TEST(RunDiff, RowsThatWereNotComparedAreADifferenceIfTheyMayDiffer) {
  FinishedRun before = first_run();
  FinishedRun after = first_run();
  before.results_h5 = 1;
  after.results_h5 = 2;
  EXPECT_FALSE(has_more_rows(before, after));
  EXPECT_TRUE(diff_runs(before, after).is_same()) << "the job's name stands in results.h5 too";
  for (FinishedRun* run : {&before, &after}) run->results.tables[0].row_count = 9'000'000;
  EXPECT_TRUE(has_more_rows(before, after));
  EXPECT_FALSE(diff_runs(before, after).is_same());
  EXPECT_EQ(
      text_of(before, after),
      "results.h5\n  ~ other bytes: rows behind the first ones of large tables, the job's name "
      "or the version\n\na.run and a.run: different: results.h5\n");
  after.results_h5 = 1;
  EXPECT_TRUE(diff_runs(before, after).is_same());
}

TEST(RunDiff, ValuesThatLookTheSameAreWrittenInFull) {
  FinishedRun before = first_run();
  FinishedRun after = first_run();
  const std::string longest(70, 'x');
  for (FinishedRun* run : {&before, &after}) {
    run->results.tables[0].columns.push_back({.name = "last", .type = Type::kText});
    TableColumn& last = run->results.tables[0].columns[3];
    last.add_text(longest + (run == &before ? "a" : "b"));
    last.add_text("\x1b[31m");
  }
  after.results.tables[0].columns[2].floats[0] = 20.500000000000004;
  after.results.tables[0].columns[3].null[1] = 1;
  const std::string text = text_of(before, after);
  EXPECT_THAT(text, HasSubstr("mean(ms) 20.5 -> 20.500000000000004, last \"" + longest +
                              "a\" -> \"" + longest + "b\"\n"));
  EXPECT_THAT(text, HasSubstr("last \\x1b[31m -> null\n"));
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
}

TEST(RunDiff, OnlySoManyRowsAreShownAndTheRestIsCounted) {
  FinishedRun before = first_run();
  FinishedRun after = first_run();
  std::vector<CityRow> rows;
  const std::vector<std::string> names = {"a", "b", "c", "d", "e"};
  for (const std::string& name : names) rows.push_back({name.c_str(), 1, 1});
  before.results.tables = {cities(rows)};
  for (CityRow& row : rows) row.count = 2;
  after.results.tables = {cities(rows)};
  EXPECT_THAT(text_of(before, after, 2), HasSubstr("5 rows, 5 changed\n"
                                                   "  ~ city a: count 1 -> 2 (+1)\n"
                                                   "  ~ city b: count 1 -> 2 (+1)\n"
                                                   "  ... 3 more rows; --rows 5 shows all\n\n"));
  after.results.tables[0].row_count = 9000;
  EXPECT_THAT(text_of(before, after, 2),
              HasSubstr("  only the first 5 and 5 rows are in results.json and were compared\n"));
}

}  // namespace
}  // namespace shardmill
