#include "stages/support/aggregate_sums.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>

#include "pipeline/base/check.h"
#include "stages/support/aggregate_state_inner.h"

namespace shardmill {

namespace {

Int128 load_int128(const uint64_t* words) {
  return static_cast<Int128>((static_cast<UInt128>(words[1]) << 64) | words[0]);
}

void store_int128(uint64_t* words, Int128 value) {
  words[0] = static_cast<uint64_t>(value);
  words[1] = static_cast<uint64_t>(static_cast<UInt128>(value) >> 64);
}

/// words[from..] += parts; the carry out of the last word.
uint64_t add_parts(std::span<uint64_t> words, size_t from, std::span<const uint64_t> parts) {
  uint64_t carry = 0;
  for (size_t i = 0; from + i < words.size(); ++i) {
    if (i >= parts.size() && carry == 0) return 0;
    const UInt128 sum =
        static_cast<UInt128>(words[from + i]) + (i < parts.size() ? parts[i] : 0) + carry;
    words[from + i] = static_cast<uint64_t>(sum);
    carry = static_cast<uint64_t>(sum >> 64);
  }
  return carry;
}

}  // namespace

// ---- of ints

Int128 IntSums::total(const uint64_t* words) {
  return load_int128(words);
}

void IntSums::add(const ValueBlock& values, StateWords words) {
  for (size_t i = 0; i < values.count; ++i) {
    uint64_t* const sum = words.at(values.groups[i]);
    const UInt128 value = static_cast<UInt128>(Int128{values.ints[i]});
    store_int128(sum, static_cast<Int128>(static_cast<UInt128>(load_int128(sum)) + value));
  }
}

void IntSums::merge(StateWords words, AggregateState&, StateWords others,
                    const GroupMapping& mapping) {
  for_each_mapped(mapping, [&](uint32_t here, uint32_t there) {
    uint64_t* const sum = words.at(here);
    const UInt128 total = static_cast<UInt128>(load_int128(sum)) +
                          static_cast<UInt128>(load_int128(others.at(there)));
    store_int128(sum, static_cast<Int128>(total));
  });
}

// ---- of squares of ints

BigNumber IntSquares::total(const uint64_t* words) {
  return BigNumber::from_limbs({words, 3}, 0, false);
}

void IntSquares::add(const ValueBlock& values, StateWords words) {
  for (size_t i = 0; i < values.count; ++i) {
    const int64_t value = values.ints[i];
    const uint64_t magnitude =
        value < 0 ? -static_cast<uint64_t>(value) : static_cast<uint64_t>(value);
    const UInt128 square = static_cast<UInt128>(magnitude) * magnitude;
    const std::array<uint64_t, 2> parts = {static_cast<uint64_t>(square),
                                           static_cast<uint64_t>(square >> 64)};
    add_parts({words.at(values.groups[i]), 3}, 0, parts);
  }
}

void IntSquares::merge(StateWords words, AggregateState&, StateWords others,
                       const GroupMapping& mapping) {
  for_each_mapped(mapping, [&](uint32_t here, uint32_t there) {
    add_parts({words.at(here), 3}, 0, {others.at(there), 3});
  });
}

// ---- of doubles

void WindowedSums::make_room(size_t groups) {
  groups_ = groups;
  if (!wide_index_.empty()) grow_ahead_to(wide_index_, groups);
}

ExactSum& WindowedSums::wide(uint32_t group) {
  if (wide_index_.empty()) wide_index_.resize(groups_);
  uint32_t& index = wide_index_[group];
  if (index == 0) {
    wide_.emplace_back();
    index = static_cast<uint32_t>(wide_.size());
  }
  return wide_[index - 1];
}

const ExactSum* WindowedSums::find_wide(uint32_t group) const {
  if (wide_index_.empty() || wide_index_[group] == 0) return nullptr;
  return &wide_[wide_index_[group] - 1];
}

ExactSum WindowedSums::total(StateWords words, uint32_t group) const {
  const ExactSum* const kept = find_wide(group);
  ExactSum sum = kept == nullptr ? ExactSum() : *kept;
  take_window(words.at(group), sum);
  return sum;
}

void WindowedSums::merge(StateWords words, AggregateState& other, StateWords others,
                         const GroupMapping& mapping) {
  const WindowedSums& from = static_cast<WindowedSums&>(other);
  for_each_mapped(mapping, [&](uint32_t here, uint32_t there) {
    merge_window(here, words.at(here), others.at(there));
    const ExactSum* const kept = from.find_wide(there);
    if (kept != nullptr) wide(here).merge(*kept);
  });
}

void WindowedSums::encode(StateWords words, std::span<const uint32_t> groups,
                          ByteWriter& writer) const {
  for (const uint32_t group : groups) total(words, group).encode(writer);
}

void WindowedSums::decode(StateWords state_words, size_t groups, ByteReader& reader) {
  for (uint32_t group = 0; group < groups && !reader.failed(); ++group) {
    ExactSum sum = ExactSum::decode(reader);
    const std::span<uint64_t> window(state_words.at(group), words());
    if (sum.is_finite() && sum.to_fixed(window_exponent(), window)) continue;
    std::fill(window.begin(), window.end(), 0);
    wide(group) = std::move(sum);
  }
}

size_t WindowedSums::held_bytes() const {
  constexpr size_t kLimbBytes = 64;  // of a typical ExactSum; counting each costs too much
  return wide_index_.capacity() * sizeof(uint32_t) + wide_.capacity() * sizeof(ExactSum) +
         wide_.size() * kLimbBytes;
}

void FloatSums::take_window(const uint64_t* words, ExactSum& sum) const {
  const Int128 window = load_int128(words);
  const bool negative = window < 0;
  const UInt128 bits = static_cast<UInt128>(window);
  sum.add_scaled(negative ? -bits : bits, window_exponent(), negative);
}

void FloatSums::add_to_window(uint32_t group, uint64_t* words, Int128 value) {
  Int128 sum = 0;
  if (__builtin_add_overflow(load_int128(words), value, &sum)) [[unlikely]] {
    take_window(words, wide(group));
    sum = value;
  }
  store_int128(words, sum);
}

void FloatSums::merge_window(uint32_t group, uint64_t* words, const uint64_t* other) {
  add_to_window(group, words, load_int128(other));
}

void FloatSums::add(const ValueBlock& values, StateWords words) {
  if (values.count == 0) return;
  if (values.one_group) return add_to_one(values, words.at(values.groups[0]));
  for (size_t i = 0; i < values.count; ++i) {
    add_value(values.groups[i], words.at(values.groups[i]), values.floats[i]);
  }
}

void FloatSums::add_to_one(const ValueBlock& values, uint64_t* words) {
  const uint32_t group = values.groups[0];
  FloatPlanes planes;
  for (size_t first = 0; first < values.count; first += FloatPlanes::kValues) {
    const size_t block = std::min(FloatPlanes::kValues, values.count - first);
    const uint32_t fit = split_planes(values.floats + first, block, planes);
    for (size_t at = 0; at < block; at += FloatPlanes::kLane) {
      const size_t count = std::min(FloatPlanes::kLane, block - at);
      if ((fit >> (at / FloatPlanes::kLane) & 1) != 0) [[likely]] {
        add_planes_to_one(planes, at, count, group, words);
        continue;
      }
      for (size_t i = 0; i < count; ++i) add_value(group, words, values.floats[first + at + i]);
    }
  }
}

void FloatSums::add_planes_to_one(const FloatPlanes& planes, size_t first, size_t count,
                                  uint32_t group, uint64_t* words) {
  uint64_t low = 0;
  uint64_t high = 0;
  for (size_t i = first; i < first + count; ++i) {
    low += planes.low[i];
    high += planes.high[i];
  }
  add_to_window(group, words,
                static_cast<Int128>((static_cast<UInt128>(high) << 64) +
                                    (static_cast<UInt128>(low) << kLowToWord)));
}

void FloatSums::add_value(uint32_t group, uint64_t* words, double value) {
  // value = (high + low * 2^-63) * 2^-15 with whole high and low, exactly, or it does not fit.
  constexpr double kHighUnit = 32768;
  constexpr double kLowUnit = 9223372036854775808.0;  // 2^63
  const double scaled = value * kHighUnit;
  if (std::fabs(scaled) < kLowUnit / 2) {  // not NaN
    const int64_t high = static_cast<int64_t>(scaled);
    const double rest = (scaled - static_cast<double>(high)) * kLowUnit;
    const int64_t low = static_cast<int64_t>(rest);
    if (static_cast<double>(low) == rest) {
      add_to_window(group, words, Int128{high} * (Int128{1} << 64) + Int128{low} * 2);
      return;
    }
  }
  wide(group).add(value);
}

void FloatSquares::take_window(const uint64_t* words, ExactSum& sum) const {
  const UInt128 low = static_cast<UInt128>(load_int128(words));
  const UInt128 high = static_cast<UInt128>(load_int128(words + 2));
  sum.add_scaled(low, window_exponent(), false);
  sum.add_scaled(high, window_exponent() + 128, false);
}

void FloatSquares::merge_window(uint32_t group, uint64_t* words, const uint64_t* other) {
  // The top bit stays clear: what is large moves aside first.
  if (((words[3] | other[3]) >> 62) != 0) {
    take_window(words, wide(group));
    std::fill_n(words, 4, 0);
  }
  add_parts({words, 4}, 0, {other, 4});
}

void FloatSquares::add(const ValueBlock& values, StateWords words) {
  if (values.count == 0) return;
  if (values.one_group) {
    return add_to_one(values.floats, values.count, values.groups[0], words.at(values.groups[0]));
  }
  for (size_t i = 0; i < values.count; ++i) {
    const double value = values.floats[i];
    if (!std::isfinite(value)) continue;
    const SplitDouble parts = split_double(value);
    add_square(values.groups[i], words.at(values.groups[i]),
               static_cast<UInt128>(parts.mantissa) * parts.mantissa, 2 * parts.exponent);
  }
}

void FloatSquares::add_square(uint32_t group, uint64_t* window, UInt128 square, int exponent) {
  constexpr int kPositionMax = 256 - 128 - 4;
  if (square == 0) return;
  const int position = exponent - window_exponent();
  if (position < 0 || position > kPositionMax) {
    wide(group).add_scaled(square, exponent, false);
    return;
  }
  if ((window[3] >> 62) != 0) [[unlikely]] {
    take_window(window, wide(group));
    std::fill_n(window, 4, 0);
  }
  const unsigned shift = static_cast<unsigned>(position) % 64;
  const uint64_t low = static_cast<uint64_t>(square);
  const uint64_t high = static_cast<uint64_t>(square >> 64);
  const std::array<uint64_t, 3> shifted = {
      low << shift, shift == 0 ? high : (high << shift) | (low >> (64 - shift)),
      shift == 0 ? 0 : high >> (64 - shift)};
  add_parts({window, 4}, static_cast<size_t>(position) / 64, shifted);
}

void FloatSquares::add_to_one(const double* values, size_t count, uint32_t group,
                              uint64_t* window) {
  constexpr uint64_t kNear = 32;       // exponents around the first one's
  constexpr size_t kSets = 4;          // of bins, so that an addition need not wait for the last
  constexpr size_t kAtOnce = 1 << 20;  // squares of 106 bits that 128 bits can hold
  constexpr uint64_t kFraction = (uint64_t{1} << 52) - 1;
  const auto field_of = [](uint64_t bits) { return (bits >> 52) & 0x7ff; };
  for (size_t first = 0; first < count; first += kAtOnce) {
    const uint64_t some = field_of(std::bit_cast<uint64_t>(values[first]));
    const uint64_t base = std::clamp<uint64_t>(some, kNear / 2 + 1, 0x7ff - kNear / 2) - kNear / 2;
    std::array<std::array<UInt128, kSets>, kNear> squares = {};
    for (size_t i = first; i < std::min(first + kAtOnce, count); ++i) {
      const uint64_t bits = std::bit_cast<uint64_t>(values[i]);
      const uint64_t bin = field_of(bits) - base;
      if (bin < kNear) [[likely]] {
        const uint64_t mantissa = (bits & kFraction) | (kFraction + 1);
        squares[bin][i % kSets] += static_cast<UInt128>(mantissa) * mantissa;
      } else if (std::isfinite(values[i])) {
        const SplitDouble parts = split_double(values[i]);
        add_square(group, window, static_cast<UInt128>(parts.mantissa) * parts.mantissa,
                   2 * parts.exponent);
      }
    }
    for (uint64_t bin = 0; bin < kNear; ++bin) {
      UInt128 sum = 0;
      for (const UInt128 square : squares[bin]) sum += square;
      add_square(group, window, sum, 2 * (static_cast<int>(base + bin) - 1075));
    }
  }
}

}  // namespace shardmill
