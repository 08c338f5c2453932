// What the program says to a person: commands, messages, exit codes, and what it leaves behind.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>

#include "pipeline/formats/compress.h"
#include "tests/support/files.h"

namespace shardmill {
namespace {

using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

/// Each test stands in a folder of its own.
class CommandLine : public testing::Test {
 protected:
  /// Standard output and standard error together.
  CommandResult run(const std::string& words) const {
    return run_command("cd " + folder_.path().string() + " && " SHARDMILL_BINARY " " + words +
                       " 2>&1");
  }
  /// Standard output alone.
  CommandResult output_of(const std::string& words) const {
    return run_command("cd " + folder_.path().string() + " && " SHARDMILL_BINARY " " + words +
                       " 2>/dev/null");
  }
  /// With redirections of its own, in what the shell runs behind the program's name.
  CommandResult shell(const std::string& words) const {
    return run_command("cd " + folder_.path().string() + " && " SHARDMILL_BINARY " " + words);
  }
  void write(std::string_view name, std::string_view content) { folder_.write(name, content); }
  bool exists(const std::string& name) const {
    return std::filesystem::exists(folder_.path() / name);
  }
  size_t entries() const {
    using Iterator = std::filesystem::directory_iterator;
    return static_cast<size_t>(std::distance(Iterator(folder_.path()), Iterator()));
  }

