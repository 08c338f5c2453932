#include "inputs/support/csv_record.h"

#include <algorithm>
#include <cstring>

namespace shardmill {

namespace {

/// Looks for the end of a record piece by piece, keeping nothing but counts.
class RecordScan {
 public:
  RecordScan(CsvBytes bytes, CsvMarks& marks) : bytes_(bytes), marks_(marks) {}

  /// Looks at text[scanned(), to); true if the record ends there.
  bool scan(std::string_view text, size_t to) {
    const std::string_view piece = text.substr(scanned_, to - scanned_);
    marks_.clear(piece.size());
    state_ = mark_csv(piece, bytes_, state_, marks_);
    const uint32_t* separators = marks_.separators();
    for (size_t i = 1; i <= marks_.separator_count(); ++i) {
      if (piece[separators[i]] == '\n') {
        end_ = scanned_ + separators[i];
        return true;
      }
      ++delimiters_;
    }
    scanned_ = to;
    return false;
  }

  size_t scanned() const { return scanned_; }
  size_t end() const { return end_; }
  size_t fields() const { return delimiters_ + 1; }
  bool in_quotes() const { return state_ == CsvState::kInQuoted; }

 private:
  CsvBytes bytes_;
  CsvMarks& marks_;
  CsvState state_ = CsvState::kFieldStart;
  size_t scanned_ = 0;
  size_t end_ = 0;
  size_t delimiters_ = 0;
};

}  // namespace

CsvRecordEnd find_record_end(TextWindow& window, CsvBytes bytes, size_t record_bytes_max,
                             CsvMarks& marks) {
  using Kind = CsvRecordEnd::Kind;
  constexpr size_t kFirstPiece = 2048;  // most records and headers are shorter
  constexpr size_t kLargestPiece = 256 << 10;
  RecordScan scan(bytes, marks);
  size_t piece = kFirstPiece;
  while (true) {
    if (window.text().size() == scan.scanned() && !window.read_more()) break;
    // A newline right behind the longest record still counts.
    const size_t to =
        std::min({window.text().size(), scan.scanned() + piece, record_bytes_max + 1});
    if (scan.scan(window.text(), to)) {
      return {
          .kind = Kind::kEnds, .bytes = scan.end(), .has_newline = true, .fields = scan.fields()};
    }
    if (to > record_bytes_max) return {.kind = Kind::kTooLong, .in_quotes = scan.in_quotes()};
    piece = std::min(piece * 2, kLargestPiece);
  }
  if (!window.error().is_ok()) return {.kind = Kind::kError};
  if (scan.in_quotes()) return {.kind = Kind::kNeverClosed};
  return {.kind = Kind::kEnds, .bytes = scan.scanned(), .fields = scan.fields()};
}

CsvSkipped skip_too_long_record(TextWindow& window, size_t record_bytes_max) {
  const uint64_t start = window.offset();
  window.consume(std::min(window.text().size(), record_bytes_max + 1));
  while (true) {
    const std::string_view text = window.text();
    const void* newline = text.empty() ? nullptr : std::memchr(text.data(), '\n', text.size());
    if (newline != nullptr) {
      const auto at = static_cast<size_t>(static_cast<const char*>(newline) - text.data());
      window.consume(at + 1);
      return {.bytes = window.offset() - start - 1, .has_newline = true};
    }
    window.consume(text.size());
    if (!window.read_more()) return {.bytes = window.offset() - start};
  }
}

std::string_view unquoted(std::string_view field, char quote, Arena& arena) {
  const std::string_view inner = field.substr(1);
  const size_t first = inner.find(quote);
  if (first == std::string_view::npos) return inner;
  if (first + 1 == inner.size()) return inner.substr(0, first);
  char* const out = arena.allocate(inner.size());
  size_t size = 0;
  bool in_quotes = true;
  for (size_t at = 0; at < inner.size(); ++at) {
    if (in_quotes && inner[at] == quote) {
      const bool doubled = at + 1 < inner.size() && inner[at + 1] == quote;
      in_quotes = doubled;
      at += doubled ? 1 : 0;
      if (!doubled) continue;
    }
    out[size++] = inner[at];
  }
  return {out, size};
}

std::vector<std::string> split_record(std::string_view record, CsvBytes bytes) {
  CsvMarks marks;
  marks.clear(record.size());
  mark_csv_scalar(record, bytes, CsvState::kFieldStart, marks);
  marks.end_row_at(static_cast<uint32_t>(without_cr(record.data(), record.size())));
  Arena arena;
  std::vector<std::string> fields;
  for (size_t i = 0; i < marks.separator_count(); ++i) {
    const uint32_t begin = marks.separators()[i] + 1;
    std::string_view field = record.substr(begin, marks.separators()[i + 1] - begin);
    const bool is_quoted = bytes.has_quote && !field.empty() && field[0] == bytes.quote;
    fields.emplace_back(is_quoted ? unquoted(field, bytes.quote, arena) : field);
  }
  return fields;
}

}  // namespace shardmill
