#include "pipeline/cli/run_work.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>

#include "pipeline/base/heap.h"
#include "pipeline/base/text.h"
#include "pipeline/cli/cli.h"
#include "pipeline/cli/commands.h"
#include "pipeline/plan/memory.h"
#include "pipeline/plan/run_identity.h"
#include "pipeline/run/attempt.h"
#include "pipeline/run/checksums.h"
#include "pipeline/run/finished_run.h"
#include "pipeline/run/run_dir.h"
#include "pipeline/run/start.h"
#include "pipeline/run/stop.h"
#include "pipeline/run/trace.h"

namespace shardmill {

namespace {

constexpr std::string_view kGo = "go";
constexpr int kExitStrict = 10;

using Clock = std::chrono::steady_clock;

/// What became of the inputs of a finished run; they may be gone for good reasons.
std::string inputs_since(const JobInput& input, const std::string& run_dir) {
  Problems problems;
  const Manifest manifest = list_inputs(input, run_dir, problems);
  const std::string before = first_manifest(run_dir);
  if (!problems.empty() || before.empty()) return "";
  const std::string change = manifest_change(manifest_tsv(manifest), before);
  return change.empty() ? "" : ", although since then " + change;
}

/// Rank 0's part: everything that can end before the ranks start to work.
class Starter {
 public:
  Starter(const Work& work, int ranks) : work_(work), ranks_(ranks) {}

  /// kGo, or the exit code with which all ranks end at once.
  std::string start() {
    const std::string& run_dir = work_.request.run_dir;
    Result<Job> job = work_.read_job();
    if (!job.is_ok()) return refuse(job.status());
    if (const Status status = check_replay(); !status.is_ok()) return refuse(status);
    if (const Status status = check_trace(); !status.is_ok()) return refuse(status);
    if (!work_.request.fresh && !run_dir.empty() && is_finished_run(run_dir)) {
      const Result<std::string> told = describe_finished(*job, run_dir);
      if (!told.is_ok()) return refuse(told.status());
      print(*told + ", --fresh starts over\n");
      remove_leftovers(run_dir);
      return code_of_finished(work_.strict || job->run.strict);
    }
    Problems problems;
    const bool resumes = !work_.request.fresh && !run_dir.empty() && can_resume(run_dir);
    plan_ = make_plan(std::move(*job), run_dir, problems,
                      resumes ? first_manifest(run_dir) : std::string(), work_.replay);
    if (!plan_.is_ok()) return refuse(plan_.status());
    const Status fits = check_memory();
    return fits.is_ok() ? std::string(kGo) : refuse(fits);
  }

  Result<Plan>& plan() { return plan_; }

 private:
  /// The same as when the run finished.
  std::string code_of_finished(bool strict) const {
    if (!strict) return "0";
    const Result<FinishedRun> run = read_finished_run(work_.request.run_dir);
    if (!run.is_ok()) return refuse(run.status());
    const bool has_bad_input = run->results.bad_records > 0 || run->results.bad_files > 0;
    return std::to_string(has_bad_input ? kExitStrict : 0);
  }

  /// Starting over would delete the records first.
  Status check_replay() const {
    namespace fs = std::filesystem;
    const std::string& run_dir = work_.request.run_dir;
    std::error_code ignored;
    if (work_.replay.empty() || !fs::equivalent(folder_of(work_.replay), run_dir, ignored)) {
      return {};
    }
    return Status::usage(Message{.place = escaped(run_dir),
                                 .found = "the run directory of the records to be fed again",
                                 .expected = "another one for what comes of them",
                                 .fix = "choose another --run-dir"}
                             .text());
  }

  Status check_trace() const {
    const std::string& path = work_.request.trace;
    return path.empty() ? Status::ok() : check_trace_path(path);
  }

