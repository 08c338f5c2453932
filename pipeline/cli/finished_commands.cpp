// `status`, `verify` and `diff`: runs looked at from outside.
#include <fmt/format.h>

#include "pipeline/base/text.h"
#include "pipeline/cli/commands.h"
#include "pipeline/cli/slurm_tools.h"
#include "pipeline/plan/plan.h"
#include "pipeline/report/json_object.h"
#include "pipeline/report/report_html_diff.h"
#include "pipeline/report/run_diff.h"
#include "pipeline/run/finished_run.h"
#include "pipeline/run/run_view.h"
#include "pipeline/run/verify.h"

namespace shardmill {

namespace {

/// Two runs were compared, and differ.
constexpr int kExitDifferent = 10;

/// A submitted run that has not begun yet.
std::string queued_text(const std::string& run_dir, const QueuedJob& queued, bool as_json) {
  if (!as_json) return fmt::format("{}: {}\n", escaped(run_dir), queued.text());
  JsonObject object;
  object.text("run_dir", run_dir).text("state", "queued");
  return object.json("queue", queued.json()).str() + "\n";
}

std::string status_text(const RunView& view, const std::optional<QueuedJob>& queued, bool as_json) {
  std::string text = as_json ? view.json() : view.text();
  if (!queued) return text;
  if (!as_json) return text + fmt::format("  {:<9} {}\n", "queue", queued->text());
  text.resize(text.rfind('}'));
  return text + ", \"queue\": " + queued->json() + "}\n";
}

}  // namespace

int status_command(const Arguments& arguments) {
  const std::optional<QueuedJob> queued = queued_job(arguments.target);
  const Result<RunView> view = look_at_run(arguments.target);
  if (!view.is_ok()) {
    if (!queued) return print_error(view.status());
    print(queued_text(arguments.target, *queued, arguments.json));
    return 0;
  }
  print(status_text(*view, queued, arguments.json));
  // What a job in the queue will go on with is on its way.
  return queued ? 0 : view->exit_code();
}

int verify_command(const Arguments& arguments) {
  const Result<Verification> found = verify_run(arguments.target, usable_cores());
  if (!found.is_ok()) return print_error(found.status());
  for (const std::string& line : found->checked) print(line + "\n");
  for (const std::string& problem : found->problems) fmt::print(stderr, "{}\n", problem);
  if (found->problems.empty()) return 0;
  print(counted(found->problems.size(), "problem") + "\n");
  return 3;
}

int diff_command(const Arguments& arguments) {
  Result<FinishedRun> before = read_finished_run(arguments.target);
  if (!before.is_ok()) return print_error(before.status());
  Result<FinishedRun> after = read_finished_run(arguments.other);
  if (!after.is_ok()) return print_error(after.status());
  if (has_more_rows(*before, *after)) {
    for (FinishedRun* run : {&before.value(), &after.value()}) {
      const Status read = read_all_rows(*run);
      if (!read.is_ok()) return print_error(read);
    }
  }
  const RunDiff diff = diff_runs(*before, *after);
  print(arguments.format == "html" ? diff_html(*before, *after, diff, arguments.rows)
                                   : diff_text(*before, *after, diff, arguments.rows));
  return diff.is_same() ? 0 : kExitDifferent;
}

}  // namespace shardmill
