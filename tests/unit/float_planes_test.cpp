#include "stages/support/float_planes.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

namespace shardmill {
namespace {

void expect_same_and_true(const std::vector<double>& values) {
  FloatPlanes fast, plain;
  const uint32_t fit = split_planes(values.data(), values.size(), fast);
  ASSERT_EQ(fit, split_planes_scalar(values.data(), values.size(), plain));
  for (size_t i = 0; i < values.size(); ++i) {
    if ((fit >> (i / FloatPlanes::kLane) & 1) == 0) continue;
    ASSERT_EQ(fast.low[i], plain.low[i]) << values[i];
    ASSERT_EQ(fast.high[i], plain.high[i]) << values[i];
    ASSERT_EQ(fast.order[i], plain.order[i]) << values[i];
    if (i > 0 && (fit >> ((i - 1) / FloatPlanes::kLane) & 1) != 0) {
      ASSERT_EQ(fast.order[i - 1] < fast.order[i], values[i - 1] < values[i]) << values[i];
      ASSERT_EQ(fast.order[i - 1] == fast.order[i], values[i - 1] == values[i]) << values[i];
    }
    // Both products and their sum are exact.
    const double high = static_cast<double>(static_cast<int64_t>(fast.high[i])) * 0x1p-15;
    ASSERT_LT(fast.low[i], uint64_t{1} << 51);
    ASSERT_EQ(static_cast<double>(fast.low[i]) * 0x1p-66, values[i] - high) << values[i];
  }
}

TEST(FloatPlanes, HoldDecimalsOfAnyUsualSize) {
  std::vector<double> values;
  for (int i = -128; i < 128; ++i) values.push_back(i / 100.0);
  FloatPlanes planes;
  values[5] = -0.0;
  EXPECT_EQ(split_planes(values.data(), values.size(), planes), 0xffffu);
  expect_same_and_true(values);
}

TEST(FloatPlanes, LanesWithOddValuesDoNotFit) {
  using Limits = std::numeric_limits<double>;
  for (const double odd : {0x1p36, -0x1p36 - 1, 0x1p-67, 1 + 0x1p-52 + 0x1p-70, 1e300, 1e-300,
                           Limits::infinity(), -Limits::infinity(), Limits::quiet_NaN()}) {
    std::vector<double> values(40, 1.5);
    values[20] = odd;
    FloatPlanes planes;
    const uint32_t expected = odd == 1 + 0x1p-52 + 0x1p-70 ? 7u : 5u;  // rounded to a good one
    EXPECT_EQ(split_planes(values.data(), values.size(), planes), expected) << odd;
    expect_same_and_true(values);
  }
}

TEST(FloatPlanes, FastAndPlainAreTheSame) {
  std::mt19937_64 random(5);
  for (int round = 0; round < 20000; ++round) {
    std::vector<double> values(random() % (FloatPlanes::kValues + 1));
    const unsigned kind = random() % 3;
    for (double& value : values) {
      if (kind == 0)
        value = static_cast<double>(static_cast<int64_t>(random() % 2000001) - 1000000) / 1000;
      if (kind == 1)
        value = std::ldexp(static_cast<double>(static_cast<int64_t>(random())),
                           -27 - static_cast<int>(random() % 40));
      if (kind == 2)
        value = random() % 200 == 0 ? std::bit_cast<double>(random())
                                    : static_cast<double>(random() % 100);
    }
    expect_same_and_true(values);
  }
}

}  // namespace
}  // namespace shardmill
