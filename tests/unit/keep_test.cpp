#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/stage_runner.h"

namespace shardmill {

StageSpec stage_keep();
StageSpec stage_drop();

namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(Keep, PassesOnOnlyWhatIsTrueAndCountsTheRestByReason) {
  const StageSpec spec = stage_keep();
  const StageRun run = run_stage(spec, {{"where", "n > 1"}},
                                 {int_column("n", {1, 2, std::nullopt, 3, std::nullopt})});
  EXPECT_THAT(run.records, ElementsAre("n=2", "n=3"));
  EXPECT_EQ(run.dropped(spec, "not_true"), 1u);
  EXPECT_EQ(run.dropped(spec, "null"), 2u);
}

TEST(Drop, TakesOutOnlyWhatIsTrue) {
  const StageSpec spec = stage_drop();
  const StageRun run =
      run_stage(spec, {{"where", "n > 1"}}, {int_column("n", {1, 2, std::nullopt, 3})});
  EXPECT_THAT(run.records, ElementsAre("n=1", "n=null"));
  EXPECT_EQ(run.dropped(spec, "true"), 2u);
}

TEST(Keep, GivesTheSameForAnySizeOfBatchAndAnySelectionBefore) {
  std::vector<std::optional<int64_t>> n;
  std::vector<std::optional<std::string>> t;
  for (int64_t i = 0; i < 5000; ++i) {
    n.push_back(i % 13 == 0 ? std::nullopt : std::optional<int64_t>(i % 100));
    t.push_back(i % 7 == 0 ? std::nullopt
                           : std::optional<std::string>("t" + std::to_string(i % 5)));
  }
  const std::vector<TestColumn> columns = {int_column("n", n), text_column("t", t)};
  const StageSpec spec = stage_keep();
  for (const size_t every : {1, 3}) {
    StageRunLayout layout = {.batch_rows = 5000, .every = every};
    const StageSettings where = {
        {"where", "(n >= 50 and t != 't3') or if(t is null, n * n, n) % 7 == 1"}};
    const StageRun whole = run_stage(spec, where, columns, layout);
    EXPECT_GT(whole.records.size(), 100u);
    for (const size_t rows : {1, 7, 1023, 1024, 1025}) {
      layout.batch_rows = rows;
      const StageRun run = run_stage(spec, where, columns, layout);
      EXPECT_EQ(run.records, whole.records) << rows;
      EXPECT_EQ(run.books.dropped, whole.books.dropped) << rows;
    }
  }
}

TEST(Keep, ReportsEveryMistakeWithItsPlaceInTheExpression) {
  const StageSpec spec = stage_keep();
  const std::vector<TestColumn> columns = {int_column("status", {1}), text_column("path", {"a"})};
  const auto problems = [&](const char* where) {
    return run_stage(spec, {{"where", where}}, columns).problems;
  };
  EXPECT_THAT(problems("status >= and 1"),
              ElementsAre("where (character 11): \"and\", expected a column, a number, a 'text' or "
                          "a function"));
  EXPECT_THAT(
      problems("statsu > 1 and pth == 'a'"),
      ElementsAre("where (character 1): there is no column \"statsu\" here, expected one of "
                  "status, path; did you mean \"status\"?",
                  "where (character 16): there is no column \"pth\" here, expected one of "
                  "status, path; did you mean \"path\"?"));
  EXPECT_THAT(problems("status == '200'"),
              ElementsAre("where (character 8): a comparison of int with text, expected two values "
                          "of one type; write numbers without quotes"));
  EXPECT_THAT(problems("status + 1"),
              ElementsAre("where (character 8): the whole is int, expected bool; compare it with "
                          "something"));
}

TEST(Keep, RejectsARecordOnWhichAPatternTakesTooManySteps) {
  const StageSpec spec = stage_keep();
  const StageRun run =
      run_stage_on_lines(spec, {{"where", "not matches(line, '^(a+)+$')"}},
                         {"b", std::string(60, 'a') + "b", "aa", std::string(60, 'a') + "c"});
  EXPECT_THAT(run.records, ElementsAre("line=\"b\""));
  EXPECT_EQ(run.books.rejected, 2u);
  ASSERT_EQ(run.rejects.size(), 2u);
  EXPECT_THAT(run.rejects[0], HasSubstr("2: matching took more than 1,000,000 steps"));
  EXPECT_EQ(run.dropped(spec, "not_true"), 1u);
}

TEST(Keep, DoesNotRejectWhereThePatternDoesNotMatter) {
  const StageSpec spec = stage_keep();
  const StageRun run =
      run_stage_on_lines(spec, {{"where", "starts_with(line, 'a') or matches(line, '^(a+)+$')"}},
                         {"b", std::string(60, 'a') + "b"});
  EXPECT_EQ(run.books.rejected, 0u);
  EXPECT_EQ(run.records.size(), 1u);
}

TEST(Keep, CountsOverflowsOncePerRecordThatNeedsTheValue) {
  const StageSpec spec = stage_keep();
  const StageRun run =
      run_stage(spec, {{"where", "n < 10 or n * 4611686018427387904 > 0"}},
                {int_column("n", {1, 9, 10, 11, std::nullopt})}, {.batch_rows = 2});
  EXPECT_THAT(run.records, ElementsAre("n=1", "n=9"));
  EXPECT_EQ(run.count(spec, "int_overflow"), 2u);
  EXPECT_EQ(run.dropped(spec, "null"), 3u);
}

}  // namespace
}  // namespace shardmill
