// Commands that look at runs which are over: what they print, and with what they exit.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "tests/support/files.h"

namespace shardmill {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

/// Each test stands in a folder of its own with a job over a few records.
class FinishedRuns : public testing::Test {
 protected:
  void SetUp() override {
    folder_.write("data/a.csv", "city,ms\nRome,10\nOslo,20\nRome,30\n");
    folder_.write("job.toml", R"toml(name = "cities"
[input]
paths = ["data"]
[[stage]]
use = "keep"
where = "ms < 1000"
[[stage]]
use = "group"
name = "by city"
by = ["city"]
compute = ["count()", "mean(ms)"]
[[stage]]
use = "write"
path = "all.csv"
)toml");
  }

  /// Standard output and standard error together.
  CommandResult run(const std::string& words) const { return shell(words + " 2>&1"); }
  CommandResult output_of(const std::string& words) const { return shell(words + " 2>/dev/null"); }
  CommandResult shell(const std::string& words) const {
    return run_command("cd " + folder_.path().string() + " && " SHARDMILL_BINARY " " + words);
  }

  TempFolder folder_;
};

TEST_F(FinishedRuns, VerifySaysWhatItCheckedAndExitsWith3IfAnythingIsWrong) {
  ASSERT_EQ(run("run job.toml --quiet").exit_code, 0);
  const CommandResult good = run("verify job.run");
  EXPECT_EQ(good.exit_code, 0);
  EXPECT_THAT(good.output, StartsWith("files   11 of 11 as the run left them, "));
  EXPECT_THAT(good.output,
              HasSubstr("output  nothing else is there\n"
                        "books   1 file, 3 records, 3 stages, 1 table: they balance\n"));
  folder_.write("job.run/output/all.csv", "changed");
  folder_.write("job.run/output/other.csv", "");
  const CommandResult bad = run("verify job.run");
  EXPECT_EQ(bad.exit_code, 3);
  EXPECT_THAT(bad.output, HasSubstr("job.run/output/all.csv: changed since the run: XXH3_"));
  EXPECT_THAT(bad.output,
              HasSubstr("job.run/output/other.csv: not of this run, expected only what the run "
                        "wrote\n"));
  EXPECT_THAT(output_of("verify job.run").output,
              testing::EndsWith("output  1 other file\nbooks   1 file, 3 records, 3 stages, 1 "
                                "table: they balance\n2 problems\n"));
  EXPECT_EQ(run("verify data/none").exit_code, 2);
}

TEST_F(FinishedRuns, ARunWhoseChecksumsAreTornIsDoneAgain) {
  ASSERT_EQ(run("run job.toml --quiet").exit_code, 0);
  const std::string list = read_file(folder_.path() / "job.run/checksums.xxh3");
  folder_.write("job.run/checksums.xxh3", list.substr(0, list.size() - 30));
  const CommandResult again = run("run job.toml --quiet");
  EXPECT_EQ(again.exit_code, 0);
  EXPECT_EQ(again.output, "");
  EXPECT_EQ(read_file(folder_.path() / "job.run/checksums.xxh3").size(), list.size());
  EXPECT_THAT(run("run job.toml --quiet").output, StartsWith("job.run: this run is finished"));
}

TEST_F(FinishedRuns, DiffShowsWhatChangedAndExitsWith10) {
  ASSERT_EQ(run("run job.toml --quiet --run-dir a.run").exit_code, 0);
  ASSERT_EQ(run("run job.toml --quiet --run-dir b.run --threads 2").exit_code, 0);
  const CommandResult same = run("diff a.run b.run/");
  EXPECT_EQ(same.exit_code, 0);
  EXPECT_EQ(same.output, "a.run and b.run/: the same results: 3 records, 1 table, 1 output\n");
  folder_.write("data/b.csv", "city,ms\nRome,50\nBonn,2000\nBonn,5\n");
  ASSERT_EQ(run("run job.toml --quiet --run-dir c.run").exit_code, 0);
  const CommandResult other = run("diff a.run c.run");
  EXPECT_EQ(other.exit_code, 10);
  EXPECT_EQ(other.output, R"(Inputs
  ~ files 1 -> 2 (+1)
  ~ bytes 32 -> 65 (+33)
  ~ records 3 -> 6 (+3)

Files
  + data/b.csv: read, 33 B, 3 records

Stages
  ~ 0 keep: records in 3 -> 6 (+3), records out 3 -> 5 (+2), dropped not_true 0 -> 1 (+1)
  ~ 1 group: records 3 -> 5 (+2)
  ~ 2 write: records 3 -> 5 (+2)

Table "by city": rows 2 -> 3 (+1), 1 changed, 1 added
  ~ city Rome: count 2 -> 3 (+1), mean(ms) 20 -> 30
  + city Bonn: count 1, mean(ms) 5

Outputs
  ~ output/all.csv: other bytes

a.run and c.run: different: the inputs, 3 stages, 1 table, 1 output
)");
}

TEST_F(FinishedRuns, DiffTellsWhetherTheJobIsAnotherOne) {
  ASSERT_EQ(run("run job.toml --quiet --run-dir a.run").exit_code, 0);
  const std::string job = read_file(folder_.path() / "job.toml");
  folder_.write("job.toml", "# the same, with a remark\n" + job);
  ASSERT_EQ(run("run job.toml --quiet --run-dir b.run").exit_code, 0);
  const CommandResult remark = run("diff a.run b.run");
  EXPECT_EQ(remark.exit_code, 0);
  EXPECT_EQ(remark.output, "a.run and b.run: the same results: 3 records, 1 table, 1 output\n");
  ASSERT_EQ(run("run job.toml --quiet --run-dir c.run --set run.drop_examples=0").exit_code, 0);
  const CommandResult option = run("diff a.run c.run");
  EXPECT_EQ(option.exit_code, 0);
  EXPECT_EQ(option.output,
            "Job\n  ~ job.toml: other stages or options\n\n"
            "a.run and c.run: the same results: 3 records, 1 table, 1 output\n");
  folder_.write("job.toml", std::string(job).replace(job.find("by city"), 7, "by town"));
  ASSERT_EQ(run("run job.toml --quiet --run-dir d.run").exit_code, 0);
  EXPECT_THAT(run("diff a.run d.run").output,
              HasSubstr("Table \"by city\"\n  - 2 rows, only in the first run\n\n"
                        "Table \"by town\"\n  + 2 rows, only in the second run\n"));
}

TEST_F(FinishedRuns, DiffTrustsOnlyRunsThatAreAsTheyEnded) {
  ASSERT_EQ(run("run job.toml --quiet").exit_code, 0);
  const CommandResult none = run("diff job.run nowhere");
  EXPECT_EQ(none.exit_code, 2);
  EXPECT_EQ(none.output,
            "nowhere: there is no such folder, expected the directory of a finished run; runs "
            "leave it in JOB.run or --run-dir\n");
  EXPECT_THAT(run("diff data job.run").output, StartsWith("data: the folder holds no run, "));
  const std::string results = read_file(folder_.path() / "job.run/results.json");
  folder_.write("job.run/results.json", results + " ");
  const CommandResult changed = run("diff job.run job.run");
  EXPECT_EQ(changed.exit_code, 3);
  EXPECT_EQ(changed.output,
            "job.run/results.json: changed since the run, expected the file that it left; "
            "\"shardmill verify job.run\" tells more\n");
  std::filesystem::remove(folder_.path() / "job.run/checksums.xxh3");
  const CommandResult open = run("diff job.run job.run");
  EXPECT_EQ(open.exit_code, 2);
  EXPECT_EQ(open.output,
            "job.run: the run has not finished, expected the directory of a finished run; wait for "
            "it, or give its command again\n");
}

TEST_F(FinishedRuns, DiffComparesAllRowsOfLargeTables) {
  std::string csv = "city,ms\n";
  for (int i = 0; i < 1500; ++i) csv += fmt::format("city {:04},10\n", i);
  folder_.write("data/a.csv", csv);
  ASSERT_EQ(run("run job.toml --quiet --run-dir a.run").exit_code, 0);
  // The same number of bytes and records; the change is behind the 1,000 rows of results.json.
  csv.replace(csv.find("city 1234,10"), 12, "city 1234,77");
  csv.replace(csv.find("city 1400"), 9, "city 140x");
  folder_.write("data/a.csv", csv);
  ASSERT_EQ(run("run job.toml --quiet --run-dir b.run").exit_code, 0);
  EXPECT_EQ(read_file(folder_.path() / "a.run/results.json"),
            read_file(folder_.path() / "b.run/results.json"));
  const CommandResult other = run("diff a.run b.run");
  EXPECT_EQ(other.exit_code, 10);
  EXPECT_EQ(other.output, R"(Table "by city": 1,500 rows, 1 changed, 1 removed, 1 added
  ~ city city 1234: mean(ms) 10 -> 77
  - city city 1400: count 1, mean(ms) 10
  + city city 140x: count 1, mean(ms) 10

Outputs
  ~ output/all.csv: other bytes

a.run and b.run: different: 1 table, 1 output
)");
  const std::string h5 = read_file(folder_.path() / "b.run/results.h5");
  folder_.write("b.run/results.h5", h5 + " ");
  const CommandResult changed = run("diff a.run b.run");
  EXPECT_EQ(changed.exit_code, 3);
  EXPECT_EQ(changed.output,
            "b.run/results.h5: changed since the run, expected the file that it left; "
            "\"shardmill verify b.run\" tells more\n");
}

}  // namespace
}  // namespace shardmill
