#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/stage_runner.h"

namespace shardmill {

StageSpec stage_derive();

namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const std::vector<TestColumn>& some_columns() {
  static const std::vector<TestColumn> columns = {int_column("n", {1, 2, std::nullopt, INT64_MAX}),
                                                  text_column("t", {"a", "B c", "", std::nullopt})};
  return columns;
}

TEST(Derive, MakesColumnsOfEveryTypeThatSeeTheOnesBefore) {
  const StageRun run = run_stage(stage_derive(),
                                 {{"columns", TextMap{{"double", "n / 2"},
                                                      {"up", "upper(t)"},
                                                      {"big", "double > 0.75"},
                                                      {"day", "time('2026-01-31')"},
                                                      {"more", "len(up) + n"}}}},
                                 some_columns());
  EXPECT_THAT(run.columns, ElementsAre("n", "t", "double", "up", "big", "day", "more"));
  EXPECT_THAT(run.types, ElementsAre(Type::kInt, Type::kText, Type::kFloat, Type::kText,
                                     Type::kBool, Type::kTime, Type::kInt));
  EXPECT_THAT(
      run.records,
      ElementsAre("n=1 t=\"a\" double=0.5 up=\"A\" big=false day=2026-01-31T00:00:00Z more=2",
                  "n=2 t=\"B c\" double=1 up=\"B C\" big=true day=2026-01-31T00:00:00Z more=5",
                  "n=null t=\"\" double=null up=\"\" big=null day=2026-01-31T00:00:00Z more=null",
                  "n=9223372036854775807 t=null double=4.611686018427388e18 up=null big=true "
                  "day=2026-01-31T00:00:00Z more=null"));
}

TEST(Derive, AReplacedColumnKeepsItsPlaceAndItsExpressionSeesTheOldValue) {
  const StageRun run = run_stage(
      stage_derive(), {{"columns", TextMap{{"n", "n + 1"}, {"m", "n * 10"}}}, {"replace", true}},
      some_columns());
  EXPECT_THAT(run.columns, ElementsAre("n", "t", "m"));
  EXPECT_THAT(run.records, ElementsAre("n=2 t=\"a\" m=20", "n=3 t=\"B c\" m=30",
                                       "n=null t=\"\" m=null", "n=null t=null m=null"));
}

TEST(Derive, CountsWhatBecameNullOncePerRecord) {
  const StageSpec spec = stage_derive();
  const StageRun run =
      run_stage(spec, {{"columns", TextMap{{"n2", "n + 1"}, {"at", "time(t)"}}}}, some_columns());
  EXPECT_EQ(run.count(spec, "int_overflow"), 1u);
  EXPECT_EQ(run.count(spec, "bad_time"), 3u);
}

TEST(Derive, DoesNotComputeWhatNoLaterStageReads) {
  const StageSpec spec = stage_derive();
  const StageSettings settings = {{"columns", TextMap{{"a", "n + 1"}, {"b", "n"}}}};
  const StageRun run =
      run_stage(spec, settings, some_columns(), {.used_later = std::vector<std::string>{"b"}});
  EXPECT_THAT(run.records, ElementsAre("n=1 b=1", "n=2 b=2", "n=null b=null",
                                       "n=9223372036854775807 b=9223372036854775807"));
  EXPECT_EQ(run.count(spec, "int_overflow"), 0u);
}

TEST(Derive, GivesTheSameForAnySizeOfBatchAndAnySelectionBefore) {
  std::vector<std::optional<int64_t>> n;
  for (int64_t i = 0; i < 3000; ++i) {
    n.push_back(i % 13 == 0 ? std::nullopt : std::optional<int64_t>(i));
  }
  const StageSettings settings = {
      {"columns", TextMap{{"a", "n % 7"}, {"b", "if(a is null, 'none', 'some')"}}}};
  for (const size_t every : {1, 3}) {
    StageRunLayout layout = {.batch_rows = 3000, .every = every};
    const StageRun whole = run_stage(stage_derive(), settings, {int_column("n", n)}, layout);
    EXPECT_EQ(whole.records.size(), 3000 / every);
    for (const size_t rows : {3, 999, 1026}) {
      layout.batch_rows = rows;
      EXPECT_EQ(run_stage(stage_derive(), settings, {int_column("n", n)}, layout).records,
                whole.records);
    }
  }
}

TEST(Derive, RejectsARecordOnWhichAPatternTakesTooManySteps) {
  const StageRun run = run_stage_on_lines(
      stage_derive(), {{"columns", TextMap{{"x", "matches(line, '^(a+)+$')"}, {"y", "not x"}}}},
      {"aa", std::string(60, 'a') + "b", "b"});
  EXPECT_THAT(run.records, ElementsAre("line=\"aa\" x=true y=false", "line=\"b\" x=false y=true"));
  EXPECT_EQ(run.books.rejected, 1u);
  EXPECT_THAT(run.rejects, ElementsAre(HasSubstr("3: matching took more than 1,000,000 steps")));
}

TEST(Derive, SaysWhatIsWrongWithItsOptions) {
  const auto problems = [](const TextMap& columns) {
    return run_stage(stage_derive(), {{"columns", columns}}, some_columns()).problems;
  };
  EXPECT_THAT(problems({}),
              ElementsAre("columns is an empty table, expected at least one new column; write "
                          "columns = { seconds = \"ms / 1000\" }"));
  EXPECT_THAT(problems({{"x", "n +"}, {"y", "lenn(t)"}}),
              ElementsAre("columns.x (character 4): the end, expected a column, a number, a "
                          "'text' or a function",
                          HasSubstr("columns.y (character 1): ")));
  EXPECT_THAT(problems({{"x", "m"}}),
              ElementsAre("columns.x (character 1): there is no column \"m\" here, expected one of "
                          "n, t; write text in single quotes, 'like this', and odd column names in "
                          "`backquotes`"));
  EXPECT_THAT(problems({{"n", "n + 1"}}),
              ElementsAre("column \"n\" exists already, expected a new name; choose another name "
                          "or set replace = true"));
  EXPECT_THAT(problems({{"x", "null"}}),
              ElementsAre("columns.x is null, which has no type, expected a value; write "
                          "if(false, 0, null) for a column of ints without values"));
  EXPECT_THAT(problems({{"$file", "n"}}),
              ElementsAre("a new column with the name \"$file\", expected a name of at least one "
                          "byte that does not begin with $"));
}

}  // namespace
}  // namespace shardmill
