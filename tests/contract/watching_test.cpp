// A run seen from outside: what is told while it works, stands still, stops or is gone; and how it
// is stopped.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <set>
#include <thread>
#include <utility>

#include "pipeline/run/run_lock.h"
#include "pipeline/run/run_status.h"
#include "pipeline/run/run_view.h"
#include "tests/support/files.h"

namespace shardmill {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

/// Each test stands in a folder of its own. A job's program says "at work" when it has begun, and
/// goes on when a file "go" is there.
class Watching : public testing::Test {
 protected:
  Watching() {
    std::string lines;
    for (int i = 0; i < 50'000; ++i) lines += fmt::format("line {}\n", i);  // no pipe holds them
    for (const char* name : {"data/a", "data/b\x1b[31m\n"}) folder_.write(name, lines);
    folder_.write("job.toml", R"toml(
[input]
paths = ["data"]
format = "lines"
unit_bytes = 1000
[[stage]]
use = "exec"
shell = 'touch "at work"; while ! [ -e go ]; do sleep 0.01; done; cat'
mode = "stream"
[[stage]]
use = "count"
[run]
stall_warning = "1s"
)toml");
  }
  ~Watching() override {
    folder_.write("go", "");
    if (run_ > 0) {
      ::kill(run_, SIGKILL);
      ::waitpid(run_, nullptr, 0);
    }
  }

  std::string at(const std::string& name) const { return (folder_.path() / name).string(); }
  CommandResult command(const std::string& words) const {
    return run_command("cd " + folder_.path().string() + " && " SHARDMILL_BINARY " " + words +
                       " 2>&1");
  }

  /// Starts `run job.toml` as a process of its own and returns once its program is at work.
  void begin(const std::string& flags = "") {
    const std::string words =
        fmt::format("cd {} && exec {} run job.toml --threads 1 {} > said 2>&1",
                    folder_.path().string(), SHARDMILL_BINARY, flags);
    run_ = ::fork();
    if (run_ == 0) {
      ::execl("/bin/sh", "sh", "-c", words.c_str(), nullptr);
      ::_exit(127);
    }
    wait_for([&] { return fs::exists(at("at work")); });
  }

  /// The exit code, or 1000 and the signal.
  int wait_for_end() {
    int status = 0;
    ::waitpid(std::exchange(run_, 0), &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
  }

  /// A minute is for machines that do much else.
  template <typename Condition>
  static void wait_for(const Condition& is_so) {
    for (int i = 0; i < 6000 && !is_so(); ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    ASSERT_TRUE(is_so());
  }

  TempFolder folder_;
  pid_t run_ = 0;
};

TEST_F(Watching, NamesRankHostFileAndByteOfAWorkerThatStandsStill) {
  begin();
  char host[256] = {};
  ::gethostname(host, sizeof host - 1);
  wait_for([&] { return !read_run_status(at("job.run")).value_or(RunStatus()).stalls.empty(); });
  const std::string message = fmt::format(
      "rank 0 \\({}\\): no progress for [0-9]+ s at byte 0 of \"data/a\", expected a chunk "
      "within 1 s; check that file, its disk and what the job does with it, or set "
      "run.stall_warning",
      host);
  EXPECT_THAT(read_file(at("said")), ContainsRegex("^" + message + "\n"));
  EXPECT_THAT(read_run_status(at("job.run"))->stalls.at(0), ContainsRegex("^" + message + "$"));
  const CommandResult shown = command("status job.run");
  EXPECT_EQ(shown.exit_code, 0);
  EXPECT_THAT(shown.output,
              StartsWith(fmt::format("job.run: running, process {} on {}\n", run_, host)));
  EXPECT_THAT(shown.output, ContainsRegex("\n  slow      " + message));
  EXPECT_THAT(shown.output, HasSubstr("\n  on        1 rank, 1 thread in all: "));
  folder_.write("go", "");
  EXPECT_EQ(wait_for_end(), 0);
  EXPECT_THAT(command("status job.run/").output,
              AllOf(StartsWith("job.run: finished\n  job       \"job\"\n  done      "
                               "[##############################] 100.0 %\n"),
                    HasSubstr("2 of 2 units, 100,000 records\n"),
                    HasSubstr("\n  next      shardmill report job.run shows what was found\n")));
}

TEST_F(Watching, ARunAtWorkIsNotDisturbed) {
  begin();
  wait_for([&] { return read_run_status(at("job.run")).has_value(); });
  const auto names = [&] {
    std::set<std::string> all;
    for (const auto& entry : fs::recursive_directory_iterator(folder_.path())) {
      const std::string name = entry.path().filename();
      if (!name.starts_with(".")) all.insert(entry.path());  // what is being replaced
    }
    return all;
  };
  const std::set<std::string> before = names();
  for (const auto& entry : fs::directory_iterator(at("job.run"))) {
    fs::permissions(entry.path(), fs::perms::owner_write, fs::perm_options::remove);
  }
  EXPECT_EQ(command("status job.run").exit_code, 0);
  EXPECT_EQ(command("status --json job.run").exit_code, 0);
  EXPECT_EQ(names(), before);
  const CommandResult second = command("run job.toml");
  EXPECT_EQ(second.exit_code, 2);
  EXPECT_THAT(second.output, HasSubstr(fmt::format("another run is at work in this run directory "
                                                   "(process {} on ",
                                                   run_)));
}

TEST_F(Watching, ASignalStopsARunWhoseProgramWaits) {
  for (const int signal : {SIGUSR1, SIGTERM, SIGINT}) {
    begin("--fresh");
    ::kill(run_, signal);
    EXPECT_EQ(wait_for_end(), 75);
    fs::remove(at("at work"));
  }
  const CommandResult shown = command("status job.run");
  EXPECT_EQ(shown.exit_code, 75);
  EXPECT_THAT(shown.output,
              AllOf(StartsWith("job.run: stopped\n  job       \"job\"\n"),
                    HasSubstr("\n  next      the same command starts over: no checkpoint was "
                              "written\n")));
  EXPECT_THAT(read_run_status(at("job.run"))->reason,
              StartsWith("job.run: stopped by signal INT with 0 of 2 units done"));
}

TEST_F(Watching, AProgramThatTheSameSignalEndedIsNoBadFile) {
  for (const char* end : {"kill -TERM $$", "exit 143"}) {
    std::string job = read_file(at("job.toml"));
    const size_t begin_of_shell = job.find("shell = ");
    job.replace(begin_of_shell, job.find('\n', begin_of_shell) - begin_of_shell,
                fmt::format("shell = 'cat; touch \"at work\"; while ! [ -e gone ]; do sleep 0.01; "
                            "done; {}'",
                            end));
    folder_.write("job.toml", job);
    begin("--fresh");
    ::kill(run_, SIGTERM);
    folder_.write("gone", "");
    EXPECT_EQ(wait_for_end(), 75) << end;
    EXPECT_THAT(read_file(at("said")), Not(HasSubstr("bad"))) << end;
    EXPECT_EQ(read_run_status(at("job.run"))->units_done, 0u) << end;
    EXPECT_THAT(read_file(at("job.run/run.json")), HasSubstr("\"work\": 0")) << end;
    fs::remove(at("at work"));
    fs::remove(at("gone"));
  }
}

/// The process has a handler of its own for the signal.
bool catches(pid_t process, int signal) {
  const std::string status = read_file(fmt::format("/proc/{}/status", process));
  const uint64_t mask = std::stoull(status.substr(status.find("SigCgt:") + 7), nullptr, 16);
  return (mask >> (signal - 1) & 1) != 0;
}

TEST_F(Watching, WithoutARunDirectoryASignalEndsACommandAsItDoesOthers) {
  std::string lines;
  for (int i = 0; i < 1'000'000; ++i) lines += "a line of it\n";
  const std::string first = folder_.write("many/0", lines);
  for (int i = 1; i < 5000; ++i) fs::create_hard_link(first, at(fmt::format("many/{}", i)));
  for (const int signal : {SIGINT, SIGTERM}) {
    run_ = ::fork();
    if (run_ == 0) {
      const std::string words = fmt::format(
          "cd {} && exec {} count --no-words --threads 1 many "
          "> said 2>&1",
          folder_.path().string(), SHARDMILL_BINARY);
      ::execl("/bin/sh", "sh", "-c", words.c_str(), nullptr);
      ::_exit(127);
    }
    wait_for([&] { return catches(run_, signal) && catches(run_, SIGUSR1); });
    ::kill(run_, signal);
    EXPECT_EQ(wait_for_end(), 128 + signal);
    EXPECT_THAT(read_file(at("said")),
                ContainsRegex(fmt::format("^shardmill: stopped by signal {} with [0-9,]+ of 1,000 "
                                          "units done; nothing is kept, the same command starts "
                                          "over\n$",
                                          signal == SIGINT ? "INT" : "TERM")));
  }
}

TEST_F(Watching, ARunThatWasKilledIsSeenToBe) {
  begin();
  wait_for([&] { return read_run_status(at("job.run")).has_value(); });
  const pid_t process = run_;
  ::kill(run_, SIGKILL);
  EXPECT_EQ(wait_for_end(), 1000 + SIGKILL);
  const CommandResult shown = command("status job.run");
  EXPECT_EQ(shown.exit_code, 75);
  EXPECT_THAT(shown.output,
              StartsWith(fmt::format("job.run: crashed, the run ended without a word, process {} "
                                     "on ",
                                     process)));
  EXPECT_THAT(command("status job.run --json").output,
              ContainsRegex("\"attempts\": \\[\n  \\{\"attempt\": 1, .*\"ended\": null, \"how\": "
                            "\"killed\""));
  folder_.write("go", "");
  const CommandResult done = command("run job.toml --threads 1");
  EXPECT_EQ(done.exit_code, 0);
  for (const std::string& told : {done.output, command("status job.run").output}) {
    EXPECT_THAT(told, ContainsRegex("\n  1  [-0-9]+ [:0-9]+  - +1 x 1 on [^ ]+ +0  killed, last "
                                    "heard at [:0-9]+\n  2  [-0-9]+ [:0-9]+  [:0-9]+  1 x 1 on "
                                    "[^ ]+ +2  finished\n"));
  }
}

TEST_F(Watching, ALockOfAnotherHostIsJudgedByItsCounter) {
  folder_.write("r/lock", LockHolder{.token = "a", .host = "n7", .process = 9}.text());
  const Result<RunView> silent = look_at_run(at("r"), 0.1);
  ASSERT_TRUE(silent.is_ok());
  EXPECT_EQ(silent->text(),
            at("r") +
                ": silent, no sign of life from process 9 on n7\n"
                "  to stop   the same command takes it over once its counter has stood still "
                "for a minute\n");
  EXPECT_EQ(silent->exit_code(), 75);
  EXPECT_EQ(silent->json(), "{\"run_dir\": \"" + at("r") +
                                "\", \"state\": \"silent\", \"can_resume\": false, \"process\": 9, "
                                "\"host\": \"n7\", \"status\": null, \"attempts\": []}\n");
}

TEST_F(Watching, SaysWhatIsNoRun) {
  EXPECT_EQ(command("status nothing").output,
            "nothing: there is no such folder, expected a run directory; runs leave it in JOB.run "
            "or --run-dir\n");
  const CommandResult no_run = command("status data");
  EXPECT_EQ(no_run.exit_code, 2);
  EXPECT_THAT(no_run.output, HasSubstr("data: the folder holds no run, expected a run directory"));
}

TEST_F(Watching, NothingInStatusFilesReachesATerminalRaw) {
  RunStatus status = {.reason = "x\x1b[31m", .job = "\x1b]0;j\x07", .started = "\x1b[2J"};
  status.ranks.push_back({.host = "h\x1b[31m", .threads = 1});
  status.stalls = {"rank 0 (h): \"a\\\"b\x1b[31m\n\"", std::string("\x9b\0", 2)};
  folder_.write("r/manifest.tsv", "");
  folder_.write("r/status.json", status.json());
  const Result<RunView> view = look_at_run(at("r"), 0);
  ASSERT_TRUE(view.is_ok());
  for (const unsigned char c : view->text()) {
    EXPECT_TRUE(c == '\n' || (c >= 0x20 && c < 0x7f)) << int{c};
  }
  EXPECT_THAT(view->text(), HasSubstr("rank 0 (h): \"a\\\"b\\x1b[31m\\n\""));
}

TEST(RunStatusFile, SurvivesBeingWrittenAndRead) {
  RunStatus status = {.state = "stopped",
                      .reason = "why",
                      .job = "j\xff",
                      .started = "s",
                      .updated = "u",
                      .elapsed_seconds = 1.5,
                      .attempt = 2,
                      .units_done = 3,
                      .units = 4,
                      .disk_bytes = 5,
                      .disk_bytes_total = UINT64_MAX,
                      .disk_bytes_before = 7,
                      .disk_bytes_read = 8,
                      .bytes_done_again = 9,
                      .records = 10,
                      .bad_records = 11,
                      .step = {.name = "write\x1b", .done = 12, .items = 48}};
  status.ranks.push_back({"h", 1, 2, 3, 4, 5.5, {{"f", 6, 7.25}}});
  status.stalls = {"one", "two"};
  const std::optional<RunStatus> read = parse_run_status(status.json());
  ASSERT_TRUE(read);
  EXPECT_EQ(read->json(), status.json());
  EXPECT_THAT(run_status_text(*read), HasSubstr("  now       write\\x1b: 12 of 48 (25.0 %)\n"));
}

TEST(RunStatusFile, NamesNoStepWhileUnitsAreRead) {
  const RunStatus status = {.job = "j"};
  EXPECT_EQ(status.json().find("step"), std::string::npos);
  EXPECT_EQ(run_status_text(status).find("now"), std::string::npos);
}

TEST(RunStatusFile, ReadsFilesThatLie) {
  EXPECT_FALSE(parse_run_status(""));
  EXPECT_FALSE(parse_run_status("[]"));
  EXPECT_FALSE(parse_run_status("{\"state\": 3}"));
  const auto read = parse_run_status(
      "{\"state\": \"running\", \"units\": -1, \"disk_bytes\": 1e9, \"elapsed_seconds\": 1e308, "
      "\"per_rank\": [3, {\"threads\": 99999999999999}], \"stalls\": [{}]}");
  ASSERT_TRUE(read);
  EXPECT_EQ(read->units, 0u);
  EXPECT_THAT(run_status_text(*read), HasSubstr("0.0 %"));
}

}  // namespace
}  // namespace shardmill
