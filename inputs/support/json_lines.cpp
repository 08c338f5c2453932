#include "inputs/support/json_lines.h"

#include <algorithm>
#include <bit>

#include "inputs/support/text_kernels.h"
#include "pipeline/base/bits.h"
#include "pipeline/formats/number_fields.h"

namespace shardmill {

namespace {

constexpr size_t kPieceBytes = 128 << 10;  ///< indexed at once: fits the second-level cache

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
  make_room(text.size() + kMarkSlack);
  mark_json(text, marks_);
  next_odd_escape_ = 0;
  const size_t lines = marks_.newline_count;
  begin_batch(lines + 1);
  size_t begin = 0;
  for (size_t line = 0; line < lines;) {
    const size_t after = end_of_piece(line, lines, begin);
    begin = read_piece(begin, line, after);
    line = after;
  }
  if (begin < text.size()) read_plainly({.begin = begin, .end = text.size()});
  return rows_;
}

void JsonLines::begin_batch(size_t rows) {
  columns_.begin_batch(*batch_, rows);
  if (wanted_.raw) grow_to(batch_->raw, rows);
  if (wanted_.offsets) grow_to(batch_->offsets, rows);
}

// Uninitialised: pages that are never written take no memory.
void JsonLines::make_room(size_t positions) {
  if (positions <= room_) return;
  room_ = positions + positions / 4;
  newlines_ = std::make_unique_for_overwrite<uint32_t[]>(room_);
  marks_.newlines = newlines_.get();
}

// The line behind the piece that starts with `line`, at `begin`.
size_t JsonLines::end_of_piece(size_t line, size_t lines, size_t begin) const {
  const uint32_t* const first = marks_.newlines + line;
  const uint32_t* const last = marks_.newlines + lines;
  const uint32_t* const end = std::upper_bound(first, last, begin + kPieceBytes);
  return line + std::max<size_t>(1, static_cast<size_t>(end - first));
}

// Reads the lines [line, after), the first of which starts at `begin`; returns where the last one
// ends.
size_t JsonLines::read_piece(size_t begin, size_t line, size_t after) {
  const size_t end = marks_.newlines[after - 1] + size_t{1};
  const auto for_each_line = [&](auto&& visit) {
    for (; line < after; begin = marks_.newlines[line++] + size_t{1}) {
      visit(Line{.begin = begin, .end = marks_.newlines[line]});
    }
  };
  if (!walker_.available()) {
    for_each_line([this](const Line& each) { read_plainly(each); });
    return end;
  }
  if (index({.begin = begin, .end = end})) {
    block_.text = text_.substr(begin, end - begin);
    read_indexed(begin, line, after);
  } else {
    // Some line has no sound strings; the others are read as fast as they can be alone.
    for_each_line([this](const Line& each) { read_alone(each); });
  }
  return end;
}

bool JsonLines::index(const Line& lines) {
  piece_ = lines.begin;
  return walker_.begin(text_.substr(lines.begin, lines.end - lines.begin));
}

// Asked of lines in their order.
bool JsonLines::has_bad_escape(const Line& line) {
  const std::vector<uint32_t>& at = marks_.odd_escapes;
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

void JsonLines::read_alone(const Line& line) {
  if (has_bad_escape(line) || !index({.begin = line.begin, .end = line.end + 1})) {
    read_plainly(line);
  } else if (*walker_.positions() < line.end - line.begin) {
    rows_ += read_record(line, rows_, walker_.positions(), nullptr) ? 1 : 0;
  }
}

void JsonLines::read_plainly(const Line& line) {
  if (is_blank(text_.substr(line.begin, line.end - line.begin))) return;
  rows_ += extract(line, rows_) ? 1 : 0;
}

void JsonLines::read_indexed(size_t begin, size_t line, size_t after) {
  const uint32_t* at = walker_.positions();
  while (line < after) {
    uint64_t with_bad_escape = 0;
    size_t count = 0;
    for (; line < after && count < JsonBlock::kRecords;
         begin = marks_.newlines[line++] + size_t{1}) {
      const size_t end = marks_.newlines[line] - piece_;
      if (*at >= end) continue;  // blank
      lines_[count] = {.begin = begin, .end = marks_.newlines[line]};
      block_.first[count] = at;
      at = first_behind(at, end);
      block_.positions[count] = static_cast<uint32_t>(at - block_.first[count]);
      with_bad_escape |= static_cast<uint64_t>(has_bad_escape(lines_[count])) << count;
      ++count;
    }
    block_.count = count;
    read_block(with_bad_escape);
  }
}

// The first position at or behind `end`. Most records have as many as the one before.
const uint32_t* JsonLines::first_behind(const uint32_t* at, size_t end) {
  const uint32_t* const guess = at + usual_positions_;
  if (guess <= walker_.positions_end() && *guess >= end && guess[-1] < end) return guess;
  const uint32_t* const first = at;
  while (*at < end) ++at;
  usual_positions_ = static_cast<size_t>(at - first);
  return at;
}

// Records of known makes at once, the others one by one; each of them may make known a new make.
void JsonLines::read_block(uint64_t with_bad_escape) {
  if (block_.count == 0) return;
  const uint64_t all = ~uint64_t{0} >> (JsonBlock::kRecords - block_.count);
  const size_t first_row = rows_;
  rows_ += block_.count;
  block_row_ = first_row;
  apart_ = with_bad_escape;
  const auto take = [this](const JsonTemplate& make, uint64_t records) {
    apart_ |= take_values(make, records);
  };
  uint64_t unknown = makes_.match(block_, all & ~with_bad_escape, take);
  uint64_t kept = all;
  while ((unknown | apart_) != 0) {
    const auto i = static_cast<size_t>(std::countr_zero(unknown | apart_));
    const uint64_t bit = uint64_t{1} << i;
    JsonTemplate* const make = (apart_ & bit) == 0 ? makes_.to_learn() : nullptr;
    unknown &= ~bit;
    apart_ &= ~bit;
    const size_t row = block_row_ + i;
    const bool is_bad = (with_bad_escape & bit) != 0;
    if (!(is_bad ? extract(lines_[i], row) : read_record(lines_[i], row, block_.first[i], make))) {
      kept &= ~bit;
      columns_.remove_row(row, rows_);
      --rows_;
      --block_row_;  // of the lines that follow
    }
    if (make != nullptr) unknown = makes_.match_learned(block_, unknown, take);
  }
  if (!wanted_.raw && !wanted_.offsets) return;
  size_t row = first_row;
  for_each_bit(kept, [&](size_t i) { note_line(lines_[i], row++); });
}

// Sets the columns of records that matched. Returns those with a bad value.
uint64_t JsonLines::take_values(const JsonTemplate& make, uint64_t records) {
  const char* const text = block_.text.data();
  uint64_t bad = 0;
  for (const JsonTemplate::Value& value : make.values()) {
    if (value.column != JsonPaths::kNone) bad |= take_value(value, records);
  }
  for (const JsonTemplate::Container& container : make.containers()) {
    for_each_bit(records, [&](size_t i) {
      const uint32_t begin = block_.first[i][container.first];
      const uint32_t end = block_.first[i][container.last] + 1;
      const bool is_good =
          columns_.put(static_cast<size_t>(container.column), block_row_ + i,
                       {.kind = container.kind, .text = {text + begin, end - begin}});
      bad |= static_cast<uint64_t>(!is_good) << i;
    });
  }
  for (const size_t column : make.missing()) {
    for_each_bit(records, [&](size_t i) { columns_.put_null(column, block_row_ + i); });
  }
  return bad;
}

uint64_t JsonLines::take_value(const JsonTemplate::Value& value, uint64_t records) {
  Column& target = columns_.target(static_cast<size_t>(value.column));
  if (target.type == Type::kFloat) {
    return take_numbers(value, records, target.floats.data(), parse_float_fields);
  }
  if (target.type == Type::kInt) {
    return take_numbers(value, records, target.ints.data(), parse_int_fields);
  }
  return take_one_by_one(value, records);
}

// `parse` as in number_fields.h. What it takes of sound scalars are numbers.
template <typename Number, typename Parse>
uint64_t JsonLines::take_numbers(const JsonTemplate::Value& value, uint64_t records, Number* out,
                                 Parse&& parse) {
  std::array<FieldSpan, JsonBlock::kRecords> fields;
  std::array<Number, JsonBlock::kRecords> numbers;
  std::array<uint8_t, JsonBlock::kRecords> bad;
  size_t count = 0;
  for_each_bit(records, [&](size_t i) {
    const uint32_t* const at = block_.first[i] + value.position;
    fields[count++] = {.begin = at[0], .end = at[1] - value.space};
  });
  parse(block_.text.data(), fields.data(), count, numbers.data(), bad.data());
  size_t n = 0;
  uint64_t others = 0;
  for_each_bit(records, [&](size_t i) {
    out[block_row_ + i] = numbers[n];
    others |= static_cast<uint64_t>(bad[n]) << i;
    ++n;
  });
  return take_one_by_one(value, others);
}

uint64_t JsonLines::take_one_by_one(const JsonTemplate::Value& value, uint64_t records) {
  const char* const text = block_.text.data();
  const bool may_have_escapes = marks_.has_backslashes;
  const auto column = static_cast<size_t>(value.column);
  std::string_view* const texts = columns_.texts(column);
  uint64_t bad = 0;
  for_each_bit(records, [&](size_t i) {
    const std::string_view source = matched_source(text, block_.first[i], value);
    const size_t row = block_row_ + i;
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

// One record of the indexed text. False if it is rejected.
bool JsonLines::read_record(const Line& line, size_t row, const uint32_t* positions,
                            JsonTemplate* make) {
  columns_.begin_record(row);
  columns_.undo_record();
  if (!walker_.walk(positions, line.end - piece_, make)) return extract(line, row);
  end_record(line, row);
  return true;
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
  if (wanted_.offsets) batch_->offsets[row] = offset_ + line.begin;
}

}  // namespace shardmill
