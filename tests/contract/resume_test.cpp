// A run that ended early goes on where it was, or says why it does not.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "pipeline/base/hash.h"
#include "pipeline/run/attempt.h"
#include "pipeline/run/checkpoint.h"
#include "pipeline/run/run_dir.h"
#include "pipeline/run/run_lock.h"
#include "pipeline/run/run_status.h"
#include "tests/support/checkpoint_bytes.h"
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
  EXPECT_THAT(read_file(run_dir() / "report.html"),
              HasSubstr("PARTIAL   stopped early: these are"));
  EXPECT_THAT(read_file(run_dir() / "status.json"), HasSubstr("\"state\": \"stopped\""));
  EXPECT_TRUE(stopped.description.books_problems.empty());
  const RunDescription resumed = expect_the_same_in_the_end();
  EXPECT_EQ(resumed.attempt, 2u);
  EXPECT_EQ(resumed.units_before, stopped.description.units_done);
  EXPECT_GT(resumed.units_before, 0u);
  ASSERT_EQ(resumed.attempts.size(), 2u);
  EXPECT_EQ(resumed.attempts[0].reason, "the test");
  EXPECT_EQ(resumed.attempts[0].units, resumed.units_before);
  EXPECT_EQ(resumed.attempts[0].ranks, 2u);
  EXPECT_EQ(resumed.attempts[1].how, "finished");
  EXPECT_EQ(resumed.attempts[1].units, resumed.units - resumed.units_before);
  EXPECT_EQ(resumed.attempts[1].ranks, 3u);
  EXPECT_THAT(read_file(run_dir() / "report.txt"),
              ContainsRegex("\n2 attempts\n.*\n.*\n  1  .* 2 x 2 on .*  stopped: the test\n  2  "
                            ".* 3 x 1 on .*  finished\n"));
}

TEST_F(Resume, CountsRejectsOverAllAttempts) {
  const auto rejecting = [&](const std::string& most) {
    return fmt::format(
        "name = \"test\"\n[input]\npaths = [\"{}/data\"]\nformat = \"lines\"\nrecord_bytes_max = "
        "17\n[run]\ncheckpoint = \"1ms\"\nmax_rejects = \"{}\"\n[[stage]]\nuse = \"count\"\n",
        folder_.path().string(), most);
  };
  for (int attempt = 1; attempt <= 2; ++attempt) {
    const RunFiles stopped = go_on(rejecting("100"), kLayout);
    EXPECT_EQ(stopped.status.code(), Code::kFailed);
    EXPECT_EQ(stopped.status.message(),
              "job.toml: stopped early by more than 100 rejected records, expected at most 100 "
              "(max_rejects); look at bad_records.jsonl in the run directory, or raise "
              "run.max_rejects: the same command goes on");
    EXPECT_GT(stopped.description.bad_records, 100u);
    EXPECT_LT(stopped.description.units_done, stopped.description.units);
    EXPECT_EQ(stopped.description.attempt, static_cast<uint64_t>(attempt));
    EXPECT_THAT(read_file(run_dir() / "bad_records.jsonl"), HasSubstr("a record of 18 bytes"));
    EXPECT_TRUE(fs::exists(run_dir() / "partial.json"));
    EXPECT_FALSE(fs::exists(run_dir() / "results.json"));
  }
  const RunFiles judged = go_on(rejecting("1%"));
  EXPECT_EQ(judged.status.code(), Code::kFailed);
  EXPECT_THAT(judged.status.message(), HasSubstr(", expected at most 1% (max_rejects); look at "));
  const RunFiles done = go_on(rejecting("99999"));
  EXPECT_EQ(done.status.message(), "");
  const RunFiles alone = run_on_layout(rejecting("99999"), kLayout, folder_.path() / "alone");
  EXPECT_EQ(done.contents, alone.contents);
  EXPECT_EQ(read_file(run_dir() / "bad_records.jsonl"),
            read_file(folder_.path() / "alone" / "bad_records.jsonl"));
}

TEST_F(Resume, AfterASoftStopDoesAgainOnlyWhatWasAtWork) {
  for (int i = 0; i < 3; ++i) {
    const RunFiles stopped = stop();
    EXPECT_EQ(stopped.description.bytes_done_again, 0u);
    const RunDescription resumed = expect_the_same_in_the_end();
    constexpr uint64_t kWorkers = kLayout.ranks * kLayout.threads;
    EXPECT_LE(resumed.bytes_done_again, kWorkers * 2 * kLayout.unit_bytes);
    EXPECT_GT(resumed.bytes_total, 100 * kWorkers * kLayout.unit_bytes);
    fs::remove_all(run_dir());
    fs::remove_all(folder_.path() / "alone");
  }
}

