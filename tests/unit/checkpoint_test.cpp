// Checkpoints as files: what is written comes back, and what is damaged does not count.
#include "pipeline/run/checkpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pipeline/plan/run_identity.h"
#include "pipeline/run/slurm.h"
#include "pipeline/run/stop.h"
#include "tests/support/engine_doubles.h"
#include "tests/support/files.h"

namespace shardmill {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class Checkpoints : public testing::Test {
 protected:
  Checkpoints() {
    world_.files["a"] = {.content = "one\ntwo\n"};
    plan_ = std::make_unique<Plan>(plan_for(world_));
    checkpoints_ = {.folder = folder_.path().string(), .identity = 77, .generation = 3};
  }

  /// Writes the file of worker 1 of rank 2, covering two units.
  std::string write() {
    CheckpointWriter writer(checkpoints_, 2, 1);
    writer.cover({.unit = 5, .next = 70, .first_record = 9, .report = "report of 5"});
    writer.cover({.unit = 8, .report = "report of 8"});
    EXPECT_EQ(writer.write(Totals(*plan_->bound)).message(), "");
    EXPECT_FALSE(writer.has_news());
    return read_file(folder_.path() / kName);
  }

  /// Why a file with these bytes does not count; empty if it does.
  std::string reason_against(const std::string& bytes, uint64_t identity = 77,
                             const std::string& name = kName) {
    folder_.write(name, bytes);
    Result<CheckpointFile> file = CheckpointFile::open(folder_.path().string(), name);
    if (!file.is_ok()) return file.status().message();
    return read_head(*file, identity, name).status().message();
  }

  std::vector<FrozenFile> files_found(std::vector<std::string>& damaged) const {
    std::vector<FrozenFile> files;
    files_since(folder_.path().string(), index(), damaged,
                [&](FrozenFile file, const CheckpointHead& units) {
                  EXPECT_EQ(units.size(), 2u);
                  files.push_back(std::move(file));
                });
    return files;
  }

  CheckpointIndex index() const { return {.identity = 77, .generation = 3, .token = "ab"}; }

