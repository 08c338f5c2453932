// Where the lines, quotes and escapes of JSON text are: a kernel under json_lines.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

namespace shardmill {

/// Marks of a text; positions ascend.
struct JsonMarks {
  uint32_t* newlines = nullptr;  ///< with room for text.size() + kMarkSlack
  size_t newline_count = 0;
  /// A bit for each byte, the first lowest: quotes that no backslash escapes. With room for
  /// json_mark_words(text.size()); all bits behind the text are set.
  uint64_t* quotes = nullptr;
  /// Backslashes that begin another escape than \" \\ \/ \b \f \n \r \t: \u, or a mistake.
  std::vector<uint32_t> odd_escapes;
  std::vector<uint32_t> controls;  ///< bytes under 0x20 but newlines
  bool has_backslashes = false;
  bool is_ascii = true;
};

inline size_t json_mark_words(size_t bytes) {
  return bytes / 64 + 2;
}

/// Marks `text`. Of several backslashes in a row every second one is escaped by the one before it.
/// 64 bytes a step, without branches where there is at most one newline, no odd escape and no
/// control: about 25 GB/s (Zen 5). Any thread.
/// REQUIRES: kTextPadding bytes behind the text may be read; it is shorter than 2^32 - 64.
void mark_json(std::string_view text, JsonMarks& marks);
/// The plain version that mark_json must equal.
void mark_json_scalar(std::string_view text, JsonMarks& marks);

/// Marks of one text after the other, with the room for them. One worker.
class JsonMarker {
 public:
  /// REQUIRES: as mark_json.
  void mark(std::string_view text);
  const JsonMarks& marks() const { return marks_; }

 private:
  JsonMarks marks_;
  std::unique_ptr<uint32_t[]> newlines_;
  std::unique_ptr<uint64_t[]> quotes_;
  size_t room_ = 0;
};

}  // namespace shardmill
