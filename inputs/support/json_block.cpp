#include "inputs/support/json_block.h"

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

inline bool is_sound_string(const char* begin, const char* end) {
  return end - begin >= 2 && *begin == '"' && end[-1] == '"';
}

/// Of any kind. The way for values that are not of the kind that the make shows, or unusual.
inline bool is_sound_scalar(const char* begin, const char* end) {
  if (end <= begin) return false;
  if (*begin == '"') return is_sound_string(begin, end);
  if (*begin <= '9') return skip_json_number(begin) == end;
  JsonKind kind = JsonKind::kNull;
  return skip_json_word(begin, kind) == end;
}

/// Whether what may be read of the text reaches as far as the make may look.
inline bool is_within_reach(const JsonBlock& block, size_t i, const JsonTemplate& make) {
  const size_t end = block.first[i][make.positions() - 1] + make.reach();
  return end <= block.text.size() + kTextPadding;
}

/// Whatever kinds the scalars are of.
inline bool matches(const JsonBlock& block, size_t i, const JsonTemplate& make) {
  if (!is_within_reach(block, i, make)) return false;
  const char* const text = block.text.data();
  const uint32_t* const first = block.first[i];
  for (const JsonTemplate::Part& part : make.parts()) {
    const char* const at = text + first[part.position] + part.offset;
    for (size_t byte = 0; byte < JsonTemplate::kPartBytes; ++byte) {
      const auto value = static_cast<uint8_t>(at[byte]);
      if (((value ^ part.bytes[byte]) & part.loose_mask[byte]) != 0) return false;
    }
  }
  for (const JsonTemplate::Value& value : make.values()) {
    const uint32_t* const at = first + value.position;
    if (!is_sound_scalar(text + at[0], text + at[1] - value.space)) return false;
  }
  return true;
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

#include "pipeline/base/mask_bits.inl"

/// "true" or "false".
HWY_INLINE bool is_truth(const char* begin, uint32_t size) {
  const bool is_true = std::memcmp(begin, "true", 4) == 0;
  const bool is_false = (std::memcmp(begin + 1, "alse", 4) == 0) & (*begin == 'f');
  return (is_true & (size == 4)) | (is_false & (size == 5));
}

/// A number without exponent of at most kNumberBytes bytes.
HWY_INLINE bool is_plain_number(const char* begin, uint32_t size) {
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
  const uint32_t last = (size - 1) & 31;
  const uint32_t valid = ~uint32_t{0} >> (31 - last);
  digits &= valid;
  dots &= valid;
  const uint32_t minus = *begin == '-' ? 1 : 0;
  const uint32_t leading_zero = (begin[minus] == '0' ? 1u : 0u) & digits >> minus >> 1;
  const uint32_t is_digit_at_ends = digits >> minus & digits >> last & 1;
  return (size - 1 < kNumberBytes) & ((digits | dots | minus) == valid) &
         ((dots & (dots - 1)) == 0) & ((is_digit_at_ends & ~leading_zero) != 0);
}

/// A whole number of at most eight bytes.
HWY_INLINE bool is_short_int(const char* begin, uint32_t size) {
  constexpr uint64_t kZeros = 0x3030303030303030;
  constexpr uint64_t kToHighBit = 0x7676767676767676;  // added to 10 or more: sets the high bit
  constexpr uint64_t kHighBits = 0x8080808080808080;
  uint64_t bytes = 0;
  std::memcpy(&bytes, begin, sizeof bytes);
  // Of digits 0 to 9; those behind the end are shifted out.
  const uint64_t values = (bytes ^ kZeros) << ((64 - 8 * size) & 63);
  const uint64_t others = (((values & ~kHighBits) + kToHighBit) | values) & kHighBits;
  return (others == 0) & (size - 1 < 8) & ((*begin != '0') | (size == 1));
}

/// The candidates for which is_sound(begin, bytes) holds of this value.
template <typename IsSound>
HWY_INLINE uint64_t sound_values(const JsonBlock& block, const JsonTemplate::Value& value,
                                 uint64_t candidates, IsSound&& is_sound) {
  const char* const text = block.text.data();
  const uint32_t position = value.position;
  const uint32_t space = value.space;
  uint64_t sound = 0;
  const auto look_at = [&](size_t i) HWY_ATTR {
    const uint32_t* const at = block.first[i] + position;
    const bool is_good = is_sound(text + at[0], at[1] - space - at[0]);
    sound |= static_cast<uint64_t>(is_good) << i;
  };
  if (candidates == ~uint64_t{0}) {
    for (size_t i = 0; i < JsonBlock::kRecords; ++i) look_at(i);
  } else {
    for_each_bit(candidates, look_at);
  }
  return sound;
}

uint64_t check_value(const JsonBlock& block, const JsonTemplate::Value& value,
                     uint64_t candidates) {
  uint64_t sound = 0;
  if (value.kind == JsonKind::kTrue || value.kind == JsonKind::kFalse) {
    sound = sound_values(block, value, candidates, is_truth);
  } else if (value.kind == JsonKind::kNumber) {
    sound = value.is_short_int ? sound_values(block, value, candidates, is_short_int)
                               : sound_values(block, value, candidates, is_plain_number);
  }
  for_each_bit(candidates & ~sound, [&](size_t i) HWY_ATTR {
    const uint32_t* const at = block.first[i] + value.position;
    const char* const text = block.text.data();
    if (is_sound_scalar(text + at[0], text + at[1] - value.space)) sound |= uint64_t{1} << i;
  });
  return sound;
}

/// Which of the four records at `first` have all parts. Four at once load each part only once.
HWY_INLINE uint64_t with_parts(const char* text, const uint32_t* const* first,
                               const std::vector<JsonTemplate::Part>& parts) {
  const hn::CappedTag<uint8_t, JsonTemplate::kPartBytes> d;
  const auto zero = hn::Zero(d);
  auto different0 = zero, different1 = zero, different2 = zero, different3 = zero;
  for (const JsonTemplate::Part& part : parts) {
    for (size_t i = 0; i < JsonTemplate::kPartBytes; i += hn::Lanes(d)) {
      const auto* const at = reinterpret_cast<const uint8_t*>(text) + part.offset + i;
      const auto bytes = hn::LoadU(d, part.bytes + i);
      const auto mask = hn::LoadU(d, part.mask + i);
      const auto difference = [&](const uint32_t* positions) HWY_ATTR {
        return hn::And(hn::Xor(hn::LoadU(d, at + positions[part.position]), bytes), mask);
      };
      different0 = hn::Or(different0, difference(first[0]));
      different1 = hn::Or(different1, difference(first[1]));
      different2 = hn::Or(different2, difference(first[2]));
      different3 = hn::Or(different3, difference(first[3]));
    }
  }
  const auto is_equal = [&](auto different) HWY_ATTR {
    return static_cast<uint64_t>(hn::AllTrue(d, hn::Eq(different, zero)));
  };
  return is_equal(different0) | is_equal(different1) << 1 | is_equal(different2) << 2 |
         is_equal(different3) << 3;
}

/// Those of the candidates that have all parts.
uint64_t check_parts(const JsonBlock& block, const JsonTemplate& make, uint64_t candidates) {
  uint64_t matched = 0;
  std::array<const uint32_t*, 4> four;
  std::array<size_t, 4> numbers;
  size_t count = 0;
  const auto look_at_four = [&]() HWY_ATTR {
    const uint64_t found = with_parts(block.text.data(), four.data(), make.parts());
    for (size_t n = 0; n < four.size(); ++n) matched |= (found >> n & 1) << numbers[n];
    count = 0;
  };
  for_each_bit(candidates, [&](size_t i) HWY_ATTR {
    if (!is_within_reach(block, i, make)) return;
    four[count] = block.first[i];
    numbers[count] = i;
    if (++count == four.size()) look_at_four();
  });
  if (count > 0) {
    for (size_t n = count; n < four.size(); ++n) {
      four[n] = four[0];
      numbers[n] = numbers[0];
    }
    look_at_four();
  }
  return matched;
}

uint64_t match_simd(const JsonBlock& block, const JsonTemplate& make, uint64_t candidates) {
  uint64_t matched = check_parts(block, make, candidates);
  for (const JsonTemplate::Value& value : make.values()) {
    if (value.kind == JsonKind::kString) continue;
    if (matched == 0) break;
    matched &= check_value(block, value, matched);
  }
  for_each_bit(candidates & ~matched, [&](size_t i) HWY_ATTR {
    matched |= static_cast<uint64_t>(matches(block, i, make)) << i;
  });
  return matched;
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace shardmill
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace shardmill {

HWY_EXPORT(match_simd);

uint64_t match_json_block(const JsonBlock& block, const JsonTemplate& make, uint64_t candidates) {
  if (simd_limited_to_scalar()) return match_json_block_scalar(block, make, candidates);
  return HWY_DYNAMIC_DISPATCH(match_simd)(block, make, candidates);
}

uint64_t match_json_block_scalar(const JsonBlock& block, const JsonTemplate& make,
                                 uint64_t candidates) {
  uint64_t matched = 0;
  for_each_bit(candidates, [&](size_t i) {
    matched |= static_cast<uint64_t>(json_block::matches(block, i, make)) << i;
  });
  return matched;
}

}  // namespace shardmill
#endif
