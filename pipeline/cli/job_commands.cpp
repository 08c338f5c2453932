// `plan` and `test`: what a job file says, without a run.
#include <fmt/format.h>

#include "pipeline/base/heap.h"
#include "pipeline/base/text.h"
#include "pipeline/cli/commands.h"
#include "pipeline/cli/run_work.h"
#include "pipeline/plan/memory.h"
#include "pipeline/plan/plan.h"
#include "pipeline/run/in_memory.h"
#include "pipeline/run/outputs.h"

namespace shardmill {

namespace {

/// True if the test passes; prints what it found.
bool run_test(const Job& job, const JobTest& test) {
  Problems problems;
  const Result<InMemoryRun> run =
      run_in_memory(job, joined_lines(test.input), problems, test.files);
  const std::vector<std::string> differences =
      run.is_ok() ? compare_with_test(test, *run)
                  : std::vector<std::string>{run.status().message()};
  if (differences.empty()) {
    print(fmt::format("ok      {}\n", escaped(test.name)));
    return true;
  }
  print(fmt::format("FAILED  {} ({}:{})\n", escaped(test.name), escaped(job.place), test.line));
  for (const std::string& difference : differences) print("  " + difference + "\n");
  if (!run.is_ok()) return false;
  for (const InMemoryReject& reject : run->rejects) {
    print(fmt::format("  rejected at byte {}: {}\n", reject.offset, escaped(reject.reason)));
  }
  for (const std::string& value : run->bad_values) {
    print("  not of its column's type: " + escaped(value) + "\n");
  }
  return false;
}

/// What to say of a file that is no job: people give the data itself.
std::string hint_for_data(const std::string& path) {
  if (path.ends_with(".toml")) return {};
  return "\n" +
         Message{.place = escaped(path),
                 .found = "the name does not end in .toml",
                 .expected = "a job file",
                 .fix =
                     "for data there is \"shardmill new PATH\", which writes a job for it, and "
                     "\"shardmill profile PATH\""}
             .text();
}

}  // namespace

Result<Job> read_job(const Arguments& arguments) {
  ASSIGN_OR_RETURN(const std::string text, read_job_file(arguments.target));
  Problems problems;
  Job job = parse_job(text, arguments.target, arguments.settings, problems);
  if (problems.empty()) return job;
  const std::string hint = job.text.empty() ? hint_for_data(arguments.target) : "";
  return Status::usage(problems_text(job.place, problems) + hint);
}

int plan_command(const Arguments& arguments) {
  Result<Job> job = read_job(arguments);
  if (!job.is_ok()) return print_error(job.status());
  const unsigned threads = arguments.threads > 0  ? arguments.threads
                           : job->run.threads > 0 ? job->run.threads
                                                  : usable_cores();
  Problems problems;
  const std::string run_dir = default_run_dir(arguments.target);
  const Result<Plan> plan = make_plan(*job, run_dir, problems);
  if (!plan.is_ok()) return print_error(plan.status());
  const Result<Outputs> outputs = Outputs::plan(*plan, run_dir, "plan");
  if (!outputs.is_ok()) return print_error(outputs.status());
  const MemoryPlan memory = plan_memory(*plan->bound, &*plan, threads,
                                        memory_of_rank(job->run.memory_bytes, 1), resident_bytes());
  print(explain(*plan, memory));
  const Status fits = memory.check();
  return fits.is_ok() ? 0 : print_error(fits);
}

int test_command(const Arguments& arguments) {
  const Result<Job> job = read_job(arguments);
  if (!job.is_ok()) return print_error(job.status());
  if (job->tests.empty()) {
    return print_error(Status::usage(Message{.place = escaped(arguments.target),
                                             .found = "the job file has no [[test]]",
                                             .expected = "at least one",
                                             .fix = "\"shardmill new\" prints a job file with one"}
                                         .text()));
  }
  size_t failed = 0;
  for (const JobTest& test : job->tests) failed += run_test(*job, test) ? 0 : 1;
  print(fmt::format("{}, {} failed\n", counted(job->tests.size(), "test"), failed));
  return failed == 0 ? 0 : 3;
}

}  // namespace shardmill
