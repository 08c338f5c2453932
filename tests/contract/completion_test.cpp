// Completion with Tab, tried in the shells themselves.
#include "pipeline/cli/completion.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <sstream>

#include "pipeline/cli/arguments.h"
#include "pipeline/core/registry.h"
#include "tests/support/files.h"

namespace shardmill {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::IsSupersetOf;
using testing::Not;
using testing::UnorderedElementsAre;
using testing::UnorderedElementsAreArray;

/// Each test stands in a folder with a few files and the program in its PATH.
class Completion : public testing::Test {
 protected:
  void SetUp() override {
    folder_.write("here/job.toml", "");
    folder_.write("here/two words.toml", "");
    folder_.write("here/data.csv", "");
    folder_.write("here/old.run/results.json", "");
    for (const std::string shell : {"bash", "zsh"}) {
      const CommandResult script = run_command(SHARDMILL_BINARY " completion " + shell);
      ASSERT_EQ(script.exit_code, 0);
      folder_.write("script." + shell, script.output);
    }
  }

  /// The lines that are not empty, each once (zsh asks for files in several ways). `words` are
  /// quoted for the shell.
  std::vector<std::string> offered(const std::string& shell, const std::string& words) const {
    const CommandResult result = run_command(
        fmt::format("cd {0}/here && {1} {2}/tests/support/complete.{1} {0}/script.{1} {3} 2>&1",
                    folder_.path().string(), shell, SHARDMILL_SOURCE_DIR, words));
    EXPECT_EQ(result.exit_code, 0) << words;
    std::vector<std::string> lines;
    std::istringstream text(result.output);
    for (std::string line; std::getline(text, line);) {
      const bool is_new = std::find(lines.begin(), lines.end(), line) == lines.end();
      if (!line.empty() && is_new) lines.push_back(line);
    }
    return lines;
  }
  std::vector<std::string> in_bash(const std::string& words) const {
    return offered("bash", "shardmill " + words);
  }
  std::vector<std::string> in_zsh(const std::string& line) const {
    return offered("zsh", "'shardmill " + line + "'");
  }

