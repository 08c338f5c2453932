#include "stages/support/quantile_sketch.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <vector>

namespace shardmill {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

std::string encoded(const QuantileSketch& sketch) {
  ByteWriter writer;
  sketch.encode(writer);
  return writer.take();
}

std::vector<double> random_values(std::mt19937_64& random, size_t count) {
  std::vector<double> values;
  for (size_t i = 0; i < count; ++i) {
    const double unit = static_cast<double>(random() % 1000003) / 1000003;
    switch (random() % 5) {
      case 0:
        values.push_back(-unit * 1e6);
        break;
      case 1:
        values.push_back(std::ldexp(unit + 0.5, static_cast<int>(random() % 1200) - 600));
        break;
      case 2:
        values.push_back(0);
        break;
      default:
        values.push_back(unit * 100);
        break;
    }
  }
  return values;
}

TEST(QuantileSketch, EveryRankIsWithinTheStatedErrorOfTheTrueValue) {
  std::mt19937_64 random(5);
  std::vector<double> values = random_values(random, 3000);
  QuantileSketch sketch;
  for (const double value : values) sketch.add(QuantileSketch::bucket_of(value));
  std::sort(values.begin(), values.end());
  EXPECT_EQ(sketch.count(), values.size());
  for (uint64_t rank = 1; rank <= values.size(); rank += 7) {
    const double truth = values[rank - 1];
    const double found = QuantileSketch::middle_of(sketch.bucket_at(rank));
    EXPECT_LE(std::fabs(found - truth), std::fabs(truth) * QuantileSketch::kRelativeError)
        << rank << " " << truth;
  }
}

TEST(QuantileSketch, ZeroAndInfinitiesHaveExactBuckets) {
  EXPECT_EQ(QuantileSketch::middle_of(QuantileSketch::bucket_of(0.0)), 0);
  EXPECT_EQ(QuantileSketch::bucket_of(-0.0), QuantileSketch::bucket_of(0.0));
  EXPECT_EQ(QuantileSketch::middle_of(QuantileSketch::bucket_of(kInfinity)), kInfinity);
  EXPECT_EQ(QuantileSketch::middle_of(QuantileSketch::bucket_of(-kInfinity)), -kInfinity);
  QuantileSketch sketch;
  for (const double value : {kInfinity, 0.0, -kInfinity, -3.0, 3.0}) {
    sketch.add(QuantileSketch::bucket_of(value));
  }
  EXPECT_EQ(QuantileSketch::middle_of(sketch.bucket_at(1)), -kInfinity);
  EXPECT_LT(QuantileSketch::middle_of(sketch.bucket_at(2)), -2.9);
  EXPECT_EQ(QuantileSketch::middle_of(sketch.bucket_at(3)), 0);
  EXPECT_GT(QuantileSketch::middle_of(sketch.bucket_at(4)), 2.9);
  EXPECT_EQ(QuantileSketch::middle_of(sketch.bucket_at(5)), kInfinity);
}

TEST(QuantileSketch, WholeNumbersBelow256AreExactAndLargeOnesStayInTheirBucket) {
  for (int64_t value = -256; value <= 256; ++value) {
    const uint32_t bucket = QuantileSketch::bucket_of(static_cast<double>(value));
    if (std::abs(value) < 256) {
      EXPECT_EQ(QuantileSketch::whole_middle_of(bucket), value);
    }
  }
  std::mt19937_64 random(6);
  for (size_t i = 0; i < 10000; ++i) {
    const int64_t value = static_cast<int64_t>(random()) >> (random() % 60);
    const uint32_t bucket = QuantileSketch::bucket_of(static_cast<double>(value));
    const double found = static_cast<double>(QuantileSketch::whole_middle_of(bucket));
    const double truth = static_cast<double>(value);
    EXPECT_LE(std::fabs(found - truth), std::fabs(truth) * QuantileSketch::kRelativeError);
  }
  const double smallest = static_cast<double>(std::numeric_limits<int64_t>::min());
  EXPECT_LT(QuantileSketch::whole_middle_of(QuantileSketch::bucket_of(smallest)), 0);
}

TEST(QuantileSketch, AnyOrderAndPartitionGivesTheSameBytes) {
  std::mt19937_64 random(7);
  for (size_t round = 0; round < 30; ++round) {
    std::vector<double> values = random_values(random, random() % 500);
    QuantileSketch whole;
    for (const double value : values) whole.add(QuantileSketch::bucket_of(value));
    std::shuffle(values.begin(), values.end(), random);
    QuantileSketch parts[3];
    for (const double value : values) parts[random() % 3].add(QuantileSketch::bucket_of(value));
    parts[1].merge(parts[2]);
    parts[0].merge(parts[1]);
    EXPECT_EQ(encoded(parts[0]), encoded(whole));
    const std::string bytes = encoded(whole);
    ByteReader reader(bytes);
    EXPECT_EQ(encoded(QuantileSketch::decode(reader)), bytes);
    EXPECT_TRUE(reader.done());
  }
}

TEST(QuantileSketch, CountsGrowBeyondWhatOneEntryHolds) {
  QuantileSketch sketch;
  const uint32_t bucket = QuantileSketch::bucket_of(7.0);
  sketch.add(bucket, (uint64_t{1} << 44) - 1);
  sketch.add(bucket);
  EXPECT_EQ(sketch.count(), uint64_t{1} << 44);
  sketch.add(bucket, uint64_t{1} << 60);
  sketch.add(QuantileSketch::bucket_of(1.0));
  EXPECT_EQ(sketch.count(), (uint64_t{1} << 60) + (uint64_t{1} << 44) + 1);
  QuantileSketch twice;
  twice.merge(sketch);
  twice.merge(sketch);
  EXPECT_EQ(twice.count(), 2 * sketch.count());
  EXPECT_EQ(twice.bucket_at(3), bucket);
  const std::string bytes = encoded(twice);
  ByteReader reader(bytes);
  EXPECT_EQ(QuantileSketch::decode(reader).count(), twice.count());
}

TEST(QuantileSketch, DamagedBytesAreRefused) {
  std::mt19937_64 random(8);
  for (size_t i = 0; i < 20000; ++i) {
    std::string noise(random() % 30, '\0');
    for (char& c : noise) c = static_cast<char>(random() % 3 == 0 ? random() % 4 : random());
    ByteReader reader(noise);
    const QuantileSketch decoded = QuantileSketch::decode(reader);
    if (reader.done()) {
      EXPECT_EQ(encoded(decoded), noise);
    }
  }
}

TEST(QuantileRank, IsTheNearestRankWithoutRounding) {
  EXPECT_EQ(quantile_rank({.numerator = 1, .denominator = 2}, 1), 1u);
  EXPECT_EQ(quantile_rank({.numerator = 1, .denominator = 2}, 4), 2u);
  EXPECT_EQ(quantile_rank({.numerator = 1, .denominator = 2}, 5), 3u);
  EXPECT_EQ(quantile_rank({.numerator = 99, .denominator = 100}, 100), 99u);
  EXPECT_EQ(quantile_rank({.numerator = 99, .denominator = 100}, 101), 100u);
  EXPECT_EQ(quantile_rank({.numerator = 0, .denominator = 100}, 7), 1u);
  EXPECT_EQ(quantile_rank({.numerator = 1, .denominator = 1}, uint64_t{1} << 63),
            uint64_t{1} << 63);
}

}  // namespace
}  // namespace shardmill