  TempFolder folder_;
};

constexpr std::string_view kCountJob = "[input]\npaths = [\"data\"]\n[[stage]]\nuse = \"count\"\n";

TEST_F(CommandLine, AloneItSaysWhatToTypeFirst) {
  const CommandResult result = run("");
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_THAT(result.output, HasSubstr("First things to type:"));
  for (const char* command :
       {"run", "submit", "plan", "test", "count", "grep", "profile", "status", "stop", "report",
        "verify", "diff", "stages", "expressions", "new", "completion"}) {
    EXPECT_THAT(result.output, HasSubstr(std::string("\n  ") + command + " "));
    const CommandResult help = run(std::string(command) + " --help");
    EXPECT_EQ(help.exit_code, 0) << command;
    EXPECT_THAT(help.output, HasSubstr(std::string("shardmill ") + command));
  }
  EXPECT_EQ(run("--help").output, result.output);
  EXPECT_THAT(run("--version").output, StartsWith("shardmill "));
}

TEST_F(CommandLine, WrongWordsGiveOneLineAndExit2) {
  const std::pair<std::string, std::string> cases[] = {
      {"rnu x.toml",
       "shardmill: there is no command \"rnu\", expected one of run, submit, plan, "
       "test, count, grep, profile, status, stop, report, verify, diff, stages, expressions, "
       "new, completion; did you "
       "mean \"shardmill run\"?\n"},
      {"run", "shardmill run: JOB.toml is required; see \"shardmill run --help\"\n"},
      {"run --thread 3 x.toml", "; did you mean \"--threads\"?\n"},
      {"run --threads no x.toml", "shardmill run: --threads: "},
      {"run --set x x.toml",
       "shardmill: --set is \"x\", expected key=value; for instance --set input.unit_bytes=1MiB\n"},
      {"run x.toml",
       "x.toml: the job file cannot be read: no such file or directory, expected a "
       "TOML file; \"shardmill new first\" writes one to start from\n"},
      {"run .", ".: the job file cannot be read: is a directory, expected a TOML file"},
      {"grep x", "shardmill grep: no pattern or no path is given, expected both"},
      {"grep 'a(' .", "shardmill grep: "},
      {"count gone", "shardmill count: there is no input \"gone\": no such file or directory"},
      {"stages gruop", "; did you mean \"group\"?\n"},
      {"report gone",
       "gone/report.txt: the report cannot be read: no such file or directory, "
       "expected the directory of a finished run"}};
  for (const auto& [words, message] : cases) {
    const CommandResult result = run(words);
    EXPECT_EQ(result.exit_code, 2) << words;
    EXPECT_THAT(result.output, HasSubstr(message)) << words;
    EXPECT_EQ(std::count(result.output.begin(), result.output.end(), '\n'), 1) << result.output;
  }
  EXPECT_EQ(entries(), 0u);
}

TEST_F(CommandLine, SixMistakesAreShownAtOnceAndNothingIsCreated) {
  write("data/a.txt", "x\n");
  write("job.toml", R"(nmae = "x"
[input]
paths = ["data"]
chunk_bytes = 1
[[stage]]
use = "haed"
[[stage]]
use = "keep"
where = "1 +"
[[stage]]
use = "sample"
[[stage]]
use = "write"
path = "x.jsonl"
layout = "perinput"
)");
  const auto start = std::chrono::steady_clock::now();
  const CommandResult result = run("run job.toml");
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_LT(seconds.count(), 0.5);
  EXPECT_EQ(std::count(result.output.begin(), result.output.end(), '\n'), 6) << result.output;
  for (const char* place : {"job.toml:1: ", "job.toml:4: ", "job.toml:6: ", "job.toml:9: ",
                            "job.toml:10: ", "job.toml:15: "}) {
    EXPECT_THAT(result.output, HasSubstr(place));
  }
  EXPECT_THAT(result.output, HasSubstr("did you mean \"name\"?"));
  EXPECT_THAT(result.output, HasSubstr("did you mean \"head\"?"));
  EXPECT_THAT(result.output, HasSubstr("did you mean \"per_input\"?"));
  EXPECT_EQ(entries(), 2u) << "something was created";
}

TEST_F(CommandLine, RunLeavesARunDirectoryBesideTheUser) {
  write("data/a.txt", "a b\nc\n");
  write("jobs/lines.toml", kCountJob);
  const CommandResult result = run("run jobs/lines.toml");
  EXPECT_EQ(result.exit_code, 0) << result.output;
  EXPECT_TRUE(exists("lines.run/results.json"));
  EXPECT_THAT(output_of("report lines.run").output,
              testing::Eq(read_file(folder_.path() / "lines.run/report.txt")));
}

TEST_F(CommandLine, AFinishedRunIsLeftAloneUnlessFresh) {
  write("data/a.txt", "a\nb\n");
  write("job.toml", kCountJob);
  ASSERT_EQ(run("run job.toml --quiet").exit_code, 0);
  const std::string first = read_file(folder_.path() / "job.run/results.json");
  write("data/b.txt", "c\n");
  const CommandResult again = run("run job.toml");
  EXPECT_EQ(again.exit_code, 0);
  EXPECT_EQ(
      again.output,
      "job.run: this run is finished, nothing to do, although since then 1 file is new "
      "(\"data/b.txt\"); \"shardmill report job.run\" shows its report, --fresh starts over\n");
  EXPECT_EQ(read_file(folder_.path() / "job.run/results.json"), first);
  const CommandResult fresh = run("run job.toml --fresh --quiet");
  EXPECT_EQ(fresh.exit_code, 0) << fresh.output;
  EXPECT_EQ(fresh.output, "");
  EXPECT_NE(read_file(folder_.path() / "job.run/results.json"), first);
}

TEST_F(CommandLine, AFinishedRunIsNotTheAnswerToAnotherJob) {
  write("data/a.txt", "a\nb\n");
  write("job.toml", kCountJob);
  ASSERT_EQ(run("run job.toml --quiet").exit_code, 0);
  write("other.toml", std::string(kCountJob) + "words = true\n");
  const CommandResult changed = run("run other.toml --run-dir job.run");
  EXPECT_EQ(changed.exit_code, 2);
  EXPECT_EQ(
      changed.output,
      "job.run: a finished run of another job: stage.0.words = true is new, expected the same "
      "job; start over with --fresh, or choose another --run-dir\n");
  EXPECT_EQ(run("run job.toml --set input.chunk_bytes=4KiB").exit_code, 0) << "the same answer";
  std::filesystem::remove_all(folder_.path() / "data");
  const CommandResult gone = run("run job.toml");
  EXPECT_EQ(gone.exit_code, 0);
  EXPECT_THAT(gone.output, HasSubstr("nothing to do; "));
}

TEST_F(CommandLine, StrictSaysTheSameOfARunThatHasFinished) {
  write("data/a.csv", "a,b\n1,2\n3\n");
  write("job.toml", "[input]\npaths = [\"data\"]\n[[stage]]\nuse = \"count\"\n");
  EXPECT_EQ(run("run job.toml --quiet --strict").exit_code, 10);
  EXPECT_EQ(run("run job.toml --strict").exit_code, 10);
  EXPECT_EQ(run("run job.toml").exit_code, 0);
  write("data/a.csv", "a,b\n1,2\n");
  EXPECT_EQ(run("run job.toml --quiet --strict --fresh").exit_code, 0);
  EXPECT_EQ(run("run job.toml --strict").exit_code, 0);
}

TEST_F(CommandLine, AFolderOfTheUserIsNeverTakenForARunDirectory) {
  write("data/a.txt", "a\n");
  write("mine/b.txt", "b\n");
  write("job.toml", kCountJob);
  for (const char* fresh : {"", " --fresh"}) {
    const CommandResult result = run("run job.toml --run-dir mine" + std::string(fresh));
    EXPECT_EQ(result.exit_code, 2);
    EXPECT_EQ(result.output,
              "mine: the folder holds other things than a run, expected a run directory, an empty "
              "folder or a new name; choose another --run-dir\n");
  }
  EXPECT_EQ(read_file(folder_.path() / "mine/b.txt"), "b\n");
  EXPECT_EQ(entries(), 3u);
}

TEST_F(CommandLine, SettingsChangeTheJob) {
  write("data/a.txt", "a\nb\nc\n");
  write("job.toml",
        "[input]\npaths = \"data\"\n[[stage]]\nuse = \"head\"\n[[stage]]\nuse = \"count\"\n");
  ASSERT_EQ(run("run job.toml --quiet --run-dir two --set stage.0.n=2 --set input.unit_bytes=0")
                .exit_code,
            0);
  EXPECT_THAT(read_file(folder_.path() / "two/results.json"), ContainsRegex("\\[\\[?2\\]"));
  const CommandResult wrong = run("run job.toml --set stage.0.n=two");
  EXPECT_EQ(wrong.exit_code, 2);
  EXPECT_EQ(wrong.output,
            "--set stage.0.n: n is \"two\", expected a whole number; write it without quotes\n");
  EXPECT_THAT(run("run job.toml --memory lots").output,
              HasSubstr("--set run.memory: memory is \"lots\", expected a number of bytes"));
}

TEST_F(CommandLine, StrictRunsEndWith10AfterBadInput) {
  write("data/a.csv", "a,b\n1,2\n3\n");
  write("job.toml", kCountJob);
  EXPECT_EQ(run("run job.toml --quiet").exit_code, 0);
  EXPECT_EQ(run("run job.toml --quiet --fresh --strict").exit_code, 10);
  EXPECT_EQ(run("run job.toml --quiet --fresh --set run.strict=true").exit_code, 10);
  EXPECT_TRUE(exists("job.run/results.json"));
}

TEST_F(CommandLine, CountCountsFilesBytesLinesAndWords) {
  write("d/a.txt", "one two\nthree\n");
  write("d/b.gz", gzip_member("four\n", 0));
  write("d/empty", "");
  const CommandResult result = output_of("count d");
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.output, "files  bytes  lines  words\n    3     19      3      4\n");
  EXPECT_EQ(output_of("count --no-words d/a.txt d").output,
            "files  bytes  lines\n    3     19      3\n");
  EXPECT_EQ(entries(), 1u) << "nothing is kept";
  ASSERT_EQ(output_of("count d --run-dir kept").exit_code, 0);
  EXPECT_TRUE(exists("kept/results.json"));
}

TEST_F(CommandLine, SaysThatItsOutputDidNotArrive) {
  write("a.txt", "a\n");
  for (const char* words : {"stages", "expressions", "new", "count ."}) {
    const CommandResult result = shell(std::string(words) + " 2>&1 >/dev/full");
    EXPECT_EQ(result.exit_code, 3) << words;
    EXPECT_EQ(
        result.output,
        "standard output: not all of it could be written, expected room for it; free space on "
        "the disk that it goes to\n");
  }
}

TEST_F(CommandLine, WorksWithoutStandardInputOutputAndError) {
  write("data/a.txt", "a\n");
  write("job.toml", kCountJob);
  EXPECT_EQ(shell("stages >&-").exit_code, 0);
  EXPECT_EQ(shell("run job.toml <&- >&- 2>&- && test -s job.run/report.txt").exit_code, 0);
}

TEST_F(CommandLine, CountReadsNamesOfAnyBytes) {
  write("d/\xff\n\"", "a\n");
  EXPECT_EQ(output_of("count --no-words \"$(printf 'd/\\377\\n\\042')\"").output,
            "files  bytes  lines\n    1      2      1\n");
  EXPECT_EQ(output_of("count --no-words d").output, "files  bytes  lines\n    1      2      1\n");
}

TEST_F(CommandLine, BadFilesAreNamedAndTheRestCounts) {
  write("d/a.txt", "x\n");
  write("d/b.gz", gzip_member("four\nfive\n", 0).substr(0, 15));
  const CommandResult result = run("count --no-words d");
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_THAT(result.output, HasSubstr("files  bytes  lines\n    1      2      1\n"));
  EXPECT_THAT(result.output, HasSubstr("d/b.gz: "));
  EXPECT_EQ(run("count --strict d").exit_code, 10);
}

TEST_F(CommandLine, GrepCountsMatchesByFile) {
  write("d/a.txt", "ERROR x\nfine\nerror\n");
  write("d/b.txt", "ERROR\n");
  write("d/c.txt", "fine\n");
  EXPECT_EQ(output_of("grep ERROR d").output, "1  d/a.txt\n1  d/b.txt\n2  in 2 of 3 files\n");
  EXPECT_EQ(output_of("grep -i ERROR d").output, "2  d/a.txt\n1  d/b.txt\n3  in 2 of 3 files\n");
  EXPECT_EQ(output_of("grep -v -i ERROR d").output, "1  d/a.txt\n1  d/c.txt\n2  in 2 of 3 files\n");
  EXPECT_EQ(output_of("grep -F 'R x' d").output, "1  d/a.txt\n1  in 1 of 3 files\n");
  EXPECT_EQ(output_of("grep -e '^fine' -e '[x]' d").output,
            "2  d/a.txt\n1  d/c.txt\n3  in 2 of 3 files\n");
  EXPECT_EQ(output_of("grep '[x]' d/[a-b].txt").output, "1  d/a.txt\n1  in 1 of 2 files\n");
  EXPECT_EQ(output_of("grep count d").output, "0  in 0 of 3 files\n") << "a command, too";
  const CommandResult nothing = output_of("grep nowhere d");
  EXPECT_EQ(nothing.exit_code, 0) << "1 is mpirun's";
  EXPECT_EQ(nothing.output, "0  in 0 of 3 files\n");
  EXPECT_EQ(entries(), 1u) << "nothing is kept";
}

TEST_F(CommandLine, GrepTakesPatternsFromAFile) {
  write("d/a.txt", "ERROR x\nfine\na.b\n");
  write("d/b.txt", "axb\n");
  write("p.txt", "ERROR\n\na.b\n");
  EXPECT_EQ(output_of("grep --patterns-from p.txt d").output,
            "2  d/a.txt\n1  d/b.txt\n3  in 2 of 2 files\n");
  EXPECT_EQ(output_of("grep -F -f p.txt d/a.txt d/b.txt").output,
            "2  d/a.txt\n2  in 1 of 2 files\n");
  EXPECT_EQ(output_of("grep -f p.txt -e fine d").output,
            "3  d/a.txt\n1  d/b.txt\n4  in 2 of 2 files\n");
  const CommandResult gone = run("grep -f gone.txt d");
  EXPECT_EQ(gone.exit_code, 2);
  EXPECT_THAT(gone.output, HasSubstr("shardmill grep: patterns_from \"gone.txt\": "));
  EXPECT_THAT(run("grep -f p.txt").output, HasSubstr("no pattern or no path is given"));
}

TEST_F(CommandLine, GrepWritesTheLines) {
  write("d/a.txt", "ERROR x\nfine\n");
  write("d/b.txt", "ERROR\n");
  ASSERT_EQ(output_of("grep ERROR d --write found.txt").exit_code, 0);
  EXPECT_EQ(read_file(folder_.path() / "found.txt"), "ERROR x\nERROR\n");
}

TEST_F(CommandLine, ProfileShowsEveryColumn) {
  write("a.csv", "id,city,n\n1,Rome,2\n2,Oslo,4\n3,Rome,\n4,Rome,4.5\n5,\"a, b\",4\n");
  const CommandResult result = output_of("profile a.csv");
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.output, R"(1 file, 58 bytes, 5 records, 3 columns

id  int
  values      5, none null, 5 different
  range       1 to 5
  mean        3, deviation 1.581139
  up to       5% 1, 25% 2, half 3, 75% 4, 95% 5, 99% 5
  frequent    each value is there once
  histogram   1 |█████| 6

city  text
  values      5, none null, 3 different
  range       Oslo to a, b
  size        20 bytes, 20 characters, 6 words; 4 to 4 bytes each, 4 on average
  longest     Oslo
  frequent    Rome 3 (60.0%); Oslo 1 (20.0%); a, b 1 (20.0%)

n  float
  values      4, 1 null, 3 different
  range       2 to 4.5
  mean        3.625, deviation 1.108678
  up to       5% 2, 25% 2, half 4, 75% 4, 95% 4.5, 99% 4.5
  frequent    4 2 (50.0%); 2 1 (25.0%); 4.5 1 (25.0%)
  histogram   2 |▄   █▄| 5
)");
  EXPECT_EQ(entries(), 1u) << "nothing is kept";
  const CommandResult typed = output_of("profile a.csv --columns=id,n --set input.types.n=int");
  EXPECT_THAT(typed.output, HasSubstr("1 value of column \"n\" left out, for instance \"4.5\"\n"));
  EXPECT_THAT(typed.output, HasSubstr("\nn  int\n"));
  EXPECT_THAT(typed.output, Not(HasSubstr("city")));
  const CommandResult wrong = run("profile a.csv --columns citi");
  EXPECT_EQ(wrong.exit_code, 2);
  EXPECT_THAT(wrong.output, StartsWith("shardmill profile: there is no column \"citi\" here"));
  EXPECT_THAT(wrong.output, HasSubstr("did you mean \"city\"?"));
}

