// Exact numbers of a few thousand bits, for the last step of exact sums: one division or root,
// rounded once.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "pipeline/base/bytes.h"

namespace shardmill {

/// sign * magnitude * 2^exponent, exact. Holds up to 80 * 64 bits without heap memory: enough for
/// n * sum(x^2) - sum(x)^2 over any doubles. Pure; any thread.
class BigNumber {
 public:
  static constexpr size_t kLimbs = 80;

  BigNumber() = default;  ///< zero
  explicit BigNumber(Int128 value);
  static BigNumber from_unsigned(UInt128 magnitude, int exponent);
  /// Least significant limb first. REQUIRES: at most kLimbs.
  static BigNumber from_limbs(std::span<const uint64_t> limbs, int exponent, bool negative);

  bool is_zero() const { return size_ == 0; }
  bool negative() const { return negative_; }
  int exponent() const { return exponent_; }
  std::span<const uint64_t> limbs() const { return {limbs_.data(), size_}; }

  BigNumber times(const BigNumber& other) const;
  BigNumber minus(const BigNumber& other) const;
  BigNumber plus(const BigNumber& other) const;

  /// The nearest double, ties to even; subnormals too; infinity beyond the largest double. Zero is
  /// +0.
  double rounded() const;
  /// this / (a * b), rounded once. REQUIRES: a and b are not 0.
  double rounded_quotient(uint64_t a, uint64_t b = 1) const;
  /// sqrt(this / (a * b)), rounded once; NaN of a negative number. REQUIRES: a and b are not 0.
  double rounded_root(uint64_t a, uint64_t b = 1) const;

 private:
  BigNumber(const BigNumber& a, const BigNumber& b, bool b_negative);
  void trim();
  size_t bit_length() const;
  bool bit(size_t position) const;
  bool any_below(size_t position) const;
  uint64_t bits_from(size_t position) const;
  BigNumber aligned(int exponent) const;
  bool divide(uint64_t divisor);
  BigNumber widened(size_t limbs) const;
  double rounded_with(bool sticky) const;

  bool negative_ = false;
  int exponent_ = 0;
  size_t size_ = 0;  ///< limbs in use; the highest is not 0
  std::array<uint64_t, kLimbs> limbs_;
};

}  // namespace shardmill
