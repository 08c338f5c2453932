// One run at a time: who has the lock, when it is stale, and who wins.
#include "pipeline/run/run_lock.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <thread>

#include "tests/support/files.h"

namespace shardmill {
namespace {

using testing::AllOf;
using testing::HasSubstr;

constexpr LockTimes kFast = {.beat_seconds = 0.02, .stale_seconds = 0.2};

class Lock : public testing::Test {
 protected:
  std::string dir() const { return folder_.path().string(); }
  std::string file() const { return dir() + "/lock"; }
  LockHolder holder() const {
    LockHolder holder;
    EXPECT_TRUE(LockHolder::parse(read_file(file()), holder));
    return holder;
  }
  TempFolder folder_;
};

/// A process that has ended: its number is free or will be another's.
int64_t ended_process() {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(0);
  ::waitpid(child, nullptr, 0);
  return child;
}

LockHolder process_that_is_gone() {
  LockHolder gone = {.token = "aaaa", .process = ended_process(), .process_start = 1};
  char host[256] = {};
  ::gethostname(host, sizeof host - 1);
  gone.host = host;
  return gone;
}

TEST_F(Lock, NamesHostAndProcessOfTheRunThatHasIt) {
  const auto lock = RunLock::take(dir(), kFast);
  ASSERT_TRUE(lock.is_ok()) << lock.status().message();
  const Status second = RunLock::take(dir(), kFast).status();
  EXPECT_EQ(second.code(), Code::kUsage);
  char host[256] = {};
  ::gethostname(host, sizeof host - 1);
  EXPECT_THAT(second.message(),
              AllOf(HasSubstr(dir() + ": another run is at work in this run directory (process " +
                              std::to_string(::getpid()) + " on " + host + ", since 20"),
                    HasSubstr("expected none; wait for it, or choose another --run-dir")));
}

TEST_F(Lock, IsGoneWithTheRun) {
  { ASSERT_TRUE(RunLock::take(dir(), kFast).is_ok()); }
  EXPECT_TRUE(std::filesystem::is_empty(folder_.path()));
}

TEST_F(Lock, BeatsWhileItIsHeld) {
  const auto lock = RunLock::take(dir(), kFast);
  ASSERT_TRUE(lock.is_ok());
  for (int i = 0; i < 500 && holder().beats < 3; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  EXPECT_GE(holder().beats, 3u);
}

TEST_F(Lock, OfAProcessThatIsGoneIsTakenAtOnce) {
  { const auto lock = RunLock::take(dir(), kFast); }
  folder_.write("lock", process_that_is_gone().text());
  const auto lock = RunLock::take(dir(), {.beat_seconds = 1, .stale_seconds = 1e9});
  ASSERT_TRUE(lock.is_ok()) << lock.status().message();
  EXPECT_NE(holder().token, "aaaa");
}

TEST_F(Lock, IsNobodysOnlyIfItsProcessIsCertainlyGone) {
  EXPECT_FALSE(may_be_locked(dir()));
  {
    const auto lock = RunLock::take(dir(), kFast);
    ASSERT_TRUE(lock.is_ok());
    EXPECT_TRUE(may_be_locked(dir()));
  }
  LockHolder gone = process_that_is_gone();
  const std::string host = gone.host;
  gone.host = "elsewhere";
  folder_.write("lock", gone.text());
  EXPECT_TRUE(may_be_locked(dir())) << "of another host nothing is known";
  gone.host = host;
  folder_.write("lock", gone.text());
  EXPECT_FALSE(may_be_locked(dir()));
  folder_.write("lock", "torn");
  EXPECT_TRUE(may_be_locked(dir()));
}

TEST_F(Lock, TakesAwayWhatWasLeftByProcessesKilledWhileTheyTookIt) {
  LockHolder other = process_that_is_gone();
  folder_.write(".lock-aaaa", other.text());
  folder_.write(".lock-aaaa.stale", other.text());
  other.process = ::getpid();
  folder_.write(".lock-torn", "");
  other.host = "elsewhere";
  folder_.write(".lock-newcomer", other.text());
  std::filesystem::last_write_time(
      folder_.path() / ".lock-torn",
      std::filesystem::file_time_type::clock::now() - std::chrono::hours(1));
  { ASSERT_TRUE(RunLock::take(dir(), kFast).is_ok()); }
  EXPECT_FALSE(std::filesystem::exists(folder_.path() / ".lock-aaaa"));
  EXPECT_FALSE(std::filesystem::exists(folder_.path() / ".lock-aaaa.stale"));
  EXPECT_FALSE(std::filesystem::exists(folder_.path() / ".lock-torn"));
  EXPECT_TRUE(std::filesystem::exists(folder_.path() / ".lock-newcomer")) << "it may be waiting";
}

TEST_F(Lock, OfAnotherHostIsTakenOnceItsCounterStandsStill) {
  folder_.write("lock", LockHolder{.token = "aaaa", .host = "elsewhere", .process = 1}.text());
  const auto lock = RunLock::take(dir(), kFast);
  EXPECT_TRUE(lock.is_ok()) << lock.status().message();
}

TEST_F(Lock, OfAnotherHostIsRespectedWhileItsCounterMoves) {
  LockHolder other = {.token = "aaaa", .host = "elsewhere", .process = 1};
  folder_.write("lock", other.text());
  std::atomic<bool> over = false;
  std::thread beats([&] {
    while (!over) {
      ++other.beats;
      folder_.write("lock", other.text());
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
  });
  const Status refused = RunLock::take(dir(), {.beat_seconds = 0.02, .stale_seconds = 30}).status();
  over = true;
  beats.join();
  EXPECT_THAT(refused.message(), HasSubstr("process 1 on elsewhere"));
}

TEST_F(Lock, IsTakenByOneOfManyNewcomers) {
  folder_.write("lock", LockHolder{.token = "aaaa", .host = "elsewhere", .process = 1}.text());
  std::atomic<int> winners = 0;
  std::vector<std::unique_ptr<RunLock>> locks(6);
  std::vector<std::thread> newcomers;
  for (auto& lock : locks) {
    newcomers.emplace_back([&] {
      Result<std::unique_ptr<RunLock>> taken = RunLock::take(dir(), kFast);
      if (!taken.is_ok()) return;
      lock = std::move(*taken);
      ++winners;
    });
  }
  for (std::thread& newcomer : newcomers) newcomer.join();
  EXPECT_EQ(winners, 1);
}

TEST_F(Lock, TellsItsHolderThatAnotherRunHasTakenIt) {
  const auto lock = RunLock::take(dir(), kFast);
  ASSERT_TRUE(lock.is_ok());
  EXPECT_EQ((*lock)->check().message(), "");
  folder_.write("lock", LockHolder{.token = "bbbb", .host = "n7", .process = 9}.text());
  EXPECT_EQ((*lock)->check().message(),
            file() +
                ": process 9 on n7 has taken this run directory over, expected that this run has "
                "it; this run stops; the other one goes on");
}

TEST_F(Lock, OfAnotherRunIsNeverTouchedByItsHolderOfBefore) {
  {
    const auto lock = RunLock::take(dir(), kFast);
    ASSERT_TRUE(lock.is_ok());
    folder_.write("lock", LockHolder{.token = "bbbb", .host = "n7", .process = 9}.text());
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  EXPECT_EQ(holder().token, "bbbb");
  EXPECT_EQ(holder().beats, 0u);
}

}  // namespace
}  // namespace shardmill
