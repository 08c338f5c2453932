// What the beginning of a CSV file says about its records.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "inputs/support/csv_format.h"
#include "inputs/support/csv_record.h"
#include "inputs/support/text_window.h"
#include "pipeline/base/status.h"

namespace shardmill {

/// More are no table: each column takes some 200 bytes wherever columns are known.
inline constexpr size_t kCsvFieldsMax = 1'000'000;

/// Names and number of the fields of one file.
struct CsvShape {
  std::vector<std::string> names;  ///< distinct; empty if the file has no record at all
  uint64_t data_begin = 0;  ///< offset behind byte order mark, blank lines and header: these bytes
                            ///< belong to the slice at 0
  size_t fields() const { return names.size(); }
};

/// Reads the beginning of a file and leaves `window` at data_begin.
///
/// With a header: its names; an empty one is called column_N (from 1), a further one of the same
/// name gets _2, _3. Without: `columns`, or column_1 to column_N for the N fields of the first
/// record. kBadFile: the header is longer than record_bytes_max, or its quotes are never closed, or
/// there are more than kCsvFieldsMax fields, or the file cannot be read. REQUIRES: window is at
/// offset 0.
Result<CsvShape> read_csv_shape(TextWindow& window, const CsvFormat& format, CsvBytes bytes,
                                size_t record_bytes_max, CsvMarks& marks);

}  // namespace shardmill