  /// As far as it is known before ranks have met: before anything is created.
  Status check_memory() const {
    const BoundJob& job = *plan_->bound;
    const JobRun& run = job.job.run;
    const bool is_known = ranks_ == 1 || (run.memory_bytes > 0 && run.threads > 0);
    if (!is_known) return {};
    return plan_memory(job, &*plan_, choose_threads(work_.request, job, usable_cores()),
                       memory_of_rank(run.memory_bytes, 1), resident_bytes())
        .check();
  }

  static std::string refuse(const Status& status) { return std::to_string(print_error(status)); }

  const Work& work_;
  const int ranks_;
  Result<Plan> plan_ = Status::failed("no plan was made");
};

bool has_bad_input(const RunDescription& run) {
  const auto is_bad = [](const FileResult& file) {
    return file.outcome == "bad" || file.outcome == "partly read";
  };
  return run.bad_records > 0 || std::any_of(run.files.begin(), run.files.end(), is_bad);
}

/// `begin`: when the program began to start up, which counts as planning.
int lead(Comm& comm, const Work& work, Clock::time_point begin) {
  Starter starter(work, comm.size());
  const std::string decision = broadcast(comm, 0, starter.start());
  if (decision != kGo) return std::atoi(decision.c_str());
  RunDescription description;
  description.seconds.plan = std::chrono::duration<double>(Clock::now() - begin).count();
  const Status status = run_job(comm, &starter.plan(), work.request, &description);
  int code = exit_code(status);
  if (!status.is_ok()) {
    code = print_error(status);
    const bool is_lost = status.code() == Code::kStopped && work.request.run_dir.empty();
    if (is_lost) code = exit_code_of_stop();
  } else if (work.finished) {
    work.finished(description);
  }
  const bool strict = work.strict || starter.plan()->bound->job.run.strict;
  if (code == 0 && strict && has_bad_input(description)) code = kExitStrict;
  broadcast(comm, 0, std::to_string(code));
  return code;
}

int follow(Comm& comm, const Work& work) {
  const std::string decision = broadcast(comm, 0, {});
  if (decision != kGo) return std::atoi(decision.c_str());
  const Status same_as_on_rank_zero = run_job(comm, nullptr, work.request, nullptr);
  (void)same_as_on_rank_zero;
  return std::atoi(broadcast(comm, 0, {}).c_str());
}

}  // namespace

int run_work(const Work& asked) {
  const Clock::time_point begin = Clock::now();
  Work work = asked;
  watch_stop_signals(!work.request.run_dir.empty());
  work.request.stop_wish = stop_signal;
  if (!launched_by_mpi()) {
    const std::unique_ptr<Comm> comm = make_single_comm();
    return lead(*comm, work, begin);
  }
  Result<std::unique_ptr<Comm>> comm = make_mpi_comm();
  if (!comm.is_ok()) {
    return is_first_of_launcher() ? print_error(comm.status()) : exit_code(comm.status());
  }
  const int code = (*comm)->rank() == 0 ? lead(**comm, work, begin) : follow(**comm, work);
  (*comm)->finish();
  return code;
}

Result<std::string> describe_finished(const Job& job, const std::string& run_dir) {
  const std::string before = first_job(run_dir);
  const std::string change = before.empty() ? "" : job_change(job.text, before);
  if (!change.empty()) {
    return Status::usage(Message{.place = escaped(run_dir),
                                 .found = "a finished run of another job: " + change,
                                 .expected = "the same job",
                                 .fix = "start over with --fresh, or choose another --run-dir"}
                             .text());
  }
  return fmt::format(
      "{0}: this run is finished, nothing to do{1}; \"shardmill report {0}\" shows its report",
      escaped(run_dir), inputs_since(job.input, run_dir));
}

std::string default_run_dir(std::string_view job_path, std::string_view kind) {
  const size_t slash = job_path.rfind('/');
  if (slash != std::string_view::npos) job_path.remove_prefix(slash + 1);
  if (job_path.ends_with(".toml")) job_path.remove_suffix(5);
  return std::string(job_path) + std::string(kind) + ".run";
}

}  // namespace shardmill
