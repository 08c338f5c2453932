#include "stages/support/words.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace shardmill {
namespace {

template <typename Find>
std::vector<uint32_t> places_of_words(std::string_view text, Find&& find) {
  std::vector<uint32_t> ends(text.size() + kWordSlack);
  ends.resize(2 * find(text, ends.data()));
  return ends;
}

TEST(Words, AreRunsOfBytesOtherThanWhiteSpace) {
  EXPECT_EQ(count_words(""), 0u);
  EXPECT_EQ(count_words(" \t\n\v\f\r "), 0u);
  EXPECT_EQ(count_words("one"), 1u);
  EXPECT_EQ(count_words(" to  be\tor\vnot\r\n"), 4u);
  EXPECT_EQ(count_words("\x08\x0e \x80\xff \x1f"), 3u);  // neighbours of white space
}

TEST(Words, AreCountedWithTheLineEndsOfTwoBytes) {
  EXPECT_EQ(count_words_and_crlfs("a b\r\n\r\r\nc\rd\n\r").words, 4u);
  EXPECT_EQ(count_words_and_crlfs("a b\r\n\r\r\nc\rd\n\r").crlfs, 2u);
  const std::string across = std::string(63, 'x') + "\r\n";  // of two steps of the kernel
  EXPECT_EQ(count_words_and_crlfs(across).crlfs, 1u);
  EXPECT_EQ(count_words_and_crlfs(across.substr(0, 64)).crlfs, 0u);
}

TEST(Words, TheFastKernelEqualsThePlainOneOnAnyBytes) {
  std::mt19937_64 random(2);
  const char alphabet[] = " \t\n\v\f\rabc\x08\x0e\x80\xff\x89\x0d\x85";
  for (size_t i = 0; i < 20000; ++i) {
    std::string text(random() % 300, ' ');
    const bool any = random() % 2 == 0;
    for (char& c : text) {
      c = any ? static_cast<char>(random()) : alphabet[random() % (sizeof alphabet - 1)];
    }
    ASSERT_EQ(count_words(text), count_words_scalar(text)) << text;
    const WordCounts counts = count_words_and_crlfs(text);
    const WordCounts plain = count_words_and_crlfs_scalar(text);
    ASSERT_EQ(counts.words, plain.words) << text;
    ASSERT_EQ(counts.crlfs, plain.crlfs) << text;
    ASSERT_EQ(places_of_words(text, find_words), places_of_words(text, find_words_scalar)) << text;
  }
}

}  // namespace
}  // namespace shardmill
