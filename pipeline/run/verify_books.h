// The books of a finished run: do its files say the same of one another.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "pipeline/report/files_read.h"
#include "pipeline/report/results_read.h"

namespace shardmill {

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
