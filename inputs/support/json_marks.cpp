#include "inputs/support/json_marks.h"

#include <algorithm>
#include <type_traits>

#include "inputs/support/text_kernels.h"
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
using Vector = hn::Vec<Bytes>;

#include "pipeline/base/mask_bits.inl"

/// Writes base + the position of each set bit, one in any case; returns how many there are. For
/// words with hardly more than one.
HWY_INLINE size_t write_few_positions(uint64_t bits, uint32_t base, uint32_t* out) {
  constexpr uint64_t kGuard = uint64_t{1} << 63;  // ctz of 0 is undefined
  const auto count = static_cast<size_t>(__builtin_popcountll(bits));
  out[0] = base + static_cast<uint32_t>(__builtin_ctzll(bits | kGuard));
  for (size_t i = 1; HWY_UNLIKELY(i < count); ++i) {
    bits &= bits - 1;
    out[i] = base + static_cast<uint32_t>(__builtin_ctzll(bits));
  }
  return count;
}

/// A byte that the compiler does not know: of known ones it makes vectors anew in each step, which
/// takes longer than all else in it.
HWY_INLINE uint8_t hidden(uint8_t byte) {
  const volatile uint8_t unknown = byte;
  return unknown;
}

/// What the second bytes of short escapes are found by. b and r differ in one bit, the others in
/// their low halves.
struct ShortEscapes {
  Vector by_low_half;
  Vector low_half;
  Vector all_but_b_and_r;
  Vector b;
};

HWY_INLINE ShortEscapes short_escapes(Bytes d) {
  alignas(16) static constexpr uint8_t kByLowHalf[16] = {
      0xff, 0xff, '"', 0xff, 't', 0xff, 'f', 0xff, 0xff, 0xff, 0xff, 0xff, '\\', 0xff, 'n', '/'};
  return {.by_low_half = hn::LoadDup128(d, kByLowHalf),
          .low_half = hn::Set(d, hidden(0x0f)),
          .all_but_b_and_r = hn::Set(d, hidden(0xef)),
          .b = hn::Set(d, hidden('b'))};
}

