// Lines that were read but are not yet records.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace shardmill {

struct Batch;

/// Part of a text.
struct LineRange {
  size_t begin = 0;
  size_t end = 0;
};

/// The text of a batch whose records are lines, for a first stage that looks at all of it at once
/// and needs few of its lines as values: most lines then are never cut. Belongs to the reader,
/// lives as long as the batch. One worker.
class UncutLines {
 public:
  virtual ~UncutLines() = default;

  /// Bytes behind the text that may be read (not their values used).
  static constexpr size_t kPadding = 64;

  /// Whole lines, each with its "\n"; only the last line of a file may lack it. Never empty, and
  /// shorter than 4 GiB.
  std::string_view text() const { return text_; }
  /// Offset of the text in the plain file.
  uint64_t offset() const { return offset_; }

  /// Fills the batch with all of the lines, as if they had been cut when they were read.
  virtual void cut(Batch& batch) const = 0;
  /// Makes room in the batch's columns for `rows` lines.
  virtual void make_room(Batch& batch, size_t rows) const = 0;
  /// Makes the line [begin, end) of the text (without its "\n") the record `row`.
  /// REQUIRES: room for it.
  virtual void cut_line(Batch& batch, size_t row, size_t begin, size_t end) const = 0;
  /// The same with several lines, which become `row` and those behind it.
  virtual void cut_lines(Batch& batch, size_t row, std::span<const LineRange> lines) const = 0;

 protected:
  std::string_view text_;
  uint64_t offset_ = 0;
};

/// Where the line at `begin` of the text ends: at its "\n", or at the end of the text.
inline size_t line_end(std::string_view text, size_t begin) {
  const size_t newline = text.find('\n', begin);
  return newline == std::string_view::npos ? text.size() : newline;
}

}  // namespace shardmill
