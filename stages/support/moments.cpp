#include "stages/support/moments.h"

#include "pipeline/base/check.h"

namespace shardmill {

namespace {

/// n * sum(x^2) - sum(x)^2, never negative.
BigNumber spread(const Moments& moments) {
  SHARDMILL_CHECK(moments.count > 1);
  const BigNumber count = BigNumber::from_unsigned(moments.count, 0);
  return count.times(moments.squares).minus(moments.sum.times(moments.sum));
}

}  // namespace

double mean_of(const BigNumber& sum, uint64_t count) {
  return sum.rounded_quotient(count);
}

double variance_of(const Moments& moments) {
  return spread(moments).rounded_quotient(moments.count, moments.count - 1);
}

double deviation_of(const Moments& moments) {
  return spread(moments).rounded_root(moments.count, moments.count - 1);
}

}  // namespace shardmill
