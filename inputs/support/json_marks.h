// Where the lines and the escapes of JSON text are: a kernel under json_lines.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace shardmill {

/// Positions in a text, ascending. There is room for text.size() + kMarkSlack of each.
struct JsonMarks {
  uint32_t* newlines = nullptr;
  size_t newline_count = 0;
  /// Backslashes that begin another escape than \" \\ \/ \b \f \n \r \t: \u, or a mistake.
  uint32_t* odd_escapes = nullptr;
  size_t odd_escape_count = 0;
  bool has_backslashes = false;
};

/// Marks the newlines and odd escapes of `text`. Of several backslashes in a row every second one
/// is escaped by the one before it. 64 bytes a step, without branches where there is at most one
/// newline and either many backslashes or none. Any thread.
/// REQUIRES: kTextPadding bytes behind the text may be read; it is shorter than 2^32 - 64.
void mark_json(std::string_view text, JsonMarks& marks);
/// The plain version that mark_json must equal.
void mark_json_scalar(std::string_view text, JsonMarks& marks);

}  // namespace shardmill
