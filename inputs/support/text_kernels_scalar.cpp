#include "inputs/support/text_kernels.h"
#include "inputs/support/text_kernels_inner.h"

namespace shardmill {

void CsvMarks::clear(size_t most) {
  const size_t needed = most + 2 + kMarkSlack;
  if (room_ < needed) {
    // Uninitialised: pages that are never written take no memory.
    separators_ = std::make_unique_for_overwrite<uint32_t[]>(needed);
    room_ = needed;
  }
  separators_[0] = static_cast<uint32_t>(-1);
  separator_count_ = 0;
  newline_count_ = 0;
  has_quotes_ = false;
  has_cr_ = false;
}

void CsvMarks::end_row_at(uint32_t position) {
  *next_separator() = position;
  set_counts(separator_count_ + 1, newline_count_ + 1);
}

size_t count_newlines_scalar(std::string_view text) {
  size_t count = 0;
  for (const char byte : text) count += byte == '\n' ? 1 : 0;
  return count;
}

size_t find_bytes_scalar(std::string_view text, char wanted, uint32_t* positions) {
  size_t count = 0;
  for (size_t at = 0; at < text.size(); ++at) {
    if (text[at] == wanted) positions[count++] = static_cast<uint32_t>(at);
  }
  return count;
}

CsvState mark_csv_bytes(std::string_view text, CsvRange range, CsvBytes bytes, CsvState state,
                        CsvMarks& marks) {
  for (size_t at = range.begin; at < range.end; ++at) {
    const char byte = text[at];
    if (byte == '\r') marks.set_has_cr();
    if (bytes.has_quote && byte == bytes.quote) {
      marks.set_has_quotes();
      if (state == CsvState::kInQuoted) {
        state = CsvState::kFieldStart;
      } else if (state == CsvState::kFieldStart) {
        state = CsvState::kInQuoted;
      }
      continue;
    }
    if (state == CsvState::kInQuoted) continue;
    if (byte == '\n') {
      marks.end_row_at(static_cast<uint32_t>(at));
      state = CsvState::kFieldStart;
    } else if (byte == bytes.delimiter) {
      *marks.next_separator() = static_cast<uint32_t>(at);
      marks.set_counts(marks.separator_count() + 1, marks.newline_count());
      state = CsvState::kFieldStart;
    } else {
      state = CsvState::kInField;
    }
  }
  return state;
}

CsvState mark_csv_scalar(std::string_view text, CsvBytes bytes, CsvState state, CsvMarks& marks) {
  return mark_csv_bytes(text, {.begin = 0, .end = text.size()}, bytes, state, marks);
}

}  // namespace shardmill
