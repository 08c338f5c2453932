// Exact sums and what is made of them, against Python's fractions.
#include "stages/support/exact_sum.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <fstream>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "stages/support/moments.h"
#include "tests/support/files.h"

namespace shardmill {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

double sum_of(const std::vector<double>& values) {
  ExactSum sum;
  for (const double value : values) sum.add(value);
  return sum.rounded();
}

std::string encoded(const ExactSum& sum) {
  ByteWriter writer;
  sum.encode(writer);
  return writer.take();
}

/// Any bits: all exponents, subnormals, both signs, no NaN or infinity.
double random_double(std::mt19937_64& random) {
  for (;;) {
    const double value = std::bit_cast<double>(random());
    if (std::isfinite(value)) return value;
  }
}

/// Lists of very different kinds of values.
std::vector<std::vector<double>> random_lists() {
  std::mt19937_64 random(11);
  std::vector<std::vector<double>> lists;
  const double extremes[] = {1e300,   -1e300,
                             1e-300,  5e-324,
                             -5e-324, 1.7976931348623157e308,
                             -1.0,    0.1,
                             1e16,    2.2250738585072014e-308,
                             3.0,     -0.0};
  for (size_t i = 0; i < 400; ++i) {
    std::vector<double> list;
    const size_t size = 1 + random() % 40;
    for (size_t j = 0; j < size; ++j) {
      switch (i % 5) {
        case 0:
          list.push_back(random_double(random));
          break;
        case 1:
          list.push_back(static_cast<double>(random() % 100000) / 100.0);
          break;
        case 2:
          list.push_back(extremes[random() % std::size(extremes)]);
          break;
        case 3:
          list.push_back(std::bit_cast<double>(random() >> 11));  // subnormal and tiny
          break;
        case 4:
          list.push_back(static_cast<double>(static_cast<int64_t>(random())) * 1e-7);
          break;
      }
      if (i % 3 == 0 && random() % 2 == 0) list.push_back(-list.back());
    }
    lists.push_back(std::move(list));
  }
  return lists;
}

const char kOracle[] = R"(
import sys
from fractions import Fraction
from math import isqrt
def rounded(x):
    try:
        return float(x)
    except OverflowError:
        return float("inf") if x > 0 else float("-inf")
def root(x):
    if x == 0:
        return 0.0
    scaled = (x.numerator << 5000) // x.denominator
    r = isqrt(scaled)
    exact = r * r == scaled and scaled * x.denominator == x.numerator << 5000
    return rounded(Fraction(2 * r + (0 if exact else 1), 2 << 2500))
for line in open(sys.argv[1]):
    v = [Fraction(float.fromhex(x)) for x in line.split()]
    n, s, q = len(v), sum(v), sum(x * x for x in v)
    out = [rounded(s), rounded(s / n), rounded(q)]
    if n > 1:
        var = (n * q - s * s) / (n * (n - 1))
        out += [rounded(var), root(var)]
    print(" ".join(x.hex() for x in out))
)";

/// One line of Python's answers for each list: sum, mean, sum of squares, variance, deviation.
std::vector<std::vector<double>> python_answers(const std::vector<std::vector<double>>& lists) {
  const TempFolder folder;
  std::string content;
  for (const std::vector<double>& list : lists) {
    for (const double value : list) content += fmt::format("{:a} ", value);
    content += "\n";
  }
  folder.write("values", content);
  folder.write("oracle.py", kOracle);
  const std::string root = folder.path().string();
  const std::string command =
      fmt::format("python3 '{0}/oracle.py' '{0}/values' > '{0}/answers'", root);
  EXPECT_EQ(std::system(command.c_str()), 0);
  std::ifstream answers(root + "/answers");
  std::vector<std::vector<double>> all;
  for (std::string line; std::getline(answers, line);) {
    std::vector<double> values;
    for (const char* at = line.c_str(); *at != '\0';) {
      char* end = nullptr;
      values.push_back(std::strtod(at, &end));
      if (end == at) break;
      at = *end == ' ' ? end + 1 : end;
    }
    all.push_back(std::move(values));
  }
  return all;
}

TEST(ExactSum, SumMeanVarianceAndDeviationEqualPythonsFractionsRoundedOnce) {
  const std::vector<std::vector<double>> lists = random_lists();
  const std::vector<std::vector<double>> expected = python_answers(lists);
  ASSERT_EQ(expected.size(), lists.size());
  for (size_t i = 0; i < lists.size(); ++i) {
    ExactSum sum;
    ExactSum squares;
    for (const double value : lists[i]) {
      sum.add(value);
      squares.add_square(value);
    }
    const uint64_t count = lists[i].size();
    EXPECT_EQ(sum.rounded(), expected[i][0]) << i;
    EXPECT_EQ(mean_of(sum.value(), count), expected[i][1]) << i;
    EXPECT_EQ(squares.rounded(), expected[i][2]) << i;
    if (count < 2) continue;
    const Moments moments{.count = count, .sum = sum.value(), .squares = squares.value()};
    EXPECT_EQ(variance_of(moments), expected[i][3]) << i;
    EXPECT_EQ(deviation_of(moments), expected[i][4]) << i;
  }
}

