// Words of a text: the kernels behind `split` and `count`. Pure functions, any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace shardmill {

/// Space, \t, \n, \v, \f and \r.
inline bool is_white_space(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}

/// Numbers that find_words may write behind the last one that it gives.
inline constexpr size_t kWordSlack = 64;

/// Writes where the words of `text` (longest runs without white space) begin and end to `ends`:
/// begin, end, begin, end, ... Returns the number of words. `ends` has room for text.size() +
/// kWordSlack numbers. REQUIRES: text.size() < 2^32. Tests 64 bytes at a time for white space:
/// about 3 GB/s on prose, bound by writing the numbers.
size_t find_words(std::string_view text, uint32_t* ends);
/// The plain version that find_words must equal.
size_t find_words_scalar(std::string_view text, uint32_t* ends);

/// How many words find_words would find; of any text. Bound by memory on long texts: about 20 GB/s.
uint64_t count_words(std::string_view text);
/// The plain version that count_words must equal.
uint64_t count_words_scalar(std::string_view text);

struct WordCounts {
  uint64_t words = 0;
  uint64_t crlfs = 0;  ///< "\r\n"
};

/// Both in one pass over any text.
WordCounts count_words_and_crlfs(std::string_view text);
/// The plain version that count_words_and_crlfs must equal.
WordCounts count_words_and_crlfs_scalar(std::string_view text);

}  // namespace shardmill