TEST_F(CommandLine, ProfileOfLinesCountsCharactersAndWhatIsNotUtf8) {
  write("b.log",
        "one two\n\nthr\xc3\xa9"
        "e\n\xff\n");
  EXPECT_EQ(output_of("profile b.log").output, R"(1 file, 18 bytes, 4 records, 1 column

line  text
  values      4, none null, 4 different
  range       "" to \xff
  size        14 bytes, 13 characters, 4 words; 0 to 7 bytes each, 3.5 on average
  longest     one two
  of these    25.0% are not UTF-8
  frequent    each value is there once
  histogram   0 |██    ██| 8 bytes
)");
  write("empty.csv", "");
  EXPECT_EQ(output_of("profile empty.csv").output, "no columns: no file has a record\n");
}

TEST_F(CommandLine, PlanShowsWhatWouldRunAndCreatesNothing) {
  write("data/a.csv", "n,t\n1,x\n");
  write("job.toml", kCountJob);
  const CommandResult result = output_of("plan job.toml --threads 3");
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_THAT(result.output, HasSubstr("input    1 file, 8 B, read as csv, below \"data\"\n"));
  EXPECT_THAT(result.output, HasSubstr("memory   "));
  EXPECT_THAT(result.output, HasSubstr("3 x one long record\n"));
  EXPECT_EQ(entries(), 2u);
}

