// Numbers as words whose order is theirs.
#pragma once

#include <bit>
#include <cstdint>

namespace shardmill {

inline constexpr uint64_t kSignBit = uint64_t{1} << 63;

inline uint64_t ordered_word(int64_t value) {
  return static_cast<uint64_t>(value) ^ kSignBit;
}

/// Never 0 or all ones, unless the value is NaN; -0 is 0.
inline uint64_t ordered_word(double value) {
  const uint64_t bits = std::bit_cast<uint64_t>(value + 0.0);
  return bits ^ ((bits >> 63) != 0 ? ~uint64_t{0} : kSignBit);
}

}  // namespace shardmill
