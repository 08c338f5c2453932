#include "stages/support/words.h"

#include <bit>
#include <cstring>

#include "pipeline/base/simd.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace shardmill {

namespace {

bool is_space(unsigned char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}

}  // namespace

uint64_t count_words_scalar(std::string_view text) {
  uint64_t words = 0;
  bool after_space = true;
  for (const char c : text) {
    const bool space = is_space(static_cast<unsigned char>(c));
    words += after_space && !space ? 1 : 0;
    after_space = space;
  }
  return words;
}

#if defined(__SSE2__)

namespace {

/// A bit for each of 16 bytes that is a space.
uint64_t space_bits(const char* bytes) {
  const __m128i block = _mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes));
  // \t to \r are the five bytes that are below -123 as signed after 119 is added.
  const __m128i shifted = _mm_add_epi8(block, _mm_set1_epi8(119));
  const __m128i controls = _mm_cmplt_epi8(shifted, _mm_set1_epi8(-123));
  const __m128i spaces = _mm_cmpeq_epi8(block, _mm_set1_epi8(' '));
  return static_cast<uint32_t>(_mm_movemask_epi8(_mm_or_si128(controls, spaces)));
}

uint64_t space_bits_64(const char* bytes) {
  return space_bits(bytes) | space_bits(bytes + 16) << 16 | space_bits(bytes + 32) << 32 |
         space_bits(bytes + 48) << 48;
}

}  // namespace

uint64_t count_words(std::string_view text) {
  if (simd_limited_to_scalar()) return count_words_scalar(text);
  uint64_t words = 0;
  uint64_t after_space = 1;
  size_t at = 0;
  const auto take = [&](uint64_t spaces) {
    words += static_cast<uint64_t>(std::popcount(~spaces & (spaces << 1 | after_space)));
    after_space = spaces >> 63;
  };
  for (; at + 64 <= text.size(); at += 64) take(space_bits_64(text.data() + at));
  if (at < text.size()) {
    char rest[64];
    std::memset(rest, ' ', sizeof rest);
    std::memcpy(rest, text.data() + at, text.size() - at);
    take(space_bits_64(rest));
  }
  return words;
}

#else

uint64_t count_words(std::string_view text) {
  return count_words_scalar(text);
}

#endif

}  // namespace shardmill
