// One run at a time: who has the lock, when it is stale, and who wins.
#include "pipeline/run/run_lock.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <thread>

#include "pipeline/run/durable.h"
#include "pipeline/run/slurm.h"
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

/// As another run takes it: another file gets the name.
void replace_lock(const TempFolder& folder, const LockHolder& holder) {
  folder.write("new", holder.text());
  std::filesystem::rename(folder.path() / "new", folder.path() / "lock");
}

/// Where this process's number means something, as a lock of ours has it.
std::string own_kernel() {
  const TempFolder folder;
  const auto lock = RunLock::take(folder.path().string(), kFast);
  return lock.is_ok() ? read_run_lock(folder.path().string())->kernel : "?";
}

/// A process that has ended: its number is free or will be another's.
int64_t ended_process() {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(0);
  ::waitpid(child, nullptr, 0);
  return child;
}

LockHolder process_that_is_gone() {
  return {.token = "aaaa",
          .host = "renamed meanwhile",
          .process = ended_process(),
          .process_start = 1,
          .kernel = own_kernel()};
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
  gone.kernel = "another boot pid:[1]";
  folder_.write("lock", gone.text());
  EXPECT_TRUE(may_be_locked(dir())) << "of another host nothing is known";
  gone.kernel = own_kernel();
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
  other.kernel = "another boot pid:[1]";
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
  EXPECT_EQ((*lock)->key().check().message(), "");
  replace_lock(folder_, {.token = "bbbb", .host = "n7", .process = 9});
  EXPECT_EQ((*lock)->key().check().message(),
            file() +
                ": process 9 on n7 has taken this run directory over, expected that this run has "
                "it; this run stops; the other one goes on");
}

TEST_F(Lock, OfAnotherRunIsNeverTouchedByItsHolderOfBefore) {
  {
    const auto lock = RunLock::take(dir(), kFast);
    ASSERT_TRUE(lock.is_ok());
    replace_lock(folder_, {.token = "bbbb", .host = "n7", .process = 9});
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  EXPECT_EQ(holder().token, "bbbb");
  EXPECT_EQ(holder().beats, 0u);
}

TEST_F(Lock, OfAProcessInAnotherContainerOfTheSameNameIsWatchedNotJudged) {
  LockHolder other = {.process = ended_process(), .process_start = 1, .kernel = own_kernel()};
  EXPECT_EQ(life_of(other), HolderLife::kGone);
  other.kernel += "0";  // another PID namespace
  EXPECT_EQ(life_of(other), HolderLife::kUnknown);
  other.kernel = "";
  EXPECT_EQ(life_of(other), HolderLife::kUnknown);
  other = {.process = -1, .process_start = 1, .kernel = own_kernel()};
  EXPECT_EQ(life_of(other), HolderLife::kUnknown);
}

TEST_F(Lock, TellsAProcessFromALaterOneOfItsNumber) {
  const auto lock = RunLock::take(dir(), kFast);
  LockHolder own = holder();
  EXPECT_EQ(life_of(own), HolderLife::kAlive);
  ++own.process_start;
  EXPECT_EQ(life_of(own), HolderLife::kGone);
}

TEST_F(Lock, OfAProcessThatOnlyItsParentStillKnowsIsGone) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(0);
  siginfo_t about = {};
  ::waitid(P_PID, static_cast<id_t>(child), &about, WEXITED | WNOWAIT);  // now it is a zombie
  const LockHolder zombie = {.process = child, .process_start = 1, .kernel = own_kernel()};
  EXPECT_EQ(life_of(zombie), HolderLife::kGone);
  ::waitpid(child, nullptr, 0);
}

