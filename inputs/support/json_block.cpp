#include "inputs/support/json_block.h"

#include <bit>
#include <cstring>
#include <type_traits>

#include "inputs/support/json_scalar.h"
#include "inputs/support/text_window.h"
#include "pipeline/base/bits.h"
#include "pipeline/base/simd.h"

#ifndef SHARDMILL_INPUTS_SUPPORT_JSON_BLOCK_ONCE
#define SHARDMILL_INPUTS_SUPPORT_JSON_BLOCK_ONCE

namespace shardmill {
namespace json_block {

using Step = JsonTemplate::Step;
using Likely = JsonTemplate::Likely;

constexpr uint32_t kNotSound = 0;  ///< no value ends there

/// How far records have come.
struct Progress {
  std::array<uint32_t, JsonBlock::kRecords> at;
  /// Those that have another scalar in the place of a string: `at` is at its last byte then, as it
  /// were its quote.
  uint64_t odd = 0;
};

/// The marks of the bytes from `at` on, 57 of them at least.
[[gnu::always_inline]] inline uint64_t marks_from(const uint64_t* marks, uint32_t at) {
  uint64_t bits = 0;
  std::memcpy(&bits, reinterpret_cast<const char*>(marks) + at / 8, sizeof bits);
  return bits >> at % 8;
}

[[gnu::noinline]] inline uint32_t far_quote(const uint64_t* quotes, uint32_t at) {
  size_t word = at / 64;
  uint64_t bits = quotes[word] >> at % 64 << at % 64;
  while (bits == 0) bits = quotes[++word];
  return static_cast<uint32_t>(word * 64) + static_cast<uint32_t>(std::countr_zero(bits));
}

/// The first quote at or behind `at`, which is no further than the text's end, where one stands.
[[gnu::always_inline]] inline uint32_t next_quote(const uint64_t* quotes, uint32_t at) {
  const uint64_t near = marks_from(quotes, at);
  if (near == 0) [[unlikely]]
    return far_quote(quotes, at);
  return at + static_cast<uint32_t>(std::countr_zero(near));
}

/// Behind the scalar at `at`, of a line that ends at `end`.
inline uint32_t skip_scalar(const JsonBlock& block, uint32_t at, uint32_t end) {
  const char* const text = block.text.data();
  const char first = text[at];
  if (first == '"') {
    const uint32_t quote = next_quote(block.quotes, at + 1);
    return quote < end ? quote + 1 : kNotSound;
  }
  JsonKind kind = JsonKind::kNull;
  const char* const behind =
      first <= '9' ? skip_json_number(text + at) : skip_json_word(text + at, kind);
  return behind != nullptr ? static_cast<uint32_t>(behind - text) : kNotSound;
}

inline bool is_whitespace(std::string_view text) {
  return text.find_first_not_of(" \t\r") == std::string_view::npos;
}

/// One step of one record, whatever kind its scalar is of. False if it is not of this make.
inline bool take_step(const JsonBlock& block, const JsonTemplate& make, const Step& step, size_t i,
                      Progress& progress, JsonSpans& spans) {
  const uint64_t bit = uint64_t{1} << i;
  const uint32_t end = block.end[i];
  const char* const text = block.text.data();
  const size_t at = progress.at[i];
  const bool wants_string = step.likely == Likely::kString;
  const size_t skipped = (progress.odd & bit) != 0 ? 1 : 0;
  const size_t bytes = step.bytes - (wants_string ? 1 : 0);
  if (bytes < skipped || at + bytes > end) return false;
  const char* const literal = make.literals() + step.literal;
  if (std::memcmp(text + at + skipped, literal + skipped, bytes - skipped) != 0) return false;
  if (step.start >= 0) spans.starts[static_cast<size_t>(step.start)][i] = progress.at[i];
  const auto value = static_cast<uint32_t>(at + bytes);
  if (step.likely == Likely::kEnd) {
    return is_whitespace(block.text.substr(value, end - value));
  }
  const uint32_t behind = skip_scalar(block, value, end);
  if (behind == kNotSound) return false;
  if (step.span >= 0) spans.values[static_cast<size_t>(step.span)][i] = {value, behind};
  progress.at[i] = behind - (wants_string ? 1 : 0);
  progress.odd &= ~bit;
  if (wants_string && text[value] != '"') progress.odd |= bit;
  return true;
}

inline void make_room(const JsonTemplate& make, JsonSpans& spans) {
  if (spans.values.size() < make.values().size()) spans.values.resize(make.values().size());
  if (spans.starts.size() < make.starts()) spans.starts.resize(make.starts());
}

}  // namespace json_block
}  // namespace shardmill

