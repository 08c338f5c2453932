#include "inputs/support/json_lines.h"

#include <algorithm>
#include <array>
#include <bit>

#include "pipeline/base/bits.h"
#include "pipeline/formats/number_fields.h"

namespace shardmill {

namespace {

/// So many records that match no make are worth an index of the lines behind the first of them.
constexpr int kIndexedTogether = 4;
constexpr size_t kIndexBytes = 128 << 10;  ///< indexed at once: fits the second-level cache

bool is_blank(std::string_view line) {
  return line.find_first_not_of(" \t\r") == std::string_view::npos;
}

}  // namespace

JsonLines::JsonLines(const JsonWanted& wanted)
    : wanted_(wanted),
      columns_(wanted.columns),
      walker_(wanted.paths, columns_),
      extractor_(wanted.paths, columns_) {}

size_t JsonLines::read(std::string_view text, uint64_t offset, Batch& batch,
                       RejectCounter& rejects) {
  text_ = text;
  offset_ = offset;
  batch_ = &batch;
  rejects_ = &rejects;
  rows_ = 0;
  if (text.size() > JsonIndex::kBytesMax && text.find('\n') >= text.size() - 1) {
    // One long line. There is no fast way for it, and room for marks would be five times its bytes.
    begin_batch(1);
    read_plainly({.begin = 0, .end = text.size() - (text.ends_with('\n') ? 1 : 0)});
    return rows_;
  }
  marker_.mark(text);
  odd_lines_.begin(text, marks());
  block_.text = text;
  block_.quotes = marks().quotes;
  begin_batch(marks().newline_count + 1);
  JsonBlock::LineStart next;
  while (next.line < marks().newline_count) {
    next = block_.hold(marks(), next);
    if (block_.count > 0) read_block();
  }
  if (next.at < text.size()) read_plainly({.begin = next.at, .end = text.size()});
  return rows_;
}

void JsonLines::begin_batch(size_t rows) {
  columns_.begin_batch(*batch_, rows);
  if (wanted_.raw) grow_to(batch_->raw, rows);
  grow_to(batch_->offsets, rows);
}

// Those of the records that are not UTF-8. Asked of records that matched only: the index says it of
// the others.
uint64_t JsonLines::not_utf8(uint64_t records) {
  uint64_t found = 0;
  if (marks().is_ascii || is_utf8_) return found;
  const auto is_utf8 = [this](const Line& first, const Line& last) {
    return walker_.is_utf8(text_.substr(first.begin, last.end - first.begin));
  };
  const bool are_many = 2 * static_cast<size_t>(std::popcount(records)) > block_.count;
  is_utf8_ = are_many && is_utf8(block_.lines[0], block_.lines[block_.count - 1]);
  if (is_utf8_) return found;
  for_each_bit(records, [&](size_t i) {
    if (!is_utf8(block_.lines[i], block_.lines[i])) found |= uint64_t{1} << i;
  });
  return found;
}

void JsonLines::read_plainly(const Line& line) {
  if (is_blank(text_.substr(line.begin, line.end - line.begin))) return;
  rows_ += extract(line, rows_) ? 1 : 0;
}

void JsonLines::read_block() {
  if (walker_.available()) return read_by_makes();
  for (size_t i = 0; i < block_.count; ++i) rows_ += extract(block_.lines[i], rows_) ? 1 : 0;
}

// Records of known makes at once, the others one by one; each of them may make known a new make.
void JsonLines::read_by_makes() {
  const uint64_t all = ~uint64_t{0} >> (JsonBlock::kRecords - block_.count);
  const size_t first_row = rows_;
  rows_ += block_.count;
  block_row_ = first_row;
  indexed_to_ = 0;
  is_utf8_ = false;
  can_be_indexed_ = true;
  with_bad_escape_ = odd_lines_.bad_escapes(block_);
  apart_ = with_bad_escape_ | odd_lines_.controls(block_);
  const auto take = [this](const JsonTemplate& make, uint64_t records, const JsonSpans& spans) {
    const uint64_t bad = not_utf8(records);
    apart_ |= bad | take_values(make, records & ~bad, spans);
  };
  uint64_t unknown = makes_.match(block_, all & ~apart_, take);
  uint64_t kept = all;
  while ((unknown | apart_) != 0) {
    const uint64_t left = unknown | apart_;
    const auto i = static_cast<size_t>(std::countr_zero(left));
    const uint64_t bit = uint64_t{1} << i;
    JsonTemplate* const make = (apart_ & bit) == 0 ? makes_.to_learn() : nullptr;
    unknown &= ~bit;
    apart_ &= ~bit;
    const size_t row = block_row_ + i;
    if (!read_one(i, row, left, make)) {
      kept &= ~bit;
      columns_.remove_row(row, rows_);
      --rows_;
      --block_row_;  // of the lines that follow
    }
    if (make != nullptr) unknown = makes_.match_learned(block_, i, unknown, take);
  }
  note_lines(kept, first_row);
}

// Of the lines of the block, in rows from this one on.
void JsonLines::note_lines(uint64_t lines, size_t row) {
  if (wanted_.raw) {
    std::string_view* raw = batch_->raw.data() + row;
    for_each_bit(lines, [&](size_t i) {
      *raw++ = {text_.data() + block_.lines[i].begin, block_.lines[i].end - block_.lines[i].begin};
    });
  }
  uint64_t* offsets = batch_->offsets.data() + row;
  for_each_bit(lines, [&](size_t i) { *offsets++ = offset_ + block_.lines[i].begin; });
}

// Line `i` of the block along its index; `left` are those that are still to be read so. False if it
// is rejected.
bool JsonLines::read_one(size_t i, size_t row, uint64_t left, JsonTemplate* make) {
  const Line& line = block_.lines[i];
  if (make != nullptr) make->forget();
  if ((with_bad_escape_ >> i & 1) != 0 || !has_index(i, left)) return extract(line, row);
  while (*index_ < line.begin - index_begin_) ++index_;
  columns_.begin_record(row);
  columns_.undo_record();
  if (!walker_.walk(index_, line.end - index_begin_, make)) return extract(line, row);
  end_record(line, row);
  return true;
}

// Indexes line `i` unless it is, and lines behind it if many of them are to be read.
bool JsonLines::has_index(size_t i, uint64_t left) {
  if (i < indexed_to_) return true;
  if (can_be_indexed_ && std::popcount(left) >= kIndexedTogether) {
    size_t to = i + 1;
    while (to < block_.count && block_.lines[to].end - block_.lines[i].begin < kIndexBytes) ++to;
    if (index(i, to)) return true;
    can_be_indexed_ = false;
  }
  return index(i, i + 1);
}

bool JsonLines::index(size_t from, size_t to) {
  index_begin_ = block_.lines[from].begin;
  if (!walker_.begin(text_.substr(index_begin_, block_.lines[to - 1].end + 1 - index_begin_))) {
    return false;
  }
  index_ = walker_.positions();
  indexed_to_ = to;
  return true;
}

// Sets the columns of records that matched. Returns those with a bad value.
uint64_t JsonLines::take_values(const JsonTemplate& make, uint64_t records,
                                const JsonSpans& spans) {
  uint64_t bad = 0;
  for (const JsonTemplate::Value& value : make.values()) {
    bad |= take_value(value.column, records, spans.values[value.span].data());
  }
  for (const JsonTemplate::Container& container : make.containers()) {
    const uint32_t* const first = spans.starts[container.first_start].data();
    const uint32_t* const last = spans.starts[container.last_start].data();
    for_each_bit(records, [&](size_t i) {
      const size_t begin = first[i] + container.first_offset;
      const size_t end = last[i] + container.last_offset + 1;
      const bool is_good =
          columns_.put(container.column, block_row_ + i,
                       {.kind = container.kind, .text = text_.substr(begin, end - begin)});
      bad |= static_cast<uint64_t>(!is_good) << i;
    });
  }
  for (const size_t column : make.missing()) {
    for_each_bit(records, [&](size_t i) { columns_.put_null(column, block_row_ + i); });
  }
  return bad;
}

uint64_t JsonLines::take_value(size_t column, uint64_t records, const FieldSpan* spans) {
  Column& target = columns_.target(column);
  if (target.type == Type::kFloat) {
    return take_numbers(column, records, spans, target.floats.data(), parse_float_fields);
  }
  if (target.type == Type::kInt) {
    return take_numbers(column, records, spans, target.ints.data(), parse_int_fields);
  }
  return take_one_by_one(column, records, spans);
}

// `parse` as in number_fields.h. What it takes of sound scalars are numbers.
template <typename Number, typename Parse>
uint64_t JsonLines::take_numbers(size_t column, uint64_t records, const FieldSpan* spans,
                                 Number* out, Parse&& parse) {
  std::array<uint8_t, JsonBlock::kRecords> kinds;
  uint64_t others = 0;
  if (records == ~uint64_t{0}) {
    if (!parse(text_.data(), spans, JsonBlock::kRecords, out + block_row_, kinds.data())) return 0;
    for (size_t i = 0; i < kinds.size(); ++i) others |= static_cast<uint64_t>(kinds[i] != 0) << i;
    return take_one_by_one(column, others, spans);
  }
  std::array<FieldSpan, JsonBlock::kRecords> fields;
  std::array<Number, JsonBlock::kRecords> numbers;
  size_t count = 0;
  for_each_bit(records, [&](size_t i) { fields[count++] = spans[i]; });
  parse(text_.data(), fields.data(), count, numbers.data(), kinds.data());
  size_t n = 0;
  for_each_bit(records, [&](size_t i) {
    out[block_row_ + i] = numbers[n];
    others |= static_cast<uint64_t>(kinds[n] != 0) << i;
    ++n;
  });
  return take_one_by_one(column, others, spans);
}

uint64_t JsonLines::take_one_by_one(size_t column, uint64_t records, const FieldSpan* spans) {
  const char* const text = text_.data();
  const bool may_have_escapes = marks().has_backslashes;
  std::string_view* const texts = columns_.texts(column);
  const size_t first_row = block_row_;
  uint64_t bad = 0;
  for_each_bit(records, [&, first_row](size_t i) {
    const std::string_view source(text + spans[i].begin, spans[i].end - spans[i].begin);
    const size_t row = first_row + i;
    if (texts != nullptr && source[0] == '"' &&
        !(may_have_escapes && has_backslash(source.data(), source.size()))) [[likely]] {
      // Made in its place: one that is copied from memory just written would have to wait.
      texts[row] = std::string_view(source.data() + 1, source.size() - 2);
    } else {
      const bool is_good = columns_.put(column, row, scalar_of_source(source, may_have_escapes));
      bad |= static_cast<uint64_t>(!is_good) << i;
    }
  });
  return bad;
}

bool JsonLines::extract(const Line& line, size_t row) {
  columns_.begin_record(row);
  columns_.undo_record();
  const std::string_view text = text_.substr(line.begin, line.end - line.begin);
  if (const auto mistake = extractor_.extract(text)) {
    columns_.undo_record();
    rejects_->reject(offset_ + line.begin, text, text.size(), mistake->text());
    return false;
  }
  end_record(line, row);
  return true;
}

void JsonLines::end_record(const Line& line, size_t row) {
  note_line(line, row);
  columns_.end_record(offset_ + line.begin, *rejects_);
}

void JsonLines::note_line(const Line& line, size_t row) {
  if (wanted_.raw) batch_->raw[row] = text_.substr(line.begin, line.end - line.begin);
  batch_->offsets[row] = offset_ + line.begin;
}

}  // namespace shardmill
