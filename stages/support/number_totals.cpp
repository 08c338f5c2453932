#include "stages/support/number_totals.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <type_traits>

#include "pipeline/base/check.h"

namespace shardmill {

namespace {

constexpr size_t kPages = 4096;  // sign and exponent
constexpr uint32_t kExponentMask = 0x7ff;
constexpr uint64_t kFraction = (uint64_t{1} << 52) - 1;

uint64_t magnitude_of(int64_t value) {
  return value < 0 ? -static_cast<uint64_t>(value) : static_cast<uint64_t>(value);
}

/// magnitude^2 * times * 2^exponent, in halves that fit.
void add_squares(uint64_t magnitude, int exponent, uint64_t times, ExactSum& squares) {
  const UInt128 square = static_cast<UInt128>(magnitude) * magnitude;
  const UInt128 low = static_cast<UInt128>(static_cast<uint64_t>(square)) * times;
  const UInt128 high = (square >> 64) * times;
  squares.add_scaled(low, exponent, false);
  squares.add_scaled(high, exponent + 64, false);
}

}  // namespace

// ---- pages

inline ExponentPages::Page& ExponentPages::page(uint32_t key) {
  const uint16_t position = index_[key];
  return position == 0 ? new_page(key) : pages_[position - 1u];
}

ExponentPages::Page& ExponentPages::new_page(uint32_t key) {
  pages_.emplace_back();
  keys_.push_back(static_cast<uint16_t>(key));
  index_[key] = static_cast<uint16_t>(pages_.size());
  return pages_.back();
}

void ExponentPages::add(const double* values, size_t count) {
  if (index_.empty()) index_.assign(kPages, 0);
  for (size_t i = 0; i < count; ++i) {
    const uint64_t bits = std::bit_cast<uint64_t>(values[i] + 0.0);
    const uint32_t key = static_cast<uint32_t>(bits >> 52);
    const uint64_t leading_one = (key & kExponentMask) != 0 ? uint64_t{1} << 52 : 0;
    const uint64_t mantissa = (bits & kFraction) | leading_one;
    Page& into = page(key);
    into.sum += mantissa;
    into.squares += static_cast<UInt128>(mantissa) * mantissa;
    ++into.counts[(bits >> 45) & 127];
  }
}

void ExponentPages::add_buckets(const int64_t* values, size_t count) {
  if (index_.empty()) index_.assign(kPages, 0);
  for (size_t i = 0; i < count; ++i) {
    const uint32_t bucket = QuantileSketch::bucket_of(static_cast<double>(values[i]));
    ++page(bucket >> 7).counts[bucket & 127];
  }
}

void ExponentPages::settle(ExactSum& sum, ExactSum& squares, QuantileSketch& sketch) {
  for (size_t i = 0; i < pages_.size(); ++i) {
    const Page& from = pages_[i];
    const uint32_t field = keys_[i] & kExponentMask;
    const int exponent = field == 0 ? -1074 : static_cast<int>(field) - 1075;
    sum.add_scaled(from.sum, exponent, keys_[i] > kExponentMask);
    squares.add_scaled(from.squares, 2 * exponent, false);
    for (uint32_t j = 0; j < from.counts.size(); ++j) {
      sketch.add(uint32_t{keys_[i]} << 7 | j, from.counts[j]);
    }
  }
  index_.clear();
  keys_.clear();
  pages_.clear();
}

size_t ExponentPages::held_bytes() const {
  return index_.capacity() * sizeof(uint16_t) + pages_.capacity() * (sizeof(Page) + 2);
}

// ---- totals

template <typename T>
void NumberTotals<T>::note_extremes(T low, T high) {
  min_ = std::min(min_, low);
  max_ = std::max(max_, high);
}

template <typename T>
void NumberTotals<T>::add_block(const T* values, size_t count) {
  T low = values[0];
  T high = values[0];
  uint64_t specials = 0;
  for (size_t i = 0; i < count; ++i) {
    low = values[i] < low ? values[i] : low;
    high = values[i] > high ? values[i] : high;
    if constexpr (std::is_same_v<T, double>) {
      const uint64_t magnitude = std::bit_cast<uint64_t>(values[i]) << 1;
      specials |= static_cast<uint64_t>(magnitude >= uint64_t{kExponentMask} << 53);
    }
  }
  if constexpr (std::is_same_v<T, double>) {
    if (specials != 0) [[unlikely]]
      return add_specials(values, count);
    pages_.add(values, count);
  } else {
    add_late_sums(values, count, std::max(magnitude_of(low), magnitude_of(high)));
    pages_.add_buckets(values, count);
  }
  note_extremes(low, high);
  count_ += count;
  unsettled_ += count;
}

/// A block with NaN or infinities among its values.
template <typename T>
void NumberTotals<T>::add_specials(const double* values, size_t count) {
  T finite[kBlock];
  size_t kept = 0;
  for (size_t i = 0; i < count; ++i) {
    const T value = static_cast<T>(values[i]);
    if (std::isfinite(values[i])) {
      finite[kept++] = value;
    } else {
      add_times(value, 1);
    }
  }
  if (kept > 0) add_block(finite, kept);
}

/// Where no block of kBlock values can overflow 64 bits, 64 bits do.
template <typename T>
void NumberTotals<T>::add_late_sums(const int64_t* values, size_t count, uint64_t largest) {
  if (largest < (uint64_t{1} << 27)) {  // 54 bits, and 8 of kBlock
    int64_t sum = 0;
    int64_t squares = 0;
    for (size_t i = 0; i < count; ++i) {
      sum += values[i];
      squares += values[i] * values[i];
    }
    late_sum_ += sum;
    late_squares_ += static_cast<uint64_t>(squares);
    return;
  }
  for (size_t i = 0; i < count; ++i) late_sum_ += values[i];
  const bool squares_fit = largest < (uint64_t{1} << 52);  // 104 bits and 22 of kValuesMax
  for (size_t i = 0; i < count; ++i) {
    const uint64_t magnitude = magnitude_of(values[i]);
    if (squares_fit) {
      late_squares_ += static_cast<UInt128>(magnitude) * magnitude;
    } else {
      add_squares(magnitude, 0, 1, squares_);
    }
  }
}

template <typename T>
void NumberTotals<T>::add(const T* values, size_t count) {
  for (size_t at = 0; at < count; at += kBlock) {
    add_block(values + at, std::min(kBlock, count - at));
    if (unsettled_ > ExponentPages::kValuesMax - kBlock) settle();
  }
}

template <typename T>
void NumberTotals<T>::add_times(T value, uint64_t times) {
  if constexpr (std::is_same_v<T, double>) {
    if (std::isnan(value)) {
      nans_ += times;
      return;
    }
    if (std::isinf(value)) {
      (value > 0 ? above_ : below_) += times;
    } else {
      const SplitDouble parts = split_double(value);
      const UInt128 sum = static_cast<UInt128>(parts.mantissa) * times;
      sum_.add_scaled(sum, parts.exponent, parts.negative);
      add_squares(parts.mantissa, 2 * parts.exponent, times, squares_);
    }
  } else {
    const uint64_t magnitude = magnitude_of(value);
    sum_.add_scaled(static_cast<UInt128>(magnitude) * times, 0, value < 0);
    add_squares(magnitude, 0, times, squares_);
  }
  count_ += times;
  note_extremes(value, value);
  sketch_.add(QuantileSketch::bucket_of(static_cast<double>(value)), times);
}

template <typename T>
void NumberTotals<T>::settle() const {
  if (unsettled_ == 0) return;
  unsettled_ = 0;
  ExactSum sum;
  ExactSum squares;
  pages_.settle(sum, squares, sketch_);
  if constexpr (std::is_same_v<T, double>) {
    sum_.merge(sum);
    squares_.merge(squares);
  } else {
    const bool negative = late_sum_ < 0;
    const UInt128 bits = static_cast<UInt128>(late_sum_);
    sum_.add_scaled(negative ? -bits : bits, 0, negative);
    squares_.add_scaled(late_squares_, 0, false);
    late_sum_ = 0;
    late_squares_ = 0;
  }
}

template <typename T>
void NumberTotals<T>::merge(const NumberTotals& other) {
  settle();
  other.settle();
  count_ += other.count_;
  nans_ += other.nans_;
  above_ += other.above_;
  below_ += other.below_;
  note_extremes(other.min_, other.max_);
  sum_.merge(other.sum_);
  squares_.merge(other.squares_);
  sketch_.merge(other.sketch_);
}

template <typename T>
void NumberTotals<T>::encode(ByteWriter& writer) const {
  settle();
  writer.varint(count_);
  writer.varint(nans_);
  if (count_ == 0) return;
  writer.varint(above_);
  writer.varint(below_);
  const T ends[] = {min(), max()};
  writer.raw(ends, sizeof ends);
  sum_.encode(writer);
  squares_.encode(writer);
  sketch_.encode(writer);
}

template <typename T>
NumberTotals<T> NumberTotals<T>::decode(ByteReader& reader) {
  NumberTotals totals;
  totals.count_ = reader.varint();
  totals.nans_ = reader.varint();
  if (totals.count_ == 0 || reader.failed()) return totals;
  totals.above_ = reader.varint();
  totals.below_ = reader.varint();
  totals.min_ = std::bit_cast<T>(reader.u64());
  totals.max_ = std::bit_cast<T>(reader.u64());
  totals.sum_ = ExactSum::decode(reader);
  totals.squares_ = ExactSum::decode(reader);
  totals.sketch_ = QuantileSketch::decode(reader);
  if (!(totals.min_ <= totals.max_) || totals.sketch_.count() != totals.count_) reader.fail();
  if (reader.failed()) return {};
  return totals;
}

template <typename T>
Int128 NumberTotals<T>::sum() const {
  settle();
  std::array<uint64_t, 2> words;
  SHARDMILL_CHECK(sum_.to_fixed(0, words));
  return static_cast<Int128>((static_cast<UInt128>(words[1]) << 64) | words[0]);
}

template <typename T>
double NumberTotals<T>::mean() const {
  const double infinity = std::numeric_limits<double>::infinity();
  if (above_ > 0 && below_ > 0) return std::numeric_limits<double>::quiet_NaN();
  if (!is_finite()) return above_ > 0 ? infinity : -infinity;
  settle();
  return mean_of(sum_.value(), count_);
}

template <typename T>
double NumberTotals<T>::deviation() const {
  if (!is_finite()) return std::numeric_limits<double>::quiet_NaN();
  settle();
  return deviation_of({.count = count_, .sum = sum_.value(), .squares = squares_.value()});
}

template <typename T>
const QuantileSketch& NumberTotals<T>::sketch() const {
  settle();
  return sketch_;
}

template <typename T>
T NumberTotals<T>::value_at(uint64_t rank) const {
  const uint32_t bucket = sketch().bucket_at(rank);
  if constexpr (std::is_same_v<T, double>) {
    return std::clamp(QuantileSketch::middle_of(bucket), min(), max());
  } else {
    return std::clamp(QuantileSketch::whole_middle_of(bucket), min(), max());
  }
}

template <typename T>
size_t NumberTotals<T>::held_bytes() const {
  return pages_.held_bytes() + sum_.memory_bytes() + squares_.memory_bytes() + sketch_.held_bytes();
}

template class NumberTotals<int64_t>;
template class NumberTotals<double>;

}  // namespace shardmill
