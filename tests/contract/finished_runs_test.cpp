// Commands that look at runs which are over: what they print, and with what they exit.
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
  EXPECT_THAT(good.output, StartsWith("files   10 of 10 as the run left them, "));
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

}  // namespace
}  // namespace shardmill
