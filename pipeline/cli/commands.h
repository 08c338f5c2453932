// One function for each command. All print results to standard output and what is wrong to standard
// error, and return the exit code.
#pragma once

#include <string>
#include <string_view>

#include "pipeline/base/status.h"
#include "pipeline/cli/arguments.h"

namespace shardmill {

/// Collective under mpirun: every rank comes here with the same arguments.
int run_command(const Arguments& arguments);
int count_command(const Arguments& arguments);
int grep_command(const Arguments& arguments);
int profile_command(const Arguments& arguments);

/// For one process; under mpirun only rank 0 calls them.
int plan_command(const Arguments& arguments);
int test_command(const Arguments& arguments);
int submit_command(const Arguments& arguments);
int status_command(const Arguments& arguments);
int stop_command(const Arguments& arguments);
int report_command(const Arguments& arguments);
int verify_command(const Arguments& arguments);
int diff_command(const Arguments& arguments);
int stages_command(const Arguments& arguments);
int expressions_command(const Arguments& arguments);
int new_command(const Arguments& arguments);
int completion_command(const Arguments& arguments);

/// Prints the message to standard error and returns its exit code.
int print_error(const Status& status);
/// Writes to standard output.
void print(std::string_view text);

/// The content of a file; kUsage with what the system says against it, to stand behind "the file ".
Result<std::string> read_text(const std::string& path, size_t bytes_max);

/// The content of a job file; kUsage if it cannot be read or is larger than 16 MiB.
Result<std::string> read_job_file(const std::string& path);

/// The job of `arguments.target`, with every --set; kUsage with all its mistakes.
Result<Job> read_job(const Arguments& arguments);

/// The commented job file that `shardmill new NAME` writes without looking at any file.
std::string new_job_text(std::string_view name);

}  // namespace shardmill
