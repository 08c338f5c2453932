#include "inputs/support/json_odd_lines.h"

#include <vector>

#include "pipeline/formats/json_scan.h"

namespace shardmill {

void JsonOddLines::begin(std::string_view text, const JsonMarks& marks) {
  text_ = text;
  marks_ = &marks;
  next_odd_escape_ = 0;
  next_control_ = 0;
}

uint64_t JsonOddLines::controls(const JsonBlock& block) {
  const std::vector<uint32_t>& at = marks_->controls;
  uint64_t found = 0;
  if (next_control_ == at.size()) return found;
  for (size_t i = 0; i < block.count; ++i) {
    const JsonBlock::Line& line = block.lines[i];
    for (; next_control_ < at.size() && at[next_control_] < line.end; ++next_control_) {
      const size_t control = at[next_control_];
      const bool is_line_end = control + 1 == line.end && text_[control] == '\r';
      if (control >= line.begin && !is_line_end) found |= uint64_t{1} << i;
    }
  }
  return found;
}

uint64_t JsonOddLines::bad_escapes(const JsonBlock& block) {
  uint64_t found = 0;
  if (next_odd_escape_ == marks_->odd_escapes.size()) return found;
  for (size_t i = 0; i < block.count; ++i) {
    if (has_bad_escape(block.lines[i])) found |= uint64_t{1} << i;
  }
  return found;
}

bool JsonOddLines::has_bad_escape(const JsonBlock::Line& line) {
  const std::vector<uint32_t>& at = marks_->odd_escapes;
  size_t& next = next_odd_escape_;
  while (next < at.size() && at[next] < line.begin) ++next;
  while (next < at.size() && at[next] < line.end) {
    const size_t length = json_escape_length(text_, at[next]);
    if (length == 0) return true;
    const size_t end = at[next] + length;
    while (next < at.size() && at[next] < end) ++next;
  }
  return false;
}

}  // namespace shardmill
