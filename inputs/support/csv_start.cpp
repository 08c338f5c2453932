#include "inputs/support/csv_start.h"

#include <algorithm>
#include <string_view>

namespace shardmill {

namespace {

/// What speaks for and against the state that a text was taken to begin in.
struct Evidence {
  size_t good_rows = 0;
  size_t bad_rows = 0;
  size_t odd_quotes = 0;  ///< inside an unquoted field, or closing one in front of other text

  size_t against() const { return 2 * bad_rows + odd_quotes; }
  size_t rows() const { return good_rows + bad_rows; }
};

/// Reads `text` byte by byte from `state`. The first row, which began before the text, says
/// nothing.
Evidence weigh(std::string_view text, CsvBytes bytes, CsvState state, size_t fields) {
  Evidence evidence;
  bool first = true;
  bool after_close = false;
  size_t delimiters = 0;
  for (const char byte : text) {
    const bool closed = after_close;
    after_close = false;
    if (byte == bytes.quote) {
      evidence.odd_quotes += state == CsvState::kInField ? 1 : 0;
      after_close = state == CsvState::kInQuoted;
      if (state == CsvState::kInQuoted) {
        state = CsvState::kFieldStart;
      } else if (state == CsvState::kFieldStart) {
        state = CsvState::kInQuoted;
      }
      continue;
    }
    if (state == CsvState::kInQuoted) continue;
    state = CsvState::kFieldStart;
    if (byte == bytes.delimiter) {
      ++delimiters;
    } else if (byte == '\n') {
      if (!first) ++(delimiters + 1 == fields ? evidence.good_rows : evidence.bad_rows);
      first = false;
      delimiters = 0;
    } else {
      state = CsvState::kInField;
      evidence.odd_quotes += closed && byte != '\r' ? 1 : 0;
    }
  }
  return evidence;
}

/// The state in front of the slice's first byte, if that byte is outside quotes.
CsvState outside_state(char before, CsvBytes bytes) {
  const bool opens = before == '\n' || before == bytes.delimiter || before == bytes.quote;
  return opens ? CsvState::kFieldStart : CsvState::kInField;
}

CsvState guess_state(TextWindow& window, CsvBytes bytes, size_t fields) {
  constexpr size_t kFirstLook = 16 << 10;
  constexpr size_t kLongestLook = 256 << 10;
  constexpr size_t kEnoughRows = 4;
  const CsvState outside = outside_state(window.text()[0], bytes);
  for (size_t look = kFirstLook;; look *= 4) {
    window.fill(look);
    const std::string_view text = window.text().substr(1, look);
    const Evidence out = weigh(text, bytes, outside, fields);
    const Evidence in = weigh(text, bytes, CsvState::kInQuoted, fields);
    const bool enough = out.rows() + in.rows() >= kEnoughRows;
    if (!enough && look < kLongestLook && !window.at_end()) continue;
    if (in.against() != out.against()) {
      return in.against() < out.against() ? CsvState::kInQuoted : outside;
    }
    return in.good_rows > out.good_rows ? CsvState::kInQuoted : outside;
  }
}

}  // namespace

void find_first_csv_record(TextWindow& window, CsvBytes bytes, const CsvCut& cut) {
  if (!window.fill(1)) return;
  const char before = window.text()[0];
  CsvState state =
      bytes.has_quote ? guess_state(window, bytes, cut.fields) : outside_state(before, bytes);
  window.consume(1);
  if (before == '\n' && state != CsvState::kInQuoted) return;

  constexpr size_t kPiece = 16 << 10;
  CsvMarks marks;
  while (window.offset() < cut.end && window.fill(1)) {
    const uint64_t left = cut.end - window.offset();
    const std::string_view text = window.text().substr(0, std::min<uint64_t>(left, kPiece));
    marks.clear(text.size());
    state = mark_csv(text, bytes, state, marks);
    const uint32_t* separators = marks.separators();
    for (size_t i = 1; i <= marks.separator_count(); ++i) {
      if (text[separators[i]] != '\n') continue;
      window.consume(separators[i] + size_t{1});
      return;
    }
    window.consume(text.size());
  }
}

}  // namespace shardmill
