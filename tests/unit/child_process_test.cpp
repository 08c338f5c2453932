#include "pipeline/base/child_process.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/files.h"

namespace shardmill {
namespace {

using testing::HasSubstr;
using Milliseconds = ChildProcess::Milliseconds;

std::unique_ptr<ChildProcess> start_shell(const std::string& command) {
  auto child = ChildProcess::start("/bin/sh", {"sh", "-c", command}, {"PATH=/usr/bin:/bin"});
  EXPECT_TRUE(child.is_ok()) << child.status().message();
  return std::move(child).value();
}

/// All that the program prints, with `input` as its input.
std::string output_of(ChildProcess& child, std::string_view input = {}) {
  std::string output;
  while (!child.output_ended()) {
    if (input.empty()) child.close_input();
    input.remove_prefix(child.exchange(input, output, Milliseconds(20)).written);
  }
  return output;
}

/// Names and states of the group's processes that are not zombies.
std::string living_members(pid_t group) {
  return run_command(
             "cat /proc/[0-9]*/stat 2>/dev/null | sed 's/^[0-9]* (\\(.*\\)) \\(.\\) [0-9]* "
             "\\([0-9]*\\) .*/\\3 \\2 \\1/' | grep '^" +
             std::to_string(group) + " [^Z]'")
      .output;
}

TEST(ChildProcess, ReadsWhileItWritesMoreThanThePipesHold) {
  const auto child = start_shell("cat");
  std::string input;
  for (int i = 0; input.size() < 4 << 20; ++i) input += std::to_string(i) + "\n";
  EXPECT_EQ(output_of(*child, input), input);
  const ChildEnd end = child->end();
  EXPECT_EQ(end.exit_code, 0);
  EXPECT_EQ(end.signal, 0);
}

TEST(ChildProcess, TellsExitCodeSignalAndLastWords) {
  const auto failing = start_shell("echo first >&2; echo 'the last ' >&2; exit 7");
  output_of(*failing);
  EXPECT_EQ(failing->end().exit_code, 7);
  EXPECT_EQ(failing->last_words(), "the last");
  const auto killed = start_shell("kill -ABRT $$");
  output_of(*killed);
  EXPECT_EQ(killed->end().signal, SIGABRT);
}

TEST(ChildProcess, ItsGroupIsGoneWithIt) {
  pid_t group = 0;
  {
    const auto child = start_shell("sleep 1000 & sleep 1000 & echo started; sleep 1000");
    group = child->id();
    std::string output;
    while (output.empty()) child->exchange({}, output, Milliseconds(20));
    const auto sleeps = [&] { return living_members(group).find("sleep") != std::string::npos; };
    while (!sleeps()) std::this_thread::yield();  // they are named so a moment after their start
  }
  while (!living_members(group).empty()) std::this_thread::yield();
  EXPECT_EQ(::waitpid(group, nullptr, WNOHANG), -1);  // it was reaped
  EXPECT_EQ(errno, ECHILD);
}

TEST(ChildProcess, DiesWithTheProcessThatStartedIt) {
  // The child of a child: the one between is killed, and nobody tells the other.
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const pid_t between = ::fork();
  ASSERT_GE(between, 0);
  if (between == 0) {
    const auto child = ChildProcess::start("/bin/sleep", {"sleep", "1000"}, {});
    const pid_t id = child.is_ok() ? (*child.value()).id() : 0;
    const bool told = ::write(ends[1], &id, sizeof id) == sizeof id;
    ::pause();
    ::_exit(told ? 0 : 1);
  }
  pid_t id = 0;
  ASSERT_EQ(::read(ends[0], &id, sizeof id), static_cast<ssize_t>(sizeof id));
  ASSERT_GT(id, 0);
  EXPECT_THAT(living_members(id), HasSubstr("sleep"));
  ::kill(between, SIGKILL);
  ::waitpid(between, nullptr, 0);
  while (!living_members(id).empty()) std::this_thread::yield();
  ::close(ends[0]);
  ::close(ends[1]);
}

TEST(ChildProcess, GetsNoDescriptorsAndNoSignalsOfOurs) {
  const int ours = ::open("/dev/null", O_RDONLY);  // not closed on exec
  ASSERT_GE(ours, 3);
  sigset_t term;
  sigset_t before;
  ::sigemptyset(&term);
  ::sigaddset(&term, SIGTERM);
  ::pthread_sigmask(SIG_BLOCK, &term, &before);
  const auto child = start_shell("ls /proc/$$/fd; exec grep -E 'SigBlk|SigIgn' /proc/self/status");
  const std::string output = output_of(*child);
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  ::close(ours);
  EXPECT_EQ(output, "0\n1\n2\nSigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
}

TEST(ChildProcess, AProgramThatDoesNotReadIsNoSignalForUs) {
  const auto child = start_shell("exec <&-; echo deaf");
  const std::string input(1 << 20, 'x');
  std::string output;
  while (child->takes_input()) child->exchange(input, output, Milliseconds(20));
  sigset_t pending;
  ::sigpending(&pending);
  EXPECT_EQ(::sigismember(&pending, SIGPIPE), 0);
  EXPECT_EQ(output + output_of(*child), "deaf\n");
}

TEST(ChildProcess, KeepsOnlyTheEndOfEndlessErrors) {
  const auto child = start_shell("yes no >&2");
  std::string output;
  for (int i = 0; i < 1000; ++i) child->exchange({}, output, Milliseconds(100));
  EXPECT_EQ(output, "");
  child->end();
  EXPECT_LE(child->last_words().size(), ChildProcess::kLastWordsBytes);
  EXPECT_THAT(std::string(child->last_words()), HasSubstr("n"));
}

TEST(ChildProcess, ManyThreadsHaveChildrenThatDoNotKeepEachOthersPipesOpen) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([] {
      for (int i = 0; i < 50; ++i) {
        const auto child = start_shell("cat");
        EXPECT_EQ(output_of(*child, "hello\n"), "hello\n");
        EXPECT_EQ(child->end().exit_code, 0);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST(ChildProcess, SaysWhyAProgramCannotBeStarted) {
  const TempFolder folder;
  const std::string script = folder.write("script", "not a program");
  EXPECT_EQ(ChildProcess::start(script, {script}, {}).status().message(),
            "program \"" + script + "\" cannot be started: Permission denied");
  EXPECT_EQ(ChildProcess::start("/no/such", {"such"}, {}).status().message(),
            "program \"/no/such\" cannot be started: No such file or directory");
}

TEST(ChildProcess, FindsProgramsAsAShellDoes) {
  const TempFolder folder;
  const std::string script = folder.write("script", "#!/bin/sh\n");
  EXPECT_THAT(find_program("sh"), testing::EndsWith("/sh"));
  EXPECT_EQ(find_program("/bin/sh"), "/bin/sh");
  EXPECT_EQ(find_program(script), "");
  EXPECT_EQ(find_program("no such program"), "");
  EXPECT_EQ(find_program(folder.path().string() + "/"), "");
}

}  // namespace
}  // namespace shardmill
