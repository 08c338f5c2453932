#include "stages/support/expression_math.h"

#include <bit>
#include <cmath>
#include <limits>

namespace shardmill {

namespace {

constexpr double kExactEnd = 0x1p53;  ///< doubles below it count whole numbers one by one

constexpr uint64_t kMantissaBits = 52;
constexpr uint64_t kMantissaMask = (uint64_t{1} << kMantissaBits) - 1;
constexpr uint64_t kSignBit = uint64_t{1} << 63;

/// A finite positive double as whole * 2^exponent.
struct Scaled {
  uint64_t whole = 0;
  int exponent = 0;
};

Scaled scaled(double value) {
  const uint64_t bits = std::bit_cast<uint64_t>(value) & ~kSignBit;
  const int exponent = static_cast<int>(bits >> kMantissaBits);
  if (exponent == 0) return {bits, -1074};
  return {(bits & kMantissaMask) | (kMantissaMask + 1), exponent - 1075};
}

/// whole * 2^exponent, which REQUIRES to be a double: in steps whose factors are doubles.
double unscaled(Scaled value) {
  double result = static_cast<double>(value.whole);
  for (int left = value.exponent; left != 0;) {
    const int step = left > 1000 ? 1000 : left < -1000 ? -1000 : left;
    result *= std::bit_cast<double>(static_cast<uint64_t>(1023 + step) << kMantissaBits);
    left -= step;
  }
  return result;
}

}  // namespace

double fixed_log(double value) {
  if (value != value || value == std::numeric_limits<double>::infinity()) return value;
  int exponent = 0;
  if (value < 0x1p-1022) {
    value *= 0x1p54;
    exponent = -54;
  }
  const uint64_t bits = std::bit_cast<uint64_t>(value);
  exponent += static_cast<int>(bits >> kMantissaBits) - 1023;
  double m = std::bit_cast<double>((bits & kMantissaMask) | uint64_t{1023} << kMantissaBits);
  if (m > 1.4142135623730951) {
    m *= 0.5;
    ++exponent;
  }
  const double f = m - 1.0;  // exact
  const double k = exponent;
  const double s = f / (2.0 + f);
  const double z = s * s;
  // 2 atanh(s) = 2s + s * series; |s| < 0.1716, so that terms after z^11 are below 2^-60.
  const double series =
      z *
      (2.0 / 3 +
       z * (2.0 / 5 +
            z * (2.0 / 7 +
                 z * (2.0 / 9 +
                      z * (2.0 / 11 +
                           z * (2.0 / 13 +
                                z * (2.0 / 15 +
                                     z * (2.0 / 17 +
                                          z * (2.0 / 19 + z * (2.0 / 21 + z * 2.0 / 23))))))))));
  // 2s = f - s*f, and s*f = f*f/2 - s*f*f/2: the large parts f and k*ln2 are added last.
  const double half_square = 0.5 * f * f;
  constexpr double kLn2High = 0x1.62e42feep-1;  // 33 bits: k * kLn2High is exact
  constexpr double kLn2Low = 0x1.a39ef35793c76p-33;
  return k * kLn2High - ((half_square - (s * (half_square + series) + k * kLn2Low)) - f);
}

double round_half_away(double value) {
  const double whole = std::trunc(value);
  const double rest = value - whole;  // exact; NaN for infinity, which then stays
  if (rest >= 0.5) return whole + 1;
  if (rest <= -0.5) return whole - 1;
  return whole;
}

double exact_remainder(double a, double b) {
  if (a != a || b != b || std::fabs(a) == std::numeric_limits<double>::infinity()) {
    return std::numeric_limits<double>::quiet_NaN();
  }
  if (std::fabs(a) < std::fabs(b)) return a;
  const Scaled left = scaled(a);
  const Scaled right = scaled(b);
  // The remainder stays below 2^53, so it can be shifted up by 11 bits at a time.
  uint64_t rest = left.whole % right.whole;
  for (int shift = left.exponent - right.exponent; shift > 0;) {
    const int step = shift > 11 ? 11 : shift;
    rest = (rest << step) % right.whole;
    shift -= step;
  }
  const double magnitude = unscaled({rest, right.exponent});
  return a < 0 ? -magnitude : magnitude;
}

int compare_exactly(int64_t a, double b) {
  if (b != b || b >= 0x1p63) return -1;
  if (b < -0x1p63) return 1;
  const double whole = std::trunc(b);
  const int64_t integer = static_cast<int64_t>(whole);
  if (a != integer) return a < integer ? -1 : 1;
  return whole < b ? -1 : whole > b ? 1 : 0;
}

int compare_floats(double a, double b) {
  if (a != a || b != b) return static_cast<int>(a != a) - static_cast<int>(b != b);
  return a < b ? -1 : a > b ? 1 : 0;
}

bool floor_to_multiple(int64_t value, int64_t width, int64_t& result) {
  int64_t rest = value % width;
  if (rest < 0) rest += width;
  return !__builtin_sub_overflow(value, rest, &result);
}

// Below 2^53 nanoseconds one division rounds once. Beyond, what is behind the point rounds on its
// own, but never to the middle between two results: no fraction of 10^9 parts lies so near to one.
double seconds_of(Int128 nanoseconds) {
  constexpr int64_t kSecond = 1'000'000'000;
  constexpr auto kExactWhole = static_cast<Int128>(kExactEnd);
  if (nanoseconds > -kExactWhole && nanoseconds < kExactWhole) {
    return static_cast<double>(nanoseconds) / kSecond;
  }
  const auto whole = static_cast<int64_t>(nanoseconds / kSecond);
  const auto rest = static_cast<int64_t>(nanoseconds % kSecond);
  return static_cast<double>(whole) + static_cast<double>(rest) / kSecond;
}

DecimalMultiples::DecimalMultiples(double width) : numerator_(width) {
  double power = 1;
  for (int digits = 0; digits <= 15; ++digits, power *= 10) {
    const double whole = round_half_away(width * power);
    if (!(whole >= 1) || whole >= kExactEnd || whole / power != width) continue;
    numerator_ = whole;
    denominator_ = power;
    return;
  }
}

// The product does not fit a double: a quotient of 60 bits or more, whose last bit says whether
// anything is left, is rounded once.
double DecimalMultiples::far_multiple(double index) const {
  const Int128 product = static_cast<Int128>(index) * static_cast<Int128>(numerator_);
  const auto divisor = static_cast<UInt128>(denominator_);
  const UInt128 magnitude =
      product < 0 ? -static_cast<UInt128>(product) : static_cast<UInt128>(product);
  UInt128 quotient = magnitude / divisor;
  UInt128 rest = magnitude % divisor;
  double scale = 1;
  while (quotient >> 60 == 0) {
    rest *= 2;
    quotient = quotient * 2 + (rest >= divisor ? 1 : 0);
    if (rest >= divisor) rest -= divisor;
    scale /= 2;
  }
  const double result = static_cast<double>(quotient | (rest != 0 ? 1 : 0)) * scale;
  return product < 0 ? -result : result;
}

double DecimalMultiples::floor(double value) const {
  double index = std::floor(value / (numerator_ / denominator_));
  if (!(std::fabs(index) < kExactEnd)) return value;
  // The quotient was rounded; a step or two make it exact. They end before 2^53: that many
  // multiples are 2^53 times the width, and the value is nearer to 0.
  while (multiple(index) > value) index -= 1;
  while (multiple(index + 1) <= value) index += 1;
  return multiple(index);
}

}  // namespace shardmill
