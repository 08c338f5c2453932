// Patterns that can match one text in very many ways: wherever a job gives a pattern, the records
// on which it explodes are rejected with the same message, and the others go on.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "tests/support/stage_runner.h"

namespace shardmill {

StageSpec stage_derive();
StageSpec stage_drop();
StageSpec stage_extract();
StageSpec stage_grep();
StageSpec stage_keep();
StageSpec stage_replace();

namespace {

using testing::ElementsAre;

struct Place {
  std::string name;
  StageSpec spec;
  std::function<StageSettings(const std::string& pattern)> settings;
};

using Texts = std::vector<std::string>;

std::vector<Place> places() {
  return {
      {"grep", stage_grep(),
       [](const std::string& p) -> StageSettings {
         return {{"patterns", Texts{p}}};
       }},
      {"grep_invert", stage_grep(),
       [](const std::string& p) -> StageSettings {
         return {{"patterns", Texts{p}}, {"invert", true}};
       }},
      {"extract", stage_extract(),
       [](const std::string& p) -> StageSettings {
         return {{"pattern", "(?P<x>" + p + ")"}};
       }},
      {"replace", stage_replace(),
       [](const std::string& p) -> StageSettings {
         return {{"pattern", p}, {"with", "-"}};
       }},
      {"keep_matches", stage_keep(),
       [](const std::string& p) -> StageSettings {
         return {{"where", "matches(line, '" + p + "')"}};
       }},
      {"drop_matches", stage_drop(),
       [](const std::string& p) -> StageSettings {
         return {{"where", "matches(line, '" + p + "')"}};
       }},
      {"derive_matches", stage_derive(),
       [](const std::string& p) -> StageSettings {
         return {{"columns", TextMap{{"x", "matches(line, '" + p + "')"}}}};
       }},
  };
}

class Exploding : public testing::TestWithParam<Place> {};

TEST_P(Exploding, PatternRejectsTheRecordWithAMessage) {
  const std::string reason =
      "matching took more than 1,000,000 steps, expected less; write the pattern so that it cannot "
      "match one text in many ways";
  for (const char* pattern : {"^(a+)+$", "^(a|aa)+$", "^(a|a)*$", "^(.*a){20}$", "^(\\w+\\s?)*$"}) {
    SCOPED_TRACE(pattern);
    const StageRun run = run_stage_on_lines(
        GetParam().spec, GetParam().settings(pattern),
        {"aa", std::string(60, 'a') + "!", "b!", std::string(1 << 20, 'a') + "!"});
    EXPECT_THAT(run.problems, ElementsAre());
    EXPECT_EQ(run.books.records_in, 4u);
    EXPECT_EQ(run.books.rejected, 2u);
    EXPECT_THAT(run.rejects, ElementsAre("3: " + reason, "68: " + reason));
  }
}

INSTANTIATE_TEST_SUITE_P(Everywhere, Exploding, testing::ValuesIn(places()),
                         [](const auto& tested) { return tested.param.name; });

}  // namespace
}  // namespace shardmill
