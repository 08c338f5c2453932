// Quantiles within 0.4 % of the value, from integer counts of buckets: a function of the multiset.
#pragma once

#include <bit>
#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "pipeline/base/bytes.h"
#include "pipeline/base/status.h"

namespace shardmill {

/// Counts of values by bucket. A bucket is the sign, the exponent and the top 7 bits of the
/// mantissa of a double: 128 buckets per factor of two. Its middle is at most 1/256 (0.39 %) from
/// any value in it; values below 2.3e-308 are taken as 0 or, when they are clamped, as the exact
/// minimum or maximum. -0 counts as +0; infinities have buckets of their own.
///
/// Grows with the number of buckets in use only: 8 bytes each, in a hash table at most 3/4 full.
/// 24 bytes while empty. One owner, one thread.
class QuantileSketch {
 public:
  static constexpr double kRelativeError = 1.0 / 256;

  /// Below 2^19. REQUIRES: not NaN.
  static uint32_t bucket_of(double value) {
    return static_cast<uint32_t>(std::bit_cast<uint64_t>(value + 0.0) >> kShift);
  }
  /// The bucket's middle; infinite for those of the infinities.
  static double middle_of(uint32_t bucket);
  /// The middle of the whole numbers in the bucket, exact below 256 where a bucket holds only one.
  /// REQUIRES: a bucket of an integer of 64 bits.
  static int64_t whole_middle_of(uint32_t bucket);

  void add(uint32_t bucket, uint64_t count = 1);
  /// Fetches the memory that add(bucket) will touch.
  void prefetch(uint32_t bucket) const {
    if (capacity_ > 0) __builtin_prefetch(&entries_[place_of(bucket)], 1);
  }
  void merge(const QuantileSketch& other);

  uint64_t count() const;
  /// The bucket of the value at `rank` in ascending order. REQUIRES: 1 <= rank <= count().
  uint32_t bucket_at(uint64_t rank) const;

  /// The buckets in use with their counts, by ascending value.
  struct BucketCount {
    uint32_t bucket = 0;
    uint64_t count = 0;
  };
  std::vector<BucketCount> buckets() const;

  void encode(ByteWriter& writer) const;
  static QuantileSketch decode(ByteReader& reader);

  /// Beyond the object itself.
  size_t held_bytes() const;

 private:
  static constexpr unsigned kShift = 45;  ///< bits of the mantissa that do not matter
  static constexpr unsigned kCountBits = 44;
  static constexpr uint64_t kCountMask = (uint64_t{1} << kCountBits) - 1;

  struct OrderedCount {
    uint32_t order = 0;  ///< the bucket's place by ascending value
    uint64_t count = 0;
  };

  uint32_t place_of(uint32_t bucket) const {
    return (bucket * 0x9E3779B1u) >> (32 - std::countr_zero(capacity_));
  }
  uint64_t* find(uint32_t bucket) const;
  void grow();
  uint64_t count_in(uint64_t entry) const;
  std::vector<OrderedCount> in_order() const;

  std::unique_ptr<uint64_t[]> entries_;  ///< (bucket + 1) << 44 | count modulo 2^44; 0 is free
  uint32_t capacity_ = 0;                ///< power of two
  uint32_t size_ = 0;
  /// Multiples of 2^44 of buckets that have so many.
  std::unique_ptr<std::map<uint32_t, uint64_t>> overflow_;
};

/// A share of the records, exactly: numerator / denominator, at most 1.
struct QuantileShare {
  uint64_t numerator = 1;
  uint64_t denominator = 2;
};

/// The nearest-rank definition: the smallest rank r (from 1) with r / count >= share.
/// REQUIRES: count > 0.
uint64_t quantile_rank(QuantileShare share, uint64_t count);

}  // namespace shardmill
