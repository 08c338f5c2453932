// Whole runs on local ranks: the run directory, failures before and after the start, and the small
// decisions on the way.
#include "pipeline/run/run.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <atomic>
#include <filesystem>
#include <set>

#include "pipeline/base/hash.h"
#include "pipeline/formats/compress.h"
#include "pipeline/run/progress.h"
#include "pipeline/run/start.h"
#include "pipeline/run/team.h"
#include "tests/support/files.h"
#include "tests/support/job_runner.h"

namespace shardmill {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;

class Run : public testing::Test {
 protected:
  std::string job(const std::string& stages) const {
    return fmt::format("name = \"test\"\n[input]\npaths = [\"{}/data\"]\nformat = \"lines\"\n{}",
                       folder_.path().string(), stages);
  }
  fs::path run_dir() const { return folder_.path() / "run"; }

  RunFiles run(const std::string& stages, Layout layout = {.ranks = 2, .threads = 2}) const {
    return run_on_layout(job(stages), layout, run_dir());
  }

  std::set<std::string> names(const fs::path& dir) const {
    std::set<std::string> names;
    for (const auto& entry : fs::directory_iterator(dir)) names.insert(entry.path().filename());
    return names;
  }

  TempFolder folder_;
};

constexpr const char* kCountAndWrite =
    "[[stage]]\nuse = \"count\"\n[[stage]]\nuse = \"write\"\npath = \"all.txt\"\n";

TEST_F(Run, LeavesARunDirectoryThatItsChecksumsCover) {
  folder_.write("data/a", "one\ntwo\n");
  folder_.write("data/b", "three\n");
  const RunFiles files = run(kCountAndWrite);
  ASSERT_EQ(files.status.message(), "");
  EXPECT_EQ(names(run_dir()),
            (std::set<std::string>{"attempts.jsonl", "bad_records.jsonl", "checksums.xxh3",
                                   "files.tsv", "job.toml", "manifest.tsv", "output", "report.html",
                                   "report.txt", "results.h5", "results.json", "run.json",
                                   "schema.json", "status.json"}));
  EXPECT_EQ(read_file(run_dir() / "output/all.txt"), "one\ntwo\nthree\n");
  std::istringstream lines(read_file(run_dir() / "checksums.xxh3"));
  std::set<std::string> covered;
  for (std::string line; std::getline(lines, line);) {
    const std::string name = line.substr(23);
    EXPECT_EQ(line, fmt::format("XXH3_{:016x}  {}", hash64(read_file(run_dir() / name)), name));
    covered.insert(name);
  }
  EXPECT_TRUE(covered.contains("output/all.txt"));
  EXPECT_TRUE(covered.contains("results.json"));
  EXPECT_EQ(covered.size(), 11u);
  EXPECT_THAT(read_file(run_dir() / "status.json"),
              AllOf(HasSubstr("{\"state\": \"finished\",\n"), HasSubstr("\"units_done\": 1")));
  EXPECT_THAT(read_file(run_dir() / "schema.json"),
              HasSubstr("{\"name\": \"line\", \"type\": \"text\"}"));
}

TEST_F(Run, DescribesWhatEveryRankDid) {
  for (int i = 0; i < 20; ++i) folder_.write(fmt::format("data/{}", i), "a line\nanother\n");
  const RunFiles files = run(kCountAndWrite, {.ranks = 3, .threads = 2, .unit_bytes = 1});
  ASSERT_EQ(files.status.message(), "");
  const RunDescription& description = files.description;
  ASSERT_EQ(description.ranks.size(), 3u);
  uint64_t units = 0;
  uint64_t records = 0;
  for (const RankResult& rank : description.ranks) {
    EXPECT_EQ(rank.threads, 2u);
    EXPECT_GT(rank.peak_rss_bytes, 1u << 20);
    units += rank.units;
    records += rank.records;
  }
  EXPECT_EQ(units, description.units);
  EXPECT_EQ(records, 40u);
  EXPECT_EQ(description.records, 40u);
  EXPECT_GE(description.seconds.total, description.seconds.work);
  ASSERT_EQ(description.outputs.size(), 1u);
  EXPECT_EQ(description.outputs[0].path, "output/all.txt");
  EXPECT_EQ(description.outputs[0].records, 40u);
  EXPECT_EQ(description.outputs[0].bytes, read_file(run_dir() / "output/all.txt").size());
}

TEST_F(Run, AnInvalidPlanCreatesNothingAndEveryRankReturnsIt) {
  for (const int ranks : {1, 2, 5}) {
    std::atomic<int> same = 0;
    run_local_ranks(ranks, [&](Comm& comm) {
      Result<Plan> plan = Status::usage("job.toml:3: a mistake");
      const RunRequest request = {.run_dir = run_dir().string(), .quiet = true};
      const Status status = run_job(comm, comm.rank() == 0 ? &plan : nullptr, request, nullptr);
      same += status.message() == "job.toml:3: a mistake" && status.code() == Code::kUsage ? 1 : 0;
    });
    EXPECT_EQ(same, ranks);
  }
  EXPECT_FALSE(fs::exists(run_dir()));
}

TEST_F(Run, StartsOverWhatAnUnfinishedRunLeft) {
  folder_.write("data/a", "one\n");
  ASSERT_EQ(run(kCountAndWrite).status.message(), "");
  EXPECT_THAT(run(kCountAndWrite).status.message(),
              HasSubstr("run: a finished run, expected a new name or an empty folder; start over "
                        "with --fresh, or choose another --run-dir"));
  fs::remove(run_dir() / "checksums.xxh3");
  folder_.write("run/output/stale.txt", "of an earlier try");
  folder_.write("run/parts/unit-0.stage-1", "of an earlier try");
  ASSERT_EQ(run(kCountAndWrite).status.message(), "");
  EXPECT_EQ(names(run_dir() / "output"), (std::set<std::string>{"all.txt"}));
  EXPECT_FALSE(fs::exists(run_dir() / "parts"));
}

TEST_F(Run, StartsOverAfterARunThatWasKilledAtOnce) {
  folder_.write("data/a", "one\n");
  folder_.write("run/lock", "shardmill run\n");
  EXPECT_EQ(run(kCountAndWrite).status.message(), "");
}

TEST_F(Run, NeverTakesTheFolderOfTheUsersJobForARunDirectory) {
  folder_.write("data/a", "one\n");
  folder_.write("run/job.toml", "# my job");
  folder_.write("run/lock", "my lock");
  folder_.write("run/output/thesis.tex", "years of work");
  EXPECT_THAT(run(kCountAndWrite).status.message(),
              HasSubstr("the folder holds other things than a run"));
  EXPECT_EQ(read_file(run_dir() / "job.toml"), "# my job");
  EXPECT_EQ(read_file(run_dir() / "output/thesis.tex"), "years of work");
}

TEST_F(Run, SaysWhyARunDirectoryCannotBeMade) {
  folder_.write("data/a", "one\n");
  const fs::path file = folder_.path() / "data/a";
  EXPECT_THAT(
      run_on_layout(job(kCountAndWrite), {}, file).status.message(),
      HasSubstr("data/a: a file, expected a folder or a new name; choose another --run-dir"));
  EXPECT_THAT(
      run_on_layout(job(kCountAndWrite), {}, file / "below").status.message(),
      HasSubstr("below: the folder cannot be made (not a directory); check the folder above "
                "it and its permissions"));
}

TEST_F(Run, NeverTakesAFolderOfTheUsers) {
  folder_.write("data/a", "one\n");
  folder_.write("run/thesis.tex", "years of work");
  const RunFiles files = run(kCountAndWrite);
  EXPECT_EQ(files.status.code(), Code::kUsage);
  EXPECT_THAT(files.status.message(),
              HasSubstr("the folder holds other things than a run, expected a run directory, an "
                        "empty folder or a new name; choose another --run-dir"));
  EXPECT_EQ(names(run_dir()), (std::set<std::string>{"thesis.tex"}));
}

TEST_F(Run, ABadFileIsReportedAndTheRestCounts) {
  folder_.write("data/a", "one\ntwo\n");
  std::string packed = gzip_member(std::string(50'000, 'x') + "\n", 0);
  packed.resize(packed.size() - 12);
  folder_.write("data/b.gz", packed);
  folder_.write("data/c", "three\n");
  const RunFiles files = run(kCountAndWrite);
  ASSERT_EQ(files.status.message(), "");
  EXPECT_EQ(files.description.records, 3u);
  EXPECT_EQ(files.description.files[1].outcome, "bad");
  EXPECT_NE(files.description.files[1].reason, "");
  EXPECT_EQ(read_file(run_dir() / "output/all.txt"), "one\ntwo\nthree\n");
}

TEST_F(Run, TooManyRejectsFailTheRunButLeaveItsBooks) {
  folder_.write("data/a", "short\n" + std::string(200, 'l') + "\n");
  const RunFiles files =
      run("record_bytes_max = 100\n[run]\nmax_rejects = \"0\"\n" + std::string(kCountAndWrite));
  EXPECT_EQ(files.status.code(), Code::kFailed);
  EXPECT_THAT(files.status.message(), HasSubstr("1 rejected record of 2, expected at most 0"));
  EXPECT_FALSE(fs::exists(run_dir() / "results.json"));
  EXPECT_FALSE(fs::exists(run_dir() / "output/all.txt"));
  EXPECT_FALSE(fs::exists(run_dir() / "parts"));
  EXPECT_THAT(read_file(run_dir() / "bad_records.jsonl"), HasSubstr("\"offset\": 6"));
  EXPECT_THAT(read_file(run_dir() / "status.json"), HasSubstr("\"state\": \"failed\""));
}

TEST_F(Run, AFailureAfterTheStartEndsEveryRank) {
  folder_.write("data/a", "one\n");
  fs::create_directories(folder_.path() / "out/x.txt");
  const std::string out = (folder_.path() / "out/x.txt").string();
  for (const int ranks : {1, 3}) {
    const RunFiles files =
        run_on_layout(job("[[stage]]\nuse = \"write\"\npath = \"" + out + "\"\n"),
                      {.ranks = ranks, .threads = 2}, run_dir());
    EXPECT_EQ(files.status.code(), Code::kFailed);
    EXPECT_THAT(files.status.message(), HasSubstr("x.txt"));
    EXPECT_FALSE(fs::exists(run_dir() / "results.json"));
    fs::remove_all(run_dir());
  }
}

TEST_F(Run, WithoutARunDirectoryOnlyTheAskedForFileIsKept) {
  folder_.write("data/a", "one\ntwo\n");
  const std::string out = (folder_.path() / "out/all.txt").string();
  const RunFiles files = run_on_layout(job("[[stage]]\nuse = \"write\"\npath = \"" + out + "\"\n"),
                                       {.ranks = 2, .threads = 1}, "");
  ASSERT_EQ(files.status.message(), "");
  EXPECT_EQ(read_file(out), "one\ntwo\n");
  EXPECT_EQ(names(folder_.path()), (std::set<std::string>{"data", "out"}));
  EXPECT_EQ(names(folder_.path() / "out"), (std::set<std::string>{"all.txt"}));
  EXPECT_EQ(files.description.outputs[0].path, out);
}

TEST(ShareCores, FollowsMasksAndHosts) {
  const auto hello = [](std::string host, std::vector<uint32_t> cores) {
    const auto count = static_cast<unsigned>(cores.size());
    return Hello{.host = std::move(host), .usable_cores = count, .cores = std::move(cores)};
  };
  EXPECT_EQ(share_cores({hello("a", {0, 1})}), (std::vector<unsigned>{2}));
  EXPECT_EQ(share_cores({hello("a", {0, 1}), hello("a", {0, 1})}), (std::vector<unsigned>{1, 1}))
      << "mpirun -n 2 without binding on two cores";
  EXPECT_EQ(share_cores({hello("a", {0, 1}), hello("a", {2, 3})}), (std::vector<unsigned>{2, 2}))
      << "each rank bound to its own cores";
  EXPECT_EQ(share_cores({hello("a", {0, 1}), hello("b", {0, 1})}), (std::vector<unsigned>{2, 2}));
  EXPECT_EQ(share_cores({hello("a", {0}), hello("a", {0}), hello("a", {0})}),
            (std::vector<unsigned>{1, 1, 1}))
      << "at least one";
}

TEST(SameBuild, IsAskedOfEveryRank) {
  const Hello ours = {.build = "0.2.0 (build 11aa22bb33cc)", .host = "n1"};
  const Hello theirs = {.build = "0.1.0 (build 445566778899)", .host = "n7"};
  EXPECT_TRUE(check_same_build({ours, ours, ours}).is_ok());
  const Status status = check_same_build({ours, ours, theirs});
  EXPECT_EQ(status.message(),
            "rank 2 (n7): shardmill 0.1.0 (build 445566778899), expected 0.2.0 (build "
            "11aa22bb33cc) as on rank 0 (n1); install the same build on all hosts");
  EXPECT_EQ(status.code(), Code::kFailed);
}

TEST(OmpNumThreads, IsReadFromTheEnvironment) {
  for (const auto& [text, threads] :
       std::map<std::string, unsigned>{{"4", 4}, {"3,2", 3}, {"x", 0}, {"-1", 0}, {"", 0}}) {
    setenv("OMP_NUM_THREADS", text.c_str(), 1);
    EXPECT_EQ(omp_num_threads(), threads) << text;
  }
  unsetenv("OMP_NUM_THREADS");
  EXPECT_EQ(omp_num_threads(), 0u);
}

TEST(Team, RunsTheThreadAndAllWorkersAtOnce) {
  for (const unsigned workers : {1u, 4u}) {
    std::atomic<unsigned> met = 0;
    unsigned told = 0;
    // Everybody waits for everybody: this ends only if all run at the same time.
    const auto meet = [&] {
      ++met;
      while (met < workers + 1) std::this_thread::yield();
    };
    run_team(
        workers,
        [&](unsigned count) {
          told = count;
          meet();
        },
        [&](unsigned) { meet(); });
    EXPECT_EQ(told, workers);
  }
}

TEST(Progress, SaysHowFarAndHowLong) {
  Pace pace = {.disk_bytes = 256 << 20, .disk_bytes_total = 1 << 30, .elapsed_seconds = 2};
  EXPECT_EQ(progress_line(pace, 3),
            "read 256 MiB of 1.00 GiB (25.0 %), 134 MB/s, 6.00 s left, 3 bad records");
  pace.disk_bytes_before = 128 << 20;  // what earlier attempts did says nothing about the speed
  EXPECT_EQ(progress_line(pace, 0), "read 256 MiB of 1.00 GiB (25.0 %), 67.1 MB/s, 12.0 s left");
  EXPECT_EQ(progress_line({}, 0), "read 0 B of 0 B (0.0 %), 0.00 B/s");
}

TEST(Progress, ShowsHowTheRanksKeepUpWithEachOther) {
  EXPECT_EQ(balance_text({{.disk_bytes = 70}, {.disk_bytes = 0}, {.disk_bytes = 35}}, 60),
            "ranks █▁▅");
  EXPECT_EQ(balance_text(std::vector<Heartbeat>(1000, {.disk_bytes = 5}), 3), "ranks ███");
  EXPECT_EQ(balance_text({{}, {}}, 8), "ranks ▁▁");
}

TEST(Progress, NamesTheRankAndTheFileThatStandStill) {
  EXPECT_EQ(stall_warning(3, "node7", {"/data/x.gz", 1024, 312.4}, 300),
            "rank 3 (node7): no progress for 312 s at byte 1,024 of \"/data/x.gz\", expected a "
            "chunk within 300 s; check that file, its disk and what the job does with it, or set "
            "run.stall_warning");
  EXPECT_EQ(silence_warning(3, "node\x1b[7", 312.4),
            "rank 3 (node\\x1b[7): nothing heard for 312 s, expected a heartbeat every second; "
            "check that host and the network, or set run.stall_warning");
}

TEST(Progress, AddsWhatEarlierAttemptsDid) {
  Progress progress({.show = false, .hosts = {"a", "b"}, .before = {.units = 7, .records = 70}});
  progress.update(1, {.units = 2, .disk_bytes = 5, .records = 20, .threads = 3});
  EXPECT_EQ(progress.sum().units, 9u);
  EXPECT_EQ(progress.sum().records, 90u);
  EXPECT_EQ(progress.ranks().at(1).heartbeat.units, 2u);
}

TEST(Progress, NamesEveryWorkerThatStandsStill) {
  Progress progress({.show = false, .stall_warning_seconds = 100, .hosts = {"a", "b"}});
  Heartbeat heartbeat;
  heartbeat.see({"quick", 1, 99});
  heartbeat.see({"slow", 2, 150});
  heartbeat.see({"slower", 3, 250});
  progress.update(1, heartbeat);
  const std::vector<std::string> stalls = progress.stalls();
  ASSERT_EQ(stalls.size(), 2u);
  EXPECT_EQ(stalls[0], stall_warning(1, "b", {"slower", 3, 250}, 100));
  EXPECT_EQ(stalls[1], stall_warning(1, "b", {"slow", 2, 150}, 100));
}

TEST(Progress, HeartbeatsStaySmall) {
  Heartbeat heartbeat;
  for (int i = 0; i < 100; ++i) heartbeat.see({"f", 0, i * 37 % 100 + 0.5});
  ASSERT_EQ(heartbeat.workers.size(), Heartbeat::kWorkersMost);
  EXPECT_EQ(heartbeat.workers[0].seconds_still, 99.5);
  EXPECT_EQ(heartbeat.workers[3].seconds_still, 96.5);
}

TEST(Progress, HeartbeatsSurviveTheWire) {
  const Heartbeat heartbeat = {1, 2, 3, 4, 5, {{"path", 6, 7.5}, {"other", 8, 9}}};
  const std::optional<Heartbeat> decoded = Heartbeat::decode(heartbeat.encode());
  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->encode(), heartbeat.encode());
  EXPECT_FALSE(Heartbeat::decode("x"));
}

}  // namespace
}  // namespace shardmill