TEST_F(CommandLine, TestShowsExpectedAndFound) {
  write("job.toml", std::string(kCountJob) + R"(
[[test]]
name = "two lines"
input = ["a", "b"]
tables = { count = [[2]] }
[[test]]
name = "wrong"
input = ["a"]
output = [{ line = "b" }]
)");
  const CommandResult result = output_of("test job.toml");
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_EQ(result.output,
            "ok      two lines\n"
            "FAILED  wrong (job.toml:10)\n"
            "  record 1\n    expected {\"line\":\"b\"}\n    found    {\"line\":\"a\"}\n"
            "2 tests, 1 failed\n");
  write("none.toml", kCountJob);
  EXPECT_EQ(run("test none.toml").exit_code, 2);
  EXPECT_EQ(run("test none.toml").output,
            "none.toml: the job file has no [[test]], expected at least one; \"shardmill new\" "
            "prints a job file with one\n");
}

TEST_F(CommandLine, DataInPlaceOfAJobIsToldApart) {
  write("a.csv", "x;y\n1;2\n");
  for (const char* command : {"run", "plan", "test"}) {
    const CommandResult result = run(std::string(command) + " a.csv");
    EXPECT_EQ(result.exit_code, 2);
    EXPECT_THAT(result.output,
                HasSubstr("\na.csv: the name does not end in .toml, expected a job file; for data "
                          "there is \"shardmill new PATH\", which writes a job for it, and "
                          "\"shardmill profile PATH\"\n"));
  }
}

