#include "stages/support/words.h"

#include <bit>
#include <cstring>
#include <type_traits>

#include "pipeline/base/simd.h"

#define HWY_WANT_AVX3_DL 1  // for compressing bytes
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "stages/support/words.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace shardmill {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

#include "pipeline/base/mask_bits.inl"
#include "pipeline/base/write_positions.inl"

/// One bit for each of 64 bytes: is it white space?
HWY_INLINE uint64_t white_space_bits(const uint8_t* bytes) {
  const hn::CappedTag<uint8_t, 64> d;
  const size_t lanes = hn::Lanes(d);
  uint64_t result = 0;
  for (size_t at = 0; at < 64; at += lanes) {
    const auto text = hn::LoadU(d, bytes + at);
    const auto from_tab = hn::Sub(text, hn::Set(d, '\t'));
    const auto is_control = hn::Eq(hn::Min(from_tab, hn::Set(d, '\r' - '\t')), from_tab);
    const auto white = hn::Or(is_control, hn::Eq(text, hn::Set(d, ' ')));
    result |= mask_bits(d, white) << at;
  }
  return result;
}

size_t find_words_fast(std::string_view text, uint32_t* ends) {
  const auto* bytes = reinterpret_cast<const uint8_t*>(text.data());
  uint32_t* out = ends;
  uint64_t before = 1;  // was the byte before white space?
  // A change from white space to other bytes begins a word, the next change ends it.
  const auto write_changes = [&](uint64_t white, size_t base) HWY_ATTR {
    const uint64_t changes = white ^ (white << 1 | before);
    before = white >> 63;
    write_positions<20>(changes, static_cast<uint32_t>(base), out);
    out += std::popcount(changes);
  };
  size_t at = 0;
  for (; at + 64 <= text.size(); at += 64) write_changes(white_space_bits(bytes + at), at);
  const size_t left = text.size() - at;
  if (left > 0) {
    uint8_t rest[64];
    std::memset(rest, ' ', sizeof rest);
    std::memcpy(rest, bytes + at, left);
    write_changes(white_space_bits(rest), at);
  }
  if (before == 0) *out++ = static_cast<uint32_t>(text.size());
  return static_cast<size_t>(out - ends) / 2;
}

uint64_t count_words_fast(std::string_view text) {
  const auto* bytes = reinterpret_cast<const uint8_t*>(text.data());
  uint64_t words = 0;
  uint64_t before = 1;
  const auto count_starts = [&](uint64_t white) HWY_ATTR {
    words += static_cast<uint64_t>(std::popcount(~white & (white << 1 | before)));
    before = white >> 63;
  };
  size_t at = 0;
  for (; at + 64 <= text.size(); at += 64) count_starts(white_space_bits(bytes + at));
  if (at < text.size()) {
    uint8_t rest[64];
    std::memset(rest, ' ', sizeof rest);
    std::memcpy(rest, bytes + at, text.size() - at);
    count_starts(white_space_bits(rest));
  }
  return words;
}

}  // namespace HWY_NAMESPACE
}  // namespace shardmill
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace shardmill {

HWY_EXPORT(find_words_fast);
HWY_EXPORT(count_words_fast);

size_t find_words(std::string_view text, uint32_t* ends) {
  if (simd_limited_to_scalar()) return find_words_scalar(text, ends);
  return HWY_DYNAMIC_DISPATCH(find_words_fast)(text, ends);
}

size_t find_words_scalar(std::string_view text, uint32_t* ends) {
  uint32_t* out = ends;
  bool in_word = false;
  for (size_t at = 0; at < text.size(); ++at) {
    if (is_white_space(text[at]) != in_word) continue;
    *out++ = static_cast<uint32_t>(at);
    in_word = !in_word;
  }
  if (in_word) *out++ = static_cast<uint32_t>(text.size());
  return static_cast<size_t>(out - ends) / 2;
}

uint64_t count_words(std::string_view text) {
  if (simd_limited_to_scalar()) return count_words_scalar(text);
  return HWY_DYNAMIC_DISPATCH(count_words_fast)(text);
}

uint64_t count_words_scalar(std::string_view text) {
  uint64_t words = 0;
  bool after_white = true;
  for (const char c : text) {
    const bool is_white = is_white_space(c);
    words += after_white && !is_white ? 1 : 0;
    after_white = is_white;
  }
  return words;
}

}  // namespace shardmill
#endif
