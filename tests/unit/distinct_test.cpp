#include "stages/support/distinct.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "pipeline/base/hash.h"

namespace shardmill {
namespace {

std::string encoded(const DistinctSet& set) {
  ByteWriter writer;
  set.encode(writer);
  return writer.take();
}

uint64_t hash_of(uint64_t value) {
  return hash64({reinterpret_cast<const char*>(&value), sizeof value});
}

TEST(Distinct, IsExactUpToTheLimit) {
  DistinctSet set;
  for (uint64_t value = 0; value < 256; ++value) {
    for (int times = 0; times < 3; ++times) set.add(hash_of(value), 256);
    EXPECT_EQ(set.count(256), value + 1);
  }
  EXPECT_TRUE(set.is_exact());
  set.add(hash_of(0), 256);
  EXPECT_TRUE(set.is_exact());
  set.add(hash_of(1000), 256);
  EXPECT_FALSE(set.is_exact());
  EXPECT_GE(set.count(256), 257u);
}

TEST(Distinct, EstimatesStayNearTheTruthAtEverySize) {
  // Five standard errors of 0.81 %, for sizes around every change of form.
  for (const uint64_t size : {300, 1000, 3000, 5000, 20000, 40000, 60000, 100000, 300000}) {
    double error_sum = 0;
    for (uint64_t seed = 0; seed < 4; ++seed) {
      DistinctSet set;
      for (uint64_t value = 0; value < size; ++value) set.add(hash_of(seed << 40 | value), 256);
      const double error = static_cast<double>(set.count(256)) / static_cast<double>(size) - 1;
      EXPECT_LT(std::fabs(error), 0.04) << size;
      error_sum += error;
    }
    EXPECT_LT(std::fabs(error_sum / 4), 0.02) << size;
  }
}

TEST(Distinct, AnyOrderAndPartitionGivesTheSameBytes) {
  std::mt19937_64 random(1);
  for (const size_t size : {0, 1, 200, 256, 257, 1000, 5000, 50000}) {
    std::vector<uint64_t> hashes;
    for (size_t i = 0; i < size; ++i) hashes.push_back(hash_of(random() % (size + 1)));
    hashes.push_back(0);  // a hash that is 0 is one like any other
    DistinctSet whole;
    for (const uint64_t hash : hashes) whole.add(hash, 256);
    std::shuffle(hashes.begin(), hashes.end(), random);
    DistinctSet parts[4];
    for (const uint64_t hash : hashes) {
      parts[random() % 3].add(hash, 256);
      if (random() % 2 == 0) parts[3].add(hash, 256);
    }
    parts[2].merge(parts[3], 256);
    parts[1].merge(parts[0], 256);
    parts[2].merge(parts[1], 256);
    EXPECT_EQ(encoded(parts[2]), encoded(whole)) << size;
    EXPECT_EQ(parts[2].count(256), whole.count(256));
    const std::string bytes = encoded(whole);
    ByteReader reader(bytes);
    const DistinctSet again = DistinctSet::decode(reader, 256);
    EXPECT_TRUE(reader.done());
    EXPECT_EQ(encoded(again), bytes);
  }
}

TEST(Distinct, MemoryIsSmallWhileFewAndBounded) {
  DistinctSet set;
  EXPECT_EQ(set.held_bytes(), 0u);
  set.add(hash_of(1), 256);
  EXPECT_LE(set.held_bytes(), 64u);
  for (uint64_t value = 0; value < 100000; ++value) set.add(hash_of(value), 256);
  EXPECT_EQ(set.held_bytes(), size_t{DistinctSet::kRegisters});
}

TEST(Distinct, DamagedBytesAreRefused) {
  std::mt19937_64 random(9);
  for (size_t i = 0; i < 20000; ++i) {
    std::string noise(random() % 40, '\0');
    for (char& c : noise) c = static_cast<char>(random() % 3 == 0 ? random() % 4 : random());
    ByteReader reader(noise);
    const DistinctSet decoded = DistinctSet::decode(reader, 256);
    if (reader.done()) {
      EXPECT_EQ(encoded(decoded), noise);
    }
  }
}

TEST(Distinct, ManyAtOnceAreTheSameAsOneByOne) {
  std::mt19937_64 random(11);
  for (const uint32_t limit : {0u, 5u, 1000u}) {
    DistinctSet one_by_one;
    DistinctSet at_once;
    for (const size_t count : {0, 3, 900, 20000}) {
      std::vector<uint64_t> hashes(count);
      for (uint64_t& hash : hashes) hash = random() % 7 == 0 ? 0 : random();
      for (const uint64_t hash : hashes) one_by_one.add(hash, limit);
      at_once.add_all(hashes.data(), hashes.size(), limit);
      EXPECT_EQ(encoded(at_once), encoded(one_by_one)) << count;
    }
  }
}

}  // namespace
}  // namespace shardmill
