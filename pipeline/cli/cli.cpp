#include "pipeline/cli/cli.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <new>
#include <string>
#include <vector>

#include "pipeline/base/message.h"
#include "pipeline/cli/arguments.h"
#include "pipeline/cli/commands.h"
#include "pipeline/comm/comm.h"
#include "pipeline/formats/hdf5_server.h"

namespace shardmill {

namespace {

int run_alone(int (*command)(const Arguments&), const Arguments& arguments) {
  return is_first_of_launcher() ? command(arguments) : 0;
}

int run(const Arguments& arguments) {
  switch (arguments.command) {
    case Command::kHelp:
      if (is_first_of_launcher()) print(arguments.help);
      return 0;
    case Command::kRun:
      return run_command(arguments);
    case Command::kCount:
      return count_command(arguments);
    case Command::kGrep:
      return grep_command(arguments);
    case Command::kProfile:
      return profile_command(arguments);
    case Command::kSubmit:
      return run_alone(submit_command, arguments);
    case Command::kPlan:
      return run_alone(plan_command, arguments);
    case Command::kTest:
      return run_alone(test_command, arguments);
    case Command::kStatus:
      return run_alone(status_command, arguments);
    case Command::kStop:
      return run_alone(stop_command, arguments);
    case Command::kReport:
      return run_alone(report_command, arguments);
    case Command::kVerify:
      return run_alone(verify_command, arguments);
    case Command::kDiff:
      return run_alone(diff_command, arguments);
    case Command::kStages:
      return run_alone(stages_command, arguments);
    case Command::kExpressions:
      return run_alone(expressions_command, arguments);
    case Command::kNew:
      return run_alone(new_command, arguments);
    case Command::kCompletion:
      return run_alone(completion_command, arguments);
  }
  return 0;
}

/// Who starts us may have closed standard input, output or error (`>&-`). A file of the run would
/// get the number, and then what is meant for the terminal.
void open_what_is_closed() {
  for (const int descriptor : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::fcntl(descriptor, F_GETFD) < 0)
      (void)!::open("/dev/null", O_RDWR);  // the lowest is taken
  }
}

int parse_and_run(const std::vector<std::string>& words) {
  const Result<Arguments> arguments = parse_arguments(words);
  if (arguments.is_ok()) return run(*arguments);
  return is_first_of_launcher() ? print_error(arguments.status()) : exit_code(arguments.status());
}

/// `code`, unless what was printed did not arrive: a full disk behind `>`.
int seen_through(int code) {
  const bool arrived = std::fflush(stdout) == 0 && std::ferror(stdout) == 0;
  if (arrived || code != 0) return code;
  return print_error(Status::failed(Message{.place = "standard output",
                                            .found = "not all of it could be written",
                                            .expected = "room for it",
                                            .fix = "free space on the disk that it goes to"}
                                        .text()));
}

}  // namespace

int run_program(int argc, const char* const* argv) {
  open_what_is_closed();
  if (argc == 2 && std::string_view(argv[1]) == kHdf5ServerWord) return serve_hdf5();
  try {
    return seen_through(parse_and_run({argv + 1, argv + argc}));
  } catch (const std::bad_alloc&) {
    fmt::print(stderr,
               "shardmill: no memory left, expected enough for the plan; run the same command with "
               "more memory (--memory), or use fewer threads (--threads)\n");
    return 75;
  } catch (const std::exception& error) {
    fmt::print(stderr, "shardmill: {}, expected enough memory; use fewer --threads\n",
               error.what());
    return 3;
  }
}

}  // namespace shardmill