TEST(ExactSum, KnownSumsThatNaiveAdditionGetsWrong) {
  EXPECT_EQ(sum_of({}), 0);
  EXPECT_EQ(sum_of({1e300, 1, -1e300}), 1);
  EXPECT_EQ(sum_of({1e300, -1e300, 1e-300}), 1e-300);
  EXPECT_EQ(sum_of({0.1, 0.2, -0.3}), 2.7755575615628914e-17);
  EXPECT_EQ(sum_of({5e-324, 5e-324, -5e-324}), 5e-324);
  EXPECT_EQ(sum_of(std::vector<double>(10, 0.1)), 1.0);
  EXPECT_FALSE(std::signbit(sum_of({-0.0, -0.0})));
  EXPECT_EQ(sum_of({1, 1.1102230246251565e-16}), 1);                           // a tie, to even
  EXPECT_EQ(sum_of({1, 1.1102230246251565e-16, 5e-324}), 1.0000000000000002);  // just above it
  EXPECT_EQ(sum_of({1, -1, -5e-324}), -5e-324);
}

TEST(ExactSum, PassingTheLargestDoubleOnTheWayDoesNotMatter) {
  const double largest = std::numeric_limits<double>::max();
  EXPECT_EQ(sum_of({largest, largest, largest, -largest, -largest}), largest);
  EXPECT_EQ(sum_of({largest, largest}), kInfinity);
  EXPECT_EQ(sum_of({-largest, -largest}), -kInfinity);
  ExactSum sum;
  sum.add(largest);
  sum.add(largest);
  EXPECT_EQ(mean_of(sum.value(), 2), largest);
}

TEST(ExactSum, NanAndInfinitiesWinAndDoNotCancel) {
  EXPECT_EQ(sum_of({1, kInfinity}), kInfinity);
  EXPECT_EQ(sum_of({1, -kInfinity}), -kInfinity);
  EXPECT_TRUE(std::isnan(sum_of({kInfinity, -kInfinity})));
  EXPECT_TRUE(std::isnan(sum_of({kInfinity, std::nan("")})));
}

TEST(ExactSum, AnyOrderAndPartitionGivesTheSameBytes) {
  std::mt19937_64 random(3);
  for (std::vector<double> list : random_lists()) {
    if (random() % 4 == 0) list.push_back(kInfinity);
    ExactSum whole;
    for (const double value : list) whole.add(value);
    std::shuffle(list.begin(), list.end(), random);
    std::vector<ExactSum> parts(1 + random() % 5);
    for (const double value : list) parts[random() % parts.size()].add(value);
    while (parts.size() > 1) {
      const size_t at = random() % (parts.size() - 1);
      parts[at].merge(parts.back());
      parts.pop_back();
    }
    EXPECT_EQ(encoded(parts[0]), encoded(whole));
  }
}

TEST(ExactSum, DecodeGivesBackWhatWasEncoded) {
  for (const std::vector<double>& list : random_lists()) {
    ExactSum sum;
    for (const double value : list) sum.add(value);
    const std::string bytes = encoded(sum);
    ByteReader reader(bytes);
    const ExactSum again = ExactSum::decode(reader);
    EXPECT_TRUE(reader.done());
    EXPECT_EQ(encoded(again), bytes);
    EXPECT_EQ(again.rounded(), sum.rounded());
  }
}

TEST(ExactSum, DamagedBytesAreRefusedAndNeverTrusted) {
  ExactSum sum;
  for (const double value : {1e300, -3.7, 1e-300, kInfinity}) sum.add(value);
  const std::string bytes = encoded(sum);
  for (size_t size = 0; size < bytes.size(); ++size) {
    ByteReader reader(std::string_view(bytes).substr(0, size));
    (void)ExactSum::decode(reader);
    EXPECT_TRUE(reader.failed()) << size;
  }
  std::mt19937_64 random(4);
  for (size_t i = 0; i < 20000; ++i) {
    std::string noise(random() % 40, '\0');
    for (char& c : noise) c = static_cast<char>(random() % 3 == 0 ? random() % 4 : random());
    ByteReader reader(noise);
    const ExactSum decoded = ExactSum::decode(reader);
    if (reader.done()) {
      EXPECT_EQ(encoded(decoded), noise);  // there is one form only
    }
  }
}

TEST(ExactSum, FixedPointIsExactOrRefused) {
  ExactSum sum;
  sum.add(-2.75);
  uint64_t words[2];
  ASSERT_TRUE(sum.to_fixed(-2, words));
  EXPECT_EQ(static_cast<int64_t>(words[0]), -11);
  EXPECT_EQ(words[1], ~uint64_t{0});
  EXPECT_FALSE(sum.to_fixed(-1, words));
  EXPECT_FALSE(sum.to_fixed(-126, words));
  EXPECT_TRUE(sum.to_fixed(-125, words));
}

TEST(ExactSum, TakesOnlyTheMemoryThatItsValuesNeed) {
  ExactSum sum;
  for (size_t i = 0; i < 1000; ++i) sum.add(0.01 * static_cast<double>(i));
  EXPECT_LT(sum.memory_bytes(), sizeof(ExactSum) + 10 * sizeof(uint64_t));
}

TEST(ExactSum, MergingInALongChainNeedsNoMoreRoom) {
  ExactSum total;
  for (size_t i = 0; i < 200; ++i) {
    ExactSum next;
    next.add_square(1.7976931348623157e308);
    next.add(-5e-324);
    next.merge(total);  // each sum takes the one before it
    total = std::move(next);
  }
  ExactSum at_once;
  for (size_t i = 0; i < 200; ++i) {
    at_once.add_square(1.7976931348623157e308);
    at_once.add(-5e-324);
  }
  EXPECT_EQ(encoded(total), encoded(at_once));
}

}  // namespace
}  // namespace shardmill
