// The directory of a finished run, read back.
#pragma once

#include <string>
#include <string_view>

#include "pipeline/base/status.h"
#include "pipeline/report/run_diff.h"

namespace shardmill {

/// Reads results.json, files.tsv and checksums.xxh3. kUsage if `run_dir` is no folder, holds no run
/// or one that has not finished; kFailed, naming the file, if one is damaged or is not what the run
/// left: results are compared only if they are trusted.
Result<FinishedRun> read_finished_run(const std::string& run_dir);

/// Runs whose tables have more rows in all are compared by the rows in results.json.
inline constexpr uint64_t kRowsReadMax = 2'000'000;

/// Gives the tables all their rows, from results.h5, unless they have more than kRowsReadMax.
/// kFailed if the file is not what the run left.
Status read_all_rows(FinishedRun& run);

/// `run_dir` without slashes at its end. kUsage if it is no folder, or none that a run wrote to;
/// `expected` says in the message what it should be.
Result<std::string> find_run(const std::string& run_dir,
                             std::string_view expected = "the directory of a finished run");

/// True if the run wrote its list of checksums, whole or not.
bool has_checksums(const std::string& run_dir);

}  // namespace shardmill
