// What profile keeps of the values of a column: the same for any order and any cut, and true.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "pipeline/formats/numbers.h"
#include "stages/support/bins.h"
#include "stages/support/number_totals.h"
#include "stages/support/text_key.h"
#include "stages/support/text_totals.h"
#include "stages/support/time_totals.h"

namespace shardmill {
namespace {

using testing::ElementsAre;

template <typename Totals>
std::string encoded(const Totals& totals) {
  ByteWriter writer;
  totals.encode(writer);
  return writer.take();
}

/// The encoded state of the values in several orders, cuts and trees of merges is one; that is
/// returned, decoded.
template <typename Totals, typename Value>
Totals expect_one_state(std::vector<Value> values) {
  Totals all;
  all.add(values.data(), values.size());
  const std::string expected = encoded(all);
  std::mt19937_64 random(7);
  for (size_t parts : {1, 2, 5, 40}) {
    std::shuffle(values.begin(), values.end(), random);
    std::vector<Totals> partials(parts);
    for (size_t i = 0, part = 0; i < values.size(); ++part) {
      const size_t count = std::min<size_t>(values.size() - i, 1 + random() % 700);
      if (count == 1) {
        partials[part % parts].add_times(values[i], 1);
      } else {
        partials[part % parts].add(values.data() + i, count);
      }
      i += count;
    }
    for (size_t last = parts - 1; last > 0; --last) partials[random() % last].merge(partials[last]);
    EXPECT_EQ(encoded(partials[0]), expected) << parts << " parts";
  }
  ByteReader reader(expected);
  Totals again = Totals::decode(reader);
  EXPECT_TRUE(reader.done());
  EXPECT_EQ(encoded(again), expected);
  for (size_t cut = 0; cut < expected.size(); cut += 1 + expected.size() / 50) {
    ByteReader short_reader(std::string_view(expected).substr(0, cut));
    Totals::decode(short_reader);
    EXPECT_TRUE(short_reader.failed()) << "cut at " << cut;
  }
  return again;
}

std::vector<double> any_doubles(size_t count) {
  std::mt19937_64 random(1);
  std::vector<double> values = {0.0, -0.0, 5e-324, -5e-324, 1.7976931348623157e308, 0.1, -1e-310};
  while (values.size() < count) {
    const double value = std::bit_cast<double>(random());
    if (std::isfinite(value)) values.push_back(value);
  }
  return values;
}

TEST(NumberTotals, AreAFunctionOfTheMultisetOfAnyDoubles) {
  std::vector<double> values = any_doubles(5000);
  const auto finite = expect_one_state<NumberTotals<double>>(values);
  EXPECT_EQ(finite.count(), values.size());
  ExactSum sum;
  for (const double value : values) sum.add(value);
  EXPECT_EQ(finite.mean(), mean_of(sum.value(), values.size()));
  for (int i = 0; i < 9; ++i) values.push_back(std::numeric_limits<double>::quiet_NaN());
  values.push_back(std::numeric_limits<double>::infinity());
  const auto odd = expect_one_state<NumberTotals<double>>(values);
  EXPECT_EQ(odd.nans(), 9u);
  EXPECT_EQ(odd.max(), std::numeric_limits<double>::infinity());
  EXPECT_EQ(odd.mean(), std::numeric_limits<double>::infinity());
  EXPECT_TRUE(std::isnan(odd.deviation()));
}

TEST(NumberTotals, OfPricesAreExact) {
  std::mt19937_64 random(2);
  std::vector<double> values;
  ExactSum sum;
  ExactSum squares;
  for (size_t i = 0; i < 20000; ++i) {
    values.push_back(static_cast<double>(random() % 100000) / 100 - 300);
    sum.add(values.back());
    squares.add_square(values.back());
  }
  const auto totals = expect_one_state<NumberTotals<double>>(values);
  const Moments moments = {.count = values.size(), .sum = sum.value(), .squares = squares.value()};
  EXPECT_EQ(totals.mean(), mean_of(moments.sum, moments.count));
  EXPECT_EQ(totals.deviation(), deviation_of(moments));
  std::sort(values.begin(), values.end());
  EXPECT_EQ(totals.min(), values.front());
  EXPECT_EQ(totals.max(), values.back());
  for (const size_t rank : {1u, 200u, 5000u, 19999u, 20000u}) {
    const double exact = values[rank - 1];
    EXPECT_NEAR(totals.value_at(rank), exact, std::fabs(exact) / 256) << rank;
  }
}

TEST(NumberTotals, OfWholeNumbersHoldAllOf64Bits) {
  std::mt19937_64 random(3);
  for (const unsigned bits : {10u, 27u, 28u, 29u, 30u, 52u, 53u, 54u, 64u}) {
    std::vector<int64_t> values;
    Int128 sum = 0;
    for (size_t i = 0; i < 3000; ++i) {
      values.push_back(static_cast<int64_t>(random()) >> (64 - bits));
      sum += values.back();
    }
    if (bits == 64) {
      values.push_back(std::numeric_limits<int64_t>::min());
      sum += values.back();
    }
    ExactSum squares;
    for (const int64_t value : values) {
      const UInt128 magnitude = static_cast<UInt128>(value < 0 ? -Int128{value} : Int128{value});
      squares.add_scaled(magnitude * magnitude, 0, false);
    }
    const auto totals = expect_one_state<NumberTotals<int64_t>>(values);
    EXPECT_TRUE(totals.sum() == sum);
    EXPECT_EQ(
        totals.deviation(),
        deviation_of({.count = values.size(), .sum = BigNumber(sum), .squares = squares.value()}));
  }
}

TEST(NumberTotals, OfBlocksFullOfLargeNumbersDoNotOverflow) {
  for (unsigned bits = 20; bits <= 63; ++bits) {
    const int64_t large = static_cast<int64_t>((uint64_t{1} << bits) - 1);
    for (const int64_t value : {large, -large}) {
      const std::vector<int64_t> values(256, value);
      NumberTotals<int64_t> totals;
      totals.add(values.data(), values.size());
      NumberTotals<int64_t> expected;
      expected.add_times(value, values.size());
      EXPECT_EQ(encoded(totals), encoded(expected)) << value;
    }
  }
}

TEST(NumberTotals, OneValueManyTimesIsThatManyValues) {
  NumberTotals<double> together;
  NumberTotals<double> one_by_one;
  for (const double value : {0.3, -1e200, 5e-324, std::numeric_limits<double>::quiet_NaN(),
                             -std::numeric_limits<double>::infinity()}) {
    together.add_times(value, 1000);
    for (size_t i = 0; i < 1000; ++i) one_by_one.add(&value, 1);
  }
  EXPECT_EQ(encoded(together), encoded(one_by_one));
  NumberTotals<int64_t> whole;
  whole.add_times(std::numeric_limits<int64_t>::min(), uint64_t{1} << 62);
  EXPECT_EQ(whole.mean(), -9223372036854775808.0);
  EXPECT_EQ(whole.deviation(), 0);
}

int64_t time_of(const char* text) {
  int64_t time = 0;
  EXPECT_TRUE(parse_time(text, time)) << text;
  return time;
}

TEST(TimeTotals, AreAFunctionOfTheMultisetInAnyOrder) {
  std::mt19937_64 random(4);
  std::vector<int64_t> times;
  const int64_t begin = time_of("2026-01-01");
  for (int64_t i = 0; i < 30000; ++i) times.push_back(begin + i * 1'000'000'000);
  const auto growing = expect_one_state<TimeTotals>(times);
  EXPECT_EQ(growing.count(), 30000u);
  EXPECT_EQ(growing.mean(), begin + 14999'500'000'000);
  times.push_back(time_of("1970-01-01"));
  times.push_back(time_of("2261-12-31"));
  times.push_back(std::numeric_limits<int64_t>::min());
  times.push_back(std::numeric_limits<int64_t>::max());
  expect_one_state<TimeTotals>(times);
  for (int64_t& time : times) time = static_cast<int64_t>(random());
  expect_one_state<TimeTotals>(times);
  expect_one_state<TimeTotals>(std::vector<int64_t>(500, -3));
}

TEST(TimeTotals, QuantilesAreWithinTheStatedShareOfTheRange) {
  std::mt19937_64 random(5);
  std::vector<int64_t> times;
  const int64_t begin = time_of("2020-02-29 12:00:00");
  for (size_t i = 0; i < 20000; ++i) {
    const double share = static_cast<double>(random() % 1000000) / 1e6;
    times.push_back(begin + static_cast<int64_t>(share * share * 3e16));
  }
  TimeTotals totals;
  totals.add(times.data(), times.size());
  std::sort(times.begin(), times.end());
  const double error = static_cast<double>(times.back() - times.front()) / 4000;
  for (size_t rank = 1; rank <= times.size(); rank += 997) {
    EXPECT_NEAR(static_cast<double>(totals.time_at(rank) - times[rank - 1]), 0, error);
  }
  EXPECT_EQ(totals.min(), times.front());
  EXPECT_EQ(totals.max(), times.back());
}

std::vector<std::string> any_texts(size_t count) {
  std::mt19937_64 random(6);
  std::vector<std::string> texts = {"",
                                    "a",
                                    std::string("a\0", 2),
                                    "1.5",
                                    "-7",
                                    "2026-01-31",
                                    "2026-01-31T10:00:00Z",
                                    "nan",
                                    "north",
                                    "\xff\xfe",
                                    "Ünïcödé",
                                    std::string(99, 'y') + "é",
                                    std::string(5000, 'z')};
  for (size_t i = 0; i < 3; ++i) texts.push_back(std::string(100, 'y') + std::string(i + 1, 'q'));
  while (texts.size() < count) {
    std::string text(random() % (random() % 10 == 0 ? 300 : 12), ' ');
    for (char& c : text) c = "abc 19.-\xc3\xa9"[random() % 10];
    texts.push_back(text);
  }
  return texts;
}

TEST(TextTotals, AreAFunctionOfTheMultiset) {
  const std::vector<std::string> texts = any_texts(4000);
  const std::vector<std::string_view> views(texts.begin(), texts.end());
  const auto totals = expect_one_state<TextTotals>(views);
  EXPECT_EQ(totals.count(), texts.size());
  EXPECT_EQ(totals.first().shown(), "");
  EXPECT_EQ(totals.shortest().shown(), "");
  EXPECT_EQ(totals.longest().shown(), std::string(100, 'z') + "...");
  EXPECT_EQ(totals.longest().size(), 5000u);
}

TEST(TextTotals, CountWhatPeopleAskFor) {
  const std::vector<std::string_view> texts = {"two words",  "naïve", "1e3",  "-.5",
                                               "2026-01-31", "\xff",  "i am", ""};
  TextTotals totals;
  totals.add(texts.data(), texts.size());
  EXPECT_EQ(totals.words(), 9u);
  EXPECT_EQ(totals.characters(), 9u + 5 + 3 + 3 + 10 + 1 + 4);
  EXPECT_EQ(totals.not_utf8(), 1u);
  EXPECT_EQ(totals.numbers(), 2u);
  EXPECT_EQ(totals.times(), 1u);
  EXPECT_TRUE(totals.sizes().sum() == 9 + 6 + 3 + 3 + 10 + 1 + 4);
  EXPECT_EQ(totals.last().shown(), "\xff");
  EXPECT_EQ(totals.longest().shown(), "2026-01-31");
}

TEST(TextKey, StandsForALongTextAndShowsItsStart) {
  const std::string long_text = std::string(99, 'a') + "é and more";
  EXPECT_FALSE(needs_text_key(long_text.substr(0, 99)));
  const std::string key = long_text_key(long_text);
  EXPECT_NE(key, long_text_key(long_text + "!"));
  EXPECT_EQ(key_hash(key), text_hash(long_text));
  EXPECT_EQ(key_hash("short"), text_hash("short"));
  EXPECT_EQ(shown_text(key), std::string(99, 'a') + "...") << "not half of the last character";
  EXPECT_EQ(shown_text("short"), "short");
}

std::vector<std::string> texts_of(const std::vector<Bin>& bins) {
  std::vector<std::string> out;
  for (const Bin& bin : bins) out.push_back(fmt::format("{}..{}: {}", bin.from, bin.to, bin.count));
  return out;
}

TEST(Bins, OfNumbersHaveRoundEdges) {
  NumberBins tenths(0.05, 0.58, 6);
  for (const double value : {0.05, 0.1, 0.19999, 0.3, 0.58}) tenths.add(value, 1);
  EXPECT_THAT(texts_of(tenths.bins()), ElementsAre("0..0.1: 1", "0.1..0.2: 2", "0.2..0.3: 0",
                                                   "0.3..0.4: 1", "0.4..0.5: 0", "0.5..0.6: 1"));
  NumberBins wide(-4e12, 9e12, 3);
  wide.add(-4e12, 1);
  wide.add(9e12, 2);
  EXPECT_THAT(texts_of(wide.bins()), ElementsAre("-5000000000000..0: 1", "0..5000000000000: 0",
                                                 "5000000000000..10000000000000: 2"));
}

TEST(Bins, ThatCannotBeCutAreOne) {
  const double infinity = std::numeric_limits<double>::infinity();
  for (const auto& [low, high] :
       {std::pair(7.0, 7.0), std::pair(-infinity, infinity), std::pair(-1.7e308, 1.7e308),
        std::pair(0.0, 5e-324), std::pair(1e17, 1e17 + 16)}) {
    NumberBins bins(low, high, 10);
    bins.add(low, 3);
    bins.add(high, 1);
    ASSERT_EQ(bins.bins().size(), 1u) << low << " " << high;
    EXPECT_EQ(bins.bins()[0].count, 4u);
  }
}

TEST(Bins, OfWholeNumbersAreAtLeastOneWide) {
  WholeBins bins(-1, 3, 10, WholeBins::Kind::kInts);
  for (const int64_t value : {-1, 0, 3, 3}) bins.add(value, 1);
  EXPECT_THAT(texts_of(bins.bins()),
              ElementsAre("-1..0: 1", "0..1: 1", "1..2: 0", "2..3: 0", "3..4: 2"));
  constexpr int64_t kLow = std::numeric_limits<int64_t>::min();
  constexpr int64_t kHigh = std::numeric_limits<int64_t>::max();
  WholeBins all(kLow, kHigh, 4, WholeBins::Kind::kInts);
  all.add(kLow, 1);
  all.add(kHigh, 1);
  EXPECT_THAT(
      texts_of(all.bins()),
      ElementsAre("-10000000000000000000..-5000000000000000000: 1", "-5000000000000000000..0: 0",
                  "0..5000000000000000000: 0", "5000000000000000000..10000000000000000000: 1"));
}

TEST(Bins, OfTimesAreSecondsHoursAndDays) {
  WholeBins hours(time_of("2026-01-01 00:30:00"), time_of("2026-01-01 03:10:00"), 3,
                  WholeBins::Kind::kTimes);
  hours.add(time_of("2026-01-01 02:59:59.999"), 2);
  EXPECT_THAT(texts_of(hours.bins()), ElementsAre("2026-01-01T00:00:00Z..2026-01-01T01:00:00Z: 0",
                                                  "2026-01-01T01:00:00Z..2026-01-01T02:00:00Z: 0",
                                                  "2026-01-01T02:00:00Z..2026-01-01T03:00:00Z: 2",
                                                  "2026-01-01T03:00:00Z..2026-01-01T04:00:00Z: 0"));
  WholeBins instants(5, 7, 10, WholeBins::Kind::kTimes);
  EXPECT_EQ(instants.bins().size(), 3u);
  WholeBins centuries(time_of("1700-01-01"), time_of("2200-01-01"), 5, WholeBins::Kind::kTimes);
  EXPECT_LE(centuries.bins().size(), 6u);
}

}  // namespace
}  // namespace shardmill
