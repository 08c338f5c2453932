// `shardmill report` and `shardmill diff` in all their forms, as scripts and people call them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pipeline/report/report_html.h"
#include "tests/support/files.h"

namespace shardmill {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

/// Each test stands in a folder of its own with a finished run.
class ReportCommand : public testing::Test {
 protected:
  void SetUp() override {
    folder_.write("data/a.csv", "city,ms\nRome,10\n\"a,\"\"b|<i>\",20\nRome,30.5\n\"\",1\n");
    write_job("ms < 1000");
    ASSERT_EQ(run("run job.toml --quiet").exit_code, 0);
  }

  void write_job(const std::string& where) const {
    folder_.write("job.toml",
                  "name = \"cities\"\n[input]\npaths = [\"data\"]\n[[stage]]\nuse = \"keep\"\n"
                  "where = \"" +
                      where +
                      "\"\n[[stage]]\nuse = \"group\"\nname = \"by city\"\nby = [\"city\"]\n"
                      "compute = [\"count()\", \"mean(ms)\"]\n[[stage]]\nuse = \"count\"\n");
  }

  /// Standard output and standard error together.
  CommandResult run(const std::string& words) const {
    return run_command("cd " + folder_.path().string() + " && " SHARDMILL_BINARY " " + words +
                       " 2>&1");
  }
  std::string output(const std::string& words) const {
    const CommandResult result = run(words);
    EXPECT_EQ(result.exit_code, 0) << result.output;
    return result.output;
  }

  TempFolder folder_;
};

TEST_F(ReportCommand, PrintsWhatTheRunLeft) {
  EXPECT_EQ(output("report job.run"), read_file(folder_.path() / "job.run/report.txt"));
  EXPECT_EQ(output("report job.run --format=text"),
            read_file(folder_.path() / "job.run/report.txt"));
  EXPECT_EQ(output("report job.run --format html"),
            read_file(folder_.path() / "job.run/report.html"));
  EXPECT_EQ(output("report job.run --format json"),
            read_file(folder_.path() / "job.run/results.json"));
}

TEST_F(ReportCommand, WritesATableAsCsv) {
  EXPECT_EQ(output("report job.run --format csv --table 'by city'"),
            "city,count,mean(ms)\n\"\",1,1.0\nRome,2,20.25\n\"a,\"\"b|<i>\",1,20.0\n");
}

TEST_F(ReportCommand, WritesTablesAsMarkdownThatShowsThemAsTheyAre) {
  const std::string table =
      "| city | count | mean(ms) |\n|---|--:|--:|\n| \"\" | 1 | 1.00 |\n| Rome | 2 | 20.25 |\n"
      "| a,\"b\\|\\<i\\> | 1 | 20.00 |\n";
  EXPECT_EQ(output("report job.run --format markdown --table 'by city'"), table);
  EXPECT_EQ(output("report job.run --format markdown"),
            "## by city\n\n" + table + "\n## count\n\n| records |\n|--:|\n| 4 |\n\n");
}

TEST_F(ReportCommand, WritesOneTableAsJsonOrAsText) {
  EXPECT_EQ(output("report job.run --format json --table count"),
            "{\"name\": \"count\", \"stage\": 2, \"row_count\": 1, \"columns\": [{\"name\": "
            "\"records\", \"type\": \"int\"}], \"rows\": [\n  [4]]}\n");
  EXPECT_THAT(output("report job.run --table 'by city'"),
              StartsWith("  city      count  mean(ms)\n  ────────  ─────  ────────\n"));
}

TEST_F(ReportCommand, GivesAllRowsOfATableNotOnlyThoseInResultsJson) {
  std::string many = "city,ms\n";
  for (int i = 0; i < 30; ++i) many += "c" + std::to_string(i) + ",1\n";
  folder_.write("data/a.csv", many);
  ASSERT_EQ(run("run job.toml --quiet --fresh --set run.rows_in_report=5").exit_code, 0);
  const std::string csv = output("report job.run --format csv --table 'by city'");
  EXPECT_EQ(std::count(csv.begin(), csv.end(), '\n'), 31);
}

TEST_F(ReportCommand, SaysWhatCannotBe) {
  const std::pair<const char*, const char*> cases[] = {
      {"report job.run --format csv",
       "job.run: the run has 2 tables, expected one of \"by city\", \"count\"; choose it with "
       "--table NAME\n"},
      {"report job.run --format csv --table 'by citty'",
       "job.run: no table \"by citty\", expected one of \"by city\", \"count\"; did you mean \"by "
       "city\"?\n"},
      {"report job.run --format cvs",
       "shardmill report: --format is \"cvs\", expected one of text, html, json, csv, markdown; "
       "did "
       "you mean \"csv\"?\n"},
      {"report job.run --format html --table count",
       "shardmill report: --format html is the whole report, expected no --table; choose text, "
       "json, csv or markdown for one table\n"},
      {"report gone --table count", "gone: there is no such folder, expected"},
      {"diff job.run job.run --format json",
       "shardmill diff: --format is \"json\", expected one of text, html\n"},
  };
  for (const auto& [words, message] : cases) {
    const CommandResult result = run(words);
    EXPECT_EQ(result.exit_code, 2) << words;
    EXPECT_THAT(result.output, StartsWith(message)) << words;
  }
}

TEST_F(ReportCommand, ComparesTwoRunsInAPage) {
  EXPECT_THAT(output("diff job.run job.run --format html"), HasSubstr("\"same\": true"));
  write_job("ms < 30");
  ASSERT_EQ(run("run job.toml --quiet --run-dir other.run").exit_code, 0);
  const CommandResult other = run("diff job.run other.run --format html");
  EXPECT_EQ(other.exit_code, 10);
  EXPECT_THAT(other.output, StartsWith("<!DOCTYPE html>\n"));
  EXPECT_THAT(other.output, HasSubstr("\"same\": false"));
  EXPECT_THAT(other.output, HasSubstr("[\"changed\", \"Rome\", \"count\", \"2\", \"1\", \"-1\"]"));
  EXPECT_THAT(other.output,
              HasSubstr("[\"changed\", \"Rome\", \"mean(ms)\", \"20.25\", \"10\", \"\"]"));
  EXPECT_THAT(other.output, HasSubstr("show_diff();"));
  EXPECT_LT(other.output.size(), kPageBytesMost);
}

}  // namespace
}  // namespace shardmill
