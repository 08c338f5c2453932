#include "inputs/support/json_marks.h"

#include <type_traits>

#include "pipeline/base/simd.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "inputs/support/json_marks.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace shardmill {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

constexpr size_t kBlock = 64;
using Bytes = hn::CappedTag<uint8_t, kBlock>;

#include "pipeline/base/mask_bits.inl"

/// Writes base + the position of each set bit, one in any case; returns how many there are.
HWY_INLINE size_t write_positions(uint64_t bits, uint32_t base, uint32_t* out) {
  constexpr uint64_t kGuard = uint64_t{1} << 63;  // ctz of 0 is undefined
  const auto count = static_cast<size_t>(__builtin_popcountll(bits));
  out[0] = base + static_cast<uint32_t>(__builtin_ctzll(bits | kGuard));
  for (size_t i = 1; HWY_UNLIKELY(i < count); ++i) {
    bits &= bits - 1;
    out[i] = base + static_cast<uint32_t>(__builtin_ctzll(bits));
  }
  return count;
}

/// Which bytes are the second ones of short escapes, if a backslash is before them.
template <typename Vector>
HWY_INLINE auto short_escape_mask(Bytes d, Vector bytes) {
  // b and r differ in one bit, the others in their low halves.
  alignas(16) static constexpr uint8_t kByLowHalf[16] = {
      0xff, 0xff, '"', 0xff, 't', 0xff, 'f', 0xff, 0xff, 0xff, 0xff, 0xff, '\\', 0xff, 'n', '/'};
  const auto table = hn::LoadDup128(d, kByLowHalf);
  const auto found = hn::TableLookupBytes(table, hn::And(bytes, hn::Set(d, 0x0f)));
  const auto is_b_or_r = hn::Eq(hn::And(bytes, hn::Set(d, 0xef)), hn::Set(d, 'b'));
  return hn::Or(hn::Eq(found, bytes), is_b_or_r);
}

/// Which bytes come behind a backslash that is not escaped itself. `carry` is 1 if the first one
/// does, and says the same of the next 64. (The way of simdjson.)
HWY_INLINE uint64_t escaped_bytes(uint64_t backslashes, uint64_t& carry) {
  constexpr uint64_t kOdd = 0xaaaaaaaaaaaaaaaa;
  const uint64_t may_escape = backslashes & ~carry;
  const uint64_t behind_and_odd = may_escape << 1 | kOdd;
  const uint64_t code = (behind_and_odd - may_escape) ^ kOdd;
  const uint64_t escaped = code ^ (backslashes | carry);
  carry = (code & backslashes) >> 63;
  return escaped;
}

void mark_simd(std::string_view text, JsonMarks& marks) {
  const Bytes d;
  const auto newline = hn::Set(d, '\n');
  const auto backslash = hn::Set(d, '\\');
  const auto* const data = reinterpret_cast<const uint8_t*>(text.data());
  uint32_t* newlines = marks.newlines;
  marks.odd_escapes.clear();
  uint64_t carry = 0;
  uint64_t any_backslash = 0;
  for (size_t at = 0; at < text.size(); at += kBlock) {
    uint64_t newline_bits = 0;
    uint64_t backslash_bits = 0;
    uint64_t short_escape_bits = 0;
    for (size_t i = 0; i < kBlock; i += hn::Lanes(d)) {
      const auto bytes = hn::LoadU(d, data + at + i);
      newline_bits |= mask_bits(d, hn::Eq(bytes, newline)) << i;
      backslash_bits |= mask_bits(d, hn::Eq(bytes, backslash)) << i;
      short_escape_bits |= mask_bits(d, short_escape_mask(d, bytes)) << i;
    }
    const size_t left = text.size() - at;
    const uint64_t valid = left >= kBlock ? ~uint64_t{0} : (uint64_t{1} << left) - 1;
    newlines += write_positions(newline_bits & valid, static_cast<uint32_t>(at), newlines);
    any_backslash |= backslash_bits & valid;
    // What is behind the text is no short escape.
    uint64_t odd = escaped_bytes(backslash_bits & valid, carry) & ~(short_escape_bits & valid);
    for (; HWY_UNLIKELY(odd != 0); odd &= odd - 1) {
      const size_t letter = at + static_cast<size_t>(__builtin_ctzll(odd));
      marks.odd_escapes.push_back(static_cast<uint32_t>(letter - 1));
    }
  }
  if (carry != 0) marks.odd_escapes.push_back(static_cast<uint32_t>(text.size() - 1));
  marks.newline_count = static_cast<size_t>(newlines - marks.newlines);
  marks.has_backslashes = any_backslash != 0;
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace shardmill
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace shardmill {

HWY_EXPORT(mark_simd);

void mark_json(std::string_view text, JsonMarks& marks) {
  if (simd_limited_to_scalar()) return mark_json_scalar(text, marks);
  HWY_DYNAMIC_DISPATCH(mark_simd)(text, marks);
}

void mark_json_scalar(std::string_view text, JsonMarks& marks) {
  constexpr std::string_view kShortEscapes = "\"\\/bfnrt";
  marks.newline_count = 0;
  marks.odd_escapes.clear();
  marks.has_backslashes = false;
  bool is_escaped = false;
  for (size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '\n') marks.newlines[marks.newline_count++] = static_cast<uint32_t>(at);
    const bool begins_escape = text[at] == '\\' && !is_escaped;
    if (begins_escape) {
      marks.has_backslashes = true;
      const bool is_short =
          at + 1 < text.size() && kShortEscapes.find(text[at + 1]) != std::string_view::npos;
      if (!is_short) {
        marks.odd_escapes.push_back(static_cast<uint32_t>(at));
      }
    }
    is_escaped = begins_escape;
  }
}

}  // namespace shardmill
#endif