/// A squeue of our own in PATH, and the environment of a job.
class SlurmLock : public Lock {
 protected:
  SlurmLock() : path_(std::getenv("PATH")) {
    ::setenv("PATH", (dir() + "/bin:" + path_).c_str(), 1);
    ::setenv("SLURM_CLUSTER_NAME", "big", 1);
    ::setenv("SLURM_JOB_ID", "900", 1);
    ::setenv("SLURM_RESTART_COUNT", "1", 1);
  }
  ~SlurmLock() override {
    ::setenv("PATH", path_.c_str(), 1);
    for (const char* name : {"SLURM_CLUSTER_NAME", "SLURM_JOB_ID", "SLURM_RESTART_COUNT"}) {
      ::unsetenv(name);
    }
  }
  void squeue(const std::string& script) const {
    const std::string path = folder_.write("bin/squeue", "#!/bin/sh\n" + script + "\n");
    std::filesystem::permissions(path, std::filesystem::perms::all);
  }

 private:
  std::string path_;
};

TEST_F(SlurmLock, IsStaleIfSlurmDoesNotListTheJobAnyMore) {
  squeue("echo \"$@\" > " + dir() + "/asked");
  EXPECT_TRUE(slurm_job_has_ended("big 871 0"));
  EXPECT_EQ(read_file(dir() + "/asked"), "-h -j 871 -o %T\n");
  squeue("echo slurm_load_jobs error: Invalid job id specified >&2; exit 1");
  EXPECT_TRUE(slurm_job_has_ended("big 871 0"));
  EXPECT_TRUE(slurm_job_has_ended("big 900 0")) << "an earlier start of this very job";
}

TEST_F(SlurmLock, IsNotStaleAsLongAsThatIsNotCertain) {
  squeue("echo COMPLETING");
  EXPECT_FALSE(slurm_job_has_ended("big 871 0"));
  squeue("echo Unable to contact slurm controller >&2; exit 1");
  EXPECT_FALSE(slurm_job_has_ended("big 871 0"));
  squeue("exit 0");
  EXPECT_FALSE(slurm_job_has_ended("other 871 0")) << "numbers of another cluster";
  EXPECT_FALSE(slurm_job_has_ended("big 900 1")) << "this very job";
  EXPECT_FALSE(slurm_job_has_ended(""));
  EXPECT_FALSE(slurm_job_has_ended("big 8;touch 0"));
}

TEST_F(SlurmLock, OfAJobThatHasEndedIsTakenAtOnce) {
  squeue("exit 0");
  const LockHolder gone = {.token = "aaaa", .host = "n7", .process = 1, .slurm_job = "big 871 0"};
  folder_.write("lock", gone.text());
  const auto lock = RunLock::take(dir(), {.beat_seconds = 1, .stale_seconds = 1e9});
  ASSERT_TRUE(lock.is_ok()) << lock.status().message();
  EXPECT_EQ(holder().slurm_job, "big 900 1");
}

TEST_F(Lock, OfAnotherRunKeepsFilesFromGettingTheirNames) {
  const auto lock = RunLock::take(dir(), kFast);
  const LockKey key = (*lock)->key();
  ASSERT_EQ(write_durably(dir(), "index-0", "ours", key).message(), "");
  replace_lock(folder_, {.token = "bbbb", .host = "n7", .process = 9});
  const std::string refusal =
      file() +
      ": process 9 on n7 has taken this run directory over, expected that this run has it; this "
      "run stops; the other one goes on";
  EXPECT_EQ(write_durably(dir(), "index-0", "late", key).message(), refusal);
  EXPECT_EQ(read_file(dir() + "/index-0"), "ours");
  folder_.write(".out.tmp", "rows");
  const OutputPlace place = {.root = dir(), .relative = "out", .temporary = ".out.tmp"};
  const SealGuard guard = {.check_lock = [&] { return key.check(); }};
  EXPECT_EQ(seal({&place, 1}, guard).status().message(), refusal);
  EXPECT_FALSE(std::filesystem::exists(dir() + "/out"));
}

TEST(Seal, EndsWhenTheRunStops) {
  const TempFolder folder;
  folder.write(".out.tmp", "rows");
  const OutputPlace place = {
      .root = folder.path().string(), .relative = "out", .temporary = ".out.tmp"};
  const SealGuard guard = {.is_stopped = [] { return true; }};
  EXPECT_EQ(seal({&place, 1}, guard).status().message(), "the run was stopped");
  EXPECT_FALSE(std::filesystem::exists(folder.path() / "out"));
}

}  // namespace
}  // namespace shardmill
