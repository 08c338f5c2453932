#include "inputs/support/json_sampler.h"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>

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
  // A byte that is not UTF-8 is rare: which line has it is not worth asking.
  if (!marks.is_ascii && !is_utf8(text)) return add_lines(text);
  odd_lines_.begin(text, marks);
  block_.text = text;
  block_.quotes = marks.quotes;
  JsonBlock::LineStart next;
  while (next.line < marks.newline_count) {
    next = block_.hold(marks, next);
    if (block_.count > 0) add_block();
  }
  add_lines(text.substr(next.at));
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
  uint64_t apart = odd_lines_.bad_escapes(block_) | odd_lines_.controls(block_);
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

}  // namespace shardmill
