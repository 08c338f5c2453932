// docs/semantics.md: every sentence names the tests that hold it, and they exist. Here are those
// that no stage's own tests hold.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <regex>
#include <set>
#include <sstream>
#include <string>

#include "pipeline/formats/numbers.h"
#include "pipeline/run/in_memory.h"
#include "stages/support/expression_time.h"
#include "stages/support/regex.h"
#include "tests/support/files.h"
#include "tests/support/stage_runner.h"

namespace shardmill {

StageSpec stage_drop();
StageSpec stage_extract();
StageSpec stage_grep();
StageSpec stage_keep();
StageSpec stage_select();
StageSpec stage_split();

namespace {

using testing::ElementsAre;

std::set<std::string> all_test_names() {
  const std::regex declaration(R"(TEST(_F|_P)?\(\s*(\w+),\s*(\w+)\))");
  std::set<std::string> names;
  const std::filesystem::path tests = std::filesystem::path(SHARDMILL_SOURCE_DIR) / "tests";
  for (const auto& entry : std::filesystem::recursive_directory_iterator(tests)) {
    if (entry.path().extension() != ".cpp") continue;
    const std::string text = read_file(entry.path());
    for (std::sregex_iterator at(text.begin(), text.end(), declaration), end; at != end; ++at) {
      names.insert((*at)[2].str() + "." + (*at)[3].str());
    }
  }
  return names;
}

TEST(Semantics, EverySentenceIsHeldByATestThatExists) {
  const std::set<std::string> tests = all_test_names();
  std::istringstream page(
      read_file(std::filesystem::path(SHARDMILL_SOURCE_DIR) / "docs/semantics.md"));
  const std::regex held(R"(^- .* <!-- ([\w. ]+) -->$)");
  size_t sentences = 0;
  for (std::string line; std::getline(page, line);) {
    if (!line.starts_with("- ")) continue;
    std::smatch match;
    ASSERT_TRUE(std::regex_match(line, match, held)) << line;
    std::istringstream names(match[1].str());
    for (std::string name; names >> name;) EXPECT_TRUE(tests.contains(name)) << name;
    ++sentences;
  }
  EXPECT_GT(sentences, 30u);
}

TEST(Semantics, WholeCentsAddUpToTheLastDigit) {
  Problems problems;
  const Job job = parse_job(R"toml(
[input]
paths = "prices.csv"
[[stage]]
use = "derive"
columns = { cents = "int(round(price * 100))" }
[[stage]]
use = "group"
compute = ["sum(price)", "sum(cents)"]
)toml",
                            "job.toml", {}, problems);
  const auto run = run_in_memory(job, "price\n0.01\n0.01\n0.07\n", problems);
  ASSERT_TRUE(run.is_ok()) << run.status().message();
  EXPECT_EQ(table_rows_json(run->tables[0]), "[[0.09000000000000001,9]]");
}

TEST(Semantics, ADotIsNoNewline) {
  Message problem;
  const auto pattern = Pattern::compile("a.b", {}, "pattern", problem);
  ASSERT_NE(pattern, nullptr);
  PatternMatch match(*pattern);
  EXPECT_EQ(match.find("a\nb"), PatternMatch::Found::kNo);
  EXPECT_EQ(match.find("a\rb"), PatternMatch::Found::kYes);
}

TEST(Semantics, CalendarPartsAreThoseOfEveryDay) {
  const int days_in[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  int64_t days = *days_since_1970(1678, 1, 1);
  for (int64_t year = 1678; year < 2262; ++year) {
    const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    for (int month = 1; month <= 12; ++month) {
      for (int day = 1; day <= days_in[month - 1] + (month == 2 && leap ? 1 : 0); ++day, ++days) {
        ASSERT_EQ(days_since_1970(year, month, day), days);
        const CalendarTime time = calendar_time(days * kNanosecondsPerDay + 86'399'999'999'999);
        ASSERT_EQ(time.year, year);
        ASSERT_EQ(time.month, month);
        ASSERT_EQ(time.day, day);
        ASSERT_EQ(time.hour, 23);
      }
    }
  }
  EXPECT_FALSE(days_since_1970(2026, 2, 29));
  EXPECT_FALSE(days_since_1970(2026, 13, 1));
}

TEST(Semantics, ReplaceTakesTheColumnsPlace) {
  const StageRun run =
      run_stage(stage_split(), {{"column", "b"}, {"into", "a"}, {"replace", true}},
                {int_column("a", {1}), text_column("b", {"x y"}), int_column("c", {3})});
  EXPECT_THAT(run.columns, ElementsAre("a", "c"));
  EXPECT_THAT(run.records, ElementsAre("a=\"x\" c=3", "a=\"y\" c=3"));
}

/// run_stage itself fails where the books do not balance.
TEST(Semantics, TheBooksOfEveryStageBalance) {
  const std::vector<TestColumn> columns = {
      text_column("t", {"a b", "", std::nullopt, "s=1 x", "s=y"}),
      int_column("n", {1, 2, std::nullopt, 4, 5})};
  EXPECT_EQ(run_stage(stage_keep(), {{"where", "n > 2"}}, columns).records.size(), 2u);
  EXPECT_EQ(run_stage(stage_drop(), {{"where", "n > 2"}}, columns).records.size(), 3u);
  EXPECT_EQ(run_stage(stage_split(), {{"column", "t"}, {"into", "w"}}, columns).records.size(), 5u);
  EXPECT_EQ(run_stage(stage_grep(), {{"column", "t"}, {"patterns", std::vector<std::string>{"s="}}},
                      columns)
                .records.size(),
            2u);
  EXPECT_EQ(run_stage(stage_extract(), {{"column", "t"}, {"pattern", "s=(?P<s>.)"}}, columns)
                .records.size(),
            2u);
  EXPECT_EQ(run_stage(stage_select(), {{"columns", std::vector<std::string>{"n"}}}, columns)
                .records.size(),
            5u);
}

}  // namespace
}  // namespace shardmill
