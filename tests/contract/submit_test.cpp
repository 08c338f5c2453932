// `shardmill submit`, `stop` and `status` with programs of Slurm's names that say what the test
// wants; tests/cluster/slurm.py does it with a real Slurm.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "tests/support/files.h"

namespace shardmill {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class Submit : public testing::Test {
 protected:
  Submit() {
    folder_.write("data/a.txt", "one\ntwo\n");
    folder_.write("job.toml", "[input]\npaths = [\"data\"]\n[[stage]]\nuse = \"count\"\n");
  }
  /// A program `name` on PATH.
  void tool(const std::string& name, const std::string& script) {
    folder_.write("tools/" + name, "#!/bin/sh\n" + script + "\n");
    fs::permissions(folder_.path() / "tools" / name, fs::perms::owner_all);
  }
  void site() {
    tool("sinfo", "echo 'main*|4|16|2|1:00:00'; echo 'long|4|16|2|infinite'");
    tool("srun", "echo 'MPI plugin types are...'; echo pmix");
    tool("squeue", "echo 'slurm_load_jobs error: Invalid job id specified' >&2; exit 1");
    tool("sbatch", "echo '42;lab'; echo \"$@\" > sbatch.words");
  }
  /// Standard output and standard error together; no program but the test's is on PATH.
  CommandResult run(const std::string& words) const {
    return run_command("cd " + folder_.path().string() +
                       " && PATH=$PWD/tools " SHARDMILL_BINARY " " + words + " 2>&1");
  }
  std::string path_of(const std::string& name) const { return (folder_.path() / name).string(); }

