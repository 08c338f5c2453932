// Books that do not balance: a program with a stage that loses records must not pass for sound.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "tests/support/files.h"

namespace shardmill {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::StartsWith;

class Liar : public testing::Test {
 protected:
  Liar() {
    folder_.write("data/a.txt", "one\nxylophone\ntwo\nx-ray\n");
    folder_.write("data/b.txt", "three\n");
    folder_.write("job.toml",
                  "[input]\npaths = [\"data\"]\nformat = \"lines\"\n[[stage]]\nuse = \"keep\"\n"
                  "where = \"true\"\n[[stage]]\nuse = \"liar\"\n[[stage]]\nuse = \"count\"\n"
                  "[[stage]]\nuse = \"write\"\npath = \"all.txt\"\n");
  }

  CommandResult run(const std::string& program, const std::string& words) const {
    return run_command("cd " + folder_.path().string() + " && " + program + " " + words + " 2>&1");
  }
  fs::path in_run(const char* name) const { return folder_.path() / "job.run" / name; }

  TempFolder folder_;
};

TEST_F(Liar, IsFoundAndNamedAndTheRunExitsWith3) {
  const CommandResult found = run(SHARDMILL_LYING_BINARY, "run job.toml --quiet");
  EXPECT_EQ(found.exit_code, 3);
  EXPECT_EQ(found.output,
            "books: they do not balance: stage 1 (liar): 5 records came in or were made, expected "
            "3; this is a mistake of shardmill's, the results cannot be trusted\n");
  EXPECT_FALSE(fs::exists(in_run("results.json")));
  EXPECT_FALSE(fs::exists(in_run("checksums.xxh3")));
  EXPECT_FALSE(fs::exists(in_run("output/all.txt")));
  EXPECT_THAT(read_file(in_run("run.json")),
              HasSubstr("\"books_problems\": [\"stage 1 (liar): 5 records came in or were made, "
                        "expected 3\"]"));
  const CommandResult verified = run(SHARDMILL_BINARY, "verify job.run");
  EXPECT_EQ(verified.exit_code, 3);
  EXPECT_THAT(verified.output, HasSubstr("job.run: the run has not finished, expected "
                                         "checksums.xxh3, its last file"));
}

TEST_F(Liar, DoesNoHarmWhileItHasNothingToLieAbout) {
  folder_.write("data/a.txt", "one\ntwo\n");
  EXPECT_EQ(run(SHARDMILL_LYING_BINARY, "run job.toml --quiet").output, "");
  const CommandResult verified = run(SHARDMILL_BINARY, "verify job.run");
  EXPECT_EQ(verified.exit_code, 0) << verified.output;
}

}  // namespace
}  // namespace shardmill