TEST_F(CommandLine, NewWritesAJobThatTestsItself) {
  const CommandResult result = output_of("new first");
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.output,
            "wrote first.toml; change paths in it, then type: shardmill run first.toml\n");
  EXPECT_EQ(output_of("test first.toml").exit_code, 0);
  const CommandResult again = run("new first");
  EXPECT_EQ(again.exit_code, 2);
  EXPECT_EQ(again.output,
            "first.toml: cannot be written: file exists, expected a name that is free; choose "
            "another with -o, or replace it with --force; nothing was changed\n");
  EXPECT_THAT(output_of("new").output, StartsWith("name = \"first job\"\n"));
}

TEST_F(CommandLine, NewLooksAtFilesAndWritesAJobThatRuns) {
  write("data/a.csv", "city,ms\nBonn,1\nUlm,3\nBonn,5\nUlm,7\n");
  write("data/notes.txt", "a line\n");
  EXPECT_EQ(output_of("new data").output,
            "wrote data.toml for 1 file, 34 B, read as csv with 2 columns (1 file of other formats "
            "left out); now type: shardmill run data.toml\n");
  const CommandResult result = output_of("run data.toml");
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_THAT(result.output, HasSubstr("  Bonn      2  ████████████         3        5\n"));
  EXPECT_THAT(
      output_of("new data/a.csv -o -").output,
      HasSubstr("by      = [\"city\"]\ncompute = [\"count()\", \"mean(ms)\", \"max(ms)\"]"));
}

