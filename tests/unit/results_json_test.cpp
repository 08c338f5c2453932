// results.json: the answer, the same bytes on any layout.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <string>

#include "pipeline/report/description.h"

namespace shardmill {
namespace {

using testing::HasSubstr;
using testing::Not;

RunDescription one_table(TableColumn column) {
  RunDescription run;
  run.job_name = "j";
  run.tables = {{.name = "t", .stage = 1, .columns = {std::move(column)}}};
  return run;
}

TEST(ResultsJson, HasItsMembersInTheStatedOrder) {
  RunDescription run;
  run.job_name = "slow \"requests\"";
  run.records = 456;
  run.bad_records = 2;
  run.files = {{.path = "a", .size_bytes = 100, .outcome = "read"},
               {.path = "b", .size_bytes = 23, .outcome = "bad", .reason = "x"}};
  run.stages = {{.use = "extract",
                 .drop_reasons = {"no_match"},
                 .books = {.records_in = 456, .records_out = 440, .dropped = {16}}},
                {.use = "group", .books = {.records_in = 440, .records_out = 440}}};
  TableColumn level = {.name = "level", .type = Type::kText};
  TableColumn count = {.name = "count", .type = Type::kInt};
  level.add_text("ERROR");
  level.add_text("WARN");
  count.add_int(12);
  count.add_int(3);
  run.tables = {{.name = "by level", .stage = 1, .columns = {level, count}, .key_columns = 1}};
  EXPECT_EQ(results_json(run), R"({"job": "slow \"requests\"",
 "inputs": {"files": 2, "bytes": 123, "records": 456, "bad_records": 2, "bad_files": 1},
 "stages": [
  {"use": "extract", "records_in": 456, "records_out": 440, "dropped": {"no_match": 16}},
  {"use": "group", "records_in": 440, "records_out": 440, "dropped": {}}],
 "tables": [
  {"name": "by level", "stage": 1, "row_count": 2, "key_columns": 1, "columns": [{"name": "level", "type": "text"}, {"name": "count", "type": "int"}], "rows": [
    ["ERROR", 12],
    ["WARN", 3]]}]}
)");
}

TEST(ResultsJson, CountersAndRejectsOfStagesHaveNames) {
  RunDescription run;
  run.stages = {{.use = "split",
                 .drop_reasons = {"empty"},
                 .counters = {"overflow", "other"},
                 .books = {.records_in = 5,
                           .records_out = 9,
                           .dropped = {0},
                           .rejected = 1,
                           .made = 5,
                           .counts = {7, 0}}}};
  EXPECT_THAT(results_json(run), HasSubstr(R"("dropped": {"empty": 0}, "rejected": 1, "made": 5, )"
                                           R"("counters": {"overflow": 7, "other": 0}})"));
}

TEST(ResultsJson, IntegersKeepAllDigits) {
  TableColumn column = {.name = "sum", .type = Type::kInt};
  column.add_int((Int128{1} << 126) + 1);
  column.add_int(-(Int128{1} << 126));
  column.add_int(std::numeric_limits<int64_t>::min());
  EXPECT_THAT(results_json(one_table(column)),
              HasSubstr("[85070591730234615865843651857942052865],\n"
                        "    [-85070591730234615865843651857942052864],\n"
                        "    [-9223372036854775808]"));
}

TEST(ResultsJson, FloatsReadBackAsTheSameDouble) {
  TableColumn column = {.name = "x", .type = Type::kFloat};
  for (const double value :
       {0.1, 1e300, 5.0, 0.1 + 0.2, -0.0, std::numeric_limits<double>::denorm_min(),
        std::numeric_limits<double>::quiet_NaN(), -std::numeric_limits<double>::infinity()}) {
    column.add_float(value);
  }
  const std::string json = results_json(one_table(column));
  EXPECT_THAT(json, HasSubstr("[0.1],"));
  EXPECT_THAT(json, HasSubstr("[5.0],"));
  EXPECT_THAT(json, HasSubstr("[0.30000000000000004],"));
  EXPECT_THAT(json, HasSubstr("5e-324"));
  EXPECT_THAT(json, HasSubstr("[\"NaN\"],"));
  EXPECT_THAT(json, HasSubstr("[\"-Infinity\"]"));
}

TEST(ResultsJson, TimesAreIsoTextAndNullsAreNull) {
  TableColumn column = {.name = "when", .type = Type::kTime};
  column.add_int(0);
  column.add_int(1500000000);
  column.add_null();
  EXPECT_THAT(results_json(one_table(column)),
              HasSubstr("[\"1970-01-01T00:00:00Z\"],\n    [\"1970-01-01T00:00:01.500Z\"],\n    "
                        "[null]"));
}

TEST(ResultsJson, TextThatIsNotUtf8IsBase64) {
  TableColumn column = {.name = "t", .type = Type::kText};
  column.add_text("\xff");
  column.add_text("h\xc3\xa9\n");
  EXPECT_THAT(results_json(one_table(column)),
              HasSubstr("[{\"base64\":\"/w==\"}],\n    [\"h\xc3\xa9\\n\"]"));
}

TEST(ResultsJson, ApproximateColumnsCarryTheirError) {
  TableColumn column = {.name = "p50", .type = Type::kFloat, .error = "0.5% relative"};
  EXPECT_THAT(results_json(one_table(column)),
              HasSubstr(R"({"name": "p50", "type": "float", "error": "0.5% relative"})"));
}

TEST(ResultsJson, LargeTablesShowTheirFirstRowsAndSayHowManyThereAre) {
  TableColumn column = {.name = "n", .type = Type::kInt};
  for (int i = 0; i < 50; ++i) column.add_int(i);
  RunDescription run = one_table(column);
  run.rows_in_report = 3;
  const std::string json = results_json(run);
  EXPECT_THAT(json, HasSubstr("\"row_count\": 50"));
  EXPECT_THAT(json, HasSubstr("[2]]}"));
  EXPECT_THAT(json, Not(HasSubstr("[3]")));
}

TEST(ResultsJson, BadValuesAreCountedByColumn) {
  RunDescription run;
  run.bad_values = {{.column = "ms", .count = 3, .examples = {"fast", "\x01"}}};
  EXPECT_THAT(results_json(run), HasSubstr("\"bad_values\": [\n  {\"column\": \"ms\", \"count\": "
                                           "3, \"examples\": [\"fast\", \"\\u0001\"]}]}\n"));
}

TEST(ResultsJson, HowTheRunWentDoesNotShow) {
  RunDescription run = one_table({.name = "n", .type = Type::kInt});
  const std::string before = results_json(run);
  run.ranks.resize(7);
  run.seconds.total = 5;
  run.units = 99;
  run.run_dir = "elsewhere";
  run.started_utc = "2026-01-01T00:00:00Z";
  run.disk_bytes = 12;
  EXPECT_EQ(results_json(run), before);
}

}  // namespace
}  // namespace shardmill
