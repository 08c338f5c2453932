// `submit`: a job for Slurm that goes on by itself until it is done.
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <climits>
#include <cstdlib>
#include <filesystem>

#include "pipeline/base/message.h"
#include "pipeline/base/quantity.h"
#include "pipeline/base/text.h"
#include "pipeline/cli/batch_script.h"
#include "pipeline/cli/commands.h"
#include "pipeline/cli/job_draft.h"
#include "pipeline/cli/layout.h"
#include "pipeline/cli/run_work.h"
#include "pipeline/cli/slurm_tools.h"
#include "pipeline/plan/plan.h"
#include "pipeline/plan/walk.h"
#include "pipeline/run/attempt.h"
#include "pipeline/run/checksums.h"
#include "pipeline/run/outputs.h"
#include "pipeline/run/run_dir.h"
#include "pipeline/run/run_view.h"

namespace shardmill {

namespace {

namespace fs = std::filesystem;

Status refusal(std::string found, std::string expected, std::string fix) {
  return Status::usage(Message{.place = "shardmill submit",
                               .found = std::move(found),
                               .expected = std::move(expected),
                               .fix = std::move(fix)}
                           .text());
}

Result<std::string> current_folder() {
  std::array<char, PATH_MAX> path = {};
  if (::getcwd(path.data(), path.size()) != nullptr) return std::string(path.data());
  return Status::failed("shardmill submit: the current folder has no path; go to another one");
}

std::string absolute(const std::string& path, const std::string& folder) {
  std::string text =
      fs::path(path.starts_with('/') ? path : folder + "/" + path).lexically_normal().string();
  while (text.size() > 1 && text.ends_with('/')) text.pop_back();
  return text;
}

Result<std::string> own_program() {
  std::array<char, PATH_MAX> path = {};
  const ssize_t length = ::readlink("/proc/self/exe", path.data(), path.size() - 1);
  if (length > 0) return std::string(path.data(), static_cast<size_t>(length));
  return Status::failed("shardmill submit: /proc/self/exe cannot be read; is /proc mounted?");
}

/// What is known of the nodes: Slurm's word, or, where there is none to ask, this machine's.
struct Site {
  NodeShape nodes;
  Launcher launcher = Launcher::kSrun;
  std::string note = {};  ///< why it is only a guess; empty if it is not
};

Result<Site> look_at_site(const std::string& partition) {
  const Result<ToolAnswer> answer = ask_tool({"sinfo", "-h", "-o", std::string(kNodesFormat)});
  if (!answer.is_ok() || !answer->succeeded) {
    const std::string why = answer.is_ok() ? answer->last_words : answer.status().message();
    return Site{.nodes = {.nodes = UINT64_MAX, .cpus = usable_cores()},
                .note = "Slurm does not tell what its nodes have (" + escaped(why) +
                        "); this script is for nodes like this machine"};
  }
  std::optional<NodeShape> nodes = parse_nodes(answer->output, partition);
  if (nodes) return Site{.nodes = std::move(*nodes), .launcher = choose_launcher(slurm_mpi_type())};
  if (partition.empty()) {
    return refusal("the site has no default partition", "--partition with one that sinfo lists",
                   "");
  }
  return refusal("there is no partition " + shardmill::quoted(partition) + " with nodes",
                 "one that sinfo lists", "choose another --partition");
}

Result<double> asked_seconds(const std::string& time) {
  if (time.empty()) return 0.0;
  const Result<double> seconds = parse_seconds(time);
  if (seconds.is_ok() && *seconds > 0) return *seconds;
  return refusal("--time is " + shardmill::quoted(time),
                 "a time like 01:00:00, 2-12:00:00 or 90min", "");
}

Status check_words(const Arguments& arguments) {
  if (!arguments.after.empty() && !is_job_id(arguments.after)) {
    return refusal("--after is " + shardmill::quoted(arguments.after),
                   "the number of a job, like 1234", "squeue --me lists yours");
  }
  const std::vector<std::string>& words = arguments.sbatch_words;
  if (!words.empty() && !words[0].starts_with('-')) {
    return refusal("there is " + shardmill::quoted(words[0]) + " behind the job file",
                   "options of sbatch, behind --, like -- --qos=long", "one job at a time");
  }
  std::vector<std::string> all = words;
  all.insert(all.end(), {arguments.partition, arguments.account});
  for (const std::string& word : all) {
    for (const char c : word) {
      if (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f) continue;
      return refusal(shardmill::quoted(word) + " has a control character",
                     "none in an option of sbatch", "");
    }
  }
  return {};
}

/// What would end the job at once is found now.
Status check_holder(const std::string& run_dir) {
  std::error_code ignored;
  const bool holds_other_things = fs::is_directory(run_dir, ignored)
                                      ? !fs::is_empty(run_dir, ignored) &&
                                            !fs::exists(run_dir + "/manifest.tsv", ignored) &&
                                            !fs::exists(run_dir + "/slurm/job.sbatch", ignored)
                                      : fs::exists(run_dir, ignored);
  if (!holds_other_things) return {};
  return Status::usage(Message{.place = escaped(run_dir),
                               .found = "the folder holds other things than a run",
                               .expected = "a run directory, an empty folder or a new name",
                               .fix = "choose another --run-dir"}
                           .text());
}

Status check_run_dir(const std::string& run_dir) {
  if (is_slurm_path(run_dir)) return check_holder(run_dir);
  return Status::usage(
      Message{.place = escaped(run_dir),
              .found = "the run directory's path has a control character, a % or a backslash",
              .expected = "none of these, which mean something in Slurm's names of files",
              .fix = "choose another --run-dir"}
          .text());
}

/// Words for `shardmill run`.
std::vector<std::string> run_options(const Arguments& arguments) {
  std::vector<std::string> words;
  for (const auto& [key, value] : arguments.settings) {
    words.insert(words.end(), {"--set", key + "=" + value});
  }
  return words;
}

/// What the script is made of, and what there is to say about it.
struct Submission {
  BatchJob job;
  uint64_t units = 0;
  std::vector<std::string> notes;
};

/// The whole plan is checked now: a job that waits for days must not die of a typing mistake.
Result<Submission> prepare(const Arguments& arguments, const std::string& run_dir) {
  RETURN_IF_ERROR(check_words(arguments));
  ASSIGN_OR_RETURN(const double seconds, asked_seconds(arguments.time));
  ASSIGN_OR_RETURN(const std::string folder, current_folder());
  ASSIGN_OR_RETURN(const std::string program, own_program());
  const std::string absolute_run_dir = absolute(run_dir, folder);
  RETURN_IF_ERROR(check_run_dir(absolute_run_dir));
  ASSIGN_OR_RETURN(Job job, read_job(arguments));
  const JobRun run = job.run;
  Problems problems;
  const std::string first = can_resume(run_dir) ? first_manifest(run_dir) : std::string();
  ASSIGN_OR_RETURN(const Plan plan, make_plan(std::move(job), run_dir, problems, first));
  RETURN_IF_ERROR(Outputs::plan(plan, run_dir, "plan").status());
  ASSIGN_OR_RETURN(const Site site, look_at_site(arguments.partition));
  const LayoutWish wish = {.nodes = arguments.nodes,
                           .ranks_per_node = arguments.ranks_per_node,
                           .threads = arguments.threads > 0 ? arguments.threads : run.threads};
  ASSIGN_OR_RETURN(const Layout layout, choose_layout(wish, site.nodes));
  Submission submission = {.job = {.name = job_name_of(arguments.target),
                                   .program = program,
                                   .folder = folder,
                                   .job_path = arguments.target,
                                   .run_dir = absolute_run_dir,
                                   .run_options = run_options(arguments),
                                   .launcher = site.launcher,
                                   .mpi_type = std::string(slurm_mpi_type()),
                                   .nodes = layout.nodes,
                                   .ranks_per_node = layout.ranks_per_node,
                                   .threads = layout.threads,
                                   .memory_bytes = run.memory_bytes,
                                   .seconds = seconds,
                                   .partition = arguments.partition,
                                   .account = arguments.account,
                                   .after = arguments.after,
                                   .sbatch_words = arguments.sbatch_words},
                           .units = plan.units.size()};
  submission.notes = {site.note, layout_warning(layout, plan.units.size())};
  if (site.nodes.seconds_max > 0 && seconds > site.nodes.seconds_max) {
    submission.notes.push_back(
        fmt::format("--time is {}, partition {} allows {}; Slurm may refuse it or let it wait",
                    slurm_time(seconds), shardmill::quoted(site.nodes.partition),
                    slurm_time(site.nodes.seconds_max)));
  }
  return submission;
}

void print_notes(const Submission& submission) {
  for (const std::string& note : submission.notes) {
    if (!note.empty()) fmt::print(stderr, "note: {}\n", note);
  }
}

Status cannot_write(const std::string& path, int error) {
  return Status::failed(Message{.place = escaped(path),
                                .found = "cannot be written (" + system_reason(error) + ")",
                                .expected = "room and permission for it",
                                .fix = "check the folder, or choose another --run-dir"}
                            .text());
}

/// A file of submit's own; a symlink in its place is not followed.
Status write_own(const std::string& path, std::string_view text) {
  const std::string temporary = path + ".tmp";
  ::unlink(temporary.c_str());
  const int descriptor =
      ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
  if (descriptor < 0) return cannot_write(path, errno);
  while (!text.empty()) {
    const ssize_t size = ::write(descriptor, text.data(), text.size());
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) break;
    text.remove_prefix(static_cast<size_t>(size));
  }
  int error = text.empty() ? 0 : errno;
  if (::close(descriptor) != 0 && error == 0) error = errno;
  if (error == 0 && ::rename(temporary.c_str(), path.c_str()) != 0) error = errno;
  return error == 0 ? Status::ok() : cannot_write(path, error);
}

/// The folder, the script, and nothing of what an earlier submission left that would stop this one.
Status write_script(const BatchJob& job) {
  const std::string folder = job.run_dir + "/" + std::string(kSlurmFolder);
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) return cannot_write(folder, error.value());
  for (const char* left : {"/STOP", "/slurm/progress", "/slurm/job_id"}) {
    ::unlink((job.run_dir + left).c_str());
  }
  return write_own(folder + "/" + std::string(kBatchScript), batch_script(job));
}

