#include "inputs/support/text_kernels.h"

#include <algorithm>
#include <type_traits>

#include "inputs/support/text_kernels_inner.h"
#include "pipeline/base/simd.h"

#define HWY_WANT_AVX3_DL 1  // for compressing bytes
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "inputs/support/text_kernels.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace shardmill {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

constexpr size_t kBlock = 64;
using Bytes = hn::CappedTag<uint8_t, kBlock>;
using ByteVector = hn::Vec<Bytes>;

#include "pipeline/base/mask_bits.inl"
#include "pipeline/base/write_positions.inl"

/// Which of the 64 bytes at `at` equal `wanted`.
HWY_INLINE uint64_t equal_bits(const uint8_t* at, ByteVector wanted) {
  const Bytes d;
  uint64_t bits = 0;
  for (size_t i = 0; i < kBlock; i += hn::Lanes(d)) {
    bits |= mask_bits(d, hn::Eq(hn::LoadU(d, at + i), wanted)) << i;
  }
  return bits;
}

HWY_INLINE uint64_t low_bits(size_t count) {
  return count >= 64 ? ~uint64_t{0} : (uint64_t{1} << count) - 1;
}

HWY_INLINE size_t bit_count(uint64_t bits) {
  return static_cast<size_t>(__builtin_popcountll(bits));
}

/// Bit i is the parity of bits 0 to i: inside quotes from an opening quote up to before its end.
HWY_INLINE uint64_t prefix_xor(uint64_t bits) {
#if HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX2
  const hn::Full128<uint64_t> d;
  return hn::GetLane(hn::CLMulLower(hn::Set(d, bits), hn::Set(d, ~uint64_t{0})));
#else
  for (unsigned shift = 1; shift < 64; shift *= 2) bits ^= bits << shift;
  return bits;
#endif
}

size_t count_newlines_simd(std::string_view text) {
  const Bytes d;
  const size_t lanes = hn::Lanes(d);
  const auto newline = hn::Set(d, '\n');
  const auto* at = reinterpret_cast<const uint8_t*>(text.data());
  const uint8_t* const end = at + text.size();
  const hn::Repartition<uint64_t, Bytes> d64;
  auto total = hn::Zero(d64);
  while (static_cast<size_t>(end - at) >= 4 * lanes) {
    // Lanes of bytes overflow after 255 additions.
    auto first = hn::Zero(d), second = hn::Zero(d);
    size_t steps = std::min<size_t>(static_cast<size_t>(end - at) / (4 * lanes), 127);
    for (; steps > 0; --steps, at += 4 * lanes) {
      const auto equal = [&](size_t i) HWY_ATTR {
        return hn::VecFromMask(d, hn::Eq(hn::LoadU(d, at + i * lanes), newline));
      };
      first = hn::Sub(first, hn::Add(equal(0), equal(1)));
      second = hn::Sub(second, hn::Add(equal(2), equal(3)));
    }
    total = hn::Add(total, hn::Add(hn::SumsOf8(first), hn::SumsOf8(second)));
  }
  size_t count = hn::GetLane(hn::SumOfLanes(d64, total));
  for (; at < end; at += kBlock) {
    count += bit_count(equal_bits(at, newline) & low_bits(static_cast<size_t>(end - at)));
  }
  return count;
}

size_t find_bytes_simd(std::string_view text, char byte, uint32_t* positions) {
  const auto wanted = hn::Set(Bytes(), static_cast<uint8_t>(byte));
  const auto* data = reinterpret_cast<const uint8_t*>(text.data());
  size_t count = 0;
  for (size_t at = 0; at < text.size(); at += kBlock) {
    const uint64_t bits = equal_bits(data + at, wanted) & low_bits(text.size() - at);
    write_positions<4>(bits, static_cast<uint32_t>(at), positions + count);
    count += bit_count(bits);
  }
  return count;
}

/// What is known in front of a block.
struct BlockState {
  uint64_t inside = 0;    ///< all ones: inside quotes
  uint64_t may_open = 1;  ///< 1: a quote at the block's first byte may open a field
};

