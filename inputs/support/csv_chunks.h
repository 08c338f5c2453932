// CSV text as chunks of whole records of the right number of fields.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "inputs/support/chunk_reader.h"
#include "inputs/support/csv_record.h"
#include "inputs/support/text_window.h"
#include "pipeline/base/status.h"

namespace shardmill {

/// Records of one chunk with their structure. Lives until the next chunk.
struct CsvChunk {
  std::string_view text;
  uint64_t offset = 0;  ///< of text[0] in the plain file
  size_t rows = 0;
  size_t fields = 0;                     ///< of every row
  bool has_quotes = false;               ///< false: no field is quoted
  bool has_cr = true;                    ///< false: no byte is a CR
  const uint32_t* separators = nullptr;  ///< as in CsvMarks
  /// By row: index in separators of the one before its first field; nullptr if that is row * fields
  /// (all rows are regular).
  const uint32_t* starts = nullptr;

  size_t start(size_t row) const { return starts == nullptr ? row * fields : starts[row]; }
  size_t row_begin(size_t row) const { return separators[start(row)] + 1u; }
  /// Without its newline, with a CR before it.
  size_t row_end(size_t row) const { return separators[start(row) + fields]; }
};

/// The records of a window that start before `end`, from a record's start on.
///
/// A chunk is at most chunk_bytes long, or one longer record. Rejected with their offset: records
/// with more or fewer than `fields` fields, longer than record_bytes_max, or with a quote that is
/// never closed. Blank lines are passed over. What is a record, and where the next one starts,
/// depends on the record's start only.
class CsvChunks {
 public:
  struct Setup {
    CsvBytes bytes;
    size_t fields = 0;
    std::string_view fields_from;  ///< for messages: "in the header"
    ReadLimits limits;             ///< within_reach
    uint64_t end = kEndOfFile;
  };

  /// `window` and `rejects` must outlive the chunks. REQUIRES: window is at a record's start.
  CsvChunks(const Setup& setup, TextWindow& window, RejectCounter& rejects);

  /// False at the end, when the window is at the first record that starts at or after `end`.
  /// kBadFile: the file cannot be read on; all whole records before were given.
  Result<bool> next(CsvChunk& chunk);

  /// Offset behind the last record that was given, rejected or passed over.
  uint64_t done_to() const { return done_to_; }

 private:
  bool mark_rows();
  size_t cut_after(size_t separator) const;
  void keep_rows_before_end();
  void keep_rows_before_too_long();
  void recount();
  enum class Step : uint8_t { kMarked, kPassed, kDataEnds };
  Step mark_long_record();
  Step pass_record(const CsvRecordEnd& record);
  Step reject_open_or_long(const CsvRecordEnd& record);
  bool rows_are_regular() const;
  void find_rows();
  void reject_ragged(std::string_view record, uint64_t offset, size_t fields);

  const Setup setup_;
  TextWindow& window_;
  RejectCounter& rejects_;
  CsvMarks marks_;
  std::vector<uint32_t> starts_;
  std::string_view text_;  ///< of the chunk being made
  size_t given_ = 0;       ///< bytes at the front of the window that the last chunk shows
  uint64_t done_to_ = 0;
  size_t ragged_fields_ = 0;  ///< number of fields that ragged_reason_ speaks of
  std::string ragged_reason_;
};

}  // namespace shardmill