/// The number of the job.
Result<std::string> call_sbatch(const BatchJob& job) {
  const std::string script = fmt::format("{}/{}/{}", job.run_dir, kSlurmFolder, kBatchScript);
  ASSIGN_OR_RETURN(const ToolAnswer answer, ask_tool({"sbatch", "--parsable", script}));
  const std::string id(trimmed(std::string_view(answer.output).substr(0, answer.output.find(';'))));
  if (answer.succeeded && is_job_id(id)) {
    RETURN_IF_ERROR(
        write_own(fmt::format("{}/{}/job_id", job.run_dir, kSlurmFolder), answer.output));
    return id;
  }
  return Status::failed(
      Message{.place = "sbatch",
              .found = escaped(answer.last_words.empty() ? answer.output : answer.last_words),
              .expected = "a job that Slurm takes",
              .fix = "the script is " + escaped(script)}
          .text());
}

std::string summary(const Submission& submission, const std::string& id,
                    const std::string& run_dir) {
  const BatchJob& job = submission.job;
  const std::string word = escaped(shell_word(run_dir));
  return fmt::format(
      "job {}: {} on {} of {} and {} each\n"
      "  output  {}/{}/log.txt\n"
      "  watch   shardmill status {}\n"
      "  end     shardmill stop {}, or scancel {}\n",
      id, counted(submission.units, "unit"), counted(job.nodes, "node"),
      counted(job.ranks_per_node, "rank"), counted(job.threads, "thread"), escaped(run_dir),
      kSlurmFolder, word, word, id);
}

