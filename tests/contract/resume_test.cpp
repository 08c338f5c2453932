// A run that ended early goes on where it was, or says why it does not.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "pipeline/run/attempt.h"
#include "pipeline/run/run_lock.h"
#include "tests/support/files.h"
#include "tests/support/job_runner.h"

namespace shardmill {
namespace {

namespace fs = std::filesystem;
using testing::ContainsRegex;
using testing::HasSubstr;
using testing::StartsWith;

constexpr int kNever = 1'000'000'000;
constexpr Layout kLayout = {.ranks = 2, .threads = 2, .unit_bytes = 1024};

class Resume : public testing::Test {
 protected:
  Resume() {
    std::string content;
    for (int i = 0; i < 40'000; ++i) content += fmt::format("line {} of some\n", i);
    folder_.write("data/a", content);
    folder_.write("data/b", content.substr(0, content.size() / 3));
    folder_.write("data/c", "the last\n");
  }

  std::string job(const std::string& where = "contains(line, '7')") const {
    return fmt::format(
        "name = \"test\"\n[input]\npaths = [\"{}/data\"]\nformat = \"lines\"\n[run]\n"
        "checkpoint = \"1ms\"\n[[stage]]\nuse = \"keep\"\nwhere = \"{}\"\n[[stage]]\n"
        "use = \"count\"\n[[stage]]\nuse = \"write\"\npath = \"kept.txt\"\n",
        folder_.path().string(), where);
  }
  fs::path run_dir() const { return folder_.path() / "run"; }
  fs::path checkpoints() const { return run_dir() / "checkpoint"; }

  /// Stops a run at a moment at which it has begun and is not done.
  RunFiles stop() {
    for (int polls = 4; polls < 1000; polls *= 2) {
      fs::remove_all(run_dir());
      RunFiles files = run_until(job(), kLayout, run_dir(), polls);
      if (files.status.code() == Code::kStopped && can_resume(run_dir().string())) return files;
    }
    ADD_FAILURE() << "no run could be stopped on its way";
    return {};
  }

  RunFiles go_on(const std::string& job_text, Layout layout = {.ranks = 3, .unit_bytes = 1024}) {
    return run_until(job_text, layout, run_dir(), kNever);
  }

  std::vector<std::string> checkpoint_files() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(checkpoints())) {
      const std::string name = entry.path().filename();
      if (name.starts_with("gen-")) names.push_back(name);
    }
    return names;
  }

  /// A stopped run goes on and gives what a run gives that was left alone.
  RunDescription expect_the_same_in_the_end() {
    const RunFiles files = go_on(job());
    EXPECT_EQ(files.status.message(), "");
    const RunFiles alone = run_on_layout(job(), kLayout, folder_.path() / "alone");
    EXPECT_EQ(files.contents, alone.contents);
    EXPECT_FALSE(fs::exists(checkpoints()));
    EXPECT_FALSE(fs::exists(run_dir() / "parts"));
    EXPECT_FALSE(fs::exists(run_dir() / "partial.json"));
    return files.description;
  }

