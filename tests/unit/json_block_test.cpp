#include "inputs/support/json_block.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "inputs/support/json_index.h"
#include "inputs/support/json_marks.h"
#include "inputs/support/json_walk.h"
#include "inputs/support/text_kernels.h"
#include "inputs/support/text_window.h"

namespace shardmill {
namespace {

using ::testing::ElementsAre;

/// Up to 64 lines, indexed, the first of which is learned as a make.
class LearnedLines {
 public:
  explicit LearnedLines(const std::vector<std::string>& lines) : values_(columns_) {
    for (const std::string& line : lines) content_ += line + "\n";
    const size_t size = content_.size();
    content_.append(kTextPadding, 'x');
    const std::string_view text = std::string_view(content_).substr(0, size);
    batch_.columns.resize(1);
    values_.begin_batch(batch_, 1);
    values_.begin_record(0);
    EXPECT_TRUE(walker_.begin(text));
    const uint32_t* at = walker_.positions();
    size_t end = 0;
    block_.text = text;
    for (const std::string& line : lines) {
      end += line.size();
      block_.first[block_.count] = at;
      while (*at < end) ++at;
      block_.positions[block_.count] = static_cast<uint32_t>(at - block_.first[block_.count]);
      ++block_.count;
      ++end;
    }
    EXPECT_TRUE(walker_.walk(walker_.positions(), lines[0].size(), &make_)) << lines[0];
    EXPECT_EQ(make_.positions(), block_.positions[0]);
  }

  uint64_t candidates() const {
    uint64_t bits = 0;
    for (size_t i = 0; i < block_.count; ++i) {
      bits |= static_cast<uint64_t>(block_.positions[i] == make_.positions()) << i;
    }
    return bits;
  }
  uint64_t fast() const { return match_json_block(block_, make_, candidates()); }
  uint64_t plain() const { return match_json_block_scalar(block_, make_, candidates()); }

  /// Which lines match.
  std::vector<size_t> matched() const {
    EXPECT_EQ(fast(), plain());
    std::vector<size_t> lines;
    for (size_t i = 0; i < block_.count; ++i) {
      if ((plain() >> i & 1) != 0) lines.push_back(i);
    }
    return lines;
  }

 private:
  const std::vector<JsonColumn> columns_ = {{"a", Type::kText, 0}};
  const JsonPaths paths_ = JsonPaths({"a"});
  JsonColumns values_;
  JsonWalker walker_ = JsonWalker(paths_, values_);
  Batch batch_;
  std::string content_;
  JsonTemplate make_;
  JsonBlock block_;
};

bool is_available() {
  return JsonIndex().available();
}

TEST(JsonBlock, RecordsOfOneMakeDifferInTheirValuesOnly) {
  if (!is_available()) return;
  EXPECT_THAT(
      LearnedLines({R"({"a":1,"b":"x"})", R"({"a":-2.5e7,"b":null})", R"({"a":"y","b":true})",
                    R"({"a":1,"c":"x"})", R"({"a":1, "b":"x"})", R"({"a":01,"b":"x"})",
                    R"({"a":1,"b":xx})", R"({"a":1.,"b":"x"})", R"({"a":1,"b":"x"} )",
                    R"({"a":[,"b":"x"})", R"(["a":1,"b":"x"])", R"({"a":1,"b":"long enough"})"})
          .matched(),
      ElementsAre(0, 1, 2, 8, 11));
}

TEST(JsonBlock, WhitespaceIsPartOfTheMake) {
  if (!is_available()) return;
  EXPECT_THAT(LearnedLines({R"( { "a" : "x" , "b" : 7 } )", R"({ "a" : "" , "b" : 1.5 })",
                            R"({ "a" : "x", "b" : 7 })", R"({ "a" : "x" , "b" : 7})"})
                  .matched(),
              ElementsAre(0, 1));
}

TEST(JsonBlock, NumbersAreThoseOfTheGrammar) {
  if (!is_available()) return;
  for (const char* learned : {"7", "-7", "1.5", "123456789012"}) {
    std::vector<std::string> lines;
    for (const char* number : {learned,
                               "0",
                               "-0",
                               "10",
                               "12345678",
                               "123456789",
                               "0.5",
                               "-0.5",
                               "1e5",
                               "1E-5",
                               "1.5e+10",
                               "12345678901234567890123456789012",
                               "123456789012345678901234567890123",
                               "1234567890123456789012345.789012",
                               "-",
                               "01",
                               "-01",
                               "00",
                               ".5",
                               "1.",
                               "1..2",
                               "1.2.3",
                               "1e",
                               "1e+",
                               "e5",
                               "1-2",
                               "+1",
                               "0x1",
                               "1_0",
                               "--1",
                               "-.5",
                               "1.e5",
                               "1a",
                               "12345678a"}) {
      lines.push_back("{\"a\":" + std::string(number) + "}");
    }
    EXPECT_THAT(LearnedLines(lines).matched(),
                ElementsAre(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13))
        << learned;
  }
}

TEST(JsonBlock, FastAndPlainKernelAgreeOnDamagedRecords) {
  if (!is_available()) return;
  static constexpr std::string_view kBytes = "{}[]:, 0123456789.eE+-tfnulrsax";
  size_t matched = 0;
  size_t unmatched = 0;
  for (unsigned seed = 0; seed < 300; ++seed) {
    std::mt19937 random(seed);
    std::vector<std::string> lines;
    while (lines.size() < 64) {
      std::string line = R"({"a":-12.75,"b":[1,"x",null],"a rather long key":{"c":"y"},"d":false})";
      if (!lines.empty()) {
        for (int changes = 0; changes < 2; ++changes) {
          const size_t at = random() % line.size();
          // Quotes stay, so that the index finds the strings sound.
          if (line[at] != '"') line[at] = kBytes[random() % kBytes.size()];
        }
      }
      lines.push_back(line);
    }
    const LearnedLines learned(lines);
    ASSERT_EQ(learned.fast(), learned.plain()) << "seed " << seed;
    const size_t count = learned.matched().size();
    matched += count;
    unmatched += lines.size() - count;
  }
  EXPECT_GT(matched, 1000u);
  EXPECT_GT(unmatched, 10'000u);
}

TEST(JsonMarks, FastAndPlainKernelAgree) {
  std::mt19937 random(1);
  for (const size_t rarity : {1, 2, 5, 40, 200}) {
    for (size_t size = 0; size < 400; size += 1 + random() % 5) {
      std::string text;
      while (text.size() < size) {
        text += random() % rarity != 0 ? "x\"n/u bt"[random() % 8] : "\n\\\\"[random() % 3];
      }
      std::vector<uint32_t> memory(2 * (size + kMarkSlack));
      JsonMarks fast = {.newlines = memory.data()};
      JsonMarks plain = {.newlines = memory.data() + size + kMarkSlack};
      std::string padded = text + std::string(kTextPadding, '"');
      mark_json(std::string_view(padded).substr(0, size), fast);
      mark_json_scalar(text, plain);
      ASSERT_EQ(fast.has_backslashes, plain.has_backslashes);
      ASSERT_EQ(std::vector(fast.newlines, fast.newlines + fast.newline_count),
                std::vector(plain.newlines, plain.newlines + plain.newline_count));
      ASSERT_EQ(fast.odd_escapes, plain.odd_escapes);
    }
  }
}

}  // namespace
}  // namespace shardmill
