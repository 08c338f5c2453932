// The program: from the words on the command line to the exit code.
#pragma once

#include "pipeline/base/status.h"

namespace shardmill {

/// Runs the command that the words ask for and returns the exit code: 0 done, 2 usage or job file,
/// 3 failed, 10 bad input under --strict, 75 stopped early. Never 1, which is mpirun's.
int run_program(int argc, const char* const* argv);

/// The exit code that a Status means.
int exit_code(const Status& status);

}  // namespace shardmill