/// Of the same run: two jobs would only wait for each other.
Status check_queue(const std::string& run_dir) {
  const std::optional<QueuedJob> queued = queued_job(run_dir);
  if (!queued || queued->state == "COMPLETING") return {};
  return Status::usage(Message{.place = escaped(run_dir),
                               .found = queued->text(),
                               .expected = "no job of this run in the queue",
                               .fix = "wait for it, or end it with scancel " + queued->id}
                           .text());
}

/// A job beside a run that is at work would only be told so.
Status check_at_work(const std::string& run_dir) {
  const Result<RunView> view = look_at_run(run_dir);
  const bool at_work = view.is_ok() && view->holder &&
                       (view->state == RunState::kStarting || view->state == RunState::kRunning);
  if (!at_work) return {};
  return Status::usage(
      Message{.place = escaped(run_dir),
              .found = fmt::format("process {} on {} is at work on this run", view->holder->process,
                                   escaped(view->holder->host)),
              .expected = "nobody",
              .fix = "wait for it, or end it with \"shardmill stop " + escaped(run_dir) + "\""}
          .text());
}

Result<std::string> submit(const Arguments& arguments) {
  const std::string run_dir =
      arguments.run_dir.empty() ? default_run_dir(arguments.target) : arguments.run_dir;
  if (!arguments.dry_run && is_finished_run(run_dir)) {
    ASSIGN_OR_RETURN(const Job job, read_job(arguments));
    ASSIGN_OR_RETURN(const std::string told, describe_finished(job, run_dir));
    return told + "\n";
  }
  ASSIGN_OR_RETURN(const Submission submission, prepare(arguments, run_dir));
  print_notes(submission);
  if (arguments.dry_run) return batch_script(submission.job);
  RETURN_IF_ERROR(check_tool("sbatch"));
  RETURN_IF_ERROR(check_queue(run_dir));
  RETURN_IF_ERROR(check_at_work(run_dir));
  RETURN_IF_ERROR(write_script(submission.job));
  ASSIGN_OR_RETURN(const std::string id, call_sbatch(submission.job));
  return summary(submission, id, run_dir);
}

}  // namespace

int submit_command(const Arguments& arguments) {
  const Result<std::string> text = submit(arguments);
  if (!text.is_ok()) return print_error(text.status());
  print(*text);
  return 0;
}

}  // namespace shardmill
