#include "stages/support/moments.h"

#include <gtest/gtest.h>

#include <limits>

#include "stages/support/exact_sum.h"

namespace shardmill {
namespace {

Moments moments_of(std::initializer_list<double> values) {
  ExactSum sum;
  ExactSum squares;
  for (const double value : values) {
    sum.add(value);
    squares.add_square(value);
  }
  return {.count = values.size(), .sum = sum.value(), .squares = squares.value()};
}

TEST(Moments, VarianceOfValuesFarFromZeroIsExact) {
  EXPECT_EQ(variance_of(moments_of({1e15, 1e15 + 1, 1e15 + 2})), 1);
  EXPECT_EQ(deviation_of(moments_of({1e15, 1e15 + 4})), 2.8284271247461903);
  EXPECT_EQ(variance_of(moments_of({3, 3, 3})), 0);
  EXPECT_EQ(deviation_of(moments_of({3, 3, 3})), 0);
}

TEST(Moments, DeviationIsThereEvenWhereTheVarianceIsNot) {
  const Moments large = moments_of({1e300, -1e300});
  EXPECT_EQ(variance_of(large), std::numeric_limits<double>::infinity());
  EXPECT_EQ(deviation_of(large), 1.4142135623730951e300);
  const Moments small = moments_of({1e-200, -1e-200});
  EXPECT_EQ(variance_of(small), 0);
  EXPECT_EQ(deviation_of(small), 1.4142135623730951e-200);
}

TEST(Moments, IntegersOf128BitsAreRoundedOnce) {
  const BigNumber sum((Int128{1} << 100) + 1);
  EXPECT_EQ(sum.rounded(), 1267650600228229401496703205376.0);
  EXPECT_EQ(mean_of(BigNumber(Int128{10}), 3), 10.0 / 3.0);
  EXPECT_EQ(mean_of(BigNumber(Int128{-10}), 3), -10.0 / 3.0);
  EXPECT_EQ(mean_of(BigNumber(Int128{0}), 3), 0);
}

}  // namespace
}  // namespace shardmill
