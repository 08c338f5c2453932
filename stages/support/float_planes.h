// Doubles as pairs of whole numbers, so that sums of them can be added up exactly.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace shardmill {

/// value = high * 2^-15 + low * 2^-66, with low below 2^51; high is signed.
struct FloatPlanes {
  static constexpr size_t kValues = 256;
  static constexpr size_t kLane = 16;  ///< values that fit or do not fit together

  std::array<uint64_t, kValues> low;
  std::array<uint64_t, kValues> high;
  std::array<uint64_t, kValues> order;  ///< words in the order of the values, never 0 or all ones
};

/// Splits `count` values, at most FloatPlanes::kValues. Bit k of the result is set if all values of
/// lane k (kLane * k, ...) fit: they are below 2^36 and whole multiples of 2^-66; -0 counts as 0.
/// What the planes hold of other lanes means nothing. 0.4 ns a value with 8 at a time; pure, any
/// thread.
uint32_t split_planes(const double* values, size_t count, FloatPlanes& planes);
uint32_t split_planes_scalar(const double* values, size_t count, FloatPlanes& planes);

}  // namespace shardmill
