#include "stages/support/float_planes.h"

#include <algorithm>
#include <bit>

#include "pipeline/base/check.h"
#include "pipeline/base/simd.h"
#include "stages/support/float_planes_inner.h"
#include "stages/support/ordered_word.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "stages/support/float_planes.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace shardmill {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

constexpr size_t kLane = FloatPlanes::kLane;

/// Splits kLane values to place `at` of the planes; false if one does not fit.
HWY_INLINE bool split_lane(const double* values, size_t at, FloatPlanes& planes) {
  uint64_t* const low = planes.low.data() + at;
  uint64_t* const high = planes.high.data() + at;
  uint64_t* const order = planes.order.data() + at;
  const hn::CappedTag<double, 8> df;
  const hn::RebindToSigned<decltype(df)> di;
  const hn::RebindToUnsigned<decltype(df)> d;
  const auto high_shift = hn::Set(df, kHighShift);
  const auto low_shift = hn::Set(df, kLowShift);
  auto outside = hn::Zero(d);
  auto inexact = hn::Zero(d);
  for (size_t i = 0; i < kLane; i += hn::Lanes(d)) {
    const auto value = hn::Add(hn::LoadU(df, values + i), hn::Zero(df));  // -0 becomes 0
    const auto bits = hn::BitCast(d, value);
    const auto negative = hn::BitCast(d, hn::ShiftRight<63>(hn::BitCast(di, value)));
    hn::StoreU(hn::Xor(bits, hn::Or(negative, hn::Set(d, kSignBit))), d, order + i);
    const auto shifted = hn::Add(value, high_shift);
    const auto rest = hn::Sub(value, hn::Sub(shifted, high_shift));
    const auto rest_shifted = hn::Add(rest, low_shift);
    const auto high_bits = hn::BitCast(d, shifted);
    const auto low_bits = hn::BitCast(d, rest_shifted);
    hn::StoreU(hn::And(hn::Sub(low_bits, hn::Set(d, kLowBits)), hn::Set(d, kLowMask)), d, low + i);
    // If the rest is negative the low word borrows 1.
    const auto not_negative = hn::And(hn::ShiftRight<51>(low_bits), hn::Set(d, 1));
    hn::StoreU(hn::Add(hn::Sub(high_bits, hn::Set(d, kHighBits + 1)), not_negative), d, high + i);
    outside = hn::Or(outside, hn::Xor(high_bits, hn::Set(d, kHighBits)));
    inexact = hn::Or(
        inexact, hn::Xor(hn::BitCast(d, hn::Sub(rest_shifted, low_shift)), hn::BitCast(d, rest)));
  }
  const auto wrong = hn::Or(hn::ShiftRight<52>(outside), inexact);
  return hn::AllTrue(d, hn::Eq(wrong, hn::Zero(d)));
}

uint32_t split_planes_simd(const double* values, size_t count, FloatPlanes& planes) {
  SHARDMILL_CHECK(count <= FloatPlanes::kValues);
  uint32_t fit = 0;
  for (size_t at = 0; at < count; at += kLane) {
    double padded[kLane] = {};
    const double* from = values + at;
    if (count - at < kLane) {
      std::copy(from, values + count, padded);
      from = padded;
    }
    const bool fits = split_lane(from, at, planes);
    fit |= (fits ? uint32_t{1} : 0) << (at / kLane);
  }
  return fit;
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace shardmill
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace shardmill {

HWY_EXPORT(split_planes_simd);

uint32_t split_planes(const double* values, size_t count, FloatPlanes& planes) {
  if (simd_limited_to_scalar()) return split_planes_scalar(values, count, planes);
  return HWY_DYNAMIC_DISPATCH(split_planes_simd)(values, count, planes);
}

uint32_t split_planes_scalar(const double* values, size_t count, FloatPlanes& planes) {
  SHARDMILL_CHECK(count <= FloatPlanes::kValues);
  uint32_t fit = 0;
  for (size_t at = 0; at < count; at += FloatPlanes::kLane) {
    bool fits = true;
    for (size_t i = at; i < std::min(at + FloatPlanes::kLane, count); ++i) {
      const double value = values[i] + 0.0;
      const double shifted = value + kHighShift;
      const double rest = value - (shifted - kHighShift);
      const double rest_shifted = rest + kLowShift;
      const uint64_t high_bits = std::bit_cast<uint64_t>(shifted);
      const uint64_t low_bits = std::bit_cast<uint64_t>(rest_shifted);
      planes.low[i] = (low_bits - kLowBits) & kLowMask;
      planes.high[i] = high_bits - kHighBits - 1 + (low_bits >> 51 & 1);
      planes.order[i] = ordered_word(value);
      fits = fits && (high_bits ^ kHighBits) >> 52 == 0;
      fits = fits &&
             std::bit_cast<uint64_t>(rest_shifted - kLowShift) == std::bit_cast<uint64_t>(rest);
    }
    fit |= (fits ? uint32_t{1} : 0) << (at / FloatPlanes::kLane);
  }
  return fit;
}

}  // namespace shardmill
#endif
