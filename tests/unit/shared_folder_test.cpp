// A rank that does not see what rank 0 sees. tests/cases/hosts.py does it with real mounts.
#include "pipeline/run/shared_folder.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <thread>

#include "tests/support/files.h"

namespace shardmill {
namespace {

namespace fs = std::filesystem;

class SharedFolder : public testing::Test {
 protected:
  SharedFolder() {
    fs::create_directories(run_dir() + "/checkpoint");
    lock_ = std::move(*RunLock::take(run_dir()));
    plan_ = {.folder = run_dir() + "/checkpoint", .lock = lock_->key()};
  }
  std::string run_dir() const { return (folder_.path() / "run").string(); }
  std::string not_seen() const {
    return "cannot see the run directory that rank 0 has made at \"" + run_dir() +
           "\", expected one folder that all ranks share and may write to; put it on a file system "
           "that all hosts mount at the same place, with --run-dir";
  }

  TempFolder folder_;
  std::unique_ptr<RunLock> lock_;
  CheckpointPlan plan_;
};

TEST_F(SharedFolder, IsTheOneThatHoldsTheLockOfRankZero) {
  EXPECT_EQ(check_folder_is_shared(plan_, "", 0).message(), "");
}

TEST_F(SharedFolder, IsMissed) {
  lock_.reset();
  fs::remove_all(run_dir());
  EXPECT_EQ(check_folder_is_shared(plan_, "", 0).message(), not_seen());
  EXPECT_EQ(check_folder_is_shared(plan_, "", 0).code(), Code::kFailed);
}

TEST_F(SharedFolder, IsNotAnotherOneOfTheSameName) {
  plan_.lock.token = "0123456789abcdef";
  EXPECT_EQ(check_folder_is_shared(plan_, "", 0).message(), not_seen());
}

TEST_F(SharedFolder, MayAppearLate) {
  const std::string hidden = run_dir() + ".hidden";
  fs::rename(run_dir(), hidden);
  std::thread server([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(150));
    fs::rename(hidden, run_dir());
  });
  EXPECT_EQ(check_folder_is_shared(plan_, "", 60).message(), "");
  server.join();
}

TEST_F(SharedFolder, HasCheckpointsThatEveryRankMayWrite) {
  fs::remove(run_dir() + "/checkpoint");
  EXPECT_EQ(check_folder_is_shared(plan_, "", 0).message(),
            "cannot write to \"" + run_dir() +
                "/checkpoint\" (No such file or directory), expected one folder that all ranks "
                "share and may write to; put it on a file system that all hosts mount at the same "
                "place, with --run-dir");
}

TEST_F(SharedFolder, OfPartsIsAskedForWhereNoRunDirectoryIsKept) {
  EXPECT_EQ(check_folder_is_shared({}, run_dir(), 0).message(), "");
  EXPECT_EQ(check_folder_is_shared({}, run_dir() + "/nowhere", 0).is_ok(), false);
  EXPECT_EQ(check_folder_is_shared({}, "", 0).message(), "") << "a run that writes nothing";
}

}  // namespace
}  // namespace shardmill