TEST_F(Resume, TellsHowFarItIsOverAllAttempts) {
  const RunFiles stopped = stop();
  const RunStatus before = read_run_status(run_dir().string()).value_or(RunStatus());
  EXPECT_EQ(before.units_done, stopped.description.units_done);
  EXPECT_THAT(before.reason, StartsWith(run_dir().string() + ": stopped by the test with "));
  go_on(job());
  const RunStatus after = read_run_status(run_dir().string()).value_or(RunStatus());
  EXPECT_EQ(after.state, "finished");
  EXPECT_EQ(after.attempt, 2u);
  EXPECT_EQ(after.disk_bytes_before, before.disk_bytes);
  EXPECT_EQ(after.disk_bytes, after.disk_bytes_total);
  EXPECT_EQ(after.units_done, after.units);
  EXPECT_EQ(after.ranks.size(), 3u);
}

TEST_F(Resume, GoesOnByTheJobInItsRunDirectory) {
  stop();
  const RunFiles files = go_on(read_file(run_dir() / "job.toml"));
  EXPECT_EQ(files.status.message(), "");
  EXPECT_GT(files.description.units_before, 0u);
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

/// What may become of checkpoints while nobody looks. Each is found, named in a message, and only
/// the units of that file are done again.
class Damaged : public Resume {
 protected:
  /// Two attempts: files that an index froze, and files of the attempt after it.
  void SetUp() override {
    for (int polls = 4; polls < 1000; polls *= 2) {
      stop();
      const Layout other = {.ranks = 3, .threads = 1, .unit_bytes = 1024};
      if (run_until(job(), other, run_dir(), polls).status.code() != Code::kStopped) continue;
      frozen_ = files_of("gen-0.");
      fresh_ = files_of("gen-1.");
      if (!frozen_.empty() && fresh_.size() > 1) return;
    }
    FAIL() << "no run left files of two attempts";
  }

  std::vector<std::string> files_of(const std::string& prefix) const {
    std::vector<std::string> names;
    for (const std::string& name : checkpoint_files()) {
      if (name.starts_with(prefix)) names.push_back(name);
    }
    std::sort(names.begin(), names.end());
    return names;
  }
  uint64_t units_in(const std::vector<std::string>& names) const {
    const uint64_t identity = newest_index(checkpoints().string())->identity;
    uint64_t units = 0;
    for (const std::string& name : names) {
      const std::string bytes = content_of(name);
      const Result<CheckpointContent> content = parse_checkpoint(bytes, identity, name);
      EXPECT_EQ(content.status().message(), "");
      if (content.is_ok()) units += content->units.size();
    }
    return units;
  }
  uint64_t all_units() const { return units_in(frozen_) + units_in(fresh_); }
  std::string content_of(const std::string& name) const { return read_file(checkpoints() / name); }
  void put(const std::string& name, const std::string& bytes) const {
    folder_.write("run/checkpoint/" + name, bytes);
  }

  /// Goes on; `kept` units must be taken from checkpoints, all others done, and nothing else.
  void expect_done_again(uint64_t kept, const std::vector<std::string>& notes) {
    const RunDescription resumed = expect_the_same_in_the_end();
    EXPECT_EQ(resumed.checkpoint_notes, notes);
    EXPECT_EQ(resumed.units_before, kept);
    uint64_t done = 0;
    for (const RankResult& rank : resumed.ranks) done += rank.units;
    EXPECT_EQ(done, resumed.units - kept);
    EXPECT_TRUE(resumed.books_problems.empty());
  }
  static std::string note(const std::string& name, const std::string& what) {
    return "checkpoint/" + name + ": " + what + "; its units are done again";
  }

  std::vector<std::string> frozen_;
  std::vector<std::string> fresh_;
};

TEST_F(Damaged, NothingIsDoneAgainIfNothingIs) {
  expect_done_again(all_units(), {});
}

TEST_F(Damaged, TornOrCutOrFlippedFilesAreNamed) {
  const uint64_t all = all_units();
  const std::string name = fresh_[0];
  const std::string whole = content_of(name);
  const uint64_t kept = all - units_in({name});
  const TempFolder saved;
  fs::copy(run_dir(), saved.path() / "run", fs::copy_options::recursive);
  const auto damage_to = [&](const std::string& bytes, const std::string& what) {
    SCOPED_TRACE(what);
    fs::remove_all(run_dir());
    fs::remove_all(folder_.path() / "alone");
    fs::copy(saved.path() / "run", run_dir(), fs::copy_options::recursive);
    fs::permissions(checkpoints(), fs::perms::owner_all);
    put(name, bytes);
    expect_done_again(kept, {note(name, what + ", expected what a worker wrote")});
  };
  std::string torn = whole;
  std::fill(torn.begin() + static_cast<std::ptrdiff_t>(torn.size() / 2), torn.end(), '\0');
  damage_to(torn, "a damaged checkpoint");
  damage_to(std::string(whole.size(), '\0'), "no checkpoint");
  damage_to("", "no checkpoint");
  damage_to(whole.substr(0, whole.size() - 1), "a damaged checkpoint");
  damage_to(whole + "x", "a damaged checkpoint");
  std::string flipped = whole;
  flipped[whole.size() / 3] ^= 4;
  damage_to(flipped, "a damaged checkpoint");
}

TEST_F(Damaged, FilesThatAnIndexNamesAreNamedToo) {
  const uint64_t kept = all_units() - units_in({frozen_[0]});
  std::string bytes = content_of(frozen_[0]);
  bytes[bytes.size() / 2] ^= 1;
  put(frozen_[0], bytes);
  expect_done_again(kept, {note(frozen_[0], "it is damaged, expected what its index says")});
}

TEST_F(Damaged, AMissingFileIsNamedIfAnIndexKnowsOfIt) {
  const uint64_t kept = all_units() - units_in({frozen_[0]});
  fs::remove(checkpoints() / frozen_[0]);
  expect_done_again(kept, {note(frozen_[0], "it is missing, expected what its index says")});
}

TEST_F(Damaged, AMissingFileOfTheLastAttemptCostsItsUnits) {
  const uint64_t kept = all_units() - units_in({fresh_[0]});
  fs::remove(checkpoints() / fresh_[0]);
  expect_done_again(kept, {});
}

TEST_F(Damaged, FilesThatWereExchangedAreBothNamed) {
  const uint64_t kept = all_units() - units_in({fresh_[0], fresh_[1]});
  const std::string first = content_of(fresh_[0]);
  put(fresh_[0], content_of(fresh_[1]));
  put(fresh_[1], first);
  const auto swapped = [&](size_t at, size_t other) {
    return note(fresh_[at],
                "the checkpoint \"" + fresh_[other] + "\", expected what a worker wrote");
  };
  expect_done_again(kept, {swapped(0, 1), swapped(1, 0)});
}

TEST_F(Damaged, AFrozenFileIsNotTakenForOneOfAnotherAttempt) {
  const uint64_t kept = all_units() - units_in({frozen_[0], fresh_[0]});
  const std::string first = content_of(frozen_[0]);
  put(frozen_[0], content_of(fresh_[0]));
  put(fresh_[0], first);
  const std::string other = "the checkpoint \"" + frozen_[0] + "\", expected what a worker wrote";
  expect_done_again(kept, {note(frozen_[0], "it is damaged, expected what its index says"),
                           note(fresh_[0], other)});
}

TEST_F(Damaged, AFileOfAnotherRunIsNamed) {
  const uint64_t kept = all_units() - units_in({fresh_[0]});
  const std::string bytes = content_of(fresh_[0]);
  const uint64_t identity = newest_index(checkpoints().string())->identity;
  const Result<CheckpointContent> content = parse_checkpoint(bytes, identity, fresh_[0]);
  ASSERT_TRUE(content.is_ok());
  // The same but for the run that it says it is of, with a checksum that fits.
  std::string foreign = bytes.substr(0, bytes.size() - sizeof(uint64_t));
  foreign[bytes.find('\n') + 1] ^= 1;
  ByteWriter checksum;
  checksum.u64(hash64(foreign));
  put(fresh_[0], foreign + checksum.bytes());
  expect_done_again(kept,
                    {note(fresh_[0], "a checkpoint of another run, expected what a worker wrote")});
}

TEST_F(Damaged, AnExtraFileIsNamedAndAddsNothing) {
  const uint64_t kept = all_units();
  put("gen-1.rank-9.worker-0", content_of(fresh_[0]));
  put("gen-7.rank-0.worker-0", "what is this");
  put("notes.txt", "of somebody's");
  expect_done_again(kept,
                    {note("gen-1.rank-9.worker-0",
                          "the checkpoint \"" + fresh_[0] + "\", expected what a worker wrote"),
                     note("gen-7.rank-0.worker-0", "no checkpoint, expected what a worker wrote")});
}

TEST_F(Damaged, ATornIndexIsNamedAndTheOneBeforeServes) {
  const uint64_t kept = all_units();
  const std::string whole = content_of("index-1");
  put("index-1", whole.substr(0, whole.size() / 2));
  const RunDescription before = expect_the_same_in_the_end();
  EXPECT_EQ(before.checkpoint_notes,
            std::vector<std::string>{"checkpoint/index-1: no checkpoint index, expected what the "
                                     "run wrote; the checkpoints are read without it"});
  EXPECT_EQ(before.units_before, kept);
  EXPECT_EQ(before.attempt, 3u);
}

TEST_F(Damaged, AnEmptyFolderMeansToStartOver) {
  for (const auto& entry : fs::directory_iterator(checkpoints())) fs::remove(entry.path());
  expect_done_again(0, {});
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

TEST_F(Resume, KeepsThemSoUnderAnyUmask) {
  for (const mode_t mask : {mode_t{0}, mode_t{077}}) {
    const mode_t before = ::umask(mask);
    stop();
    ::umask(before);
    for (const char* name : {"checkpoint", "parts"}) {
      EXPECT_EQ(fs::status(run_dir() / name).permissions() & fs::perms::all, fs::perms::owner_all);
    }
    for (const auto& entry : fs::directory_iterator(checkpoints())) {
      EXPECT_EQ(entry.status().permissions() & fs::perms::all,
                fs::perms::owner_read | fs::perms::owner_write)
          << entry.path();
    }
    fs::permissions(checkpoints(), fs::perms::all);  // somebody opens it
    expect_the_same_in_the_end();
    fs::remove_all(folder_.path() / "alone");
  }
}

TEST_F(Resume, DoesNotFollowSymlinksInPlaceOfItsFolders) {
  const TempFolder elsewhere;
  for (const char* name : {"output", "parts"}) {
    stop();
    fs::remove_all(run_dir() / name);
    fs::create_directory_symlink(elsewhere.path(), run_dir() / name);
    EXPECT_EQ(
        go_on(job()).status.message(),
        (run_dir() / name).string() +
            ": a symlink, expected a folder of the run's own; take it away, or choose another "
            "--run-dir");
    EXPECT_TRUE(fs::is_empty(elsewhere.path()));
  }
}

TEST_F(Resume, BeginsWhereOnlyTheStartOfARunIsLeft) {
  folder_.write("run/manifest.tsv", "path\tsize_bytes\tmtime_ns\n/data/a\t1\t1\n");
  folder_.write("run/.job.toml.tmp", "half");
  fs::create_directories(checkpoints());
  EXPECT_EQ(go_on(job()).status.message(), "");
  EXPECT_FALSE(fs::exists(run_dir() / ".job.toml.tmp"));
}

TEST_F(Resume, BeginsWhereThereIsOnlyABatchScriptAndKeepsIt) {
  folder_.write("run/slurm/job.sbatch", "#!/bin/bash\n");
  folder_.write("run/slurm/log.txt", "slurm was here\n");
  EXPECT_EQ(go_on(job()).status.message(), "");
  EXPECT_TRUE(fs::exists(run_dir() / "results.json"));
  EXPECT_TRUE(fs::exists(run_dir() / "slurm/job.sbatch"));
  EXPECT_TRUE(fs::exists(run_dir() / "slurm/log.txt"));
}

TEST_F(Resume, TakesNoFolderOfTheUsersForTheStartOfARun) {
  folder_.write("run/manifest.tsv", "my\town\n");
  EXPECT_THAT(go_on(job()).status.message(), HasSubstr("the folder holds other things than a run"));
  fs::remove(run_dir() / "manifest.tsv");
  folder_.write("run/output/mine.txt", "keep me");
  EXPECT_THAT(go_on(job()).status.message(), HasSubstr("the folder holds other things than a run"));
  EXPECT_EQ(read_file(run_dir() / "output/mine.txt"), "keep me");
  fs::remove_all(run_dir() / "output");
  folder_.write("run/slurm/configuration", "keep me");
  EXPECT_THAT(go_on(job()).status.message(), HasSubstr("the folder holds other things than a run"));
}

TEST_F(Resume, TidiesAFinishedRunOnlyWhenNobodyHasIt) {
  ASSERT_EQ(go_on(job()).status.message(), "");
  folder_.write("run/parts/x", "left");
  folder_.write("run/.results.json.tmp", "left");
  {
    const auto lock = RunLock::take(run_dir().string());
    remove_leftovers(run_dir().string());
    EXPECT_TRUE(fs::exists(run_dir() / "parts/x"));
  }
  remove_leftovers(run_dir().string());
  for (const char* name : {"parts", "lock", ".results.json.tmp"}) {
    EXPECT_FALSE(fs::exists(run_dir() / name)) << name;
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