#endif

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "inputs/support/json_block.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace shardmill {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;
using namespace json_block;

constexpr size_t kNumberBytes = 32;  ///< longer numbers go the other way
using Bytes = hn::CappedTag<uint8_t, kNumberBytes>;
constexpr size_t kPart = JsonTemplate::kLiteralPadding;
using Part = hn::CappedTag<uint8_t, kPart>;

#include "pipeline/base/mask_bits.inl"

/// The bytes of "true" or "false" at `begin`; 0 for all else.
HWY_INLINE uint32_t truth_bytes(const char* begin) {
  const uint32_t is_true = std::memcmp(begin, "true", 4) == 0 ? 1 : 0;
  const uint32_t is_alse = std::memcmp(begin + 1, "alse", 4) == 0 ? 1 : 0;
  return 4 * is_true + 5 * (is_alse & (*begin == 'f' ? 1 : 0));
}

/// The bytes of the number without exponent at `begin`; 0 for all else and for long ones.
HWY_INLINE uint32_t plain_number_bytes(const char* begin) {
  const Bytes d;
  const auto* const bytes = reinterpret_cast<const uint8_t*>(begin);
  uint32_t digits = 0;
  uint32_t dots = 0;
  for (size_t i = 0; i < kNumberBytes; i += hn::Lanes(d)) {
    const auto text = hn::LoadU(d, bytes + i);
    const auto values = hn::Sub(text, hn::Set(d, '0'));
    const auto is_digit = hn::Eq(hn::Min(values, hn::Set(d, 9)), values);
    digits |= static_cast<uint32_t>(mask_bits(d, is_digit)) << i;
    dots |= static_cast<uint32_t>(mask_bits(d, hn::Eq(text, hn::Set(d, '.')))) << i;
  }
  const uint32_t minus = *begin == '-' ? 1 : 0;
  const uint32_t others = ~(digits | dots | minus);
  // The size; 31 and more for long numbers.
  const auto size = static_cast<uint32_t>(std::countr_zero(others | uint32_t{1} << 31));
  const uint32_t valid = (uint32_t{1} << size) - 1;
  dots &= valid;
  const uint32_t leading_zero = (begin[minus] == '0' ? 1u : 0u) & digits >> minus >> 1;
  const uint32_t is_digit_at_ends = digits >> minus & (digits << 1) >> size & 1;
  const bool is_plain = (size < kNumberBytes - 1) & ((dots & (dots - 1)) == 0) &
                        ((is_digit_at_ends & ~leading_zero) != 0);
  return is_plain ? size : 0;
}

/// The bytes of the whole number at `begin`, at most seven; 0 for all else.
HWY_INLINE uint32_t short_int_bytes(const char* begin) {
  constexpr uint64_t kZeros = 0x3030303030303030;
  constexpr uint64_t kToHighBit = 0x7676767676767676;  // added to 10 or more: sets the high bit
  constexpr uint64_t kHighBits = 0x8080808080808080;
  uint64_t bytes = 0;
  std::memcpy(&bytes, begin, sizeof bytes);
  const uint64_t values = bytes ^ kZeros;  // of digits: 0 to 9
  const uint64_t others = (((values & ~kHighBits) + kToHighBit) | values) & kHighBits;
  const auto size = static_cast<uint32_t>(std::countr_zero(others | uint64_t{1} << 63)) / 8;
  return (others != 0) & ((*begin != '0') | (size == 1)) ? size : 0;
}

/// Takes a step of many records at once; those that it is too hard for go through take_step.
struct Stepper {
  const JsonBlock& block;
  const JsonTemplate& make;
  const Step& step;
  Progress& progress;
  JsonSpans& spans;

  /// Returns those of the candidates that are of this make still. value_end(at, i, end) says where
  /// the value ends that begins at `at`, or that it is too hard.
  template <typename ValueEnd>
  HWY_INLINE uint64_t take(uint64_t candidates, const ValueEnd& value_end) const {
    const bool is_kept = step.span >= 0 || step.start >= 0;
    if (step.bytes > kPart) {
      return is_kept ? take_all<false, true>(candidates, value_end)
                     : take_all<false, false>(candidates, value_end);
    }
    return is_kept ? take_all<true, true>(candidates, value_end)
                   : take_all<true, false>(candidates, value_end);
  }

