// Bins with edges that people would choose, for a small histogram of values that were counted
// before their range was known. Pure; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "pipeline/base/bytes.h"

namespace shardmill {

/// A half-open bin as text: [from, to), but of a single point [from, from].
struct Bin {
  std::string from;
  std::string to;
  uint64_t count = 0;
};

/// Bins of floats, 1, 2 or 5 times a power of ten wide, at most `bins_max` + 1. One bin if the
/// range is too small or too large to be cut.
class NumberBins {
 public:
  /// REQUIRES: neither is NaN, low <= high, bins_max > 0.
  NumberBins(double low, double high, size_t bins_max);
  /// Values outside go to the nearest bin.
  void add(double value, uint64_t times);
  std::vector<Bin> bins() const;

 private:
  double place_of(double value) const;
  double edge(double place) const;

  double low_;
  double high_;
  double mantissa_ = 1;       ///< the width is mantissa_ * 10^exponent
  double power_ = 1;          ///< 10^|exponent|
  bool is_fraction_ = false;  ///< exponent < 0
  double first_ = 0;          ///< place of the first bin
  std::vector<uint64_t> counts_;
};

/// Bins of whole numbers, at least 1 wide.
class WholeBins {
 public:
  enum class Kind : uint8_t { kInts, kTimes };

  /// Times are ns since 1970; their bins are 1, 2, 5, 10, 15 or 30 seconds, minutes, ... days wide.
  WholeBins(int64_t low, int64_t high, size_t bins_max, Kind kind);
  void add(int64_t value, uint64_t times);
  std::vector<Bin> bins() const;

 private:
  Int128 place_of(int64_t value) const;
  std::string edge(Int128 place) const;

  Kind kind_;
  Int128 width_ = 1;
  Int128 first_ = 0;
  std::vector<uint64_t> counts_;
};

}  // namespace shardmill
