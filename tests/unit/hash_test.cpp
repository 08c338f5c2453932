#include "pipeline/base/hash.h"

#include <gtest/gtest.h>

#include <string>

namespace shardmill {
namespace {

TEST(Hash, OfThreeWordsIsThatOfTheirBytes) {
  for (uint64_t i = 0; i < 1000; ++i) {
    const uint64_t words[3] = {i * 0x9E3779B97F4A7C15u, i, ~i << (i % 64)};
    const std::string_view bytes(reinterpret_cast<const char*>(words), sizeof words);
    EXPECT_EQ(hash64_of_words(words, i), hash64(bytes, i));
  }
}

TEST(Hash, GivesPublishedValuesAndTheSameInPieces) {
  EXPECT_EQ(hash64(""), 0x2D06800538D394C2u);  // from XXH3's own sanity tests
  const std::string text(1000, 'x');
  Hasher64 pieces;
  pieces.update(std::string_view(text).substr(0, 7));
  pieces.update(std::string_view(text).substr(7));
  EXPECT_EQ(pieces.digest(), hash64(text));
}

}  // namespace
}  // namespace shardmill
