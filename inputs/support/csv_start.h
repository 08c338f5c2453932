// Where the first record of a slice starts, when nobody has told.
#pragma once

#include <cstddef>
#include <cstdint>

#include "inputs/support/text_kernels.h"
#include "inputs/support/text_window.h"

namespace shardmill {

/// What the text around a cut may be.
struct CsvCut {
  uint64_t end = kEndOfFile;  ///< of the slice: no need to look for records that start behind it
  size_t fields = 0;          ///< of the file's records
};

/// Moves `window`, whose text begins with the byte before the slice, to the first record that
/// starts in the slice. Without quotes that is behind the first newline, and certain. With quotes
/// the slice may begin inside a quoted field, so it is a guess: a few KiB are read both ways, and
/// the way whose rows have the right number of fields and whose quotes stand where quotes stand
/// wins. If no record is found before the slice's end, the window is left at or behind it.
void find_first_csv_record(TextWindow& window, CsvBytes bytes, const CsvCut& cut);

}  // namespace shardmill
