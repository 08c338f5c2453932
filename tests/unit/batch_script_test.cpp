#include "pipeline/cli/batch_script.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pipeline/base/child_process.h"

namespace shardmill {
namespace {

using testing::HasSubstr;
using testing::Not;

BatchJob small_job() {
  return {.name = "slow",
          .program = "/opt/shardmill",
          .folder = "/home/me",
          .job_path = "slow.toml",
          .run_dir = "/data/slow.run"};
}

/// What /bin/sh makes of a command.
std::string output_of(const std::string& command) {
  auto child = ChildProcess::start("/bin/sh", {"sh", "-c", command}, {"PATH=/usr/bin:/bin"});
  if (!child.is_ok()) return child.status().message();
  std::string output;
  while (!(*child)->output_ended()) (*child)->exchange({}, output, std::chrono::milliseconds(100));
  return output;
}

TEST(BatchScript, OfASmallJobHasTheseBytes) {
  BatchJob job = small_job();
  job.nodes = 3;
  job.ranks_per_node = 2;
  job.threads = 4;
  job.memory_bytes = (uint64_t{3} << 30) + 1;
  job.seconds = 90000;
  job.partition = "long";
  job.account = "physics";
  job.after = "1234";
  job.run_options = {"--set", "input.unit_bytes=1MiB"};
  job.sbatch_words = {"--qos=high", "-C", "ib"};
  EXPECT_EQ(batch_script(job),
            R"sh(#!/bin/bash
# Runs slow.toml; written by shardmill submit. After a change by hand: sbatch /data/slow.run/slurm/job.sbatch
# It may be submitted again at any time: the run goes on from what there is.
#SBATCH --job-name=slow
#SBATCH --chdir=/data/slow.run
#SBATCH --output=slurm/log.txt --open-mode=append
#SBATCH --nodes=3 --ntasks-per-node=2 --cpus-per-task=4
#SBATCH --mem=6146M
#SBATCH --time=1-01:00:00
#SBATCH --requeue --signal=B:USR1@120
#SBATCH --partition=long
#SBATCH --account=physics
#SBATCH --dependency=afterok:1234 --kill-on-invalid-dep=yes
#SBATCH --qos=high -C ib

program=/opt/shardmill
run_dir=/data/slow.run
cd /home/me || exit 2 # where the job's relative paths start

# Slurm sends USR1 to this script before the time limit or a preemption, and every rank has to know.
trap 'kill -USR1 "$launcher" 2> /dev/null' USR1

echo "job $SLURM_JOB_ID on $SLURM_JOB_NODELIST, start $((${SLURM_RESTART_COUNT:-0} + 1)) at $(date -u +%FT%TZ)"
echo "$SLURM_JOB_ID" > "$run_dir/slurm/job_id"
srun --mpi=pmix --cpus-per-task=4 "$program" run slow.toml \
  --run-dir "$run_dir" --threads 4 --time-limit auto --set input.unit_bytes=1MiB &
launcher=$!
while wait "$launcher"; code=$?; kill -0 "$launcher" 2> /dev/null; do :; done

# It is finished, or another attempt would change nothing: an error in the job, a failure, no program.
case $code in 0 | 2 | 3 | 10 | 126 | 127) exit "$code" ;; esac
case $(squeue -h -j "$SLURM_JOB_ID" -o %T) in RUNNING | '') ;; *) exit "$code" ;; esac # somebody cancelled it
if [ -e "$run_dir/STOP" ]; then
  echo "stopped as the file STOP asks for; shardmill submit goes on"
  exit "$code"
fi

# It was stopped early (exit code 75) or crashed. Two attempts in a row that finish nothing: so would the next.
units=$(sed -n 's/.*"units_done": *\([0-9]*\).*/\1/p' "$run_dir/status.json")
read -r most idle 2> /dev/null < "$run_dir/slurm/progress" || most=0 idle=0
if [ "${units:-0}" -gt "$most" ]; then most=$units idle=0; else idle=$((idle + 1)); fi
echo "$most $idle" > "$run_dir/slurm/progress"
if [ "$idle" -ge 2 ]; then
  echo "exit code $code and no unit finished in two attempts in a row (there are $most), expected progress; give it more --time" \
    "or --memory, or smaller units (--set input.unit_bytes=16MiB with --fresh), then submit it again"
  exit "$code"
fi

echo "exit code $code after $most finished units; goes on from there"
if scontrol requeue "$SLURM_JOB_ID"; then
  sleep 3600 # Slurm ends this script
  exit "$code"
fi
# Sites may forbid that: then another job takes over.
sbatch --parsable --dependency="afterany:$SLURM_JOB_ID" "$run_dir/slurm/job.sbatch" > "$run_dir/slurm/job_id" &&
  echo "job $(cat "$run_dir/slurm/job_id") follows"
exit "$code"
)sh");
}

