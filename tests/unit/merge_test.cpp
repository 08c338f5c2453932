// Totals come together exactly: over threads, over ranks, through bytes, and failures with them.
#include "pipeline/run/merge.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/engine_doubles.h"

namespace shardmill {
namespace {

class Merge : public testing::Test {
 protected:
  Merge() : plan_(plan_for(world_)) {}

  const BoundJob& job() const { return *plan_.bound; }

  /// Totals of one unit, different for every number.
  Totals totals(uint64_t number) const {
    Totals totals(job());
    totals.make_partials(job());
    ByteWriter writer;
    writer.u64(number);
    writer.u64(number * number);
    ByteReader reader(writer.bytes());
    EXPECT_TRUE(totals.partials[0]->decode(reader).is_ok());
    totals.books[0].records_in = number;
    totals.books[0].dropped[0] = 2 * number;
    totals.rejects.count_one();
    totals.rejects.add({.identity = {number, 5}, .reason = "bad", .bytes = "x", .ordinal = 3});
    totals.rejects.add_bad_value({number, 6}, "n", "value " + std::to_string(number));
    return totals;
  }

  std::string bytes(const Totals& totals) const {
    ByteWriter writer;
    totals.encode(writer);
    return writer.take();
  }

  /// Of totals(1) + ... + totals(count), one after the other.
  std::string sum(uint64_t count) const {
    Totals all(job());
    for (uint64_t i = 1; i <= count; ++i) all.merge(totals(i));
    return bytes(all);
  }

  DoubleWorld world_;
  Plan plan_;
};

TEST_F(Merge, WorkersAddUpHoweverManyThereAre) {
  for (const uint64_t count : {1u, 2u, 3u, 5u, 8u, 13u}) {
    for (const unsigned threads : {1u, 3u}) {
      std::vector<Totals> workers;
      for (uint64_t i = 1; i <= count; ++i) workers.push_back(totals(i));
      Result<Totals> merged = merge_workers(std::move(workers), threads, "rank 0");
      ASSERT_TRUE(merged.is_ok());
      EXPECT_EQ(bytes(*merged), sum(count));
    }
  }
}

TEST_F(Merge, WorkersWithoutUnitsAddNothing) {
  std::vector<Totals> workers;
  workers.emplace_back(job());
  workers.push_back(totals(1));
  workers.emplace_back(job());
  EXPECT_EQ(bytes(*merge_workers(std::move(workers), 2, "rank 0")), sum(1));
}

TEST_F(Merge, RanksAddUpHoweverManyThereAre) {
  for (const int ranks : {1, 2, 3, 5, 7, 8}) {
    run_local_ranks(ranks, [&](Comm& comm) {
      Inbox inbox(comm);
      Result<Totals> merged =
          merge_ranks(inbox, job(), totals(static_cast<uint64_t>(comm.rank()) + 1), "rank");
      if (comm.rank() != 0) return;
      ASSERT_TRUE(merged.is_ok());
      EXPECT_EQ(bytes(*merged), sum(static_cast<uint64_t>(ranks)));
    });
  }
}

TEST_F(Merge, AFailureOfAnyRankReachesRankZero) {
  for (int failing = 0; failing < 6; ++failing) {
    run_local_ranks(6, [&](Comm& comm) {
      Inbox inbox(comm);
      Result<Totals> own = totals(1);
      if (comm.rank() == failing) own = Status::failed("rank lost its memory");
      const Result<Totals> merged = merge_ranks(inbox, job(), std::move(own), "rank");
      if (comm.rank() != 0) return;
      EXPECT_EQ(merged.status().message(), "rank lost its memory");
    });
  }
}

TEST_F(Merge, DecodingGivesWhatWasEncoded) {
  const std::string encoded = sum(9);
  const Result<Totals> decoded = Totals::decode(job(), encoded);
  ASSERT_TRUE(decoded.is_ok());
  EXPECT_EQ(bytes(*decoded), encoded);
}

TEST_F(Merge, DamagedBytesAreAnErrorNeverACrash) {
  const std::string encoded = sum(4);
  for (size_t size = 0; size < encoded.size(); ++size) {
    EXPECT_FALSE(Totals::decode(job(), encoded.substr(0, size)).is_ok()) << size;
  }
  EXPECT_FALSE(Totals::decode(job(), encoded + "x").is_ok());
  size_t refused = 0;
  for (size_t at = 0; at < encoded.size(); ++at) {
    std::string damaged = encoded;
    damaged[at] = static_cast<char>(0xff);
    refused += Totals::decode(job(), damaged).is_ok() ? 0 : 1;
  }
  EXPECT_GT(refused, 0u);
}

TEST_F(Merge, RejectsKeepTheSmallestByIdentityWhateverTheGrouping) {
  Rejects all(3);
  Rejects left(3);
  Rejects right(3);
  for (const uint64_t offset : {50u, 10u, 40u, 20u, 30u, 60u}) {
    const KeptReject reject = {.identity = {1, offset}, .reason = "r"};
    for (Rejects* rejects : {&all, offset % 20 == 0 ? &left : &right}) {
      rejects->count_one();
      rejects->add(reject);
      rejects->add_bad_value(reject.identity, "c", std::to_string(offset));
    }
  }
  right.merge(std::move(left));
  ByteWriter merged;
  ByteWriter expected;
  right.encode(merged);
  all.encode(expected);
  EXPECT_EQ(merged.bytes(), expected.bytes());
  ASSERT_EQ(all.kept().size(), 3u);
  EXPECT_EQ(all.kept()[2].identity.offset, 30u);
  EXPECT_EQ(all.count(), 6u);
  EXPECT_EQ(all.bad_values().at("c").count, 6u);
  EXPECT_EQ(all.bad_values().at("c").examples[0].second, "10");
}

}  // namespace
}  // namespace shardmill
