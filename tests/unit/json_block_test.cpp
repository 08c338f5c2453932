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
#include "pipeline/base/bits.h"

namespace shardmill {
namespace {

using ::testing::ElementsAre;

/// A text with its marks.
class MarkedText {
 public:
  explicit MarkedText(std::string content)
      : size_(content.size()),
        content_(std::move(content) + std::string(kTextPadding, '"')),
        newlines_(size_ + kMarkSlack),
        quotes_(json_mark_words(size_)) {
    marks_.newlines = newlines_.data();
    marks_.quotes = quotes_.data();
  }

  std::string_view text() const { return std::string_view(content_).substr(0, size_); }
  const JsonMarks& mark() {
    mark_json(text(), marks_);
    return marks_;
  }
  const JsonMarks& mark_plainly() {
    mark_json_scalar(text(), marks_);
    return marks_;
  }
  std::vector<uint32_t> newlines() const {
    return {newlines_.begin(), newlines_.begin() + static_cast<ptrdiff_t>(marks_.newline_count)};
  }
  const std::vector<uint64_t>& quotes() const { return quotes_; }

 private:
  size_t size_;
  std::string content_;
  std::vector<uint32_t> newlines_;
  std::vector<uint64_t> quotes_;
  JsonMarks marks_;
};

std::string joined(const std::vector<std::string>& lines) {
  std::string content;
  for (const std::string& line : lines) content += line + "\n";
  return content;
}

/// Up to 64 lines, the first of which is learned as a make that has the column `a`.
class LearnedLines {
 public:
  explicit LearnedLines(const std::vector<std::string>& lines)
      : values_(columns_), text_(joined(lines)) {
    batch_.columns.resize(1);
    values_.begin_batch(batch_, 1);
    values_.begin_record(0);
    const std::string_view text = text_.text();
    EXPECT_TRUE(walker_.begin(text.substr(0, lines[0].size() + 1)));
    const uint32_t* at = walker_.positions();
    EXPECT_TRUE(walker_.walk(at, lines[0].size(), &make_)) << lines[0];
    EXPECT_FALSE(make_.steps().empty());
    block_.text = text;
    block_.quotes = text_.mark().quotes;
    uint32_t begin = 0;
    for (const uint32_t end : text_.newlines()) {
      const size_t record = text.find_first_not_of(' ', begin);
      block_.begin[block_.count] = static_cast<uint32_t>(record);
      block_.end[block_.count++] = end;
      begin = end + 1;
    }
  }

  uint64_t candidates() const { return ~uint64_t{0} >> (64 - block_.count); }
  uint64_t fast() { return match_json_block(block_, make_, candidates(), fast_spans_); }
  uint64_t plain() { return match_json_block_scalar(block_, make_, candidates(), plain_spans_); }

  /// Which lines match.
  std::vector<size_t> matched() {
    const uint64_t found = plain();
    EXPECT_EQ(fast(), found);
    std::vector<size_t> lines;
    for_each_bit(found, [&](size_t i) {
      lines.push_back(i);
      EXPECT_EQ(source_of_a(plain_spans_, i), source_of_a(fast_spans_, i));
    });
    return lines;
  }

  std::vector<uint32_t> commas() const {
    JsonSpans::ByRecord<uint32_t> counts;
    JsonSpans::ByRecord<uint32_t> plain_counts;
    count_json_commas(block_, counts);
    count_json_commas_scalar(block_, plain_counts);
    EXPECT_TRUE(std::equal(counts.begin(), counts.begin() + block_.count, plain_counts.begin()));
    return {counts.begin(), counts.begin() + static_cast<ptrdiff_t>(block_.count)};
  }

  /// What `a` is in the lines that match.
  std::vector<std::string_view> values_of_a() {
    std::vector<std::string_view> values;
    for (const size_t line : matched()) values.push_back(source_of_a(fast_spans_, line));
    return values;
  }

 private:
  std::string_view source_of_a(const JsonSpans& spans, size_t line) const {
    if (make_.containers().empty()) {
      const FieldSpan& span = spans.values.at(0)[line];
      return text_.text().substr(span.begin, span.end - span.begin);
    }
    const JsonTemplate::Container& container = make_.containers()[0];
    const size_t begin = spans.starts[container.first_start][line] + container.first_offset;
    const size_t last = spans.starts[container.last_start][line] + container.last_offset;
    return text_.text().substr(begin, last + 1 - begin);
  }

