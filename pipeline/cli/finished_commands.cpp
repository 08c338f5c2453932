// `status`, `verify` and `diff`: runs looked at from outside.
#include <fmt/format.h>

#include "pipeline/base/text.h"
#include "pipeline/cli/commands.h"
#include "pipeline/plan/plan.h"
#include "pipeline/report/report_html_diff.h"
#include "pipeline/report/run_diff.h"
#include "pipeline/run/finished_run.h"
#include "pipeline/run/run_view.h"
#include "pipeline/run/verify.h"

namespace shardmill {

namespace {

/// Two runs were compared, and differ.
constexpr int kExitDifferent = 10;

}  // namespace

int status_command(const Arguments& arguments) {
  const Result<RunView> view = look_at_run(arguments.target);
  if (!view.is_ok()) return print_error(view.status());
  print(arguments.json ? view->json() : view->text());
  return view->exit_code();
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
