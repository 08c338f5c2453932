#include "pipeline/base/text.h"

#include <gtest/gtest.h>

#include "pipeline/base/bytes.h"
#include "pipeline/base/message.h"

namespace shardmill {
namespace {

TEST(Text, EscapesWhatATerminalWouldObey) {
  EXPECT_EQ(quoted("a\x1b[31m\"\n"), R"("a\x1b[31m\"\n")");
  EXPECT_EQ(quoted("caf\xc3\xa9 \xff"), "\"caf\xc3\xa9 \\xff\"");
  EXPECT_EQ(quoted("\xc2\x9b"
                   "31m"),
            R"("\xc2\x9b31m")");
  EXPECT_EQ(quoted("gpj.\u202Eexe\u2028"), R"("gpj.\xe2\x80\xaeexe\xe2\x80\xa8")");
  EXPECT_EQ(quoted("می\u200cخواهم\u2027"), "\"می\u200cخواهم\u2027\"");
}

TEST(Text, CutsQuotedTextBetweenCharacters) {
  EXPECT_EQ(quoted("ab\xc3\xa9zz", 3), "\"ab...\"");
}

TEST(Text, FindsNearMatches) {
  EXPECT_EQ(near_match("pth", {"path", "name"}), "path");
  EXPECT_EQ(near_match("zzzz", {"path", "name"}), std::nullopt);
}

TEST(Text, SeparatesThousands) {
  EXPECT_EQ(with_separators(0), "0");
  EXPECT_EQ(with_separators(1234567), "1,234,567");
}

TEST(Text, KnowsUtf8) {
  EXPECT_TRUE(is_utf8("\xf0\x9f\x98\x80"));
  EXPECT_FALSE(is_utf8("\xed\xa0\x80"));
  EXPECT_FALSE(is_utf8("\xc0\xaf"));
}

TEST(Message, HasPlaceFoundExpectedAndFix) {
  const Message message = {.place = "job.toml:3", .found = "x", .expected = "y", .fix = "do z"};
  EXPECT_EQ(message.text(), "job.toml:3: x, expected y; do z");
}

TEST(Bytes, ReadersNeverTrustCounts) {
  ByteWriter writer;
  writer.varint(1'000'000'000);
  ByteReader reader(writer.bytes());
  EXPECT_FALSE(reader.count_fits(reader.varint(), 1));
  EXPECT_TRUE(reader.failed());
}

TEST(Bytes, VarintsRoundTripAndHaveOneForm) {
  for (const uint64_t value : {uint64_t{0}, uint64_t{127}, uint64_t{128}, ~uint64_t{0}}) {
    ByteWriter writer;
    writer.varint(value);
    ByteReader reader(writer.bytes());
    EXPECT_EQ(reader.varint(), value);
    EXPECT_TRUE(reader.done());
  }
  ByteReader padded(std::string_view("\x81\x00", 2));
  padded.varint();
  EXPECT_TRUE(padded.failed());
}

}  // namespace
}  // namespace shardmill