TEST_F(CommandLine, NewTellsOfWhatCouldNotBeRead) {
  write("a.csv", "x,y\n1,2\n1,2,3\n");
  EXPECT_THAT(output_of("new a.csv -o -").output,
              HasSubstr("\n# 1 record among these could not be read, for instance\n"
                        "#   a.csv (byte 8): a record of 3 fields, expected 2 as in the header"));
  write("b.csv.gz", std::string("\x1f\x8b\x08\0 cut off", 12));
  EXPECT_THAT(output_of("new b.csv.gz -o -").output,
              HasSubstr("\n# What could not be read:\n#   b.csv.gz: "));
}

TEST_F(CommandLine, NewSaysWhatKeepsItFromWriting) {
  write("a.csv", "x\n1\n");
  write("mine.toml", "");
  const std::pair<std::string, std::string> cases[] = {
      {"new a.csv -o mine",
       "mine.toml: cannot be written: file exists, expected a name that is free"},
      {"new a.csv -o gone/mine",
       "gone/mine.toml: cannot be written: no such file or directory, expected a place where files "
       "can be made; choose another with -o\n"},
      {"new mine.toml -o mine --force",
       "mine.toml: the job file would replace a file that it reads, expected another name; choose "
       "one with -o\n"},
      {"new gone.csv", "shardmill new: there is no input \"gone.csv\": no such file or directory"},
      {"new -o x", "shardmill new: -o names a job file, but no path is given, expected files"},
      {"new $'a\\xff.csv' a.csv -o -", "shardmill new: there is no input \"a\\xff.csv\""},
      {"new a.csv -o $'a\\xff'",
       "shardmill new: the job file \"a\\xff.toml\" is not UTF-8, expected"}};
  for (const auto& [words, message] : cases) {
    const CommandResult result = run_command("cd " + folder_.path().string() + " && bash -c \"" +
                                             SHARDMILL_BINARY + " " + words + " 2>&1\"");
    EXPECT_EQ(result.exit_code, 2) << words;
    EXPECT_THAT(result.output, StartsWith(message)) << words;
  }
  write("odd/b.csv", "x\n1\n");
  std::filesystem::rename(folder_.path() / "odd", folder_.path() / "odd\xff");
  const CommandResult printed = run("new odd* -o -");
  EXPECT_EQ(printed.exit_code, 2);
  EXPECT_EQ(
      printed.output,
      "shardmill new: a job that is printed cannot name these files, expected at most 100 paths "
      "in UTF-8; write it to a file with -o, and their names beside it\n");
  EXPECT_EQ(entries(), 3u);
}

TEST_F(CommandLine, StagesAreListedAndExplained) {
  const CommandResult list = output_of("stages");
  EXPECT_EQ(list.exit_code, 0);
  EXPECT_THAT(list.output, HasSubstr("\n  grep       keep the records"));
  const CommandResult one = output_of("stages head");
  EXPECT_THAT(one.output, HasSubstr("| `n` | int, at least 0 | `10` |"));
  EXPECT_THAT(one.output, HasSubstr("* `after_head`: "));
  EXPECT_THAT(one.output, HasSubstr("[[test]]"));
  EXPECT_THAT(output_of("stages count").output, StartsWith("## count\n")) << "a command, too";
  EXPECT_THAT(output_of("stages --markdown").output, StartsWith("# Stages\n"));
}

}  // namespace
}  // namespace shardmill
