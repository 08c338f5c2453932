#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "stages/support/words.h"
#include "tests/support/stage_runner.h"

namespace shardmill {

StageSpec stage_split();

namespace {

using testing::ElementsAre;
using testing::Pair;

std::vector<std::string> words_of(std::string_view text, bool scalar) {
  std::vector<uint32_t> ends(text.size() + kWordSlack);
  const size_t count =
      scalar ? find_words_scalar(text, ends.data()) : find_words(text, ends.data());
  std::vector<std::string> words;
  for (size_t i = 0; i < count; ++i) {
    words.emplace_back(text.substr(ends[2 * i], ends[2 * i + 1] - ends[2 * i]));
  }
  return words;
}

std::string random_text(std::mt19937_64& random, size_t bytes) {
  static constexpr std::string_view kBytes = "ab\xc3\xa4 \t\n\v\f\r\x08\x0e!  ";
  std::string text;
  while (text.size() < bytes) text += kBytes[random() % kBytes.size()];
  return text;
}

TEST(Split, TheFastWordKernelEqualsThePlainOne) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 3000; ++i) {
    const std::string text = random_text(random, random() % 300);
    ASSERT_EQ(words_of(text, false), words_of(text, true)) << text;
  }
}

TEST(Split, MakesARecordOfEachWord) {
  const StageSpec spec = stage_split();
  const StageRun run =
      run_stage_on_lines(spec, {{"into", "word"}}, {" to\tbe  or ", "", "  ", "not"});
  EXPECT_THAT(run.columns, ElementsAre("word"));
  EXPECT_THAT(run.records,
              ElementsAre("word=\"to\"", "word=\"be\"", "word=\"or\"", "word=\"not\""));
  EXPECT_THAT(run.identities, ElementsAre(Pair(0, 0), Pair(0, 1), Pair(0, 2), Pair(16, 0)));
  EXPECT_EQ(run.dropped(spec, "empty"), 2u);
  EXPECT_EQ(run.books.made, 2u);
}

TEST(Split, ADelimiterKeepsEmptyPieces) {
  const StageSpec spec = stage_split();
  const StageRun run = run_stage(spec, {{"column", "t"}, {"into", "t"}, {"by", "::"}},
                                 {text_column("t", {"a::b", "", "::", std::nullopt, "x"}),
                                  int_column("n", {1, 2, 3, 4, std::nullopt})});
  EXPECT_THAT(run.records, ElementsAre("n=1 t=\"a\"", "n=1 t=\"b\"", "n=2 t=\"\"", "n=3 t=\"\"",
                                       "n=3 t=\"\"", "n=null t=\"x\""));
  EXPECT_EQ(run.dropped(spec, "null"), 1u);
  EXPECT_EQ(run.books.made, 2u);
}

TEST(Split, RepeatsColumnsOfEveryTypeAndKeepsTheSourceIfAsked) {
  const StageSpec spec = stage_split();
  const StageRun run = run_stage(spec, {{"column", "t"}, {"into", "w"}, {"keep", true}},
                                 {text_column("t", {"a b"}), float_column("f", {1.5}),
                                  bool_column("b", {true}), time_column("at", {"2026-01-31"})});
  EXPECT_THAT(run.records, ElementsAre("t=\"a b\" f=1.5 b=true at=2026-01-31T00:00:00Z w=\"a\"",
                                       "t=\"a b\" f=1.5 b=true at=2026-01-31T00:00:00Z w=\"b\""));
}

TEST(Split, BoundsTheRecordsOfABatchWhateverARecordHolds) {
  const StageSpec spec = stage_split();
  std::string many;
  for (int i = 0; i < 100'000; ++i) many += "w" + std::to_string(i) + " ";
  const std::string longest(50'000, 'x');
  const StageRun words =
      run_stage_on_lines(spec, {{"into", "w"}}, {"a", many, longest, longest + " " + longest});
  EXPECT_EQ(words.records.size(), 100'004u);
  EXPECT_LE(words.largest_batch, 16'384u);
  EXPECT_EQ(words.records[77'777], "w=\"w77776\"");
  EXPECT_EQ(words.identities[100'000], (std::pair<uint64_t, uint32_t>(2, 99'999)));
  EXPECT_EQ(words.identities.back().second, 1u);
  const StageRun pieces = run_stage_on_lines(spec, {{"into", "w"}, {"by", " "}}, {many});
  EXPECT_EQ(pieces.records.size(), 100'001u);
  EXPECT_LE(pieces.largest_batch, 16'384u);
}

TEST(Split, GivesTheSameForAnySizeOfBatchAndAnySelectionBefore) {
  const StageSpec spec = stage_split();
  std::mt19937_64 random(4);
  std::vector<std::string> lines;
  for (int i = 0; i < 400; ++i) {
    std::string line = random_text(random, random() % 200);
    for (char& c : line) c = c == '\n' ? ' ' : c;
    lines.push_back(i % 9 == 0 ? "" : line);
  }
  std::vector<std::string> expected;
  for (const std::string& line : lines) {
    for (const std::string& word : words_of(line, true)) expected.push_back(word);
  }
  for (const size_t every : {1, 3}) {
    const StageRun whole =
        run_stage_on_lines(spec, {{"into", "w"}}, lines, {.batch_rows = 400, .every = every});
    EXPECT_EQ(whole.records.size() == expected.size(), every == 1);
    for (const size_t rows : {1, 2, 50}) {
      const StageRun run =
          run_stage_on_lines(spec, {{"into", "w"}}, lines, {.batch_rows = rows, .every = every});
      EXPECT_EQ(run.records, whole.records);
      EXPECT_EQ(run.identities, whole.identities);
      EXPECT_EQ(run.books.dropped, whole.books.dropped);
      EXPECT_EQ(run.books.made, whole.books.made);
    }
  }
}

TEST(Split, SaysWhatIsWrongWithItsOptions) {
  const StageSpec spec = stage_split();
  EXPECT_THAT(run_stage_on_lines(spec, {{"into", "w"}, {"by", ""}}, {"a"}).problems,
              ElementsAre("by is empty, expected \"words\" or a delimiter; write by = \",\" for "
                          "instance"));
  EXPECT_THAT(run_stage(spec, {{"into", "w"}, {"column", "n"}}, {int_column("n", {1})}).problems,
              ElementsAre("column \"n\" is int, expected text; set its type where it is made, for "
                          "instance types = { n = \"text\" }"));
}

}  // namespace
}  // namespace shardmill
