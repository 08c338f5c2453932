// JSON scalars by their bytes: numbers and words.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "pipeline/formats/json_scan.h"

namespace shardmill {

inline bool is_json_whitespace(char byte) {
  return byte == ' ' || byte == '\n' || byte == '\r' || byte == '\t';
}

/// Behind the digits at `at`. Eight bytes at once, because the lengths of numbers cannot be
/// foreseen. REQUIRES: some byte follows that is no digit, and eight bytes behind it may be read.
[[gnu::always_inline]] inline const char* skip_json_digits(const char* at) {
  constexpr uint64_t kZeros = 0x3030303030303030;
  constexpr uint64_t kToHighBit = 0x7676767676767676;  // added to 10 or more: sets the high bit
  constexpr uint64_t kHighBits = 0x8080808080808080;
  while (true) {
    uint64_t bytes = 0;
    std::memcpy(&bytes, at, sizeof bytes);
    const uint64_t values = bytes ^ kZeros;  // of digits: 0 to 9
    const uint64_t others = (((values & ~kHighBits) + kToHighBit) | values) & kHighBits;
    if (others != 0) return at + std::countr_zero(others) / 8;
    at += sizeof bytes;
  }
}

/// Behind the number at `at`; nullptr if there is none. REQUIRES: as skip_json_digits.
[[gnu::always_inline]] inline const char* skip_json_number(const char* at) {
  if (*at == '-') ++at;
  const char* const whole = at;
  at = skip_json_digits(at);
  if (at == whole || (*whole == '0' && at > whole + 1)) return nullptr;
  if (*at == '.') {
    const char* const fraction = at + 1;
    at = skip_json_digits(fraction);
    if (at == fraction) return nullptr;
  }
  if (*at == 'e' || *at == 'E') {
    const char* const exponent = at + (at[1] == '+' || at[1] == '-' ? 2 : 1);
    at = skip_json_digits(exponent);
    if (at == exponent) return nullptr;
  }
  return at;
}

/// Behind the word at `at`; nullptr if it is none. Without branches between the words, which come
/// unforeseen. REQUIRES: eight bytes may be read.
[[gnu::always_inline]] inline const char* skip_json_word(const char* at, JsonKind& kind) {
  const bool is_true = std::memcmp(at, "true", 4) == 0;
  const bool is_null = std::memcmp(at, "null", 4) == 0;
  const bool is_false = (std::memcmp(at + 1, "alse", 4) == 0) & (*at == 'f');
  kind = is_true ? JsonKind::kTrue : is_false ? JsonKind::kFalse : JsonKind::kNull;
  return (is_true | is_null | is_false) ? at + 4 + (is_false ? 1 : 0) : nullptr;
}

}  // namespace shardmill
