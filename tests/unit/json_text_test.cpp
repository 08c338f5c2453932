#include "pipeline/formats/json_text.h"

#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <random>

#include "pipeline/base/text.h"
#include "pipeline/formats/csv_text.h"

namespace shardmill {
namespace {

std::string json(std::string_view text) {
  std::string out;
  append_json_text(out, text);
  return out;
}

std::string json(double value) {
  std::string out;
  append_json_float(out, value);
  return out;
}

std::string base64(std::string_view bytes) {
  std::string out;
  append_base64(out, bytes);
  return out;
}

std::string csv(std::string_view text, CsvDialect dialect = {}) {
  std::string out;
  append_csv_text(out, text, dialect);
  return out;
}

TEST(JsonText, EscapesWhatMustBeAndNothingElse) {
  EXPECT_EQ(json(""), R"("")");
  EXPECT_EQ(json("say \"hi\" \\o/"), R"("say \"hi\" \\o/")");
  EXPECT_EQ(json("\b\f\n\r\t"), R"("\b\f\n\r\t")");
  EXPECT_EQ(json(std::string_view("\0\x1f\x7f", 3)), "\"\\u0000\\u001f\x7f\"");
  EXPECT_EQ(json("caf\xc3\xa9 \xf0\x9f\x98\x80"), "\"caf\xc3\xa9 \xf0\x9f\x98\x80\"");
}

TEST(JsonText, BytesThatAreNotUtf8BecomeBase64) {
  EXPECT_EQ(json("caf\xe9"), R"({"base64":"Y2Fm6Q=="})");
}

TEST(JsonText, AKeyThatIsNotUtf8IsStillAKey) {
  std::string out;
  append_json_key(out, "a\"b");
  append_json_key(out, "n\xff");
  EXPECT_EQ(out, "\"a\\\"b\"\"base64:bv8=\"");
}

TEST(JsonText, IsReadBackByAnIndependentParser) {
  std::mt19937 random(3);
  for (int i = 0; i < 20000; ++i) {
    std::string text;
    for (auto length = random() % 12; length > 0; --length) {
      text += static_cast<char>(random() % (i % 2 == 0 ? 128 : 256));
    }
    const nlohmann::json read = nlohmann::json::parse(json(text));
    ASSERT_EQ(read.is_string(), is_utf8(text));
    if (read.is_string()) {
      ASSERT_EQ(read.get<std::string>(), text);
    } else {
      ASSERT_EQ(read.at("base64").get<std::string>(), base64(text));
    }
  }
}

TEST(JsonText, FloatsStayFloats) {
  EXPECT_EQ(json(5.0), "5.0");
  EXPECT_EQ(json(-0.0), "0.0");
  EXPECT_EQ(json(0.1), "0.1");
  EXPECT_EQ(json(1e300), "1e300");
  EXPECT_EQ(json(std::nan("")), R"("NaN")");
  EXPECT_EQ(json(HUGE_VAL), R"("Infinity")");
  EXPECT_EQ(json(-HUGE_VAL), R"("-Infinity")");
}

// The test vectors of RFC 4648, section 10.
TEST(JsonText, WritesBase64) {
  EXPECT_EQ(base64(""), "");
  EXPECT_EQ(base64("f"), "Zg==");
  EXPECT_EQ(base64("fo"), "Zm8=");
  EXPECT_EQ(base64("foo"), "Zm9v");
  EXPECT_EQ(base64("foobar"), "Zm9vYmFy");
  EXPECT_EQ(base64("\xff\xfe\xfd"), "//79");
}

TEST(CsvText, QuotesWhatNeedsIt) {
  EXPECT_EQ(csv("plain text"), "plain text");
  EXPECT_EQ(csv(""), "\"\"");
  EXPECT_EQ(csv("a,b"), "\"a,b\"");
  EXPECT_EQ(csv("say \"hi\""), "\"say \"\"hi\"\"\"");
  EXPECT_EQ(csv("two\nlines"), "\"two\nlines\"");
  EXPECT_EQ(csv("cr\r"), "\"cr\r\"");
}

TEST(CsvText, FollowsTheDialect) {
  const CsvDialect dialect = {.delimiter = '\t', .quote = '\''};
  EXPECT_EQ(csv("a,\"b\"", dialect), "a,\"b\"");
  EXPECT_EQ(csv("it's\ttab", dialect), "'it''s\ttab'");
}

}  // namespace
}  // namespace shardmill
