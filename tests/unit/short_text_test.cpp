#include "stages/support/short_text.h"

#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <string_view>

#include "tests/support/end_of_memory.h"

namespace shardmill {
namespace {

/// The words of a text hold its bytes, zeros behind them, and its length on top.
void expect_words_of(std::string_view text) {
  if (text.size() <= kShortTextBytes) {
    uint64_t words[2];
    short_text_words(text.data(), text.size(), words);
    uint64_t expected[2] = {0, uint64_t{text.size()} << kShortTextKindShift};
    std::memcpy(expected, text.data(), text.size());
    EXPECT_EQ(words[0], expected[0]) << text.size();
    EXPECT_EQ(words[1], expected[1]) << text.size();
  }
  if (text.size() <= 7) {
    uint64_t expected = uint64_t{text.size()} << kShortTextKindShift;
    std::memcpy(&expected, text.data(), text.size());
    EXPECT_EQ(narrow_text_word(text.data(), text.size()), expected) << text.size();
  }
}

TEST(ShortText, AsWordsHasItsBytesAndItsLengthWhateverLiesBehind) {
  std::mt19937_64 random(1);
  std::string bytes(2 * 4096, ' ');  // with the end of a page in it
  for (char& c : bytes) c = static_cast<char>(random());
  for (size_t first = 0; first + 16 <= bytes.size(); ++first) {
    expect_words_of(std::string_view(bytes).substr(first, random() % 16));
  }
}

// For the address sanitizer: what is read behind a text is never used, and must not be reported.
TEST(ShortText, AsWordsMayEndItsBlock) {
  for (size_t size = 1; size <= kShortTextBytes; ++size) {
    const auto block = std::make_unique<char[]>(size);
    std::memset(block.get(), 'x', size);
    expect_words_of({block.get(), size});
  }
}

TEST(ShortText, AsWordsReadsNothingBehindTheEndOfMemory) {
  EndOfMemory memory;
  std::memset(memory.end() - 64, 'x', 64);
  for (size_t size = 0; size <= kShortTextBytes; ++size) {
    expect_words_of({memory.end() - size, size});
  }
  uint64_t words[2];
  short_text_words(nullptr, 0, words);
  EXPECT_EQ(words[0] | words[1] | narrow_text_word(nullptr, 0), 0u);
}

}  // namespace
}  // namespace shardmill
