// Arithmetic with the same bits on every machine: + - * / floor trunc on IEEE doubles and integers,
// nothing of libm. Pure functions, any thread.
#pragma once

#include <cmath>
#include <cstdint>

#include "pipeline/base/bytes.h"

namespace shardmill {

/// Natural logarithm; REQUIRES: value > 0, or infinity, or NaN. Within 1 unit in the last place of
/// the true value. Method: value = 2^k * m with m in [sqrt(1/2), sqrt(2)); log m = 2 atanh(s),
/// s = (m-1)/(m+1), by its series, ln 2 in two parts.
double fixed_log(double value);

/// To the nearest whole number, halves away from zero: 2.5 -> 3, -2.5 -> -3.
double round_half_away(double value);

/// a - b * trunc(a / b) exactly (what C calls fmod): the sign of a. REQUIRES: b is not 0. NaN for
/// infinite a or any NaN.
double exact_remainder(double a, double b);

/// -1, 0 or 1: a below, equal to or above b, exactly; NaN is above everything.
int compare_exactly(int64_t a, double b);

/// Total order of doubles: -0 equals +0; NaNs are equal and above everything.
int compare_floats(double a, double b);

/// The greatest multiple of `width` not above `value`; false if it does not fit. REQUIRES: width >
/// 0.
bool floor_to_multiple(int64_t value, int64_t width, int64_t& result);

/// The double nearest to that many seconds. REQUIRES: between two times.
double seconds_of(Int128 nanoseconds);

/// Multiples of a width as people write them: those of 0.1 are 0.1, 0.2, 0.3, each the double
/// nearest to the decimal, not 0.30000000000000004.
class DecimalMultiples {
 public:
  DecimalMultiples() = default;  ///< of 1
  /// REQUIRES: width is above 0 and finite.
  explicit DecimalMultiples(double width);
  /// The greatest multiple not above `value`; the value itself where it is not finite, or so large
  /// that multiples lie closer than doubles.
  double floor(double value) const;
  /// The double nearest to the multiple of this index, a whole number up to 2^53.
  double multiple(double index) const {
    const double product = index * numerator_;
    if (denominator_ == 1 || std::fabs(product) < 0x1p53) [[likely]]
      return product / denominator_;
    return far_multiple(index);
  }

 private:
  double far_multiple(double index) const;

  // The width as a fraction. Either the second is 1, or both are whole and below 2^53.
  double numerator_ = 1;
  double denominator_ = 1;  ///< a power of ten; 1 if the width has no short decimal form
};

}  // namespace shardmill
