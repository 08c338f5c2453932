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
  uint32_t* backslashes = nullptr;
  size_t backslash_count = 0;
};

/// Marks the newlines and backslashes of `text`. 64 bytes a step without branches where there are
/// at most one newline and two backslashes. Any thread.
/// REQUIRES: kTextPadding bytes behind the text may be read; it is shorter than 2^32 - 64.
void mark_json(std::string_view text, JsonMarks& marks);
/// The plain version that mark_json must equal.
void mark_json_scalar(std::string_view text, JsonMarks& marks);

}  // namespace shardmill
