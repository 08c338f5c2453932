#include "pipeline/base/process.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <thread>

namespace shardmill {
namespace {

using testing::Ge;
using testing::Gt;
using testing::Lt;

void sleep_30_ms() {
  std::this_thread::sleep_for(std::chrono::milliseconds(30));
}

TEST(Process, KnowsItsAgeAndItsMemory) {
  sleep_30_ms();
  const double age = process_age_seconds();
  EXPECT_THAT(age, Lt(3600));
  EXPECT_THAT(age, Gt(0));
  sleep_30_ms();
  EXPECT_THAT(process_age_seconds(), Ge(age + 0.02));
  EXPECT_THAT(peak_rss_bytes(), Ge(1u << 20));
}

TEST(Process, SeesOthersAsLongAsTheyAreThere) {
  EXPECT_TRUE(look_at_process(::getpid()).is_seen);
  EXPECT_FALSE(look_at_process(::getpid()).has_ended);
  EXPECT_GT(look_at_process(::getpid()).start, 0u);
  EXPECT_FALSE(look_at_process(int64_t{1} << 40).is_seen);
}

}  // namespace
}  // namespace shardmill