  template <bool kIsShort, bool kIsKept, typename ValueEnd>
  HWY_INLINE uint64_t take_all(uint64_t candidates, const ValueEnd& value_end) const {
    const Part d;
    const char* const literal = make.literals() + step.literal;
    const uint32_t bytes = step.bytes;
    const auto ours = hn::FirstN(d, bytes);
    const auto first = hn::LoadU(d, reinterpret_cast<const uint8_t*>(literal));
    const char* const text = block.text.data();
    uint32_t* const positions = progress.at.data();
    const uint32_t quotes = step.likely == Likely::kString ? 1 : 0;
    FieldSpan* const values = step.span >= 0 ? spans.values[static_cast<size_t>(step.span)].data()
                                             : spans.unwanted.data();
    uint32_t* const starts = step.start >= 0 ? spans.starts[static_cast<size_t>(step.start)].data()
                                             : spans.no_starts.data();
    uint64_t hard = 0;
    const auto look_at = [=, this, &hard](size_t i) HWY_ATTR {
      const uint32_t at = positions[i];
      const auto* const here = reinterpret_cast<const uint8_t*>(text) + at;
      const auto different = hn::And(ours, hn::Ne(hn::LoadU(d, here), first));
      uint32_t end = 0;
      if (HWY_LIKELY(hn::AllFalse(d, different) && (kIsShort || has_literal(here, at, i)) &&
                     value_end(at + bytes, i, end))) {
        positions[i] = end;
        if constexpr (kIsKept) {
          starts[i] = at;
          values[i] = {.begin = at + bytes - quotes, .end = end + quotes};
        }
      } else {
        hard |= uint64_t{1} << i;
      }
    };
    if (candidates == ~uint64_t{0}) {
      for (size_t i = 0; i < JsonBlock::kRecords; ++i) look_at(i);
    } else {
      for_each_bit(candidates, look_at);
    }
    uint64_t failed = 0;
    for_each_bit(hard, [&](size_t i) {
      failed |= static_cast<uint64_t>(!take_step(block, make, step, i, progress, spans)) << i;
    });
    return candidates & ~failed;
  }

  /// The rest of a long literal.
  HWY_INLINE bool has_literal(const uint8_t* here, uint32_t at, size_t i) const {
    return at + uint64_t{step.bytes} <= block.end[i] &&
           std::memcmp(here + kPart, make.literals() + step.literal + kPart, step.bytes - kPart) ==
               0;
  }

  HWY_INLINE uint64_t take_likely(uint64_t candidates) const {
    const char* const text = block.text.data();
    const uint32_t* const ends = block.end.data();
    const uint64_t* const quotes = block.quotes;
    const char follower = step.follower;
    const auto is_behind = [=](uint32_t at, uint32_t bytes, uint32_t & end) HWY_ATTR
        __attribute__((always_inline)) {
      end = at + bytes;
      return (bytes != 0) & (text[end] == follower);
    };
    switch (step.likely) {
      case Likely::kString:
        return take(
            candidates, [=](uint32_t at, size_t i, uint32_t & end) HWY_ATTR
            __attribute__((always_inline)) {
              end = next_quote(quotes, at);
              return end < ends[i];
            });
      case Likely::kShortInt:
        return take(
            candidates, [=](uint32_t at, size_t, uint32_t & end) HWY_ATTR
            __attribute__((always_inline)) {
              return is_behind(at, short_int_bytes(text + at), end);
            });
      case Likely::kNumber:
        return take(
            candidates, [=](uint32_t at, size_t, uint32_t & end) HWY_ATTR
            __attribute__((always_inline)) {
              return is_behind(at, plain_number_bytes(text + at), end);
            });
      case Likely::kTruth:
        return take(
            candidates, [=](uint32_t at, size_t, uint32_t & end) HWY_ATTR
            __attribute__((always_inline)) { return is_behind(at, truth_bytes(text + at), end); });
      case Likely::kOther:
        return take(
            candidates, [this](uint32_t at, size_t i, uint32_t & end) HWY_ATTR
            __attribute__((always_inline)) {
              end = skip_scalar(block, at, block.end[i]);
              return end != kNotSound;
            });
      case Likely::kEnd:
        return take(
            candidates, [=](uint32_t at, size_t i, uint32_t & end) HWY_ATTR
            __attribute__((always_inline)) {
              end = at;
              return at == ends[i];
            });
    }
    return 0;
  }
};

uint64_t match_simd(const JsonBlock& block, const JsonTemplate& make, uint64_t candidates,
                    JsonSpans& spans) {
  if (hn::Lanes(Part()) < kPart) {
    return match_json_block_scalar(block, make, candidates, spans);
  }
  make_room(make, spans);
  Progress progress = {.at = block.begin};
  uint64_t matched = make.steps().empty() ? 0 : candidates;
  for (const Step& step : make.steps()) {
    if (matched == 0) break;
    matched = Stepper{block, make, step, progress, spans}.take_likely(matched);
  }
  return matched;
}

