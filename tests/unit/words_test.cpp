#include "stages/support/words.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
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
    ASSERT_EQ(places_of_words(text, find_words), places_of_words(text, find_words_scalar)) << text;
  }
}

}  // namespace
}  // namespace shardmill
