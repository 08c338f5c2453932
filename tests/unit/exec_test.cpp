#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/files.h"
#include "tests/support/job_runner.h"
#include "tests/support/stage_runner.h"

namespace shardmill {

StageSpec stage_exec();

namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using Texts = std::vector<std::string>;

StageSettings shell(const std::string& command) {
  return {{"shell", command}};
}

StageSettings with(StageSettings settings, const StageSettings& more) {
  settings.insert(settings.end(), more.begin(), more.end());
  return settings;
}

std::vector<std::string> numbered(int count) {
  std::vector<std::string> lines;
  for (int i = 0; i < count; ++i) lines.push_back(fmt::format("line {}", i));
  return lines;
}

TEST(Exec, AnswersMeetTheirRecordsHoweverLateTheyCome) {
  const std::vector<std::string> lines = numbered(5000);
  // At once, when its buffer is full, and when the input ends.
  for (const char* command :
       {"sed -u 's/line/row/'", "sed 's/line/row/'", "tac | tac | sed s/line/row/"}) {
    for (const size_t rows : {1, 700, 5000}) {
      const StageRun run = run_stage_on_lines(stage_exec(), with(shell(command), {{"into", "new"}}),
                                              lines, {.batch_rows = rows, .every = 3});
      ASSERT_EQ(run.records.size(), run.books.records_in) << command;
      for (size_t i = 0; i < run.records.size(); ++i) {
        const std::string number = run.records[i].substr(11, run.records[i].find('"', 6) - 11);
        ASSERT_EQ(run.records[i], fmt::format("line=\"line {0}\" new=\"row {0}\"", number));
      }
      EXPECT_TRUE(std::is_sorted(run.identities.begin(), run.identities.end()));
    }
  }
}

TEST(Exec, ANullIsNotSentAndStaysNull) {
  const StageRun run =
      run_stage(stage_exec(), with(shell("cat -n | tr -d ' \\t'"), {{"column", "t"}}),
                {text_column("t", {std::nullopt, "a", std::nullopt, "", "b", std::nullopt}),
                 int_column("n", {1, 2, 3, 4, 5, 6})});
  EXPECT_THAT(run.records, ElementsAre("t=null n=1", "t=\"1a\" n=2", "t=null n=3", "t=\"2\" n=4",
                                       "t=\"3b\" n=5", "t=null n=6"));
}

TEST(Exec, ATextWithANewlineIsNoLineAndRejectsTheRecord) {
  const StageRun run = run_stage(stage_exec(), with(shell("cat"), {{"column", "t"}}),
                                 {text_column("t", {"a", "b\nc", "d"})});
  EXPECT_THAT(run.records, ElementsAre("t=\"a\"", "t=\"d\""));
  EXPECT_THAT(run.rejects,
              ElementsAre("10: column \"t\" holds a newline, expected text of one line "
                          "for the program; use format = \"jsonl\""));
}

TEST(Exec, JsonLinesCarryTypesNullsAndNewlines) {
  const StageRun run = run_stage(
      stage_exec(),
      with(shell("sed 's/\"t\"/\"u\"/; s/\"n\"/\"m\"/'"),
           {{"format", "jsonl"}, {"columns", Texts{"m", "u"}}, {"types", TextMap{{"m", "int"}}}}),
      {text_column("t", {"a\nb", std::nullopt, "\"é\""}), int_column("n", {1, 2, std::nullopt})});
  EXPECT_THAT(run.types, ElementsAre(Type::kText, Type::kInt, Type::kInt, Type::kText));
  EXPECT_THAT(run.records, ElementsAre("t=\"a\\nb\" n=1 m=1 u=\"a\\nb\"", "t=null n=2 m=2 u=null",
                                       "t=\"\\\"é\\\"\" n=null m=null u=\"\\\"é\\\"\""));
}

TEST(Exec, AnAnswerThatIsNoJsonRejectsItsRecordAlone) {
  const StageSpec spec = stage_exec();
  const StageRun run =
      run_stage(spec,
                with(shell("sed 's/.*\"n\":2.*/oops/; s/.*\"n\":3.*/{\"n\":\"x\"}/'"),
                     {{"format", "jsonl"},
                      {"send", Texts{"n"}},
                      {"columns", Texts{"n"}},
                      {"types", TextMap{{"n", "int"}}},
                      {"replace", true}}),
                {int_column("n", {1, 2, 3, 4})});
  EXPECT_THAT(run.records, ElementsAre("n=1", "n=null", "n=4"));
  ASSERT_EQ(run.rejects.size(), 1u);
  EXPECT_THAT(run.rejects[0], HasSubstr("at byte 0 of the line: found \"oops\", expected a value"));
  EXPECT_THAT(run.rejects[0], HasSubstr("10: answer of program \"sed"));
  EXPECT_EQ(run.count(spec, "bad_value"), 1u);
  EXPECT_THAT(run.bad_values, ElementsAre("20 n: \"x\""));
}

TEST(Exec, AStreamMayGiveFewerOrMoreRecords) {
  const StageSpec spec = stage_exec();
  const StageSettings stream = {{"mode", std::string("stream")}};
  const StageRun fewer = run_stage_on_lines(spec, with(shell("sort -u"), stream), {"b", "a", "b"});
  EXPECT_THAT(fewer.records, ElementsAre("line=\"a\"", "line=\"b\""));
  EXPECT_EQ(fewer.dropped(spec, "consumed"), 3u);
  EXPECT_EQ(fewer.books.made, 2u);
  EXPECT_THAT(fewer.identities, ElementsAre(testing::Pair(0, 0), testing::Pair(2, 0)));
  const StageRun more =
      run_stage_on_lines(spec, with(shell("sed p"), stream), numbered(6000), {.batch_rows = 100});
  EXPECT_EQ(more.records.size(), 12000u);
  EXPECT_EQ(more.books.made, 12000u);
  EXPECT_LE(more.largest_batch, 4096u);
  const StageRun first =
      run_stage_on_lines(spec, with(shell("head -n 2"), stream), numbered(90000));
  EXPECT_EQ(first.records.size(), 2u);
  const StageRun without_newline = run_stage_on_lines(spec, with(shell("printf x"), stream), {});
  EXPECT_THAT(without_newline.records, ElementsAre("line=\"x\""));
}

TEST(Exec, TheProgramSeesTheFileAndAnEnvironmentThatIsTheSameEverywhere) {
  ::setenv("OMPI_COMM_WORLD_RANK", "3", 1);
  ::setenv("EXEC_TEST_SEEN", "yes", 1);
  const StageRun run = run_stage_on_lines(
      stage_exec(),
      with(shell("echo \"$SHARDMILL_FILE,$LC_ALL,$OMPI_COMM_WORLD_RANK,$EXEC_TEST_SEEN,$MORE\""),
           {{"mode", std::string("stream")}, {"environment", TextMap{{"MORE", "m o"}}}}),
      {});
  EXPECT_THAT(run.records, ElementsAre("line=\"test file,C.UTF-8,,yes,m o\""));
}

TEST(Exec, SaysWhatIsWrongWithItsOptions) {
  const auto problems = [](const StageSettings& settings) {
    return run_stage_on_lines(stage_exec(), settings, {"a"}).problems;
  };
  EXPECT_THAT(problems({}), ElementsAre("no program is named, expected either command or shell; "
                                        "write command = [\"tr\", \"a-z\", \"A-Z\"] for instance"));
  EXPECT_THAT(problems({{"command", Texts{"cat"}}, {"shell", std::string("cat")}}),
              ElementsAre(HasSubstr("command and shell are given both, expected either")));
  EXPECT_THAT(problems({{"command", Texts{"no-such-program"}}}),
              ElementsAre("there is no program \"no-such-program\", expected one of a folder of "
                          "PATH; install it on every host, or give its path"));
  EXPECT_THAT(problems({{"command", Texts{"/no/such"}}}),
              ElementsAre("there is no program \"/no/such\", expected a file that may be executed; "
                          "install it on every host, or give its path"));
  EXPECT_THAT(
      problems({{"command", Texts{"sort -u"}}}),
      ElementsAre("there is no program \"sort -u\", expected one of a folder of PATH; write "
                  "each argument apart, or write shell = \"sort -u\""));
  EXPECT_THAT(problems(with(shell("cat"), {{"format", std::string("jsonl")}})),
              ElementsAre("columns is not given, expected the names of the members that come back; "
                          "write columns = [\"score\"] for instance"));
  EXPECT_THAT(problems(with(shell("cat"), {{"format", std::string("jsonl")},
                                           {"columns", Texts{"a", "a", "$b"}},
                                           {"types", TextMap{{"c", "number"}}}})),
              ElementsAre("column \"a\" comes back twice, expected every name once",
                          "column \"$b\", expected a name without $ at its start",
                          "types names \"c\", which is none of columns, expected one of a, a, $b",
                          "type \"number\" of \"c\", expected text, int, float, bool or time"));
  EXPECT_THAT(problems(with(shell("cat"), {{"environment", TextMap{{"a=b", "c"}}}})),
              ElementsAre("environment names \"a=b\", expected a name without \"=\""));
  EXPECT_THAT(
      problems(with(shell("cat"), {{"format", std::string("jsonl")}, {"columns", Texts{"line"}}})),
      ElementsAre(HasSubstr("column \"line\" exists already")));
}

// ---- programs that fail ----------------------------------------------------------------------

/// Three files, the second of which the program does not like; what became of the run.
class ExecFailure : public testing::Test {
 protected:
  ExecFailure() {
    for (int file = 1; file <= 3; ++file) {
      std::string content;
      for (int i = 0; i < 3000; ++i) content += fmt::format("file {} line {}\n", file, i);
      folder_.write(fmt::format("data/{}.txt", file), content);
    }
  }

