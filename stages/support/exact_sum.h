// The exact sum of doubles: a function of the multiset of values, whatever their order.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "pipeline/base/bytes.h"
#include "stages/support/big_number.h"

namespace shardmill {

/// A double as sign * mantissa * 2^exponent. REQUIRES: finite.
struct SplitDouble {
  uint64_t mantissa = 0;  ///< below 2^53; 0 for zero
  int exponent = 0;       ///< -1074 to 971
  bool negative = false;
};
SplitDouble split_double(double value);

/// A superaccumulator that is as long as its values need: a two's complement number in 64-bit
/// limbs, of which only the range in use is kept. Nothing is rounded before `rounded`, and a sum
/// that passes the largest double on the way is no different from any other. NaN and infinities
/// are counted beside it. Also takes squares, which are exact too.
///
/// Room for 2^64 values of any size. One owner, one thread.
class ExactSum {
 public:
  void add(double value);
  /// value^2; values that are not finite are left out.
  void add_square(double value);
  /// sign * magnitude * 2^exponent. REQUIRES: exponent at least -2176, and less than 2^2112 in all.
  void add_scaled(UInt128 magnitude, int exponent, bool negative);
  void merge(const ExactSum& other);
  void clear();

  bool is_finite() const { return nans_ == 0 && above_ == 0 && below_ == 0; }
  /// What a sum with NaN or infinities is. REQUIRES: !is_finite().
  double not_finite() const;
  /// The finite part.
  BigNumber value() const;
  /// The nearest double, ties to even; NaN or an infinity if those were added.
  double rounded() const;

  /// The finite part in units of 2^exponent as a two's complement number of words.size() limbs;
  /// false if it is no whole number of them or does not fit.
  bool to_fixed(int exponent, std::span<uint64_t> words) const;

  /// One form per exact value and counts.
  void encode(ByteWriter& writer) const;
  /// Marks `reader` failed if the bytes are not the form that `encode` writes.
  static ExactSum decode(ByteReader& reader);

  size_t memory_bytes() const { return sizeof *this + limbs_.capacity() * sizeof(uint64_t); }

 private:
  void cover(size_t first, size_t last);
  void keep_sign_limb();

  size_t first_ = 0;             ///< position of limbs_[0], in limbs above 2^-2176
  std::vector<uint64_t> limbs_;  ///< two's complement; the highest is 0 or all ones: the sign
  uint64_t nans_ = 0;
  uint64_t above_ = 0;  ///< +infinity
  uint64_t below_ = 0;  ///< -infinity
};

}  // namespace shardmill