  TempFolder folder_;
};

TEST_F(Resume, SaysHowFarItCameAndGoesOnFromThere) {
  const RunFiles stopped = stop();
  EXPECT_THAT(stopped.status.message(),
              ContainsRegex("run: stopped by the test with [0-9,]+ of [0-9,]+ units done; the same "
                            "command goes on from there"));
  EXPECT_FALSE(fs::exists(run_dir() / "results.json"));
  EXPECT_THAT(read_file(run_dir() / "partial.json"),
              HasSubstr("\"covers\": {\"stopped_by\": \"the test\", \"units\": "));
  EXPECT_THAT(read_file(run_dir() / "report.txt"), HasSubstr("PARTIAL   stopped early: these are"));
  EXPECT_THAT(read_file(run_dir() / "report.html"), HasSubstr("PARTIAL   stopped early: these are"));
  EXPECT_THAT(read_file(run_dir() / "status.json"), HasSubstr("\"state\": \"stopped\""));
  EXPECT_TRUE(stopped.description.books_problems.empty());
  const RunDescription resumed = expect_the_same_in_the_end();
  EXPECT_EQ(resumed.attempt, 2u);
  EXPECT_EQ(resumed.units_before, stopped.description.units_done);
  EXPECT_GT(resumed.units_before, 0u);
}

TEST_F(Resume, IsRefusedForAnotherJob) {
  stop();
  EXPECT_EQ(
      go_on(job("contains(line, '8')")).status.message(),
      run_dir().string() +
          ": an unfinished run of another job or of other inputs: stage.0.where is \\\"contains("
          "line, '8')\\\", was \\\"contains(line, '7')\\\", expected the same job and inputs "
          "as when it began; start over with --fresh, or choose another --run-dir");
  expect_the_same_in_the_end();
}

TEST_F(Resume, IsRefusedForOtherInputs) {
  stop();
  folder_.write("data/d", "new\n");
  EXPECT_THAT(go_on(job()).status.message(), HasSubstr("other inputs: 1 file is new (\"" +
                                                       folder_.path().string() + "/data/d\")"));
  fs::remove(folder_.path() / "data/d");
  folder_.write("data/c", "the lost\n");
  EXPECT_THAT(go_on(job()).status.message(), HasSubstr("1 file has changed (\""));
  fs::remove(folder_.path() / "data/c");
  EXPECT_THAT(go_on(job()).status.message(), HasSubstr("1 file is gone (\""));
}

TEST_F(Resume, TakesAFileThatHasGrownUpToItsFirstSize) {
  stop();
  const auto before = run_on_layout(job(), kLayout, folder_.path() / "before");
  std::ofstream(folder_.path() / "data/c", std::ios::app) << "more 7\n";
  const RunFiles files = go_on(job());
  EXPECT_EQ(files.status.message(), "");
  EXPECT_EQ(files.contents.at("output/kept.txt"), before.contents.at("output/kept.txt"));
}

TEST_F(Resume, DoesTheUnitsOfADamagedCheckpointAgainAndNamesIt) {
  stop();
  const std::string name = checkpoint_files().at(0);
  std::string bytes = read_file(checkpoints() / name);
  bytes[bytes.size() / 2] ^= 1;
  folder_.write("run/checkpoint/" + name, bytes);
  const RunDescription resumed = expect_the_same_in_the_end();
  ASSERT_EQ(resumed.checkpoint_notes.size(), 1u);
  EXPECT_EQ(resumed.checkpoint_notes[0],
            "checkpoint/" + name +
                ": a damaged checkpoint, expected what a worker wrote; its units are done again");
}

TEST_F(Resume, DoesNotTakeTheCheckpointOfOneWorkerForThatOfAnother) {
  stop();
  const std::string name = checkpoint_files().at(0);
  const std::string other = "gen-0.rank-9.worker-0";
  fs::copy_file(checkpoints() / name, checkpoints() / other);
  const RunDescription resumed = expect_the_same_in_the_end();
  ASSERT_EQ(resumed.checkpoint_notes.size(), 1u);
  EXPECT_THAT(resumed.checkpoint_notes[0],
              StartsWith("checkpoint/" + other + ": the checkpoint \"" + name + "\", expected"));
}

TEST_F(Resume, DoesUnitsAgainWhosePartsAreGone) {
  stop();
  fs::remove_all(run_dir() / "parts");
  const RunDescription resumed = expect_the_same_in_the_end();
  EXPECT_EQ(resumed.units_before, 0u);
  ASSERT_FALSE(resumed.checkpoint_notes.empty());
  EXPECT_THAT(
      resumed.checkpoint_notes[0],
      HasSubstr("a part of the output that it covers is missing; its units are done again"));
}

TEST_F(Resume, IsRefusedWithoutAnyIndex) {
  stop();
  for (const auto& entry : fs::directory_iterator(checkpoints())) {
    if (entry.path().filename().string().starts_with("index-")) fs::remove(entry.path());
  }
  EXPECT_EQ(
      go_on(job()).status.message(),
      run_dir().string() +
          ": checkpoints of an unfinished run whose index cannot be read, expected "
          "checkpoint/index-N as the run wrote it; look at that folder and its disk, or start "
          "over with --fresh");
  EXPECT_FALSE(checkpoint_files().empty());
}

TEST_F(Resume, IsRefusedWhileTheRunIsAtWork) {
  stop();
  const auto lock = RunLock::take(run_dir().string());
  ASSERT_TRUE(lock.is_ok());
  EXPECT_THAT(go_on(job()).status.message(),
              HasSubstr("another run is at work in this run directory (process "));
}

TEST_F(Resume, KeepsCheckpointsFromTheEyesOfOthers) {
  stop();
  for (const char* name : {"checkpoint", "parts"}) {
    EXPECT_EQ(fs::status(run_dir() / name).permissions() & fs::perms::all, fs::perms::owner_all);
  }
}

TEST_F(Resume, StopsForAFileNamedStop) {
  folder_.write("run/lock", "shardmill run\n");
  folder_.write("run/STOP", "");
  const RunFiles files = go_on(job());
  EXPECT_THAT(files.status.message(), HasSubstr("stopped by the file STOP in the run directory"));
  fs::remove(run_dir() / "STOP");
  expect_the_same_in_the_end();
}

TEST_F(Resume, StartsOverWithALimit) {
  const std::string limited = job("true") + "\n";
  std::string text = limited;
  text.replace(text.find("[run]\n"), 6, "[run]\nlimit = 30000\n");
  RunFiles files;
  for (int polls = 3; polls < 400; polls = polls * 3 / 2) {
    files = run_until(text, {.ranks = 2, .unit_bytes = 1024}, run_dir(), polls);
    if (files.status.is_ok()) break;
    ASSERT_EQ(files.status.code(), Code::kStopped) << files.status.message();
  }
  if (!files.status.is_ok()) files = run_until(text, kLayout, run_dir(), kNever);
  EXPECT_EQ(files.status.message(), "");
  EXPECT_EQ(files.description.records, 30'000u);
  const RunFiles alone = run_on_layout(text, kLayout, folder_.path() / "alone");
  EXPECT_EQ(files.contents, alone.contents);
}

}  // namespace
}  // namespace shardmill
