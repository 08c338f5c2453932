// The stage that docs/adding-a-stage.md shows: its code is compiled from the page.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/stage_runner.h"

namespace shardmill {

StageSpec stage_reverse_text();

namespace {

using testing::ElementsAre;

TEST(StageGuide, TheStageOfThePageDoesWhatThePageSays) {
  const StageSpec spec = stage_reverse_text();
  const StageRun run =
      run_stage(spec, {{"column", "line"}}, {text_column("line", {"abc", "", std::nullopt})});
  EXPECT_THAT(run.records, ElementsAre("line=\"cba\"", "line=\"\""));
  EXPECT_EQ(run.dropped(spec, "null"), 1u);
}

}  // namespace
}  // namespace shardmill
