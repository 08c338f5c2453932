// Where numbered parts begin: a new one starts at the row that would make the last one larger than
// it may be. That follows from the rows in canonical order alone, so it is the same on any layout.
//
//   rows          |aaa|bb|cccccc|d|ee|...       max_records = 3
//   parts         |    00001    |  00002 ...
//
// Only frames in which a part begins have the lengths of their rows read.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "pipeline/core/sink.h"
#include "pipeline/run/output_file.h"
#include "pipeline/run/part_file.h"

namespace shardmill {

/// A stretch of one part file that belongs to one file of the user's.
struct PartRange {
  uint64_t unit = 0;
  PartFileId file;
  uint64_t begin = 0;  ///< in the file
  uint64_t bytes = 0;
  uint64_t rows = 0;
  uint64_t lengths_bytes = 0;  ///< right behind the rows; 0: there are none
};

/// What one numbered part holds.
struct CutPart {
  std::vector<PartRange> ranges;
  uint64_t rows = 0;
  uint64_t bytes = 0;  ///< with the header
};

/// Cuts `ranges`, which stand in canonical order, by the limits of `spec`; at least one part, at
/// most `most_parts`. Errors: too_many_files, a part file that cannot be read or does not hold what
/// its unit said. REQUIRES: spec.is_numbered(); the ranges have lengths.
Result<std::vector<CutPart>> cut_rows(const std::vector<PartRange>& ranges, const OutputSpec& spec,
                                      const std::string& parts_dir, uint64_t most_parts);

}  // namespace shardmill
