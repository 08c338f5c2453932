// Sum, smallest and largest value together are what each of them is by itself.
#include "stages/support/float_states.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "pipeline/base/bytes.h"

namespace shardmill {
namespace {

constexpr size_t kGroups = 7;
constexpr size_t kStride = 6;

/// The three states of some groups; a record is a count, the sum, the smallest and the largest.
struct Totals {
  std::unique_ptr<AggregateState> sum = make_aggregate_state(StateKind::kSum, Type::kFloat, 1);
  std::unique_ptr<AggregateState> smallest = make_aggregate_state(StateKind::kMin, Type::kFloat, 1);
  std::unique_ptr<AggregateState> largest = make_aggregate_state(StateKind::kMax, Type::kFloat, 1);
  std::vector<uint64_t> words = std::vector<uint64_t>(kGroups * kStride);

  Totals() { sum->make_room(kGroups); }
  StateWords records() { return {words.data(), kStride}; }

  void add_apart(const ValueBlock& values) {
    for (size_t i = 0; i < values.count; ++i) ++*records().at(values.groups[i]);
    sum->add(values, records().from(1));
    smallest->add(values, records().from(3));
    largest->add(values, records().from(4));
  }

  /// Those of `which` (bits: sum, smallest, largest) together, the others apart.
  void add_together(const ValueBlock& values, unsigned which, bool counts) {
    const FloatStates states = {
        .sum = (which & 1) != 0 ? static_cast<FloatSums*>(sum.get()) : nullptr,
        .smallest = (which & 2) != 0 ? static_cast<NumberExtremes*>(smallest.get()) : nullptr,
        .largest = (which & 4) != 0 ? static_cast<NumberExtremes*>(largest.get()) : nullptr,
        .sum_word = 1,
        .smallest_word = 3,
        .largest_word = 4};
    states.add(values, records(), counts ? 1 : 0);
    if ((which & 1) == 0) sum->add(values, records().from(1));
    if ((which & 2) == 0) smallest->add(values, records().from(3));
    if ((which & 4) == 0) largest->add(values, records().from(4));
  }

  std::string encoded() {
    std::vector<uint32_t> groups(kGroups);
    for (uint32_t group = 0; group < kGroups; ++group) groups[group] = group;
    ByteWriter writer;
    for (const uint32_t group : groups) writer.u64(*records().at(group));
    sum->encode(records().from(1), groups, writer);
    smallest->encode(records().from(3), groups, writer);
    largest->encode(records().from(4), groups, writer);
    return writer.take();
  }
};

void expect_as_apart(const std::vector<double>& values, const std::vector<uint32_t>& groups,
                     size_t at_once) {
  Totals apart;
  Totals uncounted;
  std::vector<Totals> together(8);
  for (size_t at = 0; at < values.size(); at += at_once) {
    const ValueBlock block = {.floats = values.data() + at,
                              .groups = groups.data() + at,
                              .count = std::min(at_once, values.size() - at)};
    apart.add_apart(block);
    uncounted.add_together(block, 7, false);
    for (unsigned which = 0; which < 8; ++which) together[which].add_together(block, which, true);
  }
  for (unsigned which = 0; which < 8; ++which) {
    ASSERT_EQ(together[which].encoded(), apart.encoded()) << which;
  }
  for (uint32_t group = 0; group < kGroups; ++group) {
    EXPECT_EQ(*uncounted.records().at(group), 0u);
    *uncounted.records().at(group) = *apart.records().at(group);
  }
  ASSERT_EQ(uncounted.encoded(), apart.encoded());
}

std::vector<uint32_t> random_groups(std::mt19937_64& random, size_t count) {
  std::vector<uint32_t> groups(count);
  for (uint32_t& group : groups) group = static_cast<uint32_t>(random() % kGroups);
  return groups;
}

TEST(FloatStates, AddTogetherWhatEachAddsByItself) {
  using Limits = std::numeric_limits<double>;
  std::mt19937_64 random(11);
  for (int round = 0; round < 300; ++round) {
    const int spread = 1 + static_cast<int>(random() % (round % 2 == 0 ? 20 : 1000));
    std::vector<double> values(random() % 700);
    for (double& value : values) {
      value = static_cast<double>(static_cast<int64_t>(random()) >> (random() % 64));
      value = std::ldexp(value, static_cast<int>(random() % spread) - spread / 2);
      if (round % 4 == 0) value = static_cast<double>(static_cast<int64_t>(random() % 2001) - 1000);
    }
    for (const double special : {0.0, -0.0, Limits::infinity(), -Limits::infinity(),
                                 Limits::quiet_NaN(), 5e-324, 1e308, 0x1p36}) {
      if (round % 3 == 0 && !values.empty()) values[random() % values.size()] = special;
    }
    expect_as_apart(values, random_groups(random, values.size()), 1 + random() % 600);
  }
}

TEST(FloatStates, SumsOutgrowTheirWindow) {
  std::mt19937_64 random(3);
  for (const double large : {0x1.8p35, -0x1.8p35}) {
    const std::vector<double> values(60000, large);  // the window is full after 6,000 in a group
    expect_as_apart(values, random_groups(random, values.size()), 500);
  }
}

}  // namespace
}  // namespace shardmill
