#include "stages/support/quantile_sketch.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "pipeline/base/check.h"

namespace shardmill {

namespace {

constexpr uint32_t kBuckets = uint32_t{1} << 19;
constexpr uint32_t kSign = uint32_t{1} << 18;

/// Buckets by ascending value: negative ones by descending magnitude first.
uint32_t order_of(uint32_t bucket) {
  return (bucket & kSign) != 0 ? kBuckets - 1 - bucket : bucket + kSign;
}

uint32_t bucket_in_order(uint32_t order) {
  return order < kSign ? kBuckets - 1 - order : order - kSign;
}

/// The end of the bucket that is nearer to zero, and that which is further from it.
double inner_end(uint32_t bucket) {
  return std::bit_cast<double>(uint64_t{bucket} << 45);
}
double outer_end(uint32_t bucket) {
  return std::bit_cast<double>(uint64_t{bucket + 1} << 45);
}

}  // namespace

double QuantileSketch::middle_of(uint32_t bucket) {
  const uint32_t magnitude = bucket & (kSign - 1);
  if (magnitude == 0) return 0;
  const bool infinite = (magnitude >> 7) == 0x7ff;
  return std::bit_cast<double>((uint64_t{bucket} << 45) | (infinite ? 0 : uint64_t{1} << 44));
}

int64_t QuantileSketch::whole_middle_of(uint32_t bucket) {
  const bool negative = (bucket & kSign) != 0;
  const uint32_t magnitude = bucket & (kSign - 1);
  const double first = std::ceil(inner_end(magnitude));
  const double last = std::ceil(outer_end(magnitude)) - 1;  // exact: whole numbers up to 2^53
  if (!(first < 4503599627370496.0)) {  // 2^52: the ends are whole and far apart
    const double middle = middle_of(magnitude);
    const double largest = 9223372036854774784.0;
    const int64_t whole = static_cast<int64_t>(middle < largest ? middle : largest);
    return negative ? -whole : whole;
  }
  const int64_t whole = static_cast<int64_t>(std::floor((first + last) * 0.5));
  return negative ? -whole : whole;
}

/// The entry of `bucket`, or the free one where it belongs. REQUIRES: a free entry.
uint64_t* QuantileSketch::find(uint32_t bucket) const {
  const uint32_t mask = capacity_ - 1;
  const uint64_t wanted = bucket + 1;
  uint32_t at = place_of(bucket);
  while (entries_[at] != 0 && (entries_[at] >> kCountBits) != wanted) at = (at + 1) & mask;
  return &entries_[at];
}

void QuantileSketch::grow() {
  const std::unique_ptr<uint64_t[]> old = std::move(entries_);
  const uint32_t old_capacity = capacity_;
  capacity_ = std::max<uint32_t>(4, capacity_ * 2);
  entries_ = std::make_unique<uint64_t[]>(capacity_);
  for (uint32_t i = 0; i < old_capacity; ++i) {
    if (old[i] != 0) *find(static_cast<uint32_t>(old[i] >> kCountBits) - 1) = old[i];
  }
}

void QuantileSketch::add(uint32_t bucket, uint64_t count) {
  if (count == 0) return;
  if (capacity_ == 0) grow();
  uint64_t* entry = find(bucket);
  if (*entry == 0) {
    if (size_ + 1 > capacity_ / 4 * 3) {
      grow();
      entry = find(bucket);
    }
    ++size_;
    *entry = uint64_t{bucket + 1} << kCountBits;
  }
  const uint64_t total = (*entry & kCountMask) + (count & kCountMask);
  *entry = (*entry & ~kCountMask) | (total & kCountMask);
  const uint64_t carried = (total >> kCountBits) + (count >> kCountBits);
  if (carried == 0) return;
  if (!overflow_) overflow_ = std::make_unique<std::map<uint32_t, uint64_t>>();
  (*overflow_)[bucket] += carried;
}

uint64_t QuantileSketch::count_in(uint64_t entry) const {
  uint64_t count = entry & kCountMask;
  if (overflow_) {
    const auto at = overflow_->find(static_cast<uint32_t>(entry >> kCountBits) - 1);
    if (at != overflow_->end()) count += at->second << kCountBits;
  }
  return count;
}

void QuantileSketch::merge(const QuantileSketch& other) {
  for (uint32_t i = 0; i < other.capacity_; ++i) {
    const uint64_t entry = other.entries_[i];
    if (entry != 0) add(static_cast<uint32_t>(entry >> kCountBits) - 1, other.count_in(entry));
  }
}

std::vector<QuantileSketch::OrderedCount> QuantileSketch::in_order() const {
  std::vector<OrderedCount> counts;
  counts.reserve(size_);
  for (uint32_t i = 0; i < capacity_; ++i) {
    const uint64_t entry = entries_[i];
    if (entry == 0) continue;
    counts.push_back({.order = order_of(static_cast<uint32_t>(entry >> kCountBits) - 1),
                      .count = count_in(entry)});
  }
  std::sort(counts.begin(), counts.end(),
            [](const OrderedCount& a, const OrderedCount& b) { return a.order < b.order; });
  return counts;
}

uint64_t QuantileSketch::count() const {
  uint64_t count = 0;
  for (uint32_t i = 0; i < capacity_; ++i) {
    if (entries_[i] != 0) count += count_in(entries_[i]);
  }
  return count;
}

uint32_t QuantileSketch::bucket_at(uint64_t rank) const {
  uint64_t passed = 0;
  for (const OrderedCount& item : in_order()) {
    passed += item.count;
    if (passed >= rank) return bucket_in_order(item.order);
  }
  check_failed("rank <= count()", __FILE__, __LINE__);
}

std::vector<QuantileSketch::BucketCount> QuantileSketch::buckets() const {
  std::vector<BucketCount> out;
  for (const OrderedCount& item : in_order()) {
    out.push_back({.bucket = bucket_in_order(item.order), .count = item.count});
  }
  return out;
}

void QuantileSketch::encode(ByteWriter& writer) const {
  writer.varint(size_);
  uint32_t last = 0;
  for (const OrderedCount& item : in_order()) {
    writer.varint(item.order - last);
    writer.varint(item.count);
    last = item.order;
  }
}

QuantileSketch QuantileSketch::decode(ByteReader& reader) {
  QuantileSketch sketch;
  const uint64_t size = reader.varint();
  if (!reader.count_fits(size, 2)) return {};
  uint64_t order = 0;
  uint64_t total = 0;
  for (uint64_t i = 0; i < size; ++i) {
    const uint64_t step = reader.varint();
    const uint64_t count = reader.varint();
    order += step;
    total += count;
    const bool good_count = count > 0 && total >= count;
    const bool good_order = step < kBuckets && order < kBuckets && (i == 0 || step > 0);
    if (reader.failed() || !good_count || !good_order) {
      reader.fail();
      return {};
    }
    sketch.add(bucket_in_order(static_cast<uint32_t>(order)), count);
  }
  return sketch;
}

size_t QuantileSketch::held_bytes() const {
  constexpr size_t kMapNodeBytes = 64;
  return capacity_ * sizeof(uint64_t) + (overflow_ ? overflow_->size() * kMapNodeBytes : 0);
}

uint64_t quantile_rank(QuantileShare share, uint64_t count) {
  SHARDMILL_CHECK(count > 0 && share.denominator > 0 && share.numerator <= share.denominator);
  const UInt128 product = static_cast<UInt128>(share.numerator) * count;
  const UInt128 rank = (product + share.denominator - 1) / share.denominator;
  return rank == 0 ? 1 : static_cast<uint64_t>(rank);
}

}  // namespace shardmill