  static constexpr const char* kName = "gen-3.rank-2.worker-1";
  TempFolder folder_;
  DoubleWorld world_;
  std::unique_ptr<Plan> plan_;
  CheckpointPlan checkpoints_;
};

TEST_F(Checkpoints, ComeBackAsTheyWereWritten) {
  const std::string bytes = write();
  Result<CheckpointFile> file = CheckpointFile::open(folder_.path().string(), kName);
  ASSERT_TRUE(file.is_ok()) << file.status().message();
  EXPECT_TRUE(file->is_whole());
  ByteReader reader(*file);
  const Result<CheckpointHead> units = parse_head(reader, 77, kName);
  ASSERT_TRUE(units.is_ok()) << units.status().message();
  ASSERT_EQ(units->size(), 2u);
  EXPECT_EQ(units->at(0).unit, 5u);
  EXPECT_EQ(units->at(0).next, 70u);
  EXPECT_EQ(units->at(0).first_record, 9u);
  EXPECT_EQ(units->at(0).report, "report of 5");
  EXPECT_EQ(units->at(1).next, std::nullopt);
  Totals totals(*plan_->bound);
  EXPECT_EQ(totals.merge_encoded(*plan_->bound, reader).message(), "");
  EXPECT_EQ(write(), bytes);
}

TEST_F(Checkpoints, OfTheEndOfTheWorkCountOnceTheyAreKept) {
  const std::string parts = (folder_.path() / "parts").string();
  const std::string part = folder_.write("parts/gen-3.unit-8.stage-0", "rows");
  CheckpointWriter writer(checkpoints_, 2, 1);
  EXPECT_FALSE(writer.write_last(Totals(*plan_->bound))) << "without news";
  writer.cover({.unit = 5, .report = "report of 5"});
  writer.cover({.unit = 8, .report = "report of 8"});
  ASSERT_TRUE(writer.write_last(Totals(*plan_->bound)));
  std::vector<std::string> damaged;
  EXPECT_TRUE(files_found(damaged).empty());
  const std::string folder = folder_.path().string();
  EXPECT_FALSE(
      keep_last({.folder = folder}, parts, {.name = kName, .parts = {parts + "/gone"}}).is_ok());
  EXPECT_TRUE(files_found(damaged).empty()) << "its parts are not durable";
  EXPECT_EQ(keep_last({.folder = folder}, parts, {.name = kName, .parts = {part}}).message(), "");
  EXPECT_EQ(files_found(damaged).size(), 1u);
  EXPECT_THAT(damaged, ElementsAre());
  EXPECT_EQ(keep_last({.folder = folder}, parts, {}).message(), "");
}

TEST_F(Checkpoints, OfWhichAnyByteIsOtherDoNotCount) {
  const std::string whole = write();
  for (size_t i = 0; i < whole.size(); ++i) {
    std::string bytes = whole;
    bytes[i] = static_cast<char>(bytes[i] ^ 0x20);
    EXPECT_NE(reason_against(bytes), "") << "byte " << i;
  }
}

TEST_F(Checkpoints, ThatWereCutAnywhereDoNotCount) {
  const std::string whole = write();
  for (size_t size = 0; size < whole.size(); ++size) {
    EXPECT_NE(reason_against(whole.substr(0, size)), "") << size;
  }
  EXPECT_EQ(reason_against(whole + "x"), "a damaged checkpoint");
  EXPECT_EQ(reason_against(std::string(whole.size(), '\0')), "no checkpoint");
  EXPECT_EQ(reason_against(whole), "");
}

TEST_F(Checkpoints, AreWrittenLessOftenTheMoreThereIsToWrite) {
  checkpoints_.interval_seconds = 1e-9;
  CheckpointWriter writer(checkpoints_, 0, 0);
  EXPECT_FALSE(writer.is_due(0)) << "there is nothing to write";
  writer.cover({.unit = 1, .report = "r"});
  EXPECT_TRUE(writer.is_due(0));
  // Some hours' worth of writing are not due in the first minutes, however short the interval.
  EXPECT_FALSE(writer.is_due(uint64_t{1} << 40));
  EXPECT_EQ(writer.write(Totals(*plan_->bound), Clock::now() - std::chrono::hours(1)).message(),
            "");
  writer.cover({.unit = 2, .report = "r"});
  EXPECT_FALSE(writer.is_due(0)) << "the last one took an hour";
  checkpoints_.interval_seconds = 0;
  CheckpointWriter always(checkpoints_, 0, 2);
  EXPECT_FALSE(always.is_due(0)) << "there is nothing to write";
  always.cover({.unit = 4, .report = "r"});
  EXPECT_TRUE(always.is_due(uint64_t{1} << 40)) << "whatever it takes";
  checkpoints_.interval_seconds = 3600;
  CheckpointWriter rare(checkpoints_, 0, 1);
  rare.cover({.unit = 3, .report = "r"});
  EXPECT_FALSE(rare.is_due(0)) << "the interval";
}

TEST_F(Checkpoints, OfAnotherRunOrUnderAnotherNameAreNamed) {
  const std::string bytes = write();
  EXPECT_EQ(reason_against(bytes, 78), "a checkpoint of another run");
  EXPECT_EQ(reason_against(bytes, 77, "gen-3.rank-2.worker-0"),
            "the checkpoint \"gen-3.rank-2.worker-1\"");
}

TEST_F(Checkpoints, OfAGenerationAreFoundAndDamagedOnesAreNamed) {
  write();
  folder_.write("gen-3.rank-0.worker-0", "torn");
  folder_.write("gen-2.rank-0.worker-0", "of an older generation");
  std::vector<std::string> damaged;
  const std::vector<FrozenFile> files = files_found(damaged);
  ASSERT_EQ(files.size(), 1u);
  EXPECT_EQ(files[0].name, kName);
  EXPECT_TRUE(open_frozen(folder_.path().string(), files[0]).is_ok());
  EXPECT_THAT(damaged, ElementsAre("checkpoint/gen-3.rank-0.worker-0: no checkpoint, expected what "
                                   "a worker wrote; its units are done again"));
}

TEST_F(Checkpoints, OfLaterGenerationsCountIfTheirIndexIsDamaged) {
  write();
  CheckpointIndex before = index();
  before.generation = 2;
  folder_.write("index-2", before.text());
  folder_.write("index-3", index().text().substr(0, 60));
  folder_.write("index-4", std::string(100, '\0'));
  const std::string folder = folder_.path().string();
  EXPECT_EQ(newest_index(folder)->generation, 2u);
  EXPECT_THAT(
      damaged_indexes(folder),
      ElementsAre("checkpoint/index-3: no checkpoint index, expected what the run wrote; the "
                  "checkpoints are read without it",
                  "checkpoint/index-4: no checkpoint index, expected what the run wrote; the "
                  "checkpoints are read without it"));
  EXPECT_EQ(last_generation(folder), 4u);
  std::vector<std::string> damaged;
  std::vector<FrozenFile> files;
  files_since(folder, before, damaged,
              [&](FrozenFile file, const CheckpointHead&) { files.push_back(std::move(file)); });
  ASSERT_EQ(files.size(), 1u);
  EXPECT_EQ(files[0].name, kName);
  EXPECT_THAT(damaged, ElementsAre());
}

TEST_F(Checkpoints, GenerationsThatNobodyReachesAreNotCounted) {
  folder_.write("gen-4294967295.rank-0.worker-0", "");
  folder_.write("gen-99999999999999999999.rank-0.worker-0", "");
  folder_.write("index-x", "");
  EXPECT_EQ(last_generation(folder_.path().string()), 0u);
}

TEST_F(Checkpoints, IndexOfWhichAnyByteIsOtherOrCutOffIsNone) {
  CheckpointIndex whole = index();
  whole.files = {{.name = "gen-2.rank-0.worker-0", .bytes = 12, .checksum = 0xabc}};
  const std::string text = whole.text();
  for (size_t i = 0; i < text.size(); ++i) {
    EXPECT_FALSE(CheckpointIndex::parse(text.substr(0, i)).is_ok()) << i;
    std::string other = text;
    other[i] = static_cast<char>(other[i] ^ 1);
    EXPECT_FALSE(CheckpointIndex::parse(other).is_ok()) << i;
  }
}

TEST_F(Checkpoints, ThatChangedSinceTheyWereFrozenAreRefused) {
  write();
  std::vector<std::string> damaged;
  std::vector<FrozenFile> files = files_found(damaged);
  ASSERT_EQ(files.size(), 1u);
  files[0].checksum ^= 1;
  EXPECT_EQ(open_frozen(folder_.path().string(), files[0]).status().message(),
            folder_.path().string() +
                "/gen-3.rank-2.worker-1: a damaged checkpoint, expected what its index says; run "
                "the same command again: its units are done again");
}

TEST_F(Checkpoints, IndexIsTheNewestThatIsWhole) {
  CheckpointIndex old = index();
  old.files = {{.name = "gen-2.rank-0.worker-0", .bytes = 12, .checksum = 0xabc}};
  folder_.write("index-3", old.text());
  CheckpointIndex torn = index();
  torn.generation = 4;
  folder_.write("index-4", torn.text().substr(0, torn.text().size() - 2));
  folder_.write("index-5", "");
  const std::optional<CheckpointIndex> newest = newest_index(folder_.path().string());
  ASSERT_TRUE(newest);
  EXPECT_EQ(newest->generation, 3u);
  EXPECT_EQ(newest->token, "ab");
  EXPECT_EQ(newest->identity, 77u);
  ASSERT_EQ(newest->files.size(), 1u);
  EXPECT_EQ(newest->files[0].name, "gen-2.rank-0.worker-0");
  EXPECT_EQ(newest->files[0].bytes, 12u);
  EXPECT_EQ(newest->files[0].checksum, 0xabcu);
}

TEST_F(Checkpoints, IndexNamesNothingOutsideOfItsFolder) {
  CheckpointIndex hostile = index();
  hostile.files = {{.name = "gen-/../../etc/passwd", .bytes = 1, .checksum = 1}};
  EXPECT_FALSE(CheckpointIndex::parse(hostile.text()).is_ok());
}

TEST(JobChange, NamesWhatIsOther) {
  const std::string before =
      "[input]\npaths = [\"a\"]\n[[stage]]\nuse = \"keep\"\nwhere = \"x > 2\"\n";
  EXPECT_EQ(job_change(before, before), "");
  EXPECT_EQ(job_change("[input]\npaths = [\"a\"]\n[[stage]]\nuse = \"keep\"\nwhere = \"x > 3\"\n",
                       before),
            "stage.0.where is \\\"x > 3\\\", was \\\"x > 2\\\"");
  EXPECT_EQ(job_change(before + "[[stage]]\nuse = \"count\"\n", before),
            "stage.1.use = \\\"count\\\" is new");
}

TEST(JobChange, LeavesOutWhatResultsDoNotDependOn) {
  const std::string before = "[input]\npaths = [\"a\"]\n";
  EXPECT_EQ(job_change(before + "chunk_bytes = \"1MiB\"\n[run]\nmemory = \"1GiB\"\nthreads = 3\n"
                                "max_rejects = \"9\"\nstrict = true\n[[test]]\ninput = [\"x\"]\n",
                       before),
            "");
}

TEST(ManifestChange, SaysWhichFilesAreNewOtherOrGone) {
  Manifest before;
  before.files = {{"a", 1, 1}, {"b", 2, 2}, {"c \n", 3, 3}};
  Manifest now;
  now.files = {{"a", 1, 1}, {"b", 2, 9}, {"d", 4, 4}};
  EXPECT_EQ(manifest_change(manifest_tsv(now), manifest_tsv(before)),
            "1 file is new (\"d\"), 1 file has changed (\"b\"), 1 file is gone (\"c \\n\")");
}

TEST(ManifestChange, TakesAFileThatHasGrownForWhatItWas) {
  Manifest before;
  before.files = {{"a", 10, 1}, {"b", 20, 2}};
  Manifest now;
  now.files = {{"a", 15, 9}, {"b", 19, 9}};
  now.total_bytes = 34;
  keep_first_sizes(now, manifest_tsv(before));
  EXPECT_EQ(now.files[0].size_bytes, 10u);
  EXPECT_EQ(now.files[0].mtime_ns, 1);
  EXPECT_EQ(now.files[1].size_bytes, 19u);  // it shrank: another file
  EXPECT_EQ(now.total_bytes, 29u);
}

TEST(TimeLimit, IsADurationOrAuto) {
  EXPECT_EQ(time_limit_seconds("01:30:00"), 5400);
  EXPECT_EQ(time_limit_seconds(""), 0);
  EXPECT_TRUE(check_time_limit("auto").is_ok());
  EXPECT_EQ(check_time_limit("soon").message(),
            "shardmill: --time-limit is \"soon\", expected a time like 01:00:00 or 90s, or auto; "
            "auto takes what Slurm leaves the job");
}

TEST(TimeLimit, UnderstandsWhatSlurmSaysIsLeft) {
  EXPECT_EQ(seconds_left_of_slurm("2-01:00:00\n"), 2 * 86400 + 3600);
  EXPECT_EQ(seconds_left_of_slurm("1:02:03"), 3723);
  EXPECT_EQ(seconds_left_of_slurm("59:30\n"), 59 * 60 + 30);
  EXPECT_EQ(seconds_left_of_slurm("UNLIMITED"), 0);
  EXPECT_EQ(seconds_left_of_slurm("INVALID"), 0);
  EXPECT_EQ(seconds_left_of_slurm(""), 0);
}

TEST(StopWatch, AsksToStopEarlyEnoughToWriteDownWhatThereIs) {
  StopWatch watch(0.02, 0, "");
  std::optional<std::string> wish;
  for (int i = 0; i < 1000 && !wish; ++i) {
    wish = watch.wish();
    usleep(1000);
  }
  EXPECT_EQ(wish, "the time limit");
}

TEST(StopWatch, FindsAFileNamedStop) {
  TempFolder folder;
  StopWatch none(0, 0, (folder.path() / "STOP").string());
  EXPECT_EQ(none.wish(), std::nullopt);
  folder.write("STOP", "");
  StopWatch watch(0, 0, (folder.path() / "STOP").string());
  EXPECT_EQ(watch.wish(), "the file STOP in the run directory");
}

}  // namespace
}  // namespace shardmill