/// Of each bit: whether the bits up to it, itself included, are odd in number.
HWY_INLINE uint64_t odd_up_to(uint64_t bits) {
  for (int shift = 1; shift < 64; shift *= 2) bits ^= bits << shift;
  return bits;
}

void count_commas_simd(const JsonBlock& block, JsonSpans::ByRecord<uint32_t>& counts) {
  const hn::CappedTag<uint8_t, 64> d;
  const auto comma = hn::Set(d, ',');
  const auto* const text = reinterpret_cast<const uint8_t*>(block.text.data());
  for (size_t i = 0; i < block.count; ++i) {
    const uint32_t end = block.end[i];
    uint64_t in_string = 0;  // all bits if the bytes before are
    uint64_t ours = ~uint64_t{0} << block.begin[i] % 64;
    counts[i] = 0;
    for (uint32_t word = block.begin[i] / 64; word <= end / 64; ++word) {
      if (word == end / 64) ours &= (uint64_t{1} << end % 64) - 1;
      uint64_t commas = 0;
      for (size_t at = 0; at < 64; at += hn::Lanes(d)) {
        commas |= mask_bits(d, hn::Eq(hn::LoadU(d, text + word * size_t{64} + at), comma)) << at;
      }
      const uint64_t inside = odd_up_to(block.quotes[word] & ours) ^ in_string;
      counts[i] += static_cast<uint32_t>(std::popcount(commas & ours & ~inside));
      in_string = ~uint64_t{0} * (inside >> 63);
      ours = ~uint64_t{0};
    }
  }
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace shardmill
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace shardmill {

HWY_EXPORT(match_simd);
HWY_EXPORT(count_commas_simd);

JsonBlock::LineStart JsonBlock::hold(const JsonMarks& marks, LineStart from) {
  const uint32_t* const newlines = marks.newlines;
  const size_t line_count = marks.newline_count;
  size_t held = 0;
  for (; from.line < line_count && held < kRecords; ++from.line) {
    const size_t line_end = newlines[from.line];
    size_t record = from.at;
    while (record < line_end && is_json_whitespace(text[record])) ++record;
    const bool has_return = record < line_end && text[line_end - 1] == '\r';
    lines[held] = {.begin = from.at, .end = line_end};
    begin[held] = static_cast<uint32_t>(record);
    end[held] = static_cast<uint32_t>(line_end - (has_return ? 1 : 0));
    held += record < line_end ? 1 : 0;
    from.at = line_end + 1;
  }
  count = held;
  return from;
}

uint64_t match_json_block(const JsonBlock& block, const JsonTemplate& make, uint64_t candidates,
                          JsonSpans& spans) {
  if (simd_limited_to_scalar()) return match_json_block_scalar(block, make, candidates, spans);
  return HWY_DYNAMIC_DISPATCH(match_simd)(block, make, candidates, spans);
}

uint64_t match_json_block_scalar(const JsonBlock& block, const JsonTemplate& make,
                                 uint64_t candidates, JsonSpans& spans) {
  json_block::make_room(make, spans);
  json_block::Progress progress = {.at = block.begin};
  uint64_t matched = 0;
  if (make.steps().empty()) return matched;
  for_each_bit(candidates, [&](size_t i) {
    for (const JsonTemplate::Step& step : make.steps()) {
      if (!json_block::take_step(block, make, step, i, progress, spans)) return;
    }
    matched |= uint64_t{1} << i;
  });
  return matched;
}

void count_json_commas(const JsonBlock& block, JsonSpans::ByRecord<uint32_t>& counts) {
  if (simd_limited_to_scalar()) return count_json_commas_scalar(block, counts);
  HWY_DYNAMIC_DISPATCH(count_commas_simd)(block, counts);
}

void count_json_commas_scalar(const JsonBlock& block, JsonSpans::ByRecord<uint32_t>& counts) {
  for (size_t i = 0; i < block.count; ++i) {
    bool in_string = false;
    counts[i] = 0;
    for (size_t at = block.begin[i]; at < block.end[i]; ++at) {
      if ((block.quotes[at / 64] >> at % 64 & 1) != 0) in_string = !in_string;
      if (block.text[at] == ',' && !in_string) ++counts[i];
    }
  }
}

}  // namespace shardmill
#endif
