#include "stages/support/big_number.h"

#include <algorithm>
#include <bit>
#include <limits>

#include "pipeline/base/check.h"

namespace shardmill {

namespace {

/// 0 if equal, negative if a is smaller.
int compare_magnitudes(std::span<const uint64_t> a, std::span<const uint64_t> b) {
  if (a.size() != b.size()) return a.size() < b.size() ? -1 : 1;
  for (size_t i = a.size(); i-- > 0;) {
    if (a[i] != b[i]) return a[i] < b[i] ? -1 : 1;
  }
  return 0;
}

/// The largest r with r * r <= value.
uint64_t integer_root(UInt128 value) {
  uint64_t root = 0;
  for (int bit = 63; bit >= 0; --bit) {
    const uint64_t next = root | (uint64_t{1} << bit);
    if (static_cast<UInt128>(next) * next <= value) root = next;
  }
  return root;
}

}  // namespace

BigNumber::BigNumber(Int128 value) {
  const bool negative = value < 0;
  const UInt128 magnitude = negative ? -static_cast<UInt128>(value) : static_cast<UInt128>(value);
  *this = from_unsigned(magnitude, 0);
  negative_ = negative;
}

BigNumber BigNumber::from_unsigned(UInt128 magnitude, int exponent) {
  const std::array<uint64_t, 2> limbs = {static_cast<uint64_t>(magnitude),
                                         static_cast<uint64_t>(magnitude >> 64)};
  return from_limbs(limbs, exponent, false);
}

BigNumber BigNumber::from_limbs(std::span<const uint64_t> limbs, int exponent, bool negative) {
  SHARDMILL_CHECK(limbs.size() <= kLimbs);
  BigNumber number;
  std::copy(limbs.begin(), limbs.end(), number.limbs_.begin());
  number.size_ = limbs.size();
  number.exponent_ = exponent;
  number.negative_ = negative;
  number.trim();
  return number;
}

void BigNumber::trim() {
  while (size_ > 0 && limbs_[size_ - 1] == 0) --size_;
  if (size_ == 0) negative_ = false;
}

size_t BigNumber::bit_length() const {
  return size_ == 0 ? 0 : size_ * 64 - static_cast<size_t>(std::countl_zero(limbs_[size_ - 1]));
}

bool BigNumber::bit(size_t position) const {
  const size_t limb = position / 64;
  return limb < size_ && ((limbs_[limb] >> (position % 64)) & 1) != 0;
}

bool BigNumber::any_below(size_t position) const {
  const size_t whole = std::min(position / 64, size_);
  for (size_t i = 0; i < whole; ++i) {
    if (limbs_[i] != 0) return true;
  }
  if (position / 64 >= size_ || position % 64 == 0) return false;
  return (limbs_[whole] << (64 - position % 64)) != 0;
}

uint64_t BigNumber::bits_from(size_t position) const {
  const size_t limb = position / 64;
  const size_t shift = position % 64;
  if (limb >= size_) return 0;
  uint64_t bits = limbs_[limb] >> shift;
  if (shift > 0 && limb + 1 < size_) bits |= limbs_[limb + 1] << (64 - shift);
  return bits;
}

BigNumber BigNumber::aligned(int exponent) const {
  if (size_ == 0) {
    BigNumber zero;
    zero.exponent_ = exponent;
    return zero;
  }
  SHARDMILL_CHECK(exponent <= exponent_);
  const size_t up = static_cast<size_t>(exponent_ - exponent);
  const size_t skip = up / 64;
  const size_t shift = up % 64;
  SHARDMILL_CHECK(size_ + skip + 1 <= kLimbs);
  BigNumber result;
  result.negative_ = negative_;
  result.exponent_ = exponent;
  result.size_ = size_ + skip + 1;
  std::fill_n(result.limbs_.begin(), skip, 0);
  uint64_t carry = 0;
  for (size_t i = 0; i < size_; ++i) {
    result.limbs_[skip + i] = (limbs_[i] << shift) | carry;
    carry = shift == 0 ? 0 : limbs_[i] >> (64 - shift);
  }
  result.limbs_[skip + size_] = carry;
  result.trim();
  return result;
}

BigNumber BigNumber::times(const BigNumber& other) const {
  SHARDMILL_CHECK(size_ + other.size_ <= kLimbs);
  BigNumber product;
  product.size_ = size_ + other.size_;
  product.exponent_ = exponent_ + other.exponent_;
  product.negative_ = negative_ != other.negative_;
  std::fill_n(product.limbs_.begin(), product.size_, 0);
  for (size_t i = 0; i < size_; ++i) {
    uint64_t carry = 0;
    for (size_t j = 0; j < other.size_; ++j) {
      const UInt128 sum =
          static_cast<UInt128>(limbs_[i]) * other.limbs_[j] + product.limbs_[i + j] + carry;
      product.limbs_[i + j] = static_cast<uint64_t>(sum);
      carry = static_cast<uint64_t>(sum >> 64);
    }
    product.limbs_[i + other.size_] = carry;
  }
  product.trim();
  return product;
}

/// a + b, where b is taken with the sign `b_negative`. REQUIRES: the same exponent.
BigNumber::BigNumber(const BigNumber& a, const BigNumber& b, bool b_negative)
    : exponent_(a.exponent_) {
  if (a.negative_ == b_negative) {
    negative_ = b_negative;
    size_ = std::max(a.size_, b.size_) + 1;
    SHARDMILL_CHECK(size_ <= kLimbs);
    uint64_t carry = 0;
    for (size_t i = 0; i < size_; ++i) {
      const UInt128 sum = static_cast<UInt128>(i < a.size_ ? a.limbs_[i] : 0) +
                          (i < b.size_ ? b.limbs_[i] : 0) + carry;
      limbs_[i] = static_cast<uint64_t>(sum);
      carry = static_cast<uint64_t>(sum >> 64);
    }
    trim();
    return;
  }
  const bool a_is_smaller = compare_magnitudes(a.limbs(), b.limbs()) < 0;
  const BigNumber& large = a_is_smaller ? b : a;
  const BigNumber& small = a_is_smaller ? a : b;
  negative_ = a_is_smaller ? b_negative : a.negative_;
  size_ = large.size_;
  uint64_t borrow = 0;
  for (size_t i = 0; i < size_; ++i) {
    const UInt128 difference =
        static_cast<UInt128>(large.limbs_[i]) - (i < small.size_ ? small.limbs_[i] : 0) - borrow;
    limbs_[i] = static_cast<uint64_t>(difference);
    borrow = static_cast<uint64_t>(difference >> 64) & 1;
  }
  trim();
}

BigNumber BigNumber::plus(const BigNumber& other) const {
  if (other.is_zero()) return *this;
  if (is_zero()) return other;
  const int exponent = std::min(exponent_, other.exponent_);
  return {aligned(exponent), other.aligned(exponent), other.negative_};
}

BigNumber BigNumber::minus(const BigNumber& other) const {
  BigNumber negated = other;
  negated.negative_ = !other.is_zero() && !other.negative_;
  return plus(negated);
}

/// Divides in place; true if a remainder was left.
bool BigNumber::divide(uint64_t divisor) {
  SHARDMILL_CHECK(divisor != 0);
  uint64_t remainder = 0;
  for (size_t i = size_; i-- > 0;) {
    const UInt128 part = (static_cast<UInt128>(remainder) << 64) | limbs_[i];
    limbs_[i] = static_cast<uint64_t>(part / divisor);
    remainder = static_cast<uint64_t>(part % divisor);
  }
  trim();
  return remainder != 0;
}

/// The same value with at least `limbs` limbs, so that a quotient keeps enough bits.
BigNumber BigNumber::widened(size_t limbs) const {
  if (size_ == 0 || size_ >= limbs) return *this;
  return aligned(exponent_ - static_cast<int>(64 * (limbs - size_)));
}

double BigNumber::rounded() const {
  return rounded_with(false);
}

/// `sticky`: the exact value is a little further from zero than the limbs say.
double BigNumber::rounded_with(bool sticky) const {
  if (size_ == 0) return 0;
  const int bits = static_cast<int>(bit_length());
  const int last_exponent = std::max(bits - 53 + exponent_, -1074);
  const int drop = last_exponent - exponent_;
  if (last_exponent > 1023 - 52) {
    const double infinity = std::numeric_limits<double>::infinity();
    return negative_ ? -infinity : infinity;
  }
  uint64_t digits = 0;
  if (drop <= 0) {
    digits = bits_from(0) << -drop;
  } else {
    const size_t position = static_cast<size_t>(drop);
    digits = bits_from(position);
    const bool half = bit(position - 1);
    const bool rest = sticky || any_below(position - 1);
    if (half && (rest || (digits & 1) != 0)) ++digits;
  }
  // A carry out of the digits moves into the exponent by itself, up to infinity.
  const uint64_t magnitude = (static_cast<uint64_t>(last_exponent + 1074) << 52) + digits;
  return std::bit_cast<double>(magnitude | (negative_ ? uint64_t{1} << 63 : 0));
}

double BigNumber::rounded_quotient(uint64_t a, uint64_t b) const {
  BigNumber quotient = widened(5);
  bool sticky = quotient.divide(a);
  sticky |= quotient.divide(b);
  return quotient.rounded_with(sticky);
}

double BigNumber::rounded_root(uint64_t a, uint64_t b) const {
  if (is_zero()) return 0;
  if (negative_) return std::numeric_limits<double>::quiet_NaN();
  BigNumber quotient = widened(6);
  bool sticky = quotient.divide(a);
  sticky |= quotient.divide(b);
  // The top 127 or 128 bits with an even exponent give a root of 64 bits.
  size_t skip = quotient.bit_length() - 128;
  if ((quotient.exponent_ + static_cast<int>(skip)) % 2 != 0) ++skip;
  const UInt128 top =
      (static_cast<UInt128>(quotient.bits_from(skip + 64)) << 64) | quotient.bits_from(skip);
  sticky |= quotient.any_below(skip);
  const uint64_t root = integer_root(top);
  sticky |= static_cast<UInt128>(root) * root != top;
  const int exponent = (quotient.exponent_ + static_cast<int>(skip)) / 2;
  return from_unsigned(root, exponent).rounded_with(sticky);
}

}  // namespace shardmill
