// Where lines and fields end: the kernels under lines, csv and jsonl.
//
// Each has a plain version (`_scalar`) that gives the same on every input; the other one is chosen
// for the processor at run time and takes 64 bytes a step. All are pure; any thread.
//
// REQUIRES of all texts: kTextPadding bytes behind them may be read, and they are shorter than 2^32
// - 64.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

namespace shardmill {

/// Number of "\n" bytes. Bound by memory: about 30 GB/s.
size_t count_newlines(std::string_view text);
size_t count_newlines_scalar(std::string_view text);

/// Entries that kernels may write behind the last position that they give.
inline constexpr size_t kMarkSlack = 64;

/// Writes the position of each byte that equals `wanted` and returns how many; newlines of lines of
/// 14 to 60 bytes: 13 to 20 GB/s. REQUIRES: room for text.size() + kMarkSlack positions.
size_t find_bytes(std::string_view text, char wanted, uint32_t* positions);
size_t find_bytes_scalar(std::string_view text, char wanted, uint32_t* positions);

/// The bytes that structure CSV text. All differ, and differ from CR and LF.
struct CsvBytes {
  char delimiter = ',';
  char quote = '"';
  bool has_quote = true;  ///< false: no byte is a quote
};

/// Where in a record a byte finds itself.
enum class CsvState : uint8_t {
  kFieldStart,  ///< at the start of a field, or behind a quote that closed one: a quote (re)opens
  kInField,     ///< in a field outside quotes: a quote is an ordinary byte
  kInQuoted,    ///< inside quotes: only a quote ends this
};

/// The structure of a piece of CSV text: positions of the delimiters and newlines outside quotes.
///
///   a,b\nc,"d,e"\n     separators  -1 1 3 5 11     (as uint32: -1 + 1 is 0)
///
/// A field lies between two separators: text[separators[i] + 1, separators[i + 1]). Memory is kept
/// from text to text.
class CsvMarks {
 public:
  /// Forgets all marks and makes room for `most` separators; a text has no more than bytes.
  void clear(size_t most);

  const uint32_t* separators() const { return separators_.get(); }
  size_t separator_count() const { return separator_count_; }  ///< without the one before the text
  size_t newline_count() const { return newline_count_; }      ///< how many of them end a row
  bool has_quotes() const { return has_quotes_; }              ///< some byte is a quote
  bool has_cr() const { return has_cr_; }                      ///< some byte is a CR

  /// Ends the last row at `position`, where the data ends without a newline.
  void end_row_at(uint32_t position);
  /// Forgets all separators but the first `separators`, of which `newlines` end a row.
  void set_counts(size_t separators, size_t newlines) {
    separator_count_ = separators;
    newline_count_ = newlines;
  }

  // For the kernels.
  uint32_t* next_separator() { return separators_.get() + 1 + separator_count_; }
  void set_has_quotes() { has_quotes_ = true; }
  void set_has_cr() { has_cr_ = true; }

 private:
  std::unique_ptr<uint32_t[]> separators_;
  size_t room_ = 0;
  size_t separator_count_ = 0;
  size_t newline_count_ = 0;
  bool has_quotes_ = false;
  bool has_cr_ = false;
};

/// Marks `text`, which begins in `state`, and returns the state behind it. REQUIRES: marks were
/// cleared for it. 6.5 to 8.5 GB/s with fields of 7 bytes, twice that where bytes can be
/// compressed in registers (AVX-512 VBMI2); bound by writing positions. Blocks in
/// which a quote is an ordinary byte take the plain way (1.2 GB/s).
CsvState mark_csv(std::string_view text, CsvBytes bytes, CsvState state, CsvMarks& marks);
CsvState mark_csv_scalar(std::string_view text, CsvBytes bytes, CsvState state, CsvMarks& marks);

}  // namespace shardmill
