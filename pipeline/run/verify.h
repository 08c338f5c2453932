// A finished run looked at again: are its files as the run left them, and do its books add up.
#pragma once

#include <string>
#include <vector>

#include "pipeline/base/status.h"

namespace shardmill {

struct Verification {
  std::vector<std::string> checked;   ///< what was looked at, for people, a line each
  std::vector<std::string> problems;  ///< a message each; empty is good
};

/// Reads every file that checksums.xxh3 names, once, with up to `threads` threads; looks for files
/// in output/ that it does not name; and checks the books. A run that has not finished is a
/// problem. kUsage if `run_dir` is no folder or holds no run. Reads only; follows no name with
/// "..".
Result<Verification> verify_run(const std::string& run_dir, unsigned threads);

}  // namespace shardmill
