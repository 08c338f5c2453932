#include "pipeline/cli/cli.h"

#include <fmt/format.h>

#include <cstdlib>
#include <exception>
#include <string>
#include <vector>

#include "pipeline/cli/arguments.h"
#include "pipeline/cli/commands.h"
#include "pipeline/comm/comm.h"

namespace shardmill {

namespace {

/// The rank that a launcher gave this process, before MPI is asked: what must not appear once per
/// rank is printed by rank 0 only.
bool is_first_process() {
  for (const char* name : {"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "SLURM_PROCID"}) {
    const char* rank = std::getenv(name);
    if (rank != nullptr) return std::string_view(rank) == "0";
  }
  return true;
}

int run_alone(int (*command)(const Arguments&), const Arguments& arguments) {
  return is_first_process() ? command(arguments) : 0;
}

int run(const Arguments& arguments) {
  switch (arguments.command) {
    case Command::kHelp:
      if (is_first_process()) print(arguments.help);
      return 0;
    case Command::kRun:
      return run_command(arguments);
    case Command::kCount:
      return count_command(arguments);
    case Command::kGrep:
      return grep_command(arguments);
    case Command::kProfile:
      return profile_command(arguments);
    case Command::kPlan:
      return run_alone(plan_command, arguments);
    case Command::kTest:
      return run_alone(test_command, arguments);
    case Command::kReport:
      return run_alone(report_command, arguments);
    case Command::kStages:
      return run_alone(stages_command, arguments);
    case Command::kNew:
      return run_alone(new_command, arguments);
  }
  return 0;
}

}  // namespace

int run_program(int argc, const char* const* argv) {
  try {
    const Result<Arguments> arguments = parse_arguments({argv + 1, argv + argc});
    if (arguments.is_ok()) return run(*arguments);
    return is_first_process() ? print_error(arguments.status()) : exit_code(arguments.status());
  } catch (const std::exception& error) {
    fmt::print(stderr, "shardmill: {}, expected enough memory; use fewer --threads\n",
               error.what());
    return 3;
  }
}

}  // namespace shardmill
