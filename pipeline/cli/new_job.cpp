#include <fmt/format.h>

#include "pipeline/cli/commands.h"
#include "pipeline/plan/toml_tree.h"

namespace shardmill {

namespace {

// clang-format off
constexpr const char* kJob = R"toml(
# What to read: files, folders, patterns. ** stands for any number of folders.
[input]
paths  = ["logs/**/*.log"]
# format = "lines"               # lines, csv, tsv or jsonl; by extension and content if left out
# exclude = ["*.tmp"]            # names or paths to leave out

# Stages form one line: every record that one passes on reaches the next.
# `shardmill stages` lists them, `shardmill stages NAME` shows options and examples.

[[stage]]
use      = "grep"                # keep the lines in which a pattern occurs
patterns = ['\bERROR\b']

[[stage]]
use     = "group"                # count what is left, file by file
name    = "errors by file"
by      = ["$file"]
compute = ["count()"]

# [[stage]]                      # and keep it
# use  = "write"
# path = "errors.txt"            # below the run directory's output/; .gz and .zst pack it

# [run]
# memory = "4GiB"                # of a process
# strict = true                  # exit with 10 if a file or record was bad

# Tests of this job: `shardmill test` runs them, without any file.
[[test]]
name   = "only lines with errors stay"
input  = ["12:00 ERROR disk full", "12:01 INFO all well", "12:02 TERRORS are none"]
output = [{ line = "12:00 ERROR disk full" }]
)toml";
// clang-format on

}  // namespace

std::string new_job_text(std::string_view name) {
  return fmt::format("name = {}\n{}", toml_quoted(name), kJob);
}

}  // namespace shardmill