  TempFolder folder_;
};

TEST_F(Submit, WritesTheScriptHandsItToSlurmAndSaysHowToWatch) {
  site();
  const CommandResult result = run("submit job.toml --threads 1 --ranks-per-node 1");
  EXPECT_EQ(result.output,
            "job 42: 1 unit on 1 node of 1 rank and 1 thread each\n"
            "  output  job.run/slurm/log.txt\n"
            "  watch   shardmill status job.run\n"
            "  end     shardmill stop job.run, or scancel 42\n");
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(read_file(path_of("sbatch.words")),
            "--parsable " + path_of("job.run/slurm/job.sbatch") + "\n");
  EXPECT_EQ(read_file(path_of("job.run/slurm/job_id")), "42;lab\n");
  const std::string script = read_file(path_of("job.run/slurm/job.sbatch"));
  EXPECT_THAT(script, StartsWith("#!/bin/bash\n# Runs job.toml; written by shardmill submit."));
  EXPECT_THAT(script, HasSubstr("\nrun_dir=" + path_of("job.run") + "\n"));
  EXPECT_THAT(script,
              HasSubstr("\nsrun --mpi=pmix --cpus-per-task=1 \"$program\" run job.toml \\"));
}

TEST_F(Submit, DryRunPrintsTheScriptAndChangesNothing) {
  site();
  const CommandResult result =
      run("submit job.toml --nodes 2 --time 12:00:00 --memory 1GiB --set run.seed=7 --dry-run -- "
          "--qos=long -C ib");
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_THAT(result.output,
              StartsWith("note: 4 ranks of 8 threads have 1 unit to work on, so 3 ranks will have "
                         "nothing to do; ask for less, or for smaller units (--set "
                         "input.unit_bytes=16MiB)\n"
                         "note: --time is 12:00:00, partition \"main\" allows 01:00:00; Slurm may "
                         "refuse it or let it wait\n"
                         "#!/bin/bash\n"));
  EXPECT_THAT(result.output,
              AllOf(HasSubstr("#SBATCH --nodes=2 --ntasks-per-node=2 --cpus-per-task=8\n"),
                    HasSubstr("#SBATCH --mem=2048M\n#SBATCH --time=12:00:00\n"),
                    HasSubstr("#SBATCH --qos=long -C ib\n"),
                    HasSubstr(" --time-limit auto --set run.seed=7 --set run.memory=1GiB &\n"),
                    EndsWith("exit \"$code\"\n")));
  EXPECT_FALSE(fs::exists(path_of("job.run")));
  EXPECT_FALSE(fs::exists(path_of("sbatch.words")));
}

TEST_F(Submit, WithoutSlurmItPrintsAScriptForNodesLikeThisOneButSubmitsNothing) {
  CommandResult result = run("submit job.toml --threads 1 --dry-run");
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_THAT(
      result.output,
      HasSubstr("note: Slurm does not tell what its nodes have (sinfo: there is no such "
                "program on PATH, expected the commands of Slurm; give the command where "
                "they are, on a login node); this script is for nodes like this machine\n"));
  result = run("submit job.toml --threads 1");
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_THAT(
      result.output,
      EndsWith("\nsbatch: there is no such program on PATH, expected the commands of Slurm; "
               "give the command where they are, on a login node\n"));
  EXPECT_FALSE(fs::exists(path_of("job.run")));
}

TEST_F(Submit, ForgetsWhatStoppedTheRunBefore) {
  site();
  folder_.write("job.run/slurm/job.sbatch", "old");
  folder_.write("job.run/slurm/progress", "7 2\n");
  folder_.write("job.run/STOP", "");
  EXPECT_EQ(run("submit job.toml").exit_code, 0);
  EXPECT_FALSE(fs::exists(path_of("job.run/STOP")));
  EXPECT_FALSE(fs::exists(path_of("job.run/slurm/progress")));
  EXPECT_THAT(read_file(path_of("job.run/slurm/job.sbatch")), StartsWith("#!/bin/bash\n"));
}

TEST_F(Submit, DoesNotFollowASymlinkInPlaceOfItsScript) {
  site();
  folder_.write("mine", "years of work");
  folder_.write("job.run/slurm/log.txt", "");
  fs::create_symlink(path_of("mine"), path_of("job.run/slurm/job.sbatch"));
  EXPECT_EQ(run("submit job.toml").exit_code, 0);
  EXPECT_EQ(read_file(path_of("mine")), "years of work");
}

TEST_F(Submit, SaysWhySlurmRefuses) {
  site();
  tool("sbatch", "echo 'sbatch: error: invalid account' >&2; exit 1");
  const CommandResult result = run("submit job.toml --threads 1 --ranks-per-node 1");
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_EQ(result.output,
            "sbatch: sbatch: error: invalid account, expected a job that Slurm takes; the script "
            "is " +
                path_of("job.run/slurm/job.sbatch") + "\n");
}

TEST_F(Submit, MistakesAreFoundBeforeAnythingWaitsInAQueue) {
  site();
  folder_.write("mine/thesis.tex", "years of work");
  folder_.write("typo.toml", "[input]\npaths = [\"gone\"]\n[[stage]]\nuse = \"count\"\n");
  const std::pair<std::string, std::string> cases[] = {
      {"submit typo.toml", "there is no input \"gone\""},
      {"submit job.toml --time soon",
       "shardmill submit: --time is \"soon\", expected a time like 01:00:00, 2-12:00:00 or "
       "90min\n"},
      {"submit job.toml --after 12a",
       "shardmill submit: --after is \"12a\", expected the number of a job, like 1234; squeue --me "
       "lists yours\n"},
      {"submit job.toml other.toml",
       "shardmill submit: there is \"other.toml\" behind the job file, expected options of sbatch, "
       "behind --, like -- --qos=long; one job at a time\n"},
      {"submit job.toml --account 'a\nb'",
       "shardmill submit: \"a\\nb\" has a control character, expected none in an option of "
       "sbatch\n"},
      {"submit job.toml --partition logn",
       "shardmill submit: there is no partition \"logn\" with nodes, expected one that sinfo "
       "lists; "
       "choose another --partition\n"},
      {"submit job.toml --nodes 5",
       "shardmill submit: --nodes is 5, expected at most 4, which partition \"main\" has; choose "
       "fewer --nodes or another --partition\n"},
      {"submit job.toml --run-dir 50%",
       "50%: the run directory's path has a control character, a % or a backslash, expected none "
       "of "
       "these, which mean something in Slurm's names of files; choose another --run-dir\n"},
      {"submit job.toml --run-dir mine",
       "mine: the folder holds other things than a run, expected a run directory, an empty folder "
       "or a new name; choose another --run-dir\n"},
      {"submit job.toml --node 2", "; did you mean \"--nodes\"?\n"},
      {"submti job.toml", "; did you mean \"shardmill submit\"?\n"}};
  for (const auto& [words, message] : cases) {
    const CommandResult result = run(words);
    EXPECT_EQ(result.exit_code, 2) << words;
    EXPECT_THAT(result.output, HasSubstr(message)) << words;
  }
  EXPECT_FALSE(fs::exists(path_of("job.run")));
  EXPECT_FALSE(fs::exists(path_of("sbatch.words")));
}

TEST_F(Submit, OfARunThatIsDoneOrOnItsWayDoesNothing) {
  site();
  tool("squeue", "echo '42|RUNNING|None|2026-11-21T17:51:52|59:01|n[1-3]'");
  folder_.write("job.run/slurm/job.sbatch", "old");
  folder_.write("job.run/slurm/job_id", "42;lab\n");
  CommandResult result = run("submit job.toml --threads 1 --ranks-per-node 1");
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_EQ(result.output,
            "job.run: job 42 is running on n[1-3], 59:01 left, expected no job of this run in the "
            "queue; wait for it, or end it with scancel 42\n");
  EXPECT_EQ(read_file(path_of("job.run/slurm/job.sbatch")), "old");
  site();
  EXPECT_EQ(run("run job.toml --quiet").exit_code, 0);
  result = run("submit job.toml");
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.output,
            "job.run: this run is finished, nothing to do; \"shardmill report job.run\" shows its "
            "report\n");
  EXPECT_THAT(run("submit job.toml --dry-run").output, HasSubstr("#SBATCH --job-name=job\n"));
}

