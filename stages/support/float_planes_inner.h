// Shared by the plain and the fast kernel.
#pragma once

#include <bit>
#include <cstdint>

namespace shardmill {

// Constants are added that are so large that what is left of a sum's mantissa is the number wanted:
// no conversion, no branch.
inline constexpr double kHighShift = 0x1.8p52 * 0x1p-15;
inline constexpr double kLowShift = 0x1.8p52 * 0x1p-66;
inline constexpr uint64_t kHighBits = std::bit_cast<uint64_t>(kHighShift);
inline constexpr uint64_t kLowBits = std::bit_cast<uint64_t>(kLowShift);
inline constexpr uint64_t kLowMask = (uint64_t{1} << 51) - 1;

}  // namespace shardmill
