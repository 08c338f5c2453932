#include "pipeline/cli/slurm_tools.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/files.h"

namespace shardmill {
namespace {

using testing::HasSubstr;

std::string text_of(std::string_view line) {
  const std::optional<QueuedJob> job = parse_queued_job(line);
  return job ? job->text() : "none";
}

TEST(QueuedJob, IsToldInOneLine) {
  EXPECT_EQ(text_of("12|PENDING|Resources|2026-11-21T17:51:52|10:00|\n"),
            "job 12 waits in the queue (Resources), expected to start at 2026-11-21T17:51:52");
  EXPECT_EQ(text_of("12|PENDING|None|N/A|10:00|"), "job 12 waits in the queue");
  EXPECT_EQ(text_of("12|RUNNING|None|2026-11-21T17:51:52|1-09:59:01|n[1-3]"),
            "job 12 is running on n[1-3], 1-09:59:01 left");
  EXPECT_EQ(text_of("12_3|NODE_FAIL|None|N/A|INVALID|n1"), "job 12_3 is node fail on n1");
}

TEST(QueuedJob, IsNoneWhereSqueueSaysSomethingElse) {
  EXPECT_EQ(text_of(""), "none");
  EXPECT_EQ(text_of("slurm_load_jobs error: Invalid job id specified"), "none");
  EXPECT_EQ(text_of("x|RUNNING|None|N/A|1:00|n1"), "none");
  EXPECT_EQ(text_of("12|RUNNING|None"), "none");
}

TEST(QueuedJob, IsSafeOnATerminal) {
  EXPECT_EQ(text_of("12|PENDING|\x1b[2J|N/A|1:00|"), "job 12 waits in the queue (\\x1b[2J)");
}

TEST(QueuedJob, IsReadByPrograms) {
  EXPECT_EQ(parse_queued_job("12|RUNNING|None|N/A|1:00|n\"1")->json(),
            "{\"job\": \"12\", \"state\": \"RUNNING\", \"reason\": \"None\", \"start\": \"\", "
            "\"left\": \"1:00\", \"nodes\": \"n\\\"1\"}");
}

TEST(QueuedJob, OfARunWithoutASubmittedJobIsNone) {
  const TempFolder folder;
  EXPECT_FALSE(queued_job(folder.path().string()));
  folder.write("slurm/job_id", "12; rm -rf /\n$(id)");
  EXPECT_FALSE(queued_job(folder.path().string()));
}

TEST(JobId, IsANumberAndNothingElse) {
  EXPECT_TRUE(is_job_id("1234"));
  EXPECT_TRUE(is_job_id("1234_5"));
  for (const char* text : {"", "12a", "-1", "1 2", "12:13", "12_", "_1", "1\n2"}) {
    EXPECT_FALSE(is_job_id(text)) << text;
  }
}

TEST(LauncherOf, IsSrunOnlyIfItSpeaksAsTheProgramDoes) {
  const std::string_view both = "MPI plugin types are...\n\tpmi2\n\tpmix\n\tpmix_v4\n\tnone\n";
  const std::string_view pmi2 = "MPI plugin types are...\n\tnone\n\tpmi2\n";
  EXPECT_EQ(launcher_of(both, "pmix"), Launcher::kSrun);
  EXPECT_EQ(launcher_of(both, "pmi2"), Launcher::kSrun);
  EXPECT_EQ(launcher_of(pmi2, "pmix"), Launcher::kMpirun);
  EXPECT_EQ(launcher_of(pmi2, "pmi2"), Launcher::kSrun);
  EXPECT_EQ(launcher_of("", "pmi2"), Launcher::kMpirun);
}

TEST(AskTool, GivesOutputExitCodeAndLastWords) {
  const Result<ToolAnswer> answer =
      ask_tool({"sh", "-c", "echo out; echo 'went wrong' >&2; exit 3"});
  ASSERT_TRUE(answer.is_ok());
  EXPECT_FALSE(answer->succeeded);
  EXPECT_EQ(answer->output, "out\n");
  EXPECT_EQ(answer->last_words, "went wrong");
  EXPECT_TRUE(ask_tool({"true"})->succeeded);
}

TEST(AskTool, SaysWhichProgramThereIsNot) {
  EXPECT_EQ(ask_tool({"no-such-sbatch"}).status().message(),
            "no-such-sbatch: there is no such program on PATH, expected the commands of Slurm; "
            "give the command where they are, on a login node");
}

}  // namespace
}  // namespace shardmill
