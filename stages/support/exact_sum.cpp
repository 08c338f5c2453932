#include "stages/support/exact_sum.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>

#include "pipeline/base/check.h"

namespace shardmill {

namespace {

constexpr int kLowestExponent = -2176;  // below the square of the smallest double, and 34 limbs
constexpr size_t kLimbsMax = 70;        // 2^2176 and a sign above it
constexpr size_t kBytesMax = kLimbsMax * 8;

uint64_t sign_fill(uint64_t limb) {
  return (limb >> 63) != 0 ? ~uint64_t{0} : 0;
}

uint64_t add_with_carry(uint64_t a, uint64_t b, uint64_t& carry) {
  const UInt128 sum = static_cast<UInt128>(a) + b + carry;
  carry = static_cast<uint64_t>(sum >> 64);
  return static_cast<uint64_t>(sum);
}

void negate(std::span<uint64_t> limbs) {
  uint64_t carry = 1;
  for (uint64_t& limb : limbs) limb = add_with_carry(~limb, 0, carry);
}

/// Sets the bits of `limb * 2^position` in words; false if one lies outside.
bool place_bits(uint64_t limb, int64_t position, std::span<uint64_t> words) {
  if (limb == 0) return true;
  if (position < 0) {
    if (position <= -64) return false;
    if ((limb << (64 + position)) != 0) return false;
    limb >>= -position;
    position = 0;
  }
  const size_t word = static_cast<size_t>(position) / 64;
  const size_t shift = static_cast<size_t>(position) % 64;
  const uint64_t high = shift == 0 ? 0 : limb >> (64 - shift);
  if (word >= words.size() || (high != 0 && word + 1 >= words.size())) return false;
  words[word] |= limb << shift;
  if (high != 0) words[word + 1] |= high;
  return true;
}

}  // namespace

SplitDouble split_double(double value) {
  const uint64_t bits = std::bit_cast<uint64_t>(value);
  const uint64_t fraction = bits & ((uint64_t{1} << 52) - 1);
  const int field = static_cast<int>((bits >> 52) & 0x7ff);
  return {.mantissa = field == 0 ? fraction : fraction | (uint64_t{1} << 52),
          .exponent = field == 0 ? -1074 : field - 1075,
          .negative = (bits >> 63) != 0};
}

void ExactSum::add(double value) {
  if (!std::isfinite(value)) {
    nans_ += std::isnan(value) ? 1 : 0;
    above_ += value > 0 ? 1 : 0;
    below_ += value < 0 ? 1 : 0;
    return;
  }
  const SplitDouble parts = split_double(value);
  add_scaled(parts.mantissa, parts.exponent, parts.negative);
}

void ExactSum::add_square(double value) {
  if (!std::isfinite(value)) return;
  const SplitDouble parts = split_double(value);
  add_scaled(static_cast<UInt128>(parts.mantissa) * parts.mantissa, 2 * parts.exponent, false);
}

/// Makes room for limbs [first, last) and a sign limb at or above `last`.
void ExactSum::cover(size_t first, size_t last) {
  if (limbs_.empty()) {
    first_ = first;
    limbs_.assign(last - first + 1, 0);
    return;
  }
  if (first < first_) {
    limbs_.insert(limbs_.begin(), first_ - first, 0);
    first_ = first;
  }
  if (last + 1 > first_ + limbs_.size()) limbs_.resize(last + 1 - first_, limbs_.back());
}

void ExactSum::keep_sign_limb() {
  const uint64_t top = limbs_.back();
  if (top != 0 && top != ~uint64_t{0}) limbs_.push_back(sign_fill(top));
}

void ExactSum::add_scaled(UInt128 magnitude, int exponent, bool negative) {
  if (magnitude == 0) return;
  SHARDMILL_CHECK(exponent >= kLowestExponent);
  const size_t position = static_cast<size_t>(exponent - kLowestExponent);
  const size_t limb = position / 64;
  const size_t shift = position % 64;
  SHARDMILL_CHECK(limb + 4 <= kLimbsMax);
  cover(limb, limb + 3);
  const uint64_t low = static_cast<uint64_t>(magnitude);
  const uint64_t high = static_cast<uint64_t>(magnitude >> 64);
  const std::array<uint64_t, 3> parts = {
      low << shift, shift == 0 ? high : (high << shift) | (low >> (64 - shift)),
      shift == 0 ? 0 : high >> (64 - shift)};
  const uint64_t flip = negative ? ~uint64_t{0} : 0;
  uint64_t carry = negative ? 1 : 0;
  const size_t base = limb - first_;
  for (size_t i = 0; i < 3; ++i) {
    limbs_[base + i] = add_with_carry(limbs_[base + i], parts[i] ^ flip, carry);
  }
  for (size_t i = base + 3; i < limbs_.size(); ++i) {
    if (carry == (flip & 1)) break;  // adding 0, or -1 and a carry, changes nothing further up
    limbs_[i] = add_with_carry(limbs_[i], flip, carry);
  }
  keep_sign_limb();
}

void ExactSum::merge(const ExactSum& other) {
  nans_ += other.nans_;
  above_ += other.above_;
  below_ += other.below_;
  if (other.limbs_.empty()) return;
  cover(other.first_, other.first_ + other.limbs_.size() - 1);  // the last one is its sign
  const uint64_t fill = sign_fill(other.limbs_.back());
  uint64_t carry = 0;
  const size_t base = other.first_ - first_;
  for (size_t i = 0; base + i < limbs_.size(); ++i) {
    const uint64_t limb = i < other.limbs_.size() ? other.limbs_[i] : fill;
    limbs_[base + i] = add_with_carry(limbs_[base + i], limb, carry);
  }
  keep_sign_limb();
}

void ExactSum::clear() {
  first_ = 0;
  limbs_.clear();
  nans_ = above_ = below_ = 0;
}

double ExactSum::not_finite() const {
  const double infinity = std::numeric_limits<double>::infinity();
  if (nans_ > 0 || (above_ > 0 && below_ > 0)) return std::numeric_limits<double>::quiet_NaN();
  return above_ > 0 ? infinity : -infinity;
}

BigNumber ExactSum::value() const {
  if (limbs_.empty()) return {};
  const bool negative = limbs_.back() != 0;
  std::array<uint64_t, kLimbsMax> magnitude;
  size_t size = limbs_.size();
  SHARDMILL_CHECK(size <= kLimbsMax);
  std::copy(limbs_.begin(), limbs_.end(), magnitude.begin());
  if (negative) negate({magnitude.data(), size});
  while (size > 0 && magnitude[size - 1] == 0) --size;
  size_t low = 0;
  while (low < size && magnitude[low] == 0) ++low;
  const int exponent = kLowestExponent + static_cast<int>(64 * (first_ + low));
  return BigNumber::from_limbs({magnitude.data() + low, size - low}, exponent, negative);
}

double ExactSum::rounded() const {
  return is_finite() ? value().rounded() : not_finite();
}

bool ExactSum::to_fixed(int exponent, std::span<uint64_t> words) const {
  std::fill(words.begin(), words.end(), 0);
  const BigNumber number = value();
  const std::span<const uint64_t> limbs = number.limbs();
  for (size_t i = 0; i < limbs.size(); ++i) {
    const int64_t position = number.exponent() + static_cast<int64_t>(64 * i) - exponent;
    if (!place_bits(limbs[i], position, words)) return false;
  }
  if ((words.back() >> 63) != 0) return false;
  if (number.negative()) negate(words);
  return true;
}

void ExactSum::encode(ByteWriter& writer) const {
  const BigNumber number = value();
  const std::span<const uint64_t> limbs = number.limbs();
  const char* bytes = reinterpret_cast<const char*>(limbs.data());
  size_t end = limbs.size() * 8;
  size_t begin = 0;
  while (end > 0 && bytes[end - 1] == 0) --end;
  while (begin < end && bytes[begin] == 0) ++begin;
  const bool has_specials = !is_finite();
  writer.u8(static_cast<uint8_t>((number.negative() ? 1 : 0) | (has_specials ? 2 : 0)));
  writer.varint(end - begin);
  if (end > begin) {
    writer.varint(static_cast<uint64_t>((number.exponent() - kLowestExponent) / 8) + begin);
    writer.raw(bytes + begin, end - begin);
  }
  if (!has_specials) return;
  writer.varint(nans_);
  writer.varint(above_);
  writer.varint(below_);
}

ExactSum ExactSum::decode(ByteReader& reader) {
  ExactSum sum;
  const uint8_t flags = reader.u8();
  const uint64_t size = reader.varint();
  if (flags > 3 || size > kBytesMax) {
    reader.fail();
    return {};
  }
  if (size > 0) {
    const uint64_t first = reader.varint();
    const std::string_view bytes = reader.raw(size);
    if (reader.failed() || first > kBytesMax - 16 || first + size > kBytesMax - 16 ||
        bytes.front() == 0 || bytes.back() == 0) {
      reader.fail();
      return {};
    }
    sum.first_ = first / 8;
    sum.limbs_.assign((first % 8 + size + 7) / 8 + 1, 0);
    std::memcpy(reinterpret_cast<char*>(sum.limbs_.data()) + first % 8, bytes.data(), size);
    if ((flags & 1) != 0) negate(sum.limbs_);
  } else if ((flags & 1) != 0) {
    reader.fail();
  }
  if ((flags & 2) != 0) {
    sum.nans_ = reader.varint();
    sum.above_ = reader.varint();
    sum.below_ = reader.varint();
    if (sum.is_finite()) reader.fail();
  }
  if (reader.failed()) return {};
  return sum;
}

}  // namespace shardmill
