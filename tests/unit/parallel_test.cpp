#include "pipeline/base/parallel.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <stdexcept>
#include <vector>

namespace shardmill {

namespace {

using ::testing::Each;

TEST(ForEachParallel, DoesEveryItemOnce) {
  for (const size_t threads : {1, 2, 5}) {
    for (const size_t items : {0, 1, 3, 1000}) {
      std::vector<std::atomic<int>> done(items);
      std::atomic<size_t> highest = 0;
      for_each_parallel(items, threads, [&](size_t thread, size_t item) {
        ++done[item];
        size_t seen = highest;
        while (thread > seen && !highest.compare_exchange_weak(seen, thread)) {
        }
      });
      EXPECT_THAT(std::vector<int>(done.begin(), done.end()), Each(1)) << items << " items, " << threads << " threads";
      EXPECT_LT(highest, threads);
    }
  }
}

TEST(ForEachParallel, ThrowsWhatAnyThreadThrowsAndBeginsNothingNew) {
  for (const size_t threads : {1, 4}) {
    std::atomic<size_t> done = 0;
    EXPECT_THROW(for_each_parallel(1'000'000, threads,
                                   [&](size_t, size_t item) {
                                     if (item == 10) throw std::runtime_error("item 10");
                                     ++done;
                                   }),
                 std::runtime_error);
    EXPECT_LT(done, 1'000'000);
  }
}

}  // namespace

}  // namespace shardmill
