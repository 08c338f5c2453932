#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>

#include "stages/support/pattern_set.h"
#include "tests/support/stage_runner.h"

namespace shardmill {

StageSpec stage_grep();

namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using Texts = std::vector<std::string>;

TEST(Grep, KeepsRecordsInWhichOneOfThePatternsOccurs) {
  const StageSpec spec = stage_grep();
  const StageRun run =
      run_stage_on_lines(spec, {{"patterns", Texts{"^b", "c$"}}}, {"ab", "bc", "xc", "bx", ""});
  EXPECT_THAT(run.records, ElementsAre("line=\"bc\"", "line=\"xc\"", "line=\"bx\""));
  EXPECT_EQ(run.dropped(spec, "no_match"), 2u);
}

TEST(Grep, InvertKeepsTheOthersAndDropsNullsAllTheSame) {
  const StageSpec spec = stage_grep();
  const StageRun run =
      run_stage(spec, {{"patterns", Texts{"a"}}, {"invert", true}, {"column", "t"}},
                {text_column("t", {"a", "b", std::nullopt, "ba"})});
  EXPECT_THAT(run.records, ElementsAre("t=\"b\""));
  EXPECT_EQ(run.dropped(spec, "match"), 2u);
  EXPECT_EQ(run.dropped(spec, "null"), 1u);
}

TEST(Grep, FixedTextsOfAnyNumberAndCaseEqualAPlainSearch) {
  const StageSpec spec = stage_grep();
  std::mt19937_64 random(17);
  const auto some = [&](size_t bytes) {
    std::string text;
    while (text.size() < bytes) text += "abAB(."[random() % 6];
    return text;
  };
  for (int round = 0; round < 60; ++round) {
    Texts lines;
    for (int i = 0; i < 60; ++i) lines.push_back(some(random() % 30));
    Texts patterns;
    const bool is_long_list = round % 3 == 0;
    for (size_t left = is_long_list ? 150 : 1 + random() % 5; left > 0; --left) {
      patterns.push_back(some(is_long_list ? 4 + random() % 5 : 1 + random() % 4));
    }
    const bool ignore_case = round % 2 == 0;
    std::vector<std::string> expected;
    for (const std::string& line : lines) {
      bool any = false;
      for (const std::string& pattern : patterns) {
        any = any || LiteralSearch(pattern, ignore_case).find_scalar(line) != LiteralSearch::kNone;
      }
      if (any) expected.push_back("line=\"" + line + "\"");
    }
    for (const size_t every : {1, 2}) {
      const StageRun run = run_stage_on_lines(
          spec, {{"patterns", patterns}, {"fixed", true}, {"ignore_case", ignore_case}}, lines,
          {.batch_rows = 13, .every = every});
      if (every == 1) {
        ASSERT_EQ(run.records, expected);
      } else {
        ASSERT_LE(run.records.size(), expected.size());
      }
    }
  }
}

TEST(Grep, ATextAcrossTwoLinesIsNotFound) {
  const StageSpec spec = stage_grep();
  for (const Texts& patterns : {Texts{"b\nc"}, Texts{"b\nc", "zz"}, Texts{"\n"}}) {
    const StageRun run =
        run_stage_on_lines(spec, {{"patterns", patterns}, {"fixed", true}}, {"ab", "cd", "b", "c"});
    EXPECT_EQ(run.records.size(), 0u);
  }
}

/// As with `fixed`, patterns without special characters, some whose text announces them, and some
/// of which nothing is known: any mixture of them equals matching one after the other.
TEST(Grep, ManyPatternsOfAllKindsEqualMatchingThemOneByOne) {
  const StageSpec spec = stage_grep();
  std::mt19937_64 random(5);
  const Texts kinds = {"abca", "bcd$", "^abc",     "a[bc]d+abb", "(?:x|abab)c", "b.c",
                       "cab+", "d{3}", "aab.*bba", "bcda|dcba",  "ABCD",        "\\Bcbc"};
  for (int round = 0; round < 40; ++round) {
    Texts lines;
    for (int i = 0; i < 50; ++i) {
      std::string line;
      for (size_t bytes = random() % 40; line.size() < bytes;) line += "abcdABx"[random() % 7];
      lines.push_back(line);
    }
    Texts patterns;
    for (size_t left = 1 + random() % 6; left > 0; --left) {
      patterns.push_back(kinds[random() % kinds.size()]);
    }
    const bool ignore_case = round % 2 == 0;
    std::vector<std::string> expected;
    for (const std::string& line : lines) {
      const bool any = std::any_of(patterns.begin(), patterns.end(), [&](const std::string& text) {
        Message problem;
        const auto pattern = Pattern::compile(text, {.ignore_case = ignore_case}, "", problem);
        return PatternMatch(*pattern).find(line) == PatternMatch::Found::kYes;
      });
      if (any) expected.push_back("line=\"" + line + "\"");
    }
    const StageRun run = run_stage_on_lines(
        spec, {{"patterns", patterns}, {"ignore_case", ignore_case}}, lines, {.batch_rows = 17});
    ASSERT_EQ(run.records, expected) << testing::PrintToString(patterns);
  }
}

TEST(Grep, TenThousandTextsEqualAPlainSearch) {
  const StageSpec spec = stage_grep();
  std::mt19937_64 random(9);
  const auto number = [&] { return std::to_string(100'000 + random() % 900'000); };
  Texts patterns;
  std::set<std::string> wanted;
  for (int i = 0; i < 10'000; ++i) {
    patterns.push_back("id=" + number() + ";");
    wanted.insert(patterns.back());
  }
  Texts lines;
  std::vector<std::string> expected;
  for (int i = 0; i < 3000; ++i) {
    const std::string id = "id=" + number() + ";";
    lines.push_back("x " + id + (i % 2 == 0 ? " y" : "") + (i % 7 == 0 ? id : ""));
    if (wanted.contains(id)) expected.push_back("line=\"" + lines.back() + "\"");
  }
  ASSERT_GT(expected.size(), 10u);
  for (const bool fixed : {true, false}) {
    const StageRun run =
        run_stage_on_lines(spec, {{"patterns", patterns}, {"fixed", fixed}}, lines);
    EXPECT_EQ(run.records, expected);
  }
}

/// Each of a few hundred texts announces a pattern.
TEST(Grep, HundredsOfPatternsWithSpecialCharactersEqualMatchingThemOneByOne) {
  const StageSpec spec = stage_grep();
  std::mt19937_64 random(31);
  Texts patterns;
  for (int i = 0; i < 300; ++i) {
    const std::string number = std::to_string(100 + random() % 900);
    patterns.push_back(i % 3 == 0 ? "^" + number + "x" : number + (i % 3 == 1 ? "[0-4]$" : ""));
  }
  Texts lines;
  for (int i = 0; i < 500; ++i) {
    std::string line = std::to_string(random() % 1'000'000);
    lines.push_back(i % 2 == 0 ? line : line.substr(0, 3) + "x");
  }
  std::vector<std::string> expected;
  for (const std::string& line : lines) {
    const bool any = std::any_of(patterns.begin(), patterns.end(), [&](const std::string& text) {
      Message problem;
      const auto pattern = Pattern::compile(text, {}, "", problem);
      return PatternMatch(*pattern).find(line) == PatternMatch::Found::kYes;
    });
    if (!any) expected.push_back("line=\"" + line + "\"");
  }
  ASSERT_GT(expected.size(), 50u);
  ASSERT_LT(expected.size(), 450u);
  const StageRun run = run_stage_on_lines(spec, {{"patterns", patterns}, {"invert", true}}, lines,
                                          {.batch_rows = 40});
  EXPECT_EQ(run.records, expected);
}

StageRun run_with_file(const std::string& content, const Texts& lines, StageSettings more = {}) {
  static const StageSpec spec = stage_grep();
  more.emplace_back("patterns_from", "p.txt");
  return run_stage_on_lines(spec, more, lines, {.contents = {{"patterns_from", content}}});
}

TEST(Grep, TakesAPatternFromEachLineOfAFile) {
  const Texts lines = {"one", "two", "three", "t\xff", "a b"};
  const auto kept = [&](const std::string& content, const StageSettings& more = {}) {
    return run_with_file(content, lines, more).records;
  };
  EXPECT_THAT(kept("one\nt.o\n"), ElementsAre("line=\"one\"", "line=\"two\""));
  EXPECT_THAT(kept("one\nt.o", {{"fixed", true}}), ElementsAre("line=\"one\""));
  EXPECT_THAT(kept("\xEF\xBB\xBFone\r\n\r\n\ntwo\r\n"), ElementsAre("line=\"one\"", "line=\"two\""))
      << "empty lines, CRs and a byte order mark are no patterns";
  EXPECT_THAT(kept(" \n"), ElementsAre("line=\"a b\"")) << "a space is one";
  EXPECT_THAT(kept("\xff\n").size(), 1u) << "patterns need not be UTF-8";
  EXPECT_THAT(kept("one\n", {{"patterns", Texts{"thr"}}}),
              ElementsAre("line=\"one\"", "line=\"three\""));
}

TEST(Grep, ATextOfAFileMayHoldANulByte) {
  const std::string content("a\0b\nc\0d", 7);
  const Texts lines = {std::string("xa\0b", 4), "ab", std::string("a\0c", 3)};
  EXPECT_EQ(run_with_file(content, lines).records.size(), 1u);
}

TEST(Grep, SaysWhatIsWrongInAFileOfPatterns) {
  EXPECT_THAT(run_with_file("\n\r\n", {"a"}).problems,
              ElementsAre("patterns_from \"p.txt\" has no pattern, expected one on each line; "
                          "empty lines do not count"));
  EXPECT_THAT(run_with_file("a\n\n(\n", {"a"}).problems,
              ElementsAre(HasSubstr("line 3 of patterns_from: pattern \"(\" is wrong at character "
                                    "2")));
  std::string wrong;
  for (int i = 0; i < 1000; ++i) wrong += "(" + std::to_string(i) + "\n";
  EXPECT_EQ(run_with_file(wrong, {"a"}).problems.size(), 5u) << "the first are enough";
}

TEST(Grep, WantsPatternsOfAtLeastOneByte) {
  const StageSpec spec = stage_grep();
  EXPECT_THAT(run_stage_on_lines(spec, {{"patterns", Texts{"x", ""}}}, {"a"}).problems,
              ElementsAre("a pattern is empty, so that it occurs in every record, expected at "
                          "least one byte; leave it out"));
  EXPECT_THAT(run_stage_on_lines(spec, {}, {"a"}).problems,
              ElementsAre("grep has neither patterns nor patterns_from, expected one of them; "
                          "write patterns = [\"ERROR\"]"));
}

TEST(Grep, AMatchOfAnotherPatternWinsOverALimit) {
  const StageSpec spec = stage_grep();
  const std::string slow = std::string(60, 'a') + "b";
  for (const Texts& patterns : {Texts{"^(a+)+$", "b"}, Texts{"b", "^(a+)+$"}}) {
    const StageRun run = run_stage_on_lines(spec, {{"patterns", patterns}}, {slow});
    EXPECT_EQ(run.records.size(), 1u);
    EXPECT_EQ(run.books.rejected, 0u);
  }
  const StageRun run =
      run_stage_on_lines(spec, {{"patterns", Texts{"^(a+)+$"}}, {"invert", true}}, {"x", slow});
  EXPECT_THAT(run.records, ElementsAre("line=\"x\""));
  EXPECT_THAT(run.rejects, ElementsAre(HasSubstr("2: matching took more than 1,000,000 steps")));
}

TEST(Grep, ReportsEveryWrongPattern) {
  const StageSpec spec = stage_grep();
  const StageRun run = run_stage_on_lines(spec, {{"patterns", Texts{"a", "(", "[b"}}}, {"a"});
  ASSERT_EQ(run.problems.size(), 2u);
  EXPECT_THAT(run.problems[0], HasSubstr("pattern \"(\" is wrong at character 2"));
  EXPECT_THAT(run.problems[1], HasSubstr("pattern \"[b\" is wrong at character 3"));
  EXPECT_THAT(run_stage_on_lines(spec, {{"patterns", Texts{}}}, {"a"}).problems,
              ElementsAre("patterns is an empty list, expected at least one pattern; write "
                          "patterns = [\"ERROR\"]"));
}

TEST(AdjacentBytes, AreOneBufferOnlyIfAtMostTwoBytesLieBetween) {
  const std::string_view text = "ab\ncd\r\nef...g";
  const std::vector<std::string_view> lines = {text.substr(0, 2), text.substr(3, 2),
                                               text.substr(7, 2)};
  EXPECT_EQ(adjacent_bytes(lines), "ab\ncd\r\nef");
  const std::vector<std::string_view> apart = {text.substr(0, 2), text.substr(12, 1)};
  EXPECT_EQ(adjacent_bytes(apart).data(), nullptr);
  const std::vector<std::string_view> backwards = {text.substr(3, 2), text.substr(0, 2)};
  EXPECT_EQ(adjacent_bytes(backwards).data(), nullptr);
}

}  // namespace
}  // namespace shardmill