  const std::vector<JsonColumn> columns_ = {{"a", Type::kText, 0}};
  const JsonPaths paths_ = JsonPaths({"a"});
  JsonColumns values_;
  JsonWalker walker_ = JsonWalker(paths_, values_);
  Batch batch_;
  MarkedText text_;
  JsonTemplate make_;
  JsonBlock block_;
  JsonSpans fast_spans_;
  JsonSpans plain_spans_;
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

TEST(JsonBlock, SourcesAreThoseOfTheRecords) {
  if (!is_available()) return;
  const std::string long_text(500, 'x');
  EXPECT_THAT(LearnedLines({R"({"b":"","a":"x","c":"y"})", R"({"b":null,"a":12.5,"c":false})",
                            R"({"b":"\\","a":"say \"hi\"","c":null})",
                            R"({"b":7,"a":")" + long_text + R"(","c":"y"})",
                            R"({"b":7,"a":"","c":")" + long_text + R"("})"})
                  .values_of_a(),
              ElementsAre("\"x\"", "12.5", R"("say \"hi\"")", '"' + long_text + '"', "\"\""));
  EXPECT_THAT(LearnedLines({R"({"b":"x","a":{"c":["d"]}})", R"({"b":1,"a":{"c":[-7]}})",
                            R"({"b":"","a":{"c":[null]}})", R"({"b":"","a":{"c":[]}})"})
                  .values_of_a(),
              ElementsAre(R"({"c":["d"]})", R"({"c":[-7]})", R"({"c":[null]})"));
}

TEST(JsonBlock, CommasInStringsAreNotCounted) {
  if (!is_available()) return;
  const std::string text(100, ',');
  EXPECT_THAT(LearnedLines({R"({"a":",","b":1})", R"([1,2,3,",",""])", R"({"a\",":1,"b":",\\"})",
                            R"({"a":")" + text + R"(","b":[1,")" + text + R"(",2]})", "{}", text})
                  .commas(),
              ElementsAre(1, 4, 1, 3, 0, 100));
}

TEST(JsonBlock, StringsEndInTheirOwnLine) {
  if (!is_available()) return;
  EXPECT_THAT(LearnedLines({R"({"a":"x","b":"y"})", R"({"a":"x)", R"(","b":"y"})",
                            R"({"a":"x","b":"y)", R"("})", R"({"a":"x","b":"y"},)",
                            R"({"a":"x""y","b":"y"})", R"({"a":"x\","b":"y"})", R"({"a":")"})
                  .matched(),
              ElementsAre(0));
}

TEST(JsonBlock, LongLiteralsAreComparedToTheirEnd) {
  if (!is_available()) return;
  for (const size_t size : {1, 10, 11, 12, 13, 14, 15, 16, 17, 30, 31, 32, 33, 100}) {
    const std::string key(size, 'k');
    const std::string other = key.substr(1) + "l";
    EXPECT_THAT(LearnedLines({"{\"a\":1,\"" + key + "\":true}", "{\"a\":2,\"" + key + "\":null}",
                              "{\"a\":1,\"" + other + "\":true}", "{\"a\":1,\"" + key,
                              "{\"a\":1,\"" + key + "\" :true}"})
                    .matched(),
                ElementsAre(0, 1))
        << size;
  }
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

TEST(JsonBlock, DamagedRecordsMatchOnlyIfTheyAreSound) {
  if (!is_available()) return;
  static constexpr std::string_view kBytes = "{}[]:, 0123456789.eE+-tfnulrsax\"\\";
  size_t matched = 0;
  size_t unmatched = 0;
  for (unsigned seed = 0; seed < 300; ++seed) {
    std::mt19937 random(seed);
    std::vector<std::string> lines;
    while (lines.size() < 64) {
      std::string line =
          R"({"a":-12.75,"b":[1,"some text",null],"a rather long key":{"c":"more text"},"d":false})";
      if (!lines.empty()) {
        for (int changes = 0; changes < 2; ++changes) {
          const size_t at = random() % line.size();
          line[at] = kBytes[random() % kBytes.size()];
        }
      }
      lines.push_back(line);
    }
    LearnedLines learned(lines);
    ASSERT_EQ(learned.fast(), learned.plain()) << "seed " << seed;
    for (const size_t i : learned.matched()) {
      // A backslash that is no escape is not for this kernel to find.
      if (lines[i].find('\\') != std::string::npos) continue;
      ASSERT_FALSE(scan_json(lines[i], nullptr)) << lines[i];
    }
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
        text +=
            random() % rarity != 0 ? "x\"n/u,bt"[random() % 8] : "\n\\\\\r\x1f\x80"[random() % 6];
      }
      MarkedText fast_text(text);
      MarkedText plain_text(text);
      const JsonMarks& fast = fast_text.mark();
      const JsonMarks& plain = plain_text.mark_plainly();
      ASSERT_EQ(fast.has_backslashes, plain.has_backslashes);
      ASSERT_EQ(fast.is_ascii, plain.is_ascii);
      ASSERT_EQ(fast_text.newlines(), plain_text.newlines());
      ASSERT_EQ(fast_text.quotes(), plain_text.quotes());
      ASSERT_EQ(fast.controls, plain.controls);
      ASSERT_EQ(fast.odd_escapes, plain.odd_escapes);
    }
  }
}

TEST(JsonMarks, EscapedQuotesAreNoQuotes) {
  MarkedText text(R"("a\"b\\"\\\"")");
  text.mark();
  EXPECT_EQ(text.quotes()[0] & 0x1fff, uint64_t{1} << 0 | 1 << 7 | 1 << 12);
}

}  // namespace
}  // namespace shardmill
