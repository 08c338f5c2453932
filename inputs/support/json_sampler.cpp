#include "inputs/support/json_sampler.h"

#include <algorithm>
#include <bit>

#include "pipeline/base/text.h"

namespace shardmill {

namespace {

/// Marks take room for five times as many bytes; chunks are longer only if a line is.
constexpr size_t kMarkedMax = 8 << 20;

}  // namespace

void JsonSampler::add(std::string_view text) {
  if (text.size() > kMarkedMax) return add_lines(text);
  marker_.mark(text);
  const JsonMarks& marks = marker_.marks();
  if (!marks.is_ascii && !is_utf8(text)) return add_lines(text);
  next_odd_escape_ = 0;
  next_control_ = 0;
  block_.text = text;
  block_.quotes = marks.quotes;
  size_t begin = 0;
  for (size_t line = 0; line < marks.newline_count;) {
    line = block_.hold(marks, line, begin);
    begin = marks.newlines[line - 1] + size_t{1};
    if (block_.count > 0) add_block();
  }
  add_lines(text.substr(begin));
}

void JsonSampler::add_lines(std::string_view text) {
  while (!text.empty()) {
    const size_t newline = std::min(text.find('\n'), text.size() - 1);
    shape_.add(text.substr(0, newline + 1));
    text.remove_prefix(newline + 1);
  }
}

// Those that match no make one by one, in their order: only they can have new paths.
void JsonSampler::add_block() {
  const uint64_t all = ~uint64_t{0} >> (JsonBlock::kRecords - block_.count);
  uint64_t apart = take_marked(marker_.marks().odd_escapes, next_odd_escape_) |
                   take_marked(marker_.marks().controls, next_control_);
  const auto take = [this](const JsonTemplate& make, uint64_t records, const JsonSpans& spans) {
    for (const JsonTemplate::Value& value : make.values()) {
      shape_.add_scalars(value.column, records, block_.text.data(),
                         spans.values[value.span].data());
    }
  };
  uint64_t unknown = makes_.match(block_, all & ~apart, take);
  while ((unknown | apart) != 0) {
    const auto i = static_cast<size_t>(std::countr_zero(unknown | apart));
    const uint64_t bit = uint64_t{1} << i;
    JsonTemplate* const make = (apart & bit) == 0 ? makes_.to_learn() : nullptr;
    unknown &= ~bit;
    apart &= ~bit;
    const JsonBlock::Line& line = block_.lines[i];
    shape_.add(block_.text.substr(line.begin, line.end - line.begin), make);
    if (make != nullptr) unknown = makes_.match_learned(block_, i, unknown, take);
  }
}

// Lines of the block with such a mark, of which `next` is the first that may be in it. Asked of
// lines in their order.
uint64_t JsonSampler::take_marked(const std::vector<uint32_t>& marks, size_t& next) const {
  uint64_t found = 0;
  for (size_t i = 0; i < block_.count && next < marks.size(); ++i) {
    const JsonBlock::Line& line = block_.lines[i];
    while (next < marks.size() && marks[next] < line.begin) ++next;
    found |= static_cast<uint64_t>(next < marks.size() && marks[next] < line.end) << i;
  }
  return found;
}

}  // namespace shardmill
