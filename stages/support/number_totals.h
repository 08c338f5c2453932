// Everything about a column of numbers that does not need its different values: exact sums, the
// extremes and the counts of quantile buckets, in one pass.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "pipeline/base/bytes.h"
#include "stages/support/exact_sum.h"
#include "stages/support/moments.h"
#include "stages/support/quantile_sketch.h"

namespace shardmill {

/// Sums, sums of squares and bucket counts of doubles by sign and exponent: within one exponent
/// they are whole numbers, so a value costs two wide additions and a counter, and no shift.
class ExponentPages {
 public:
  /// Values until `settle` at most: 2^22 squares of 106 bits fit 128 bits.
  static constexpr uint64_t kValuesMax = uint64_t{1} << 22;

  /// REQUIRES: finite; at most kValuesMax since the last settle.
  void add(const double* values, size_t count);
  /// Counts the buckets of whole numbers only.
  void add_buckets(const int64_t* values, size_t count);
  /// Moves everything to the exact forms. The sums are left alone if only buckets were counted.
  void settle(ExactSum& sum, ExactSum& squares, QuantileSketch& sketch);
  size_t held_bytes() const;

 private:
  struct Page {
    UInt128 sum = 0;  ///< of mantissas
    UInt128 squares = 0;
    std::array<uint32_t, 128> counts = {};  ///< by the top 7 bits of the mantissa
  };

  Page& page(uint32_t key);
  Page& new_page(uint32_t key);

  std::vector<uint16_t> index_;  ///< by sign and exponent: position in pages_ + 1
  std::vector<uint16_t> keys_;   ///< of the pages
  std::vector<Page> pages_;
};

/// T is int64_t or double. NaN is counted and otherwise passed over; infinities count as numbers. A
/// function of the multiset of values: merging is exact, equal states have equal bytes. About 3 ns
/// a value, bound by the wide additions. One owner, one thread.
template <typename T>
class NumberTotals {
 public:
  void add(const T* values, size_t count);
  /// The same value several times.
  void add_times(T value, uint64_t times);
  void merge(const NumberTotals& other);
  void encode(ByteWriter& writer) const;
  /// Marks the reader failed if the bytes are not that.
  static NumberTotals decode(ByteReader& reader);

  /// Numbers, NaN not among them.
  uint64_t count() const { return count_; }
  uint64_t nans() const { return nans_; }
  /// REQUIRES: count() > 0. Never -0.
  T min() const { return min_ + T{}; }
  T max() const { return max_ + T{}; }
  /// REQUIRES: T is int64_t.
  Int128 sum() const;
  /// sum / count; infinite or NaN if infinities were added. REQUIRES: count() > 0.
  double mean() const;
  /// Of the sample; NaN if infinities were added. REQUIRES: count() > 1.
  double deviation() const;
  const QuantileSketch& sketch() const;
  /// The middle of the bucket of the value at `rank`, within the extremes.
  /// REQUIRES: 1 <= rank <= count().
  T value_at(uint64_t rank) const;

  /// Beyond the object itself.
  size_t held_bytes() const;

 private:
  static constexpr size_t kBlock = 256;

  void add_block(const T* values, size_t count);
  void add_specials(const double* values, size_t count);
  void add_late_sums(const int64_t* values, size_t count, uint64_t largest);
  void note_extremes(T low, T high);
  bool is_finite() const { return above_ == 0 && below_ == 0; }
  void settle() const;

  uint64_t count_ = 0;
  uint64_t nans_ = 0;
  uint64_t above_ = 0;  ///< +infinity
  uint64_t below_ = 0;  ///< -infinity
  T min_ = std::numeric_limits<T>::max();
  T max_ = std::numeric_limits<T>::lowest();
  // What was added lately is moved to the exact forms before anybody looks.
  mutable ExponentPages pages_;
  mutable uint64_t unsettled_ = 0;
  mutable Int128 late_sum_ = 0;  ///< whole numbers only, as late_squares_
  mutable UInt128 late_squares_ = 0;
  mutable ExactSum sum_;  ///< of what is finite, as squares_
  mutable ExactSum squares_;
  mutable QuantileSketch sketch_;
};

extern template class NumberTotals<int64_t>;
extern template class NumberTotals<double>;

}  // namespace shardmill