  /// `bad` is run for the second file, `cat` for the others; each process notes its group.
  RunFiles run(const std::string& bad, const std::string& options = "", const Layout& layout = {}) {
    const std::string job = fmt::format(
        "name = \"exec\"\n[input]\npaths = [\"{0}/data\"]\n[[stage]]\nuse = \"exec\"\n"
        "shell = '''echo $$ >> {0}/groups; case $SHARDMILL_FILE in *2.txt) {1};; *) cat;; esac'''\n"
        "{2}\n[[stage]]\nuse = \"write\"\npath = \"all.txt\"\n",
        folder_.path().string(), bad, options);
    RunFiles files = run_on_layout(job, layout, folder_.path() / fmt::format("run-{}", runs_++));
    EXPECT_EQ(files.description.books_problems, Texts());
    expect_nothing_left();
    return files;
  }

  /// The run counts without the second file; returns why that is bad.
  std::string reason(const RunFiles& files) {
    EXPECT_TRUE(files.status.is_ok()) << files.status.message();
    EXPECT_EQ(files.description.files.size(), 3u);
    EXPECT_EQ(files.description.records, 6000u);
    EXPECT_EQ(files.contents.at("output/all.txt"),
              read_file(folder_.path() / "data/1.txt") + read_file(folder_.path() / "data/3.txt"));
    EXPECT_EQ(files.description.files[0].reason, "");
    EXPECT_EQ(files.description.files[2].reason, "");
    std::string text = files.description.files[1].reason;
    const size_t name_end = text.find("...\" ");
    return name_end == std::string::npos ? text : text.substr(name_end + 5);
  }

