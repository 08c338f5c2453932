// `verify`: is a run as it was when it ended.
#include <fmt/format.h>

#include "pipeline/base/text.h"
#include "pipeline/cli/commands.h"
#include "pipeline/plan/plan.h"
#include "pipeline/run/verify.h"

namespace shardmill {

int verify_command(const Arguments& arguments) {
  const Result<Verification> found = verify_run(arguments.target, usable_cores());
  if (!found.is_ok()) return print_error(found.status());
  for (const std::string& line : found->checked) print(line + "\n");
  for (const std::string& problem : found->problems) fmt::print(stderr, "{}\n", problem);
  if (found->problems.empty()) return 0;
  print(counted(found->problems.size(), "problem") + "\n");
  return 3;
}

}  // namespace shardmill