HWY_INLINE BlockState block_state(CsvState state) {
  return {.inside = state == CsvState::kInQuoted ? ~uint64_t{0} : 0,
          .may_open = state == CsvState::kFieldStart ? uint64_t{1} : 0};
}

HWY_INLINE CsvState csv_state(BlockState state) {
  if (state.inside != 0) return CsvState::kInQuoted;
  return state.may_open != 0 ? CsvState::kFieldStart : CsvState::kInField;
}

CsvState mark_csv_simd(std::string_view text, CsvBytes bytes, CsvState start, CsvMarks& marks) {
  const Bytes d;
  const auto delimiter = hn::Set(d, static_cast<uint8_t>(bytes.delimiter));
  const auto quote = hn::Set(d, static_cast<uint8_t>(bytes.quote));
  const auto newline = hn::Set(d, '\n');
  const auto cr = hn::Set(d, '\r');
  const auto* data = reinterpret_cast<const uint8_t*>(text.data());
  const uint64_t quote_mask = bytes.has_quote ? ~uint64_t{0} : 0;

  BlockState state = block_state(start);
  uint64_t any_quotes = 0;
  uint64_t any_cr = 0;
  uint32_t* separators_out = marks.next_separator();
  size_t separator_count = marks.separator_count();
  size_t newline_count = marks.newline_count();

  for (size_t at = 0; at < text.size(); at += kBlock) {
    const size_t size = std::min(kBlock, text.size() - at);
    const uint64_t valid = low_bits(size);
    const uint64_t quotes = equal_bits(data + at, quote) & valid & quote_mask;
    uint64_t newlines = equal_bits(data + at, newline) & valid;
    uint64_t separators = (equal_bits(data + at, delimiter) & valid) | newlines;
    any_quotes |= quotes;
    any_cr |= equal_bits(data + at, cr) & valid;
    uint64_t closes = 0;
    uint64_t inside = state.inside;
    if (any_quotes != 0) {  // easier to guess than whether this block has some
      inside ^= prefix_xor(quotes);
      closes = quotes & ~inside;
    }
    newlines &= ~inside;
    separators &= ~inside;
    const uint64_t open_after = separators | closes;
    const uint64_t wrong = quotes & inside & ~((open_after << 1) | state.may_open);
    if (HWY_UNLIKELY(wrong != 0)) {
      marks.set_counts(separator_count, newline_count);
      state = block_state(
          mark_csv_bytes(text, {.begin = at, .end = at + size}, bytes, csv_state(state), marks));
      separators_out += marks.separator_count() - separator_count;
      separator_count = marks.separator_count();
      newline_count = marks.newline_count();
      continue;
    }
    write_positions<12>(separators, static_cast<uint32_t>(at), separators_out);
    const size_t found = bit_count(separators);
    separators_out += found;
    separator_count += found;
    newline_count += bit_count(newlines);
    state.inside = uint64_t{0} - ((inside >> (size - 1)) & 1);
    state.may_open = (open_after >> (size - 1)) & 1;
  }
  marks.set_counts(separator_count, newline_count);
  if (any_quotes != 0) marks.set_has_quotes();
  if (any_cr != 0) marks.set_has_cr();
  return csv_state(state);
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace shardmill
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace shardmill {

HWY_EXPORT(count_newlines_simd);
HWY_EXPORT(find_bytes_simd);
HWY_EXPORT(mark_csv_simd);

size_t count_newlines(std::string_view text) {
  if (simd_limited_to_scalar()) return count_newlines_scalar(text);
  return HWY_DYNAMIC_DISPATCH(count_newlines_simd)(text);
}

size_t find_bytes(std::string_view text, char wanted, uint32_t* positions) {
  if (simd_limited_to_scalar()) return find_bytes_scalar(text, wanted, positions);
  return HWY_DYNAMIC_DISPATCH(find_bytes_simd)(text, wanted, positions);
}

CsvState mark_csv(std::string_view text, CsvBytes bytes, CsvState state, CsvMarks& marks) {
  if (simd_limited_to_scalar()) return mark_csv_scalar(text, bytes, state, marks);
  return HWY_DYNAMIC_DISPATCH(mark_csv_simd)(text, bytes, state, marks);
}

}  // namespace shardmill
#endif
