#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/stage_runner.h"

namespace shardmill {

StageSpec stage_select();

namespace {

using testing::ElementsAre;

using Names = std::vector<std::string>;

std::vector<TestColumn> three_columns() {
  return {int_column("a", {1}), text_column("b", {"x"}), float_column("c", {2.5})};
}

TEST(Select, ChoosesOrdersAndRenames) {
  const StageSpec spec = stage_select();
  const StageRun run =
      run_stage(spec, {{"columns", Names{"c", "new name = a", "again=b = b"}}}, three_columns());
  EXPECT_THAT(run.columns, ElementsAre("c", "new name", "again=b"));
  EXPECT_THAT(run.types, ElementsAre(Type::kFloat, Type::kInt, Type::kText));
  EXPECT_THAT(run.records, ElementsAre("c=2.5 new name=1 again=b=\"x\""));
}

TEST(Select, RenamesInPlaceBeforeItChooses) {
  const StageSpec spec = stage_select();
  const StageRun swapped =
      run_stage(spec, {{"rename", TextMap{{"b", "a"}, {"a", "b"}}}}, three_columns());
  EXPECT_THAT(swapped.records, ElementsAre("b=1 a=\"x\" c=2.5"));
  const StageRun both = run_stage(
      spec, {{"rename", TextMap{{"z", "a"}}}, {"columns", Names{"c", "z"}}}, three_columns());
  EXPECT_THAT(both.records, ElementsAre("c=2.5 z=1"));
}

TEST(Select, DoesNotMakeAColumnRead) {
  const StageSpec spec = stage_select();
  const StageRun run =
      run_stage(spec, {{"columns", Names{"a", "b"}}}, three_columns(), {.used_later = Names{"b"}});
  EXPECT_THAT(run.records, ElementsAre("b=\"x\""));
}

TEST(Select, MakesTheOffsetAColumn) {
  const StageSpec spec = stage_select();
  const StageRun run =
      run_stage_on_lines(spec, {{"columns", Names{"at = $offset", "line"}}}, {"ab", "c"});
  EXPECT_THAT(run.records, ElementsAre("at=0 line=\"ab\"", "at=3 line=\"c\""));
}

TEST(Select, SaysWhatIsWrongWithItsOptions) {
  const StageSpec spec = stage_select();
  const auto problems = [&](const StageSettings& settings) {
    return run_stage(spec, settings, three_columns()).problems;
  };
  EXPECT_THAT(problems({}), ElementsAre("neither columns nor rename is given, expected at least "
                                        "one of them; write columns = [\"a\", \"new = b\"]"));
  EXPECT_THAT(problems({{"columns", Names{}}}),
              ElementsAre("columns is empty, expected at least one column; write columns = [\"a\", "
                          "\"new = b\"]"));
  EXPECT_THAT(problems({{"columns", Names{"d", "a"}}}),
              ElementsAre("there is no column \"d\" here, expected one of a, b, c; a column that "
                          "the samples do not show must be named in input.types"));
  EXPECT_THAT(problems({{"columns", Names{"a", "a = b"}}}),
              ElementsAre("column \"a\" is there twice, expected every name once; give one of "
                          "them a new name: \"new = old\""));
  EXPECT_THAT(problems({{"rename", TextMap{{"c", "a"}}}}),
              ElementsAre("column \"c\" is there twice, expected every name once; give one of "
                          "them a new name: \"new = old\""));
}

}  // namespace
}  // namespace shardmill
