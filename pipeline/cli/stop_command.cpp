// `stop`: asks a run to end softly, wherever it is at work.
#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "pipeline/base/message.h"
#include "pipeline/cli/commands.h"
#include "pipeline/cli/slurm_tools.h"
#include "pipeline/plan/walk.h"
#include "pipeline/run/run_view.h"
#include "pipeline/run/stop.h"

namespace shardmill {

namespace {

bool is_at_work(RunState state) {
  return state == RunState::kStarting || state == RunState::kRunning || state == RunState::kSilent;
}

Status make_stop_file(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0666);
  if (descriptor >= 0) {
    // Who asked is told in the report; that there is a file is enough to stop.
    const std::string text = std::string(kStopCommand) + "\n";
    (void)!::write(descriptor, text.data(), text.size());
    ::close(descriptor);
    return {};
  }
  return Status::failed(Message{.place = escaped(path),
                                .found = "cannot be made (" + system_reason(errno) + ")",
                                .expected = "permission to",
                                .fix = "give the command as the user whose run it is"}
                            .text());
}

std::string going_on(const std::string& run_dir, bool is_submitted) {
  if (is_submitted) return "\"shardmill submit\" with the same job goes on";
  return "to go on, take " + escaped(run_dir) + "/STOP away and give the same command";
}

/// What to say of a run that no process works on.
Status nothing_to_stop(const std::string& place, std::string found,
                       const std::optional<QueuedJob>& queued) {
  return Status::usage(Message{.place = escaped(place),
                               .found = queued ? queued->text() : std::move(found),
                               .expected = "a run at work",
                               .fix = queued ? "scancel " + queued->id + " takes the job away" : ""}
                           .text());
}

}  // namespace

int stop_command(const Arguments& arguments) {
  const std::optional<QueuedJob> queued = queued_job(arguments.target);
  const Result<RunView> view = look_at_run(arguments.target);
  if (!view.is_ok() && !queued) return print_error(view.status());
  if (!view.is_ok() || !is_at_work(view->state)) {
    const std::string found =
        view.is_ok() ? "the run is " + std::string(run_state_name(view->state)) : std::string();
    return print_error(nothing_to_stop(arguments.target, found, queued));
  }
  const Status made = make_stop_file(view->run_dir + "/STOP");
  if (!made.is_ok()) return print_error(made);
  print(
      fmt::format("{0}: asked to stop; it writes down what there is and ends in a few seconds\n"
                  "  watch  shardmill status {0}\n"
                  "  then   {1}\n",
                  escaped(view->run_dir), going_on(view->run_dir, queued.has_value())));
  return 0;
}

}  // namespace shardmill
