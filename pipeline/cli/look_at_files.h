// What files are, found out without asking: for `shardmill new PATH...`.
#pragma once

#include <string>
#include <vector>

#include "pipeline/base/status.h"
#include "pipeline/cli/job_draft.h"

namespace shardmill {

struct LookRequest {
  std::vector<std::string> paths;  ///< any bytes but NUL; files, folders, patterns
  std::string job_path;            ///< the job file to be written; empty: none, it is printed
};

struct Look {
  SeenFiles seen;
  /// What `seen.files_from` is to hold; empty if it names no file.
  std::string list;
};

/// Lists the files, chooses the format that most bytes have and leaves the others out, infers the
/// columns as `plan` does, and looks at the first records. Creates nothing. One thread, not
/// collective. kUsage if there is nothing to read.
Result<Look> look_at_files(const LookRequest& request);

/// Where the list of files of a job goes, if it needs one: "sales.files" for "sales.toml".
std::string file_list_path(const std::string& job_path);

}  // namespace shardmill
