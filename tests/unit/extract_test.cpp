#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/stage_runner.h"

namespace shardmill {

StageSpec stage_extract();

namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(Extract, TurnsNamedGroupsIntoTypedColumnsInPlaceOfTheSource) {
  const StageSpec spec = stage_extract();
  const StageRun run = run_stage_on_lines(
      spec,
      {{"pattern", R"(at=(?P<at>\S+) s=(?P<s>\d+) f=(?P<f>\S+) ok=(?P<ok>\w+) (?P<rest>.*))"},
       {"types", TextMap{{"at", "time"}, {"s", "int"}, {"f", "float"}, {"ok", "bool"}}}},
      {"x at=2026-01-31 s=12 f=1.5 ok=true a b", "nothing", "at=x s=1 f=- ok=no "});
  EXPECT_THAT(run.columns, ElementsAre("at", "s", "f", "ok", "rest"));
  EXPECT_THAT(run.types,
              ElementsAre(Type::kTime, Type::kInt, Type::kFloat, Type::kBool, Type::kText));
  EXPECT_THAT(run.records, ElementsAre("at=2026-01-31T00:00:00Z s=12 f=1.5 ok=true rest=\"a b\"",
                                       "at=null s=1 f=null ok=null rest=\"\""));
  EXPECT_EQ(run.dropped(spec, "no_match"), 1u);
  EXPECT_EQ(run.count(spec, "bad_value"), 3u);
  EXPECT_THAT(run.bad_values, ElementsAre("47 at: x", "47 f: -", "47 ok: no"));
}

TEST(Extract, AGroupThatTookNoPartIsNullAndNotCounted) {
  const StageSpec spec = stage_extract();
  const StageRun run =
      run_stage_on_lines(spec, {{"pattern", "a(?P<x>b)?(?P<y>c?)"}, {"keep", true}}, {"ab", "a"});
  EXPECT_THAT(run.records, ElementsAre("line=\"ab\" x=\"b\" y=\"\"", "line=\"a\" x=null y=\"\""));
  EXPECT_EQ(run.count(spec, "bad_value"), 0u);
}

TEST(Extract, DropsNullsApart) {
  const StageSpec spec = stage_extract();
  const StageRun run =
      run_stage(spec, {{"pattern", "(?P<x>.)"}, {"column", "t"}},
                {text_column("t", {"a", std::nullopt, ""}), int_column("n", {1, 2, 3})});
  EXPECT_THAT(run.records, ElementsAre("n=1 x=\"a\""));
  EXPECT_EQ(run.dropped(spec, "null"), 1u);
  EXPECT_EQ(run.dropped(spec, "no_match"), 1u);
}

TEST(Extract, DoesNotReadGroupsThatNoLaterStageUses) {
  const StageSpec spec = stage_extract();
  const StageRun run =
      run_stage_on_lines(spec, {{"pattern", "(?P<x>.)(?P<y>.)"}, {"types", TextMap{{"x", "int"}}}},
                         {"ab", "1b"}, {.used_later = std::vector<std::string>{"y"}});
  EXPECT_THAT(run.records, ElementsAre("y=\"b\"", "y=\"b\""));
  EXPECT_EQ(run.count(spec, "bad_value"), 0u);
}

TEST(Extract, GivesTheSameForAnySizeOfBatch) {
  const StageSpec spec = stage_extract();
  std::vector<std::string> lines;
  for (int i = 0; i < 500; ++i) {
    lines.push_back(i % 3 == 0 ? "none" : "k=" + std::to_string(i) + (i % 5 == 0 ? "x" : ""));
  }
  const StageSettings settings = {{"pattern", "k=(?P<k>.*)"}, {"types", TextMap{{"k", "int"}}}};
  const StageRun whole = run_stage_on_lines(spec, settings, lines);
  EXPECT_EQ(whole.records.size(), 333u);
  for (const size_t rows : {1, 7, 64}) {
    const StageRun run = run_stage_on_lines(spec, settings, lines, {.batch_rows = rows});
    EXPECT_EQ(run.records, whole.records);
    EXPECT_EQ(run.bad_values, whole.bad_values);
  }
}

TEST(Extract, RejectsARecordOnWhichThePatternTakesTooManySteps) {
  const StageSpec spec = stage_extract();
  const StageRun run = run_stage_on_lines(spec, {{"pattern", "^(?P<x>(a+)+)$"}},
                                          {"aa", std::string(60, 'a') + "b", "b"});
  EXPECT_THAT(run.records, ElementsAre("x=\"aa\""));
  EXPECT_EQ(run.books.rejected, 1u);
  EXPECT_THAT(run.rejects, ElementsAre(HasSubstr("3: matching took more than 1,000,000 steps")));
}

TEST(Extract, SaysWhatIsWrongWithItsOptions) {
  const StageSpec spec = stage_extract();
  const auto problems = [&](const StageSettings& settings) {
    return run_stage_on_lines(spec, settings, {"a"}).problems;
  };
  EXPECT_THAT(problems({{"pattern", "a[b"}}),
              ElementsAre("pattern \"a[b\" is wrong at character 4 (missing terminating ] for "
                          "character class), expected a PCRE2 pattern over bytes; put a backslash "
                          "before a character that stands for itself"));
  EXPECT_THAT(problems({{"pattern", "a(b)"}}),
              ElementsAre("pattern \"a(b)\" has no named group, expected one for each column to "
                          "make; write (?P<name>...) around what should become a column"));
  EXPECT_THAT(
      problems({{"pattern", "(?P<status>.)"}, {"types", TextMap{{"statu", "number"}}}}),
      ElementsAre("types names \"statu\", which is no group of the pattern, expected one of "
                  "status; did you mean \"status\"?",
                  "type \"number\" of \"statu\", expected text, int, float, bool or time"));
  EXPECT_THAT(problems({{"pattern", "(?P<line>.)"}, {"keep", true}}),
              ElementsAre("column \"line\" exists already, expected a new name; choose another "
                          "name or set replace = true"));
  EXPECT_THAT(problems({{"pattern", "(?P<line>.)"}}), ElementsAre());
}

}  // namespace
}  // namespace shardmill
