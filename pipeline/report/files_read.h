// files.tsv read back, for commands that look at finished runs.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/base/status.h"

namespace shardmill {

/// A line of a files.tsv.
struct FileLine {
  std::string path;  ///< as written: escaped
  uint64_t size_bytes = 0;
  uint64_t records = 0;
  uint64_t rejected = 0;
  std::string outcome;
};

/// The sums of a files.tsv.
struct FileSums {
  uint64_t files = 0;
  uint64_t size_bytes = 0;
  uint64_t disk_bytes = 0;
  uint64_t plain_bytes = 0;
  uint64_t records = 0;
  uint64_t rejected = 0;
  uint64_t bad_files = 0;  ///< bad or partly read
  std::vector<FileLine> lines;
};

/// kFailed, naming the line, unless every line has its fields. Pure; any thread.
Result<FileSums> sum_files_tsv(std::string_view text);

/// Takes what stands before `end` from the front of `text`, which loses it and `end`.
std::string_view take_until(std::string_view& text, char end);
/// A whole number from 0 to 2^64-1 and nothing else.
bool parse_count(std::string_view text, uint64_t& value);

}  // namespace shardmill
