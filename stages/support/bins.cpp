#include "stages/support/bins.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "pipeline/formats/numbers.h"

namespace shardmill {

namespace {

constexpr int kExponentMax = 300;

std::string float_text(double value) {
  std::string text;
  append_float(text, value);
  return text;
}

/// The smallest of 1, 2 and 5 times powers of ten that is at least `least`, which is positive.
Int128 decimal_width(Int128 least) {
  Int128 power = 1;
  while (power * 10 <= least) power *= 10;
  for (const int mantissa : {1, 2, 5}) {
    if (mantissa * power >= least) return mantissa * power;
  }
  return 10 * power;
}

Int128 time_width(Int128 least) {
  constexpr int64_t kSecond = 1'000'000'000;
  constexpr int64_t kDay = 86400 * kSecond;
  if (least <= kSecond) return decimal_width(least);
  for (const int64_t seconds : {1, 2, 5, 10, 15, 30}) {
    if (seconds * kSecond >= least) return seconds * kSecond;
  }
  for (const int64_t minutes : {1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720}) {
    if (minutes * 60 * kSecond >= least) return minutes * 60 * kSecond;
  }
  for (const int64_t days : {1, 2, 7, 14, 30, 60, 90, 180, 365}) {
    if (days * kDay >= least) return days * kDay;
  }
  return decimal_width((least + kDay - 1) / kDay) * kDay;
}

}  // namespace

// ---- floats

NumberBins::NumberBins(double low, double high, size_t bins_max) : low_(low), high_(high) {
  const double least = (high - low) / static_cast<double>(bins_max);
  const double largest = std::max(std::fabs(low), std::fabs(high));
  // Bins that the doubles there cannot tell apart, or a range that no double holds.
  const bool can_cut = least > largest * 0x1p-44 && least < 1e300 && least > 1e-300;
  if (!can_cut) {
    counts_.assign(1, 0);
    return;
  }
  is_fraction_ = least < 1;
  const auto width = [&](double mantissa) {
    return is_fraction_ ? mantissa / power_ : mantissa * power_;
  };
  for (int i = 0; i < kExponentMax && is_fraction_ && width(1) > least; ++i) power_ *= 10;
  for (int i = 0; i < kExponentMax && !is_fraction_ && width(10) <= least; ++i) power_ *= 10;
  for (const double mantissa : {1.0, 2.0, 5.0, 10.0}) {
    mantissa_ = mantissa;
    if (width(mantissa) >= least) break;
  }
  first_ = place_of(low);
  counts_.assign(static_cast<size_t>(place_of(high) - first_) + 1, 0);
}

double NumberBins::place_of(double value) const {
  const double place = is_fraction_ ? value * power_ / mantissa_ : value / (mantissa_ * power_);
  return std::floor(place);
}

double NumberBins::edge(double place) const {
  const double tens = place * mantissa_;
  return is_fraction_ ? tens / power_ : tens * power_;
}

void NumberBins::add(double value, uint64_t times) {
  if (counts_.size() == 1) {
    counts_[0] += times;
    return;
  }
  const double place = std::clamp(place_of(std::clamp(value, low_, high_)) - first_, 0.0,
                                  static_cast<double>(counts_.size() - 1));
  counts_[static_cast<size_t>(place)] += times;
}

std::vector<Bin> NumberBins::bins() const {
  if (counts_.size() == 1) {
    return {{.from = float_text(low_), .to = float_text(high_), .count = counts_[0]}};
  }
  std::vector<Bin> out;
  for (size_t i = 0; i < counts_.size(); ++i) {
    const double place = first_ + static_cast<double>(i);
    out.push_back(
        {.from = float_text(edge(place)), .to = float_text(edge(place + 1)), .count = counts_[i]});
  }
  return out;
}

// ---- whole numbers

WholeBins::WholeBins(int64_t low, int64_t high, size_t bins_max, Kind kind) : kind_(kind) {
  const Int128 bins = static_cast<Int128>(bins_max);
  const Int128 least = std::max<Int128>(1, (Int128{high} - low + bins) / bins);
  width_ = kind == Kind::kTimes ? time_width(least) : decimal_width(least);
  first_ = place_of(low);
  counts_.assign(static_cast<size_t>(place_of(high) - first_) + 1, 0);
}

Int128 WholeBins::place_of(int64_t value) const {
  const Int128 place = value / width_;
  return value % width_ < 0 ? place - 1 : place;
}

void WholeBins::add(int64_t value, uint64_t times) {
  const Int128 last = static_cast<Int128>(counts_.size()) - 1;
  const Int128 place = std::clamp<Int128>(place_of(value) - first_, 0, last);
  counts_[static_cast<size_t>(place)] += times;
}

std::string WholeBins::edge(Int128 place) const {
  const Int128 value = place * width_;
  std::string text;
  if (kind_ == Kind::kInts) {
    append_int128(text, value);
  } else {
    constexpr int64_t kFirst = std::numeric_limits<int64_t>::min();
    constexpr int64_t kLast = std::numeric_limits<int64_t>::max();
    append_time(text, static_cast<int64_t>(std::clamp<Int128>(value, kFirst, kLast)));
  }
  return text;
}

std::vector<Bin> WholeBins::bins() const {
  std::vector<Bin> out;
  for (size_t i = 0; i < counts_.size(); ++i) {
    const Int128 place = first_ + static_cast<Int128>(i);
    out.push_back({.from = edge(place), .to = edge(place + 1), .count = counts_[i]});
  }
  return out;
}

}  // namespace shardmill
