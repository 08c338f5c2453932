// checksums.xxh3, the last file that a run writes: one line `XXH3_<16 hex digits>  NAME` for each
// file. Outputs come first, the run directory's own files last and in a fixed order: a list that
// was cut anywhere lacks its end.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/base/status.h"

namespace shardmill {

inline constexpr std::string_view kChecksumsName = "checksums.xxh3";

/// The run directory's own files that are covered, in the order of the list's end.
inline constexpr std::array kCheckedNames = {
    "results.json", "results.h5",        "run.json", "report.txt",   "report.html",
    "files.tsv",    "bad_records.jsonl", "job.toml", "manifest.tsv", "schema.json",
};

struct Checksum {
  std::string name;  ///< relative to the run directory, or absolute; any bytes but NUL
  uint64_t value = 0;
};

/// The file's content. REQUIRES: `own` are kCheckedNames in order. Pure.
std::string checksums_text(const std::vector<Checksum>& outputs, const std::vector<Checksum>& own);

/// All lines in order. kFailed, naming the line, unless every line is one and the list ends as it
/// must; no name leads out of the run directory other than as an absolute path. Pure.
Result<std::vector<Checksum>> parse_checksums(std::string_view text);

/// Reads and parses `RUN-DIR/checksums.xxh3`. kFailed if it is not there or not whole.
Result<std::vector<Checksum>> read_checksums(const std::string& run_dir);

/// True if a run ended here: the list is whole, its own files are there, and results.json has its
/// checksum. All else is for `shardmill verify`. Costs the list, ten stats, and reading
/// results.json once.
bool is_finished_run(const std::string& run_dir);

}  // namespace shardmill
