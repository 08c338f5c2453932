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

/// By the low half of a byte: the white space that ends with it. Other entries end differently, so
/// that they equal no byte that asks for them.
alignas(16) constexpr uint8_t kWhiteSpace[16] = {' ', 0,    0,    0,    0,    0,    0, 0,
                                                 0,   '\t', '\n', '\v', '\f', '\r', 0, 0};

/// One bit for each of 64 bytes.
struct SpaceBits {
  uint64_t white = 0;    ///< is it white space?
  uint64_t returns = 0;  ///< is it \r? Not asked for unless kReturns.
};

template <bool kReturns>
HWY_INLINE SpaceBits space_bits(const uint8_t* bytes) {
  const hn::CappedTag<uint8_t, 64> d;
  const size_t lanes = hn::Lanes(d);
  const auto table = hn::LoadDup128(d, kWhiteSpace);
  SpaceBits result;
  for (size_t at = 0; at < 64; at += lanes) {
    const auto text = hn::LoadU(d, bytes + at);
    const auto white = hn::TableLookupBytes(table, hn::And(text, hn::Set(d, 0x0f)));
    result.white |= mask_bits(d, hn::Eq(white, text)) << at;
    if constexpr (kReturns) result.returns |= mask_bits(d, hn::Eq(text, hn::Set(d, '\r'))) << at;
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
  for (; at + 64 <= text.size(); at += 64) write_changes(space_bits<false>(bytes + at).white, at);
  const size_t left = text.size() - at;
  if (left > 0) {
    uint8_t rest[64];
    std::memset(rest, ' ', sizeof rest);
    std::memcpy(rest, bytes + at, left);
    write_changes(space_bits<false>(rest).white, at);
  }
  if (before == 0) *out++ = static_cast<uint32_t>(text.size());
  return static_cast<size_t>(out - ends) / 2;
}

/// How many of these bytes of the text, a bit for each from `base` on, have a newline behind them.
HWY_INLINE uint64_t newlines_behind(std::string_view text, size_t base, uint64_t bits) {
  uint64_t found = 0;
  for (; bits != 0; bits &= bits - 1) {
    const size_t next = base + static_cast<size_t>(std::countr_zero(bits)) + 1;
    found += next < text.size() && text[next] == '\n' ? 1 : 0;
  }
  return found;
}

template <bool kCrlfs>
HWY_INLINE WordCounts count(std::string_view text) {
  const auto* bytes = reinterpret_cast<const uint8_t*>(text.data());
  WordCounts counts;
  uint64_t before = 1;
  const auto add = [&](const SpaceBits& bits, size_t base) HWY_ATTR {
    counts.words += static_cast<uint64_t>(std::popcount(~bits.white & (bits.white << 1 | before)));
    before = bits.white >> 63;
    if (bits.returns != 0) [[unlikely]] {
      counts.crlfs += newlines_behind(text, base, bits.returns);
    }
  };
  size_t at = 0;
  for (; at + 64 <= text.size(); at += 64) add(space_bits<kCrlfs>(bytes + at), at);
  if (at < text.size()) {
    uint8_t rest[64];
    std::memset(rest, ' ', sizeof rest);
    std::memcpy(rest, bytes + at, text.size() - at);
    add(space_bits<kCrlfs>(rest), at);
  }
  return counts;
}

uint64_t count_words_fast(std::string_view text) {
  return count<false>(text).words;
}

WordCounts count_words_and_crlfs_fast(std::string_view text) {
  return count<true>(text);
}

}  // namespace HWY_NAMESPACE
}  // namespace shardmill
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace shardmill {

HWY_EXPORT(find_words_fast);
HWY_EXPORT(count_words_fast);
HWY_EXPORT(count_words_and_crlfs_fast);

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

WordCounts count_words_and_crlfs(std::string_view text) {
  if (simd_limited_to_scalar()) return count_words_and_crlfs_scalar(text);
  return HWY_DYNAMIC_DISPATCH(count_words_and_crlfs_fast)(text);
}

WordCounts count_words_and_crlfs_scalar(std::string_view text) {
  WordCounts counts = {.words = count_words_scalar(text)};
  for (size_t at = 1; at < text.size(); ++at) {
    counts.crlfs += text[at - 1] == '\r' && text[at] == '\n' ? 1 : 0;
  }
  return counts;
}

}  // namespace shardmill
#endif
