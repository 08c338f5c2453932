#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pipeline/run/in_memory.h"
#include "tests/support/stage_runner.h"

namespace shardmill {

StageSpec stage_replace();

namespace {

using testing::ElementsAre;

std::string replaced(const StageSettings& settings, const std::string& text) {
  const StageRun run = run_stage_on_lines(stage_replace(), settings, {text});
  return run.records.size() == 1 ? run.records[0] : "no record";
}

TEST(Replace, ReplacesEveryMatchFromTheLeft) {
  EXPECT_EQ(replaced({{"pattern", "a+"}, {"with", "<$0>"}}, "aabaac"), R"(line="<aa>b<aa>c")");
  EXPECT_EQ(replaced({{"pattern", "a"}}, "banana"), R"(line="bnn")");
  EXPECT_EQ(replaced({{"pattern", "(?P<k>\\w+)=(\\w*)"}, {"with", "${2}:${k}$$"}}, "a=1 b="),
            R"(line="1:a$ :b$")");
  EXPECT_EQ(replaced({{"pattern", "(x)|(y)"}, {"with", "[$1$2]"}}, "xy"), R"(line="[x][y]")");
}

TEST(Replace, EmptyMatchesAreReplacedBetweenCharacters) {
  EXPECT_EQ(replaced({{"pattern", "x*"}, {"with", "-"}}, "abxd"), R"(line="-a-b--d-")");
  EXPECT_EQ(replaced({{"pattern", ""}, {"with", "."}}, "aé€"), R"(line=".a.é.€.")");
  EXPECT_EQ(replaced({{"pattern", "x*"}, {"with", "-"}}, ""), R"(line="-")");
}

TEST(Replace, WhatWasReadBeforeStillCountsForAnchors) {
  EXPECT_EQ(replaced({{"pattern", "^a"}, {"with", "b"}}, "aaa"), R"(line="baa")");
  EXPECT_EQ(replaced({{"pattern", "\\ba"}, {"with", "b"}}, "aa aa"), R"(line="ba ba")");
  EXPECT_EQ(replaced({{"pattern", "(?<=a)a"}, {"with", "b"}}, "aaaa"), R"(line="abbb")");
}

TEST(Replace, FixedTextsAndCase) {
  EXPECT_EQ(replaced({{"pattern", "a.c"}, {"with", "$1"}, {"fixed", true}}, "abc a.c"),
            R"(line="abc $1")");
  EXPECT_EQ(replaced({{"pattern", "error"}, {"with", "!"}, {"ignore_case", true}}, "ERROR eRRor"),
            R"(line="! !")");
}

TEST(Replace, CountsChangedTextsAndLeavesNulls) {
  const StageSpec spec = stage_replace();
  const StageRun run = run_stage(spec, {{"pattern", "a"}, {"with", "b"}, {"column", "t"}},
                                 {text_column("t", {"aa", std::nullopt, "c"})});
  EXPECT_THAT(run.records, ElementsAre("t=\"bb\"", "t=null", "t=\"c\""));
  EXPECT_EQ(run.count(spec, "changed"), 1u);
}

TEST(Replace, ChangesTheColumnUnderOneOfItsNamesOnly) {
  Problems problems;
  const Job job = parse_job(
      "[input]\npaths = \"x.csv\"\n[[stage]]\nuse = \"select\"\ncolumns = [\"a\", \"b = a\"]\n"
      "[[stage]]\nuse = \"replace\"\ncolumn = \"b\"\npattern = \"x\"\nwith = \"y\"\n",
      "job.toml", {}, problems);
  const auto run = run_in_memory(job, "a\nxx\nz\n", problems);
  ASSERT_TRUE(run.is_ok()) << run.status().message();
  EXPECT_THAT(run->columns, ElementsAre("a", "b"));
  EXPECT_THAT(run->records, ElementsAre(R"({"a":"xx","b":"yy"})", R"({"a":"z","b":"z"})"));
}

TEST(Replace, RefusesColumnsThatAreNotOfTheRecords) {
  EXPECT_THAT(
      run_stage_on_lines(stage_replace(), {{"pattern", "x"}, {"column", "$file"}}, {"x"}).problems,
      ElementsAre("column \"$file\", which cannot be changed, expected a column of the records; "
                  "make a copy with derive first: columns = { file = \"$file\" }"));
}

TEST(Replace, RejectsTextsOnWhichMatchingExplodes) {
  const StageRun run = run_stage_on_lines(stage_replace(), {{"pattern", "(a+)+$"}, {"with", ""}},
                                          {std::string(40, 'a') + "b", "aa"});
  EXPECT_EQ(run.records, std::vector<std::string>{"line=\"\""});
  EXPECT_EQ(run.rejects.size(), 1u);
}

TEST(Replace, SaysWhichGroupsThereAre) {
  const auto problems = [](const char* with) {
    return run_stage_on_lines(stage_replace(), {{"pattern", "(?P<k>a)(b)"}, {"with", with}}, {"x"})
        .problems;
  };
  const std::string expected =
      ", which is no group of the pattern, expected $0 to $2, ${name}, or $$ for a dollar sign";
  for (const char* with : {"$3", "${x}", "$", "${", "$x", "$99999999999"}) {
    const auto found = problems(with);
    ASSERT_GE(found.size(), 1u) << with;
    EXPECT_THAT(found[0], testing::HasSubstr(expected)) << with;
  }
  EXPECT_THAT(problems("${k}$2$$").size(), 0u);
}

}  // namespace
}  // namespace shardmill
