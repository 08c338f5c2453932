// Encoded values that are written and read in pieces are those that are held as a whole.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "pipeline/base/bytes.h"

namespace shardmill {
namespace {

/// Gives `bytes` in pieces of `piece` bytes.
class Pieces final : public ByteSupply {
 public:
  Pieces(std::string_view bytes, size_t piece) : rest_(bytes), piece_(piece) {}
  bool more(std::string& out) override {
    if (rest_.empty()) return false;
    const std::string_view next = rest_.substr(0, piece_);
    rest_.remove_prefix(next.size());
    out += next;
    return true;
  }
  uint64_t left() const override { return rest_.size(); }

 private:
  std::string_view rest_;
  size_t piece_;
};

void write_some(ByteWriter& writer) {
  for (uint64_t i = 0; i < 2000; ++i) {
    writer.u8(static_cast<uint8_t>(i));
    writer.varint(i * i * i * i * i);
    writer.text(std::string(i % 300, static_cast<char>('a' + i % 26)));
    writer.f64(static_cast<double>(i) / 3);
  }
}

/// How many values came back as they were written.
uint64_t read_some(ByteReader& reader) {
  for (uint64_t i = 0; i < 2000; ++i) {
    const bool good = reader.u8() == static_cast<uint8_t>(i) &&
                      reader.varint() == i * i * i * i * i &&
                      reader.text() == std::string(i % 300, static_cast<char>('a' + i % 26)) &&
                      reader.f64() == static_cast<double>(i) / 3;
    if (!good || reader.failed()) return i;
  }
  return 2000;
}

TEST(BytePieces, AreTheBytesOfTheWhole) {
  ByteWriter whole;
  write_some(whole);
  std::string joined;
  size_t longest = 0;
  ByteWriter writer([&](std::string_view piece) {
    joined += piece;
    longest = std::max(longest, piece.size());
  });
  write_some(writer);
  writer.flush();
  EXPECT_EQ(joined, whole.bytes());
  EXPECT_GT(joined.size(), ByteWriter::kPieceBytes);
  EXPECT_LT(longest, ByteWriter::kPieceBytes + 1000);
}

TEST(BytePieces, GiveTheValuesWhereverTheyAreCut) {
  ByteWriter whole;
  write_some(whole);
  for (const size_t piece : {1u, 2u, 7u, 299u, 4096u, 10'000'000u}) {
    Pieces pieces(whole.bytes(), piece);
    ByteReader reader(pieces);
    EXPECT_EQ(read_some(reader), 2000u) << piece;
    EXPECT_TRUE(reader.done()) << piece;
  }
}

TEST(BytePieces, ThatEndTooEarlyAreAnError) {
  ByteWriter whole;
  write_some(whole);
  const std::string_view bytes = whole.bytes();
  for (const size_t missing : {1u, 100u, 5000u}) {
    Pieces pieces(bytes.substr(0, bytes.size() - missing), 50);
    ByteReader reader(pieces);
    EXPECT_LT(read_some(reader), 2000u) << missing;
    EXPECT_TRUE(reader.failed());
    EXPECT_FALSE(reader.done());
  }
}

TEST(BytePieces, ThatFollowTheLastValueAreSeen) {
  ByteWriter whole;
  write_some(whole);
  const std::string more = whole.bytes() + "x";
  Pieces pieces(more, whole.size());
  ByteReader reader(pieces);
  EXPECT_EQ(read_some(reader), 2000u);
  EXPECT_FALSE(reader.done());
}

TEST(BytePieces, DoNotPromiseMoreThanIsLeft) {
  Pieces pieces("0123456789", 3);
  ByteReader reader(pieces);
  EXPECT_EQ(reader.raw(2), "01");
  EXPECT_TRUE(reader.count_fits(4, 2));
  EXPECT_FALSE(reader.failed());
  EXPECT_FALSE(reader.count_fits(9, 1));
  EXPECT_TRUE(reader.failed());
}

}  // namespace
}  // namespace shardmill