TEST_F(Submit, StopRefusesRunsThatAreNotAtWork) {
  site();
  EXPECT_EQ(run("run job.toml --quiet").exit_code, 0);
  const CommandResult result = run("stop job.run");
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_EQ(result.output, "job.run: the run is finished, expected a run at work\n");
  EXPECT_FALSE(fs::exists(path_of("job.run/STOP")));
  EXPECT_EQ(run("stop gone").output, run("status gone").output);
}

TEST_F(Submit, StopEndsARunSoftlyAndSaysHowToGoOn) {
  site();
  folder_.write("slow.toml",
                "[input]\npaths = [\"data\"]\nformat = \"lines\"\n[[stage]]\nuse = \"exec\"\n"
                "shell = \"/bin/sleep 100\"\nmode = \"stream\"\n");
  const CommandResult result = run_command(
      "cd " + folder_.path().string() +
      "; " SHARDMILL_BINARY " run slow.toml --quiet --threads 1 > run.txt 2>&1 & run=$!; cd " +
      folder_.path().string() +
      "; for i in $(seq 600); do [ -e slow.run/status.json ] && break; sleep 0.1; done; "
      "PATH=$PWD/tools " SHARDMILL_BINARY
      " submit slow.toml --threads 1 --ranks-per-node 1 2>&1; " SHARDMILL_BINARY
      " stop slow.run; wait $run; echo $?");
  EXPECT_THAT(
      result.output,
      testing::ContainsRegex("^slow.run: process [0-9]+ on .* is at work on this run, expected "
                             "nobody; wait for it, or end it with \"shardmill stop slow.run\""));
  EXPECT_THAT(
      result.output,
      EndsWith("\nslow.run: asked to stop; it writes down what there is and ends in a few seconds\n"
               "  watch  shardmill status slow.run\n"
               "  then   to go on, take slow.run/STOP away and give the same command\n"
               "75\n"));
}

}  // namespace
}  // namespace shardmill
