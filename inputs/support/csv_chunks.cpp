#include "inputs/support/csv_chunks.h"

#include <algorithm>
#include <utility>

#include "pipeline/base/message.h"
#include "pipeline/base/text.h"

namespace shardmill {

namespace {

using Kind = CsvRecordEnd::Kind;

std::string open_quote_reason(uint64_t record_bytes, std::string_view expected) {
  return Message{.found = "a quoted field that is not closed in " + counted(record_bytes, "byte"),
                 .expected = std::string(expected),
                 .fix = "mend the record, or turn quotes off with `quote = \"\"`"}
      .text();
}

}  // namespace

CsvChunks::CsvChunks(const Setup& setup, TextWindow& window, RejectCounter& rejects)
    : setup_(setup), window_(window), rejects_(rejects), done_to_(window.offset()) {}

Result<bool> CsvChunks::next(CsvChunk& chunk) {
  window_.consume(std::exchange(given_, 0));
  while (window_.offset() < setup_.end) {
    window_.fill(setup_.limits.chunk_bytes);
    if (window_.text().empty()) break;
    const Step step = mark_rows() ? Step::kMarked : mark_long_record();
    if (step == Step::kDataEnds) break;
    if (step == Step::kPassed) {
      done_to_ = window_.offset();
      continue;
    }
    chunk = {.text = text_,
             .offset = window_.offset(),
             .rows = marks_.newline_count(),
             .fields = setup_.fields,
             .has_quotes = marks_.has_quotes(),
             .has_cr = marks_.has_cr(),
             .separators = marks_.separators()};
    if (!rows_are_regular()) {
      find_rows();
      chunk.rows = starts_.size();
      chunk.starts = starts_.data();
    }
    done_to_ = window_.offset() + text_.size();
    if (chunk.rows == 0) {
      window_.consume(text_.size());
      continue;
    }
    given_ = text_.size();
    return true;
  }
  if (window_.offset() < setup_.end) RETURN_IF_ERROR(window_.error());
  return false;
}

// Marks the whole records in the first chunk_bytes held; false if the first one does not end there
// or is too long.
bool CsvChunks::mark_rows() {
  const std::string_view held = window_.text();
  text_ = held.substr(0, setup_.limits.chunk_bytes);
  marks_.clear(text_.size());
  const CsvState state = mark_csv(text_, setup_.bytes, CsvState::kFieldStart, marks_);

  size_t last = marks_.separator_count();
  while (last > 0 && text_[marks_.separators()[last]] != '\n') --last;
  const size_t cut = cut_after(last);
  const bool data_ends = window_.at_end() && window_.error().is_ok() && text_.size() == held.size();
  if (data_ends && cut < text_.size() && state != CsvState::kInQuoted) {
    marks_.end_row_at(static_cast<uint32_t>(text_.size()));
  } else {
    marks_.set_counts(last, marks_.newline_count());
    text_ = text_.substr(0, cut);
  }
  if (setup_.end - window_.offset() < text_.size()) keep_rows_before_end();
  if (text_.size() > setup_.limits.record_bytes_max) keep_rows_before_too_long();
  return marks_.newline_count() > 0;
}

// Bytes up to and with the separator of this index; 0 for the one before the text.
size_t CsvChunks::cut_after(size_t separator) const {
  return separator == 0 ? 0 : marks_.separators()[separator] + size_t{1};
}

// The last record that starts before `end` ends at the first row end at or after byte end - 1.
void CsvChunks::keep_rows_before_end() {
  const auto last_byte = static_cast<uint32_t>(setup_.end - 1 - window_.offset());
  const uint32_t* const first = marks_.separators() + 1;
  const uint32_t* const behind = first + marks_.separator_count();
  const uint32_t* at = std::lower_bound(first, behind, last_byte);
  while (at != behind && *at < text_.size() && text_[*at] != '\n') ++at;
  if (at == behind || *at == text_.size()) return;
  marks_.set_counts(static_cast<size_t>(at - first) + 1, 0);
  text_ = text_.substr(0, *at + size_t{1});
  recount();
}

void CsvChunks::keep_rows_before_too_long() {
  size_t begin = 0;
  size_t kept = 0;
  for (size_t i = 1; i <= marks_.separator_count(); ++i) {
    const size_t at = marks_.separators()[i];
    if (at < text_.size() && text_[at] != '\n') continue;
    if (at - begin > setup_.limits.record_bytes_max) {
      marks_.set_counts(kept, 0);
      text_ = text_.substr(0, begin);
      recount();
      return;
    }
    begin = at + 1;
    kept = i;
  }
}

// Counts the row ends among the separators that are left.
void CsvChunks::recount() {
  size_t newlines = 0;
  for (size_t i = 1; i <= marks_.separator_count(); ++i) {
    newlines += text_[marks_.separators()[i]] == '\n' ? 1 : 0;
  }
  marks_.set_counts(marks_.separator_count(), newlines);
}

// Marks the first record alone if it is one to give.
CsvChunks::Step CsvChunks::mark_long_record() {
  const CsvRecordEnd record =
      find_record_end(window_, setup_.bytes, setup_.limits.record_bytes_max, marks_);
  if (record.kind == Kind::kError) return Step::kDataEnds;
  if (record.kind != Kind::kEnds) return reject_open_or_long(record);
  if (record.fields != setup_.fields) return pass_record(record);
  text_ = window_.text().substr(0, record.bytes + (record.has_newline ? 1 : 0));
  marks_.clear(record.fields);  // not by its bytes: they may be the most that a record may have
  mark_csv(text_, setup_.bytes, CsvState::kFieldStart, marks_);
  if (!record.has_newline) marks_.end_row_at(static_cast<uint32_t>(text_.size()));
  return Step::kMarked;
}

CsvChunks::Step CsvChunks::pass_record(const CsvRecordEnd& record) {
  const std::string_view bytes = window_.text().substr(0, record.bytes);
  const bool blank = without_cr(bytes.data(), bytes.size()) == 0;
  if (!blank) reject_ragged(bytes, window_.offset(), record.fields);
  window_.consume(record.bytes + (record.has_newline ? 1 : 0));
  return Step::kPassed;
}

CsvChunks::Step CsvChunks::reject_open_or_long(const CsvRecordEnd& record) {
  const uint64_t offset = window_.offset();
  window_.fill(rejects_.bytes_kept());
  const std::string excerpt(window_.text().substr(0, rejects_.bytes_kept()));
  if (record.kind == Kind::kNeverClosed) {
    const uint64_t record_bytes = window_.text().size();
    window_.consume(record_bytes);
    rejects_.reject(offset, excerpt, record_bytes,
                    open_quote_reason(record_bytes, "its quote before the end of the file"));
    return Step::kPassed;
  }
  const size_t record_bytes_max = setup_.limits.record_bytes_max;
  const CsvSkipped skipped = skip_too_long_record(window_, record_bytes_max);
  if (!skipped.has_newline && !window_.error().is_ok()) return Step::kDataEnds;
  rejects_.reject(offset, std::string_view(excerpt).substr(0, skipped.bytes), skipped.bytes,
                  record.in_quotes
                      ? open_quote_reason(record_bytes_max, "its quote within `record_bytes_max`")
                      : too_long_reason(skipped.bytes, record_bytes_max));
  return Step::kPassed;
}

// Every row has the expected fields if every fields-th separator ends a row, and no other does. A
// single field may be a blank line, which takes a closer look.
bool CsvChunks::rows_are_regular() const {
  const size_t rows = marks_.newline_count();
  const size_t fields = setup_.fields;
  if (fields < 2 || marks_.separator_count() != rows * fields) return false;
  const uint32_t* separators = marks_.separators();
  const size_t unended = separators[rows * fields] == text_.size() ? 1 : 0;
  bool regular = true;
  for (size_t row = 1; row + unended <= rows; ++row) {
    regular &= text_[separators[row * fields]] == '\n';
  }
  return regular;
}

// The careful way: takes the rows one by one.
void CsvChunks::find_rows() {
  starts_.clear();
  const uint32_t* separators = marks_.separators();
  size_t start = 0;
  for (size_t i = 1; i <= marks_.separator_count(); ++i) {
    const size_t end = separators[i];
    if (end < text_.size() && text_[end] != '\n') continue;
    const size_t begin = separators[start] + 1u;
    const size_t fields = i - start;
    const bool blank = without_cr(text_.data() + begin, end - begin) == 0;
    if (fields == setup_.fields && !blank) {
      starts_.push_back(static_cast<uint32_t>(start));
    } else if (!blank) {
      reject_ragged(text_.substr(begin, end - begin), window_.offset() + begin, fields);
    }
    start = i;
  }
}

void CsvChunks::reject_ragged(std::string_view record, uint64_t offset, size_t fields) {
  if (ragged_fields_ != fields || ragged_reason_.empty()) {
    ragged_fields_ = fields;
    ragged_reason_ = Message{.found = "a record of " + counted(fields, "field"),
                             .expected = std::to_string(setup_.fields) + " as " +
                                         std::string(setup_.fields_from),
                             .fix = "mend the record, or check `delimiter` and `quote` in [input]"}
                         .text();
  }
  rejects_.reject(offset, record, record.size(), ragged_reason_);
}

}  // namespace shardmill
