// Mean, variance and deviation from exact sums. Pure functions, any thread.
#pragma once

#include <cstdint>

#include "stages/support/big_number.h"

namespace shardmill {

/// What is known of n values, exactly.
struct Moments {
  uint64_t count = 0;
  BigNumber sum;      ///< of x
  BigNumber squares;  ///< of x^2
};

/// sum / n, rounded once. REQUIRES: count > 0.
double mean_of(const BigNumber& sum, uint64_t count);
/// The sample variance (n - 1): (n * sum(x^2) - sum(x)^2) / (n * (n - 1)), exact before one
/// rounding. REQUIRES: count > 1.
double variance_of(const Moments& moments);
/// Its square root, taken before that one rounding. REQUIRES: count > 1.
double deviation_of(const Moments& moments);

}  // namespace shardmill
