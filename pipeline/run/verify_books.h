// The books of a finished run: do its files say the same of one another.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pipeline/base/status.h"
#include "pipeline/report/results_read.h"

namespace shardmill {

/// The sums of a files.tsv.
struct FileSums {
  uint64_t files = 0;
  uint64_t size_bytes = 0;
  uint64_t disk_bytes = 0;
  uint64_t plain_bytes = 0;
  uint64_t records = 0;
  uint64_t rejected = 0;
  uint64_t bad_files = 0;                               ///< bad or partly read
  std::vector<std::pair<std::string, uint64_t>> sizes;  ///< path as written, and size_bytes
};

/// kFailed, naming the line, unless every line has its fields.
Result<FileSums> sum_files_tsv(std::string_view text);

/// Where the books do not balance: what stages say of each other and of the input, and what
/// results.json says of the files. `place` is the run directory. Pure.
std::vector<std::string> check_books(const ReadResults& results, const FileSums& files,
                                     const std::string& place);

/// An output that is as the run left it.
struct SoundOutput {
  std::string name;  ///< as in checksums.xxh3
  uint64_t bytes = 0;
};

/// What the books cover, for people; and a message for each sum that is off.
struct BooksFound {
  std::string checked;  ///< empty if they cannot be read
  std::vector<std::string> problems;
};

/// Reads results.json, files.tsv, manifest.tsv, run.json and bad_records.jsonl and adds them up.
BooksFound verify_books(const std::string& run_dir, const std::vector<SoundOutput>& outputs);

}  // namespace shardmill
