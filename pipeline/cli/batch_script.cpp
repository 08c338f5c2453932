#include "pipeline/cli/batch_script.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "pipeline/base/message.h"
#include "pipeline/run/run_dir.h"

namespace shardmill {

namespace {

constexpr uint64_t kMebibyte = uint64_t{1} << 20;
constexpr double kShareForStop = 0.1;  ///< of the time limit
constexpr double kStopLeast = 5;
constexpr double kStopMost = 120;

bool is_plain(std::string_view word) {
  return !word.empty() && std::all_of(word.begin(), word.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("._-/+=:,@").find(c) != std::string_view::npos;
  });
}

bool is_control(char c) {
  return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
}

std::string option(std::string_view name, std::string_view value) {
  return fmt::format("#SBATCH {}\n", sbatch_word(fmt::format("--{}={}", name, value)));
}

std::string options(const BatchJob& job) {
  std::string out = option("job-name", job.name) + option("chdir", job.run_dir);
  out += fmt::format("#SBATCH --output={}/log.txt --open-mode=append\n", kSlurmFolder);
  out += fmt::format("#SBATCH --nodes={} --ntasks-per-node={} --cpus-per-task={}\n", job.nodes,
                     job.ranks_per_node, job.threads);
  if (job.memory_bytes > 0) {
    const uint64_t rank_mebibytes = (job.memory_bytes + kMebibyte - 1) / kMebibyte;
    out += fmt::format("#SBATCH --mem={}M\n", rank_mebibytes * job.ranks_per_node);
  }
  if (job.seconds > 0) out += option("time", slurm_time(job.seconds));
  out += fmt::format("#SBATCH --requeue --signal=B:USR1@{}\n", stop_margin_seconds(job.seconds));
  if (!job.partition.empty()) out += option("partition", job.partition);
  if (!job.account.empty()) out += option("account", job.account);
  if (!job.after.empty()) {
    out += fmt::format("#SBATCH --dependency=afterok:{} --kill-on-invalid-dep=yes\n", job.after);
  }
  std::string more;
  for (const std::string& word : job.sbatch_words) more += " " + sbatch_word(word);
  return more.empty() ? out : out + "#SBATCH" + more + "\n";
}

std::string head(const BatchJob& job) {
  return fmt::format(
      "#!/bin/bash\n"
      "# Runs {0}; written by shardmill submit. After a change by hand: sbatch {1}/{2}/{3}\n"
      "# It may be submitted again at any time: the run goes on from what there is.\n",
      escaped(job.job_path), escaped(shell_word(job.run_dir)), kSlurmFolder, kBatchScript);
}

std::string places(const BatchJob& job) {
  return fmt::format(
      "\n"
      "program={}\n"
      "run_dir={}\n"
      "cd {} || exit 2 # where the job's relative paths start\n",
      shell_word(job.program), shell_word(job.run_dir), shell_word(job.folder));
}

std::string launch(const BatchJob& job) {
  std::string command;
  if (job.launcher == Launcher::kSrun) {
    command = fmt::format("srun --mpi={} --cpus-per-task={} ", job.mpi_type, job.threads);
  } else if (job.mpi_type != "pmix") {
    command = "mpirun ";  // MPICH's, which binds nothing, and starts its daemons by srun
  } else {
    command =
        "# A rank may use all its cores, and a node that is gone is noticed in seconds, not "
        "minutes.\n"
        "export OMPI_MCA_hwloc_base_binding_policy=none\n"
        "export OMPI_MCA_oob_tcp_keepalive_time=2 OMPI_MCA_oob_tcp_keepalive_intvl=1 "
        "OMPI_MCA_oob_tcp_keepalive_probes=6\n"
        "mpirun ";
  }
  command += fmt::format(
      "\"$program\" run {} \\\n"
      "  --run-dir \"$run_dir\" --threads {} --time-limit auto",
      shell_word(job.job_path.starts_with('-') ? "./" + job.job_path : job.job_path), job.threads);
  for (const std::string& word : job.run_options) command += " " + shell_word(word);
  return command + " &\n";
}

/// Until the launcher has ended; a signal that is trapped ends a wait, too.
constexpr std::string_view kBegin =
    R"sh(
# Slurm sends USR1 to this script before the time limit or a preemption, and every rank has to know.
trap 'kill -USR1 "$launcher" 2> /dev/null' USR1

echo "job $SLURM_JOB_ID on $SLURM_JOB_NODELIST, start $((${SLURM_RESTART_COUNT:-0} + 1)) at $(date -u +%FT%TZ)"
echo "$SLURM_JOB_ID" > "$run_dir/slurm/job_id"
)sh";

constexpr std::string_view kEnd =
    R"sh(launcher=$!
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
)sh";

}  // namespace

std::string batch_script(const BatchJob& job) {
  return head(job) + options(job) + places(job) + std::string(kBegin) + launch(job) +
         std::string(kEnd);
}

std::string shell_word(std::string_view word) {
  if (is_plain(word)) return std::string(word);
  std::string out = "'";
  for (const char c : word) {
    if (c == '\'') {
      out += R"('\'')";
    } else {
      out += c;
    }
  }
  return out + "'";
}

std::string sbatch_word(std::string_view word) {
  if (is_plain(word)) return std::string(word);
  std::string out = "\"";
  for (const char c : word) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

bool is_slurm_path(std::string_view path) {
  return std::none_of(path.begin(), path.end(),
                      [](char c) { return is_control(c) || c == '%' || c == '\\'; });
}

std::string slurm_time(double seconds) {
  const auto whole = static_cast<uint64_t>(std::ceil(seconds));
  const uint64_t days = whole / 86400;
  const std::string clock =
      fmt::format("{:02}:{:02}:{:02}", whole / 3600 % 24, whole / 60 % 60, whole % 60);
  return days == 0 ? clock : fmt::format("{}-{}", days, clock);
}

uint64_t stop_margin_seconds(double seconds) {
  if (seconds <= 0) return static_cast<uint64_t>(kStopMost);
  return static_cast<uint64_t>(std::clamp(seconds * kShareForStop, kStopLeast, kStopMost));
}

}  // namespace shardmill