  void expect_nothing_left() {
    const std::string groups = (folder_.path() / "groups").string();
    // state and group of every process, without the zombies
    const std::string left =
        "cat /proc/[0-9]*/stat 2>/dev/null | sed 's/.*) \\(.\\) [0-9]* \\([0-9]*\\) .*/\\1 \\2/' | "
        "grep "
        "-v ^Z | cut -c 3- | grep -Fx -f " +
        groups;
    EXPECT_FALSE(read_file(groups).empty());
    // Killed, but the kernel may still be at it.
    while (!run_command(left).output.empty()) std::this_thread::yield();
  }

  TempFolder folder_;
  int runs_ = 0;
};

TEST_F(ExecFailure, AProgramThatCrashesMakesItsFileBad) {
  EXPECT_EQ(reason(run("cat > /dev/null; echo out of luck >&2; exit 3")),
            "ended with exit code 3, saying \"out of luck\", expected exit code 0; try it with the "
            "records of this file");
  EXPECT_EQ(reason(run("cat; kill -SEGV $$")),
            "was ended by signal 11 (SIGSEGV) and said nothing, expected exit code 0; try it with "
            "the records of this file");
  EXPECT_EQ(
      reason(run("cat; exit 1", "mode = \"stream\"")),
      "ended with exit code 1 and said nothing, expected exit code 0; try it with the records "
      "of this file");
}

TEST_F(ExecFailure, AProgramThatIsFrozenIsEndedAfterItsTimeout) {
  for (const char* mode : {"map", "stream"}) {
    const std::string options = fmt::format("timeout = 0.2\nmode = \"{}\"", mode);
    EXPECT_EQ(reason(run("echo thinking >&2; sleep 1000", options)),
              "neither read nor printed anything for 0.20 s, saying \"thinking\", expected some of "
              "both; raise timeout if it needs longer");
    EXPECT_THAT(reason(run("cat; exec >&-; sleep 1000", options)),
                HasSubstr("neither read nor printed anything for 0.20 s"));
    EXPECT_THAT(reason(run("kill -STOP $$", options)), HasSubstr("neither read nor printed"));
    EXPECT_THAT(reason(run("trap '' TERM; yes noise >&2", options)),
                HasSubstr("neither read nor printed"));
  }
}

TEST_F(ExecFailure, NoiseEndsTheProgramThatMakesIt) {
  EXPECT_EQ(reason(run("yes")),
            "printed more lines than it was given, expected one line for each; use mode = "
            "\"stream\" if it makes several of one");
  EXPECT_EQ(reason(run("head -c 10G /dev/zero", "line_bytes_max = \"1MiB\"")),
            "printed a line of more than 1.00 MiB, expected lines of at most 1.00 MiB; raise "
            "line_bytes_max if they are longer");
  EXPECT_EQ(reason(run("yes | head -c 10G", "mode = \"stream\"\noutput_bytes_max = \"3MiB\"")),
            "printed more than 3.00 MiB, expected at most 3.00 MiB; raise output_bytes_max if all "
            "of it is wanted");
  EXPECT_THAT(reason(run("head -c 100M /dev/zero >&2; exit 9")),
              HasSubstr("ended with exit code 9, saying \"\\x00"));
}

TEST_F(ExecFailure, TooFewLinesMakeTheFileBad) {
  EXPECT_EQ(reason(run("sed '$d'")),
            "printed fewer lines than it was given, expected one line for each; use mode = "
            "\"stream\" if it leaves some out");
  EXPECT_THAT(reason(run("head -n 5")), HasSubstr("printed fewer lines"));
  EXPECT_THAT(reason(run("cat; echo one more")), HasSubstr("printed more lines"));
}

TEST_F(ExecFailure, WhatAProgramForksIsKilledWithIt) {
  const RunFiles quiet = run("sleep 1000 > /dev/null 2>&1 < /dev/null & (sleep 1000 >&2) & cat");
  EXPECT_EQ(quiet.description.records, 9000u);
  EXPECT_EQ(reason(run("sleep 1000 & cat")),
            "has ended, but what it started keeps its output open, expected no more output after "
            "its end; let it wait for all that it starts");
}

TEST_F(ExecFailure, OnBadFileStopEndsTheRunWithTheReason) {
  const RunFiles files = run("exit 4", "[run]\non_bad_file = \"stop\"");
  EXPECT_EQ(files.status.code(), Code::kBadFile);
  EXPECT_THAT(files.status.message(), HasSubstr("data/2.txt: program "));
  EXPECT_THAT(files.status.message(), HasSubstr("ended with exit code 4"));
}

TEST_F(ExecFailure, TheRestIsTheSameOnAnyLayoutOfWholeFiles) {
  for (const Layout& layout : {Layout{1, 3, 64, 0}, Layout{3, 2, 4 << 10, 0}}) {
    EXPECT_THAT(reason(run("head -n 2; exit 3", "", layout)), HasSubstr("exit code 3"));
  }
}

TEST(Exec, StreamsSeeWholeFilesAndMapsMaySeeRangesOfThem) {
  const TempFolder folder;
  std::string content;
  for (int i = 0; i < 3000; ++i) content += fmt::format("line {}\n", i % 100);
  folder.write("data/a.txt", content);
  const auto job = [&](const std::string& mode) {
    return fmt::format(
        "name = \"cut\"\n[input]\npaths = [\"{0}/data\"]\n[[stage]]\nuse = \"exec\"\nmode = "
        "\"{1}\"\nshell = 'echo x >> {0}/{1}; cat'\n",
        folder.path().string(), mode);
  };
  for (const char* mode : {"map", "stream"}) {
    const RunFiles files = run_on_layout(job(mode), {.unit_bytes = 4096},
                                         folder.path() / (std::string("run-") + mode));
    EXPECT_EQ(files.description.records, 3000u);
  }
  EXPECT_EQ(read_file(folder.path() / "stream"), "x\n");
  EXPECT_GT(read_file(folder.path() / "map").size(), 4u);
}

TEST(Exec, RejectsAreTheSameOnAnyLayoutThoughAnswersComeLate) {
  const TempFolder folder;
  for (int file = 0; file < 3; ++file) {
    std::string content;
    for (int i = 0; i < 2000; ++i) {
      content += i % 70 == 3 ? "{oops\n" : fmt::format("{{\"n\":{}}}\n", i + file);
    }
    folder.write(fmt::format("data/{}.jsonl", file), content);
  }
  const std::string job =
      "name = \"late\"\n[run]\nrejects_kept = 20\n[input]\npaths = [\"" + folder.path().string() +
      "/data\"]\n[[stage]]\nuse = \"exec\"\nshell = '''sed 's/[0-9]*5}/x/' '''\n"
      "format = \"jsonl\"\ncolumns = [\"n\"]\ntypes = { n = \"int\" }\nreplace = true\n"
      "[[stage]]\nuse = \"json\"\ncolumn = \"text\"\nfields = [\"a\"]\n";
  std::string with_text = job;
  with_text.insert(
      with_text.find("[[stage]]\nuse = \"json\""),
      "[[stage]]\nuse = \"derive\"\ncolumns = { text = \"if(n % 9 == 1, 'bad', '{}')\" }\n");
  const RunFiles files = expect_same_on(sample_layouts(), with_text);
  EXPECT_EQ(files.description.books_problems, Texts());
  EXPECT_EQ(files.description.bad_records_kept.size(), 20u);
  std::string first;
  for (const Layout& layout : sample_layouts()) {
    const TempFolder runs;
    const RunFiles run = run_on_layout(with_text, layout, runs.path() / "run");
    const std::string bad = bad_records_jsonl(run.description);
    if (first.empty()) first = bad;
    EXPECT_EQ(bad, first) << layout.text();
  }
  EXPECT_THAT(first, HasSubstr("answer of program"));
  EXPECT_THAT(first, HasSubstr("JSON in column"));
}

}  // namespace
}  // namespace shardmill
