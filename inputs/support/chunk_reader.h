// Text files as chunks of whole lines: the way in for formats whose records end at a newline.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "inputs/support/text_window.h"
#include "pipeline/base/status.h"
#include "pipeline/core/input.h"

namespace shardmill {

/// The limits with chunks and records of at most 2 GiB, so that positions in a chunk fit into 32
/// bits, and chunks of at least a byte.
ReadLimits within_reach(ReadLimits limits);

/// Whole lines of one slice, each with its newline; only the last line of a file may lack it.
/// Never empty. kTextPadding bytes behind it may be read.
struct TextChunk {
  std::string_view text;
  uint64_t offset = 0;  ///< of text[0] in the plain file
};

/// Counts rejected records for a slice's books and reports them. One worker.
class RejectCounter {
 public:
  /// Of a record `bytes_kept` bytes are reported.
  RejectCounter(const FileSlice& slice, RejectLog* log, SliceEnd& end,
                size_t bytes_kept = ReadLimits().reject_bytes_kept)
      : slice_(slice), log_(log), end_(end), bytes_kept_(bytes_kept) {}
  /// `bytes` is the record or its beginning, `record_bytes` its length without its line end.
  void reject(uint64_t offset, std::string_view bytes, uint64_t record_bytes,
              std::string_view reason);
  void bad_value(uint64_t offset, std::string_view column, std::string_view value);
  size_t bytes_kept() const { return bytes_kept_; }

 private:
  const FileSlice& slice_;
  RejectLog* log_;
  SliceEnd& end_;
  size_t bytes_kept_;
};

/// "a record of 70,000,000 bytes, expected at most 67,108,864 bytes; raise `record_bytes_max` ..."
std::string too_long_reason(uint64_t record_bytes, uint64_t record_bytes_max);

/// The lines that start in a slice.
///
///            begin                         end
///   ...line\n|line\n|...line\n|...li|ne\n..|..
///            ^ ours: byte begin-1 is "\n"  ^ a line that starts before end is read to its newline
///
/// A chunk is at most `chunk_bytes` long, or one longer line. A line of more than
/// `record_bytes_max` bytes (newline not counted) is rejected with its offset, in bounded memory,
/// and reading goes on behind its newline; such lines never reach a chunk. One owner, one thread.
class ChunkReader {
 public:
  /// kBadFile if the file cannot be opened. `slice` must outlive the reader.
  static Result<std::unique_ptr<ChunkReader>> open(const FileSlice& slice,
                                                   const ReadContext& context);

  /// The next lines; false at the end of the slice, after which `end` is valid but for `records`.
  /// The chunk lives until the next call. kBadFile: the file cannot be read on; all whole lines
  /// before were given.
  Result<bool> next(TextChunk& chunk);

  /// The slice's books. The format adds its records to it.
  SliceEnd& end() { return end_; }
  const SliceEnd& end() const { return end_; }
  RejectCounter& rejects() { return rejects_; }

  uint64_t good_bytes() const { return given_to_ - end_.first_record; }
  uint64_t disk_position() const { return window_.disk_position(); }

 private:
  ChunkReader(const FileSlice& slice, const ReadContext& context,
              std::unique_ptr<ByteSource> source, uint64_t offset);

  bool find_first_line();
  size_t cut_of_held_text();
  size_t cut_of_long_line();
  size_t cut_before_too_long(std::string_view lines) const;
  bool skip_line();
  Result<bool> finish();

  const FileSlice& slice_;
  ReadLimits limits_;
  TextWindow window_;
  SliceEnd end_;
  RejectCounter rejects_;
  bool started_ = false;
  bool finished_ = false;
  size_t given_ = 0;       ///< bytes at the front of the window that the last chunk shows
  uint64_t given_to_ = 0;  ///< offset behind the last chunk or rejected line
};

}  // namespace shardmill