TEST(BatchScript, StartsRanksAsTheProgramsMpiWantsIt) {
  BatchJob job = small_job();
  job.mpi_type = "pmi2";
  EXPECT_THAT(batch_script(job), HasSubstr("\nsrun --mpi=pmi2 --cpus-per-task="));
  job.launcher = Launcher::kMpirun;
  EXPECT_THAT(batch_script(job), HasSubstr("\nmpirun \"$program\" run "));
  EXPECT_THAT(batch_script(job), Not(HasSubstr("OMPI_")));
  job.mpi_type = "pmix";
  EXPECT_THAT(batch_script(job), HasSubstr("export OMPI_MCA_hwloc_base_binding_policy=none\n"));
}

TEST(BatchScript, SaysNothingOfWhatTheSiteDecides) {
  const std::string script = batch_script(small_job());
  for (const char* option : {"--mem", "--time=", "--partition", "--account", "--dependency"}) {
    EXPECT_THAT(script, Not(HasSubstr("#SBATCH " + std::string(option))));
  }
  EXPECT_THAT(script, HasSubstr("#SBATCH --requeue --signal=B:USR1@120\n"));
}

TEST(BatchScript, StartsMpirunWhereSlurmHasNoPmix) {
  BatchJob job = small_job();
  job.launcher = Launcher::kMpirun;
  EXPECT_THAT(batch_script(job), HasSubstr(R"sh(
# A rank may use all its cores, and a node that is gone is noticed in seconds, not minutes.
export OMPI_MCA_hwloc_base_binding_policy=none
export OMPI_MCA_oob_tcp_keepalive_time=2 OMPI_MCA_oob_tcp_keepalive_intvl=1 OMPI_MCA_oob_tcp_keepalive_probes=6
mpirun "$program" run slow.toml \
)sh"));
}

TEST(BatchScript, QuotesHostileNamesForTheShellAndKeepsThemOutOfItsComments) {
  BatchJob job = small_job();
  job.program = "/opt/my programs/shardmill";
  job.folder = "/home/it's me";
  job.job_path = "-a\n#SBATCH --uid=root\n$(touch /tmp/x)`id`.toml";
  job.run_dir = "/data/\"$HOME\" it's #1";
  job.run_options = {"--set", "stage.0.pattern=a b\n'c'", "*"};
  job.sbatch_words = {"--comment=a \"b\" #c"};
  const std::string script = batch_script(job);
  EXPECT_THAT(script, HasSubstr("\n# Runs -a\\n#SBATCH --uid=root\\n$(touch /tmp/x)`id`.toml; "));
  EXPECT_THAT(script, HasSubstr("\n#SBATCH \"--chdir=/data/\\\"$HOME\\\" it's #1\"\n"));
  EXPECT_THAT(script, HasSubstr("\n#SBATCH \"--comment=a \\\"b\\\" #c\"\n"));
  EXPECT_THAT(script, HasSubstr("\nprogram='/opt/my programs/shardmill'\n"
                                "run_dir='/data/\"$HOME\" it'\\''s #1'\n"
                                "cd '/home/it'\\''s me' || exit 2"));
  EXPECT_THAT(script, HasSubstr(" run './-a\n#SBATCH --uid=root\n$(touch /tmp/x)`id`.toml' \\\n"));
  EXPECT_THAT(script, HasSubstr(" --set 'stage.0.pattern=a b\n'\\''c'\\''' '*' &\n"));
}

TEST(ShellWord, IsOneWordOfTheShellWithTheSameBytes) {
  const char* const words[] = {"plain",      "a b",   "it's",     "\"$HOME\" `id` $(id)",
                               "two\nlines", "*",     "\\",       "'",
                               "",           "~",     "\x80\xff", "#",
                               "a;b&c|d",    "--x=y", "!"};
  for (const std::string word : words) {
    EXPECT_EQ(output_of("printf '<%s>' " + shell_word(word)), "<" + word + ">");
  }
}

TEST(SlurmTime, HasDaysInFront) {
  EXPECT_EQ(slurm_time(60), "00:01:00");
  EXPECT_EQ(slurm_time(59.2), "00:01:00");
  EXPECT_EQ(slurm_time(86399), "23:59:59");
  EXPECT_EQ(slurm_time(2 * 86400 + 3600), "2-01:00:00");
}

TEST(StopMargin, IsATenthOfTheLimitWithinBounds) {
  EXPECT_EQ(stop_margin_seconds(60), 6);
  EXPECT_EQ(stop_margin_seconds(10), 5);
  EXPECT_EQ(stop_margin_seconds(86400), 120);
  EXPECT_EQ(stop_margin_seconds(0), 120);
}

TEST(SlurmPath, RefusesWhatSlurmTakesForSomethingElse) {
  EXPECT_TRUE(is_slurm_path("/data/it's \"my\" #1 \xc3\xbc"));
  EXPECT_FALSE(is_slurm_path("/data/%j"));
  EXPECT_FALSE(is_slurm_path("/data/a\\b"));
  EXPECT_FALSE(is_slurm_path("/data/two\nlines"));
  EXPECT_FALSE(is_slurm_path("/data/\x7f"));
}

}  // namespace
}  // namespace shardmill
