// Short texts as two words, so that they are compared and hashed without looking at lengths.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace shardmill {

/// Longer texts do not fit into two words.
inline constexpr size_t kShortTextBytes = 15;
/// The top byte of the second word is the text's length; up to here it can be another mark.
inline constexpr unsigned kShortTextKindShift = 56;

/// By the length of a short text: which bytes of its two words are its own.
struct ShortTextMask {
  uint64_t first;
  uint64_t second;
};

constexpr std::array<ShortTextMask, kShortTextBytes + 1> make_short_text_masks() {
  std::array<ShortTextMask, kShortTextBytes + 1> masks = {};
  for (size_t size = 0; size <= kShortTextBytes; ++size) {
    masks[size].first = size >= 8 ? ~uint64_t{0} : (uint64_t{1} << (8 * size)) - 1;
    masks[size].second = size <= 8 ? 0 : (uint64_t{1} << (8 * (size - 8))) - 1;
  }
  return masks;
}

inline constexpr std::array<ShortTextMask, kShortTextBytes + 1> kShortTextMasks =
    make_short_text_masks();

/// Eight bytes anywhere. (A struct would be copied through memory.)
using UnalignedWord [[gnu::aligned(1), gnu::may_alias]] = uint64_t;

#if defined(__clang__)
#define SHARDMILL_READS_PAST_END __attribute__((no_sanitize("address", "thread")))
#else
#define SHARDMILL_READS_PAST_END __attribute__((no_sanitize("address"), no_sanitize("thread")))
#endif

/// True if `count` bytes from there on are in one page: if the first may be read, all can be.
inline bool are_in_one_page(const char* bytes, size_t count) {
  constexpr uintptr_t kPage = 4096;
  return (reinterpret_cast<uintptr_t>(bytes) & (kPage - 1)) <= kPage - count;
}

/// Short, not empty, and 16 bytes from its first one on are in one page.
inline bool is_plain_short_text(std::string_view text) {
  return text.size() - 1 < kShortTextBytes && are_in_one_page(text.data(), 16);
}

/// Writes such a text as two words.
SHARDMILL_READS_PAST_END inline void plain_short_text_words(const char* bytes, size_t size,
                                                            uint64_t* words) {
  const uint64_t first = *reinterpret_cast<const UnalignedWord*>(bytes);
  const uint64_t second = *reinterpret_cast<const UnalignedWord*>(bytes + 8);
  words[0] = first & kShortTextMasks[size].first;
  words[1] = (second & kShortTextMasks[size].second) | size << kShortTextKindShift;
}

/// Writes a text of at most kShortTextBytes as two words. Reads 16 bytes at once where they cannot
/// cross into another page, so that no length needs a branch; what lies behind the text is masked
/// away.
SHARDMILL_READS_PAST_END inline void short_text_words(const char* bytes, size_t size,
                                                      uint64_t* words) {
  static constexpr char kNothing[16] = {};
  bytes = size == 0 ? kNothing : bytes;  // an empty text may point anywhere
  if (are_in_one_page(bytes, 16)) [[likely]]
    return plain_short_text_words(bytes, size, words);
  uint64_t copy[2] = {0, 0};
  std::memcpy(copy, bytes, size);
  words[0] = copy[0];
  words[1] = copy[1] | size << kShortTextKindShift;
}

/// A text of at most 7 bytes as one word, its length in the top byte.
SHARDMILL_READS_PAST_END inline uint64_t narrow_text_word(const char* bytes, size_t size) {
  static constexpr char kNothing[8] = {};
  bytes = size == 0 ? kNothing : bytes;
  uint64_t word = 0;
  if (are_in_one_page(bytes, 8)) [[likely]] {
    word = *reinterpret_cast<const UnalignedWord*>(bytes) & kShortTextMasks[size].first;
  } else {
    std::memcpy(&word, bytes, size);
  }
  return word | size << kShortTextKindShift;
}

}  // namespace shardmill
