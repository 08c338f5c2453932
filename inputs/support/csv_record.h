// One CSV record: where it ends, and what its fields say.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "inputs/support/text_kernels.h"
#include "inputs/support/text_window.h"
#include "pipeline/base/arena.h"

namespace shardmill {

/// How the record at the front of a window ends. A function of where the record starts only, never
/// of chunks or cuts.
struct CsvRecordEnd {
  enum class Kind : uint8_t {
    kEnds,         ///< at a newline outside quotes or at the end of the data
    kTooLong,      ///< not within record_bytes_max
    kNeverClosed,  ///< the data ends inside quotes
    kError,        ///< the data ends early: window.error()
  };
  Kind kind = Kind::kEnds;
  size_t bytes = 0;          ///< kEnds: length without its newline
  bool has_newline = false;  ///< kEnds
  size_t fields = 0;         ///< kEnds
  bool in_quotes = false;    ///< kTooLong: the limit falls inside quotes
};

/// Looks at the record that starts at the front of `window`, reading on as far as needed, at most
/// record_bytes_max and a piece. Consumes nothing. `marks` is scratch memory.
/// REQUIRES: within_reach limits.
CsvRecordEnd find_record_end(TextWindow& window, CsvBytes bytes, size_t record_bytes_max,
                             CsvMarks& marks);

/// Consumes a record of kind kTooLong: to behind the first newline, quoted or not, that comes after
/// record_bytes_max bytes, or to the end of the data. Holds no more than a piece meanwhile.
struct CsvSkipped {
  uint64_t bytes = 0;  ///< in front of that newline
  bool has_newline = false;
};
CsvSkipped skip_too_long_record(TextWindow& window, size_t record_bytes_max);

/// What a quoted field says. `field` starts with a quote; text behind the quote that closes it is
/// appended as it is, further quotes included (`"a"b` says ab), as Python's csv module does. A view
/// into `field` unless quotes are doubled or text follows; else in `arena`.
std::string_view unquoted(std::string_view field, char quote, Arena& arena);

/// All fields of one record without its newline, decoded. For headers; not fast.
std::vector<std::string> split_record(std::string_view record, CsvBytes bytes);

/// Length of `text` without a CR at its end.
inline size_t without_cr(const char* text, size_t size) {
  return size > 0 && text[size - 1] == '\r' ? size - 1 : size;
}

}  // namespace shardmill