  TempFolder folder_;
};

std::vector<std::string> command_names() {
  std::vector<std::string> names;
  for (const CommandDescription& command : describe_commands()) names.push_back(command.name);
  return names;
}

std::vector<std::string> stage_names() {
  std::vector<std::string> names;
  for (const StageSpec& spec : all_stages()) names.push_back(spec.name);
  return names;
}

TEST_F(Completion, BashOffersAllCommandsAndThoseThatBeginSo) {
  EXPECT_THAT(command_names(), IsSupersetOf({"run", "verify", "diff", "completion"}));
  EXPECT_THAT(in_bash("''"), IsSupersetOf(command_names()));
  EXPECT_THAT(in_bash("p"), UnorderedElementsAreArray({"plan", "profile"}));
  EXPECT_THAT(in_bash("--v"), ElementsAre("--version"));
}

TEST_F(Completion, BashOffersEveryFlagOfEveryCommand) {
  for (const CommandDescription& command : describe_commands()) {
    std::vector<std::string> flags;
    for (const ArgumentDescription& flag : command.flags) {
      flags.insert(flags.end(), flag.names.begin(), flag.names.end());
    }
    EXPECT_THAT(flags, Contains("--help")) << command.name;
    EXPECT_THAT(in_bash(command.name + " -"), UnorderedElementsAreArray(flags)) << command.name;
  }
}

TEST_F(Completion, BashOffersStagesJobFilesAndShells) {
  EXPECT_THAT(in_bash("stages ''"), UnorderedElementsAreArray(stage_names()));
  EXPECT_THAT(in_bash("stages gro"), ElementsAre("group"));
  EXPECT_THAT(in_bash("expressions su"), ElementsAre("substr"));
  EXPECT_THAT(in_bash("run ''"),
              UnorderedElementsAreArray({"job.toml", "two words.toml", "old.run"}));
  EXPECT_THAT(in_bash("run --quiet two"), ElementsAre("two words.toml"));
  EXPECT_THAT(in_bash("completion ''"), UnorderedElementsAreArray({"bash", "zsh"}));
}

TEST_F(Completion, BashKnowsWhichWordsAreValuesOfFlags) {
  EXPECT_THAT(in_bash("run --threads ''"), IsEmpty());
  EXPECT_THAT(in_bash("run --threads 3 job"), ElementsAre("job.toml"));
  EXPECT_THAT(in_bash("run --run-dir = x job"), ElementsAre("job.toml"));
  EXPECT_THAT(in_bash("run --memory ="), IsEmpty());
  EXPECT_THAT(in_bash("run job.toml ''"), IsEmpty()) << "there is one job only";
  EXPECT_THAT(in_bash("stages -- --"), IsEmpty()) << "-- ends the flags";
}

TEST_F(Completion, BashLeavesFilesAndFoldersToItself) {
  EXPECT_THAT(in_bash("count ''"), IsEmpty());
  EXPECT_THAT(in_bash("verify ''"), IsEmpty());
  const std::string script = read_file(folder_.path() / "script.bash");
  EXPECT_THAT(script, HasSubstr("'verify 1') offer=folder ;;"));
  EXPECT_THAT(script, HasSubstr("'count '*) offer=file ;;"));
  EXPECT_THAT(script, HasSubstr("complete -o bashdefault -o default -F _shardmill shardmill"));
}

TEST_F(Completion, ZshOffersCommandsFlagsStagesAndFiles) {
  EXPECT_THAT(in_zsh(""), UnorderedElementsAreArray(command_names()));
  EXPECT_THAT(in_zsh("ver"), ElementsAre("verify"));
  EXPECT_THAT(in_zsh("grep --i"), UnorderedElementsAreArray({"--ignore-case", "--invert"}));
  EXPECT_THAT(in_zsh("stages h"), UnorderedElementsAreArray({"head", "histogram"}));
  EXPECT_THAT(in_zsh("run --quiet j"), ElementsAre("job.toml"));
  EXPECT_THAT(in_zsh("count d"), ElementsAre("data.csv"));
  EXPECT_THAT(in_zsh("run --run-dir="), ElementsAre("old.run"));
  EXPECT_THAT(in_zsh("completion "), UnorderedElementsAreArray({"bash", "zsh"}));
}

TEST_F(Completion, ZshKnowsEveryFlag) {
  for (const CommandDescription& command : describe_commands()) {
    if (command.name != "grep" && command.name != "profile") continue;  // the richest
    std::vector<std::string> flags;
    for (const ArgumentDescription& flag : command.flags) {
      for (const std::string& name : flag.names) {
        if (name.starts_with("--")) flags.push_back(name);
      }
    }
    EXPECT_THAT(in_zsh(command.name + " --"), UnorderedElementsAreArray(flags)) << command.name;
  }
}

TEST_F(Completion, ZshIsShownWhatEachThingIs) {
  const std::string script = read_file(folder_.path() / "script.zsh");
  EXPECT_THAT(script,
              HasSubstr("'report:Prints the report of a run, or one of its tables with all rows'"));
  EXPECT_THAT(script, HasSubstr("'(--limit)--limit=[only the first N records]:UINT: '"));
  EXPECT_THAT(script, Not(HasSubstr("UINT in [")));
  EXPECT_THAT(in_bash("report old.run --format c"), ElementsAre("csv"));
  EXPECT_THAT(in_bash("diff old.run old.run --format ''"), UnorderedElementsAre("text", "html"));
}

TEST_F(Completion, OtherShellsAreUsage) {
  const CommandResult result = run_command(SHARDMILL_BINARY " completion fish 2>&1");
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_EQ(result.output,
            "shardmill completion: there is none for \"fish\", expected bash or zsh; no other "
            "shell is known\n");
}

TEST(CompletionScript, QuotesWhatShellsWouldTakeApart) {
  const std::vector<CommandDescription> commands = {
      {.name = "odd",
       .about = "It's: odd. More.",
       .flags = {{.names = {"--a"}, .about = "[it's] a:b", .takes_value = true, .value = "X:Y"}}}};
  const std::string script = zsh_completion(commands, {});
  EXPECT_THAT(script, HasSubstr(R"('odd:It'\''s\: odd')"));
  EXPECT_THAT(script, HasSubstr(R"('(--a)--a=[\[it'\''s\] a\:b]:X\:Y: ')"));
  EXPECT_THAT(bash_completion(commands, {}), HasSubstr("'odd --a') offer=nothing ;;"));
}

}  // namespace
}  // namespace shardmill