/// Which bytes are such, if a backslash is before them.
HWY_INLINE auto short_escape_mask(const ShortEscapes& escapes, Vector bytes) {
  const auto found = hn::TableLookupBytes(escapes.by_low_half, hn::And(bytes, escapes.low_half));
  const auto is_b_or_r = hn::Eq(hn::And(bytes, escapes.all_but_b_and_r), escapes.b);
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

HWY_NOINLINE void append_positions(uint64_t bits, size_t base, std::vector<uint32_t>& positions) {
  for (; bits != 0; bits &= bits - 1) {
    positions.push_back(static_cast<uint32_t>(base + static_cast<size_t>(__builtin_ctzll(bits))));
  }
}

void mark_simd(std::string_view text, JsonMarks& marks) {
  const Bytes d;
  const ShortEscapes escapes = short_escapes(d);
  const auto newline = hn::Set(d, hidden('\n'));
  const auto backslash = hn::Set(d, hidden('\\'));
  const auto quote = hn::Set(d, hidden('"'));
  const auto first_printable = hn::Set(d, hidden(0x20));
  const auto last_ascii = hn::Set(d, 0x7f);
  const auto* const data = reinterpret_cast<const uint8_t*>(text.data());
  uint64_t* const quotes = marks.quotes;
  uint32_t* newlines = marks.newlines;
  marks.odd_escapes.clear();
  marks.controls.clear();
  uint64_t carry = 0;
  uint64_t any_backslash = 0;
  auto any_bytes = hn::Zero(d);  // of whole blocks, or'ed
  uint64_t high_bits = 0;        // of the last block, if it is not a whole one
  // Of the last block only the `valid` bytes are of the text.
  const auto mark_block = [&](size_t at, uint64_t valid, bool is_whole) HWY_ATTR
      __attribute__((always_inline)) {
    uint64_t newline_bits = 0;
    uint64_t backslash_bits = 0;
    uint64_t short_escape_bits = 0;
    uint64_t quote_bits = 0;
    uint64_t control_bits = 0;
    for (size_t i = 0; i < kBlock; i += hn::Lanes(d)) {
      const auto bytes = hn::LoadU(d, data + at + i);
      newline_bits |= mask_bits(d, hn::Eq(bytes, newline)) << i;
      backslash_bits |= mask_bits(d, hn::Eq(bytes, backslash)) << i;
      short_escape_bits |= mask_bits(d, short_escape_mask(escapes, bytes)) << i;
      quote_bits |= mask_bits(d, hn::Eq(bytes, quote)) << i;
      control_bits |= mask_bits(d, hn::Lt(bytes, first_printable)) << i;
      if (is_whole) {
        any_bytes = hn::Or(any_bytes, bytes);
      } else {
        high_bits |= mask_bits(d, hn::Gt(bytes, last_ascii)) << i & valid;
      }
    }
    newlines += write_few_positions(newline_bits & valid, static_cast<uint32_t>(at), newlines);
    any_backslash |= backslash_bits & valid;
    const uint64_t escaped = escaped_bytes(backslash_bits & valid, carry);
    quotes[at / kBlock] = (quote_bits & ~escaped) | ~valid;
    const uint64_t controls = control_bits & ~newline_bits & valid;
    // What is behind the text is no short escape.
    const uint64_t odd = escaped & ~(short_escape_bits & valid);
    if (HWY_UNLIKELY((controls | odd) != 0)) {
      append_positions(controls, at, marks.controls);
      append_positions(odd, at - 1, marks.odd_escapes);
    }
  };
  size_t at = 0;
  const size_t whole_blocks = text.size() / kBlock * kBlock;
  for (; at < whole_blocks; at += kBlock) mark_block(at, ~uint64_t{0}, true);
  if (at < text.size()) {
    mark_block(at, (uint64_t{1} << (text.size() - at)) - 1, false);
    at += kBlock;
  }
  if (carry != 0) marks.odd_escapes.push_back(static_cast<uint32_t>(text.size() - 1));
  marks.newline_count = static_cast<size_t>(newlines - marks.newlines);
  marks.has_backslashes = any_backslash != 0;
  marks.is_ascii = high_bits == 0 && hn::AllFalse(d, hn::Gt(any_bytes, last_ascii));
  std::fill(marks.quotes + at / kBlock, marks.quotes + json_mark_words(text.size()), ~uint64_t{0});
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
  marks.controls.clear();
  marks.has_backslashes = false;
  marks.is_ascii = true;
  const size_t words = json_mark_words(text.size());
  std::fill(marks.quotes, marks.quotes + words, ~uint64_t{0});
  bool is_escaped = false;
  for (size_t at = 0; at < text.size(); ++at) {
    const auto byte = static_cast<unsigned char>(text[at]);
    if (byte == '\n') {
      marks.newlines[marks.newline_count++] = static_cast<uint32_t>(at);
    } else if (byte < 0x20) {
      marks.controls.push_back(static_cast<uint32_t>(at));
    }
    marks.is_ascii = marks.is_ascii && byte < 0x80;
    if (byte != '"' || is_escaped) marks.quotes[at / 64] &= ~(uint64_t{1} << at % 64);
    const bool begins_escape = byte == '\\' && !is_escaped;
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

// Uninitialised: pages that are never written take no memory. An empty text has bits behind it,
// too.
void JsonMarker::mark(std::string_view text) {
  if (text.size() > room_ || newlines_ == nullptr) {
    room_ = text.size() + text.size() / 4;
    newlines_ = std::make_unique_for_overwrite<uint32_t[]>(room_ + kMarkSlack);
    quotes_ = std::make_unique_for_overwrite<uint64_t[]>(json_mark_words(room_));
    marks_.newlines = newlines_.get();
    marks_.quotes = quotes_.get();
  }
  mark_json(text, marks_);
}

}  // namespace shardmill
#endif
