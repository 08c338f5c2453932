// What is dealt, committed and retried.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "pipeline/base/bytes.h"

namespace shardmill {

/// The end of a range that reaches to the end of the file.
inline constexpr uint64_t kEndOfFile = std::numeric_limits<uint64_t>::max();

/// One file of a unit, or a part of one: plain bytes [begin, end).
///
///            begin                        end
///   ...record|record......|record....|rec.|.ord..|record...
///            ^ ours       ^ ours     ^ ours      ^ the next unit's
///
/// A record belongs to the unit that holds its *first* byte; the reader of this slice reads past
/// `end` to finish the last one, and skips forward from `begin` to the first record that starts in
/// the range.
struct FileSlice {
  uint64_t file_index = 0;  ///< position in the manifest (sorted by path bytes)
  std::string path;         ///< as in the manifest: any bytes but NUL
  uint64_t size_bytes = 0;  ///< on disk, when the manifest was made
  int64_t mtime_ns = 0;
  uint64_t begin = 0;
  uint64_t end = kEndOfFile;

  bool is_whole_file() const { return begin == 0 && end == kEndOfFile; }
};

/// A whole file, a range of a big file, or a bundle of small files. Follows from manifest and job
/// alone.
struct Unit {
  uint64_t index = 0;  ///< position in canonical order: by file, then by offset
  std::vector<FileSlice> slices;
  /// True if where the first record starts must be confirmed by the unit before (CSV with quotes):
  /// the unit is dealt after its predecessor and commits only when its predecessor's handover
  /// equals its first record.
  bool needs_handover = false;
  /// True if the next unit continues the same file.
  bool gives_handover = false;

  uint64_t bytes() const;  ///< an estimate of the work: bytes on disk of all slices
  void encode(ByteWriter& writer) const;
  /// Marks `reader` failed if the bytes are not a unit.
  static Unit decode(ByteReader& reader);
};

/// What became of one slice. Kept in the books.
struct SliceBooks {
  uint64_t file_index = 0;
  uint64_t begin = 0;
  uint64_t disk_bytes = 0;  ///< consumed from the file: compressed bytes where compressed
  uint64_t plain_bytes =
      0;  ///< after decompression, of the records of this slice and what lies between them
  uint64_t records = 0;   ///< given to the first stage
  uint64_t rejected = 0;  ///< records that could not be understood
  uint64_t rejected_bytes = 0;
  uint64_t bad_values = 0;  ///< values that did not parse as their column's type and became null
  double seconds = 0;
  std::string error;          ///< not empty: the file is bad, and why
  uint64_t error_offset = 0;  ///< plain bytes that were good before it
  std::string note;           ///< e.g. "grew": worth reporting, not an error

  void encode(ByteWriter& writer) const;
  static SliceBooks decode(ByteReader& reader);
};

}  // namespace shardmill
