// The plain bytes of a file, whatever it is packed in, in order.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "pipeline/base/status.h"
#include "pipeline/base/work_clock.h"

namespace shardmill {

/// How a file is packed, seen in its first bytes.
enum class Compression : uint8_t { kNone, kGzip, kZstd, kBzip2, kXz, kLz4 };

/// By magic number; needs up to 6 bytes. Fewer bytes, or none that fit, are kNone.
Compression detect_compression(std::string_view first_bytes);
/// "gz", "zst", "bz2", "xz", "lz4", or "" for kNone: the file extension.
std::string_view compression_extension(Compression compression);

/// Plain bytes from some offset of one file. One worker.
class ByteSource {
 public:
  virtual ~ByteSource() = default;
  /// Up to `capacity` further bytes into `buffer`; 0 only at the end of the data. A short read is
  /// not the end. REQUIRES: capacity > 0. kBadFile: `<what>, expected <what>` with compressed and
  /// plain offset for damaged streams, the system's reason for read errors. What was given before
  /// the error is good; how much that is, and the message, do not depend on the capacities of the
  /// calls. kFailed: no memory to decode. The error comes again with every further call.
  virtual Result<size_t> read(char* buffer, size_t capacity) = 0;
  /// Bytes of the file on disk consumed so far.
  virtual uint64_t disk_position() const = 0;
  /// Worth reporting though all data counts: "garbage after the last member (12 bytes)". Empty if
  /// nothing.
  virtual std::string note() const { return {}; }
};

struct SourceOptions {
  uint64_t begin = 0;  ///< plain offset to start at; REQUIRES 0 unless the file is not compressed
  uint64_t size_bytes = 0;  ///< as in the manifest: what has grown behind it is not read
  int64_t mtime_ns = 0;     ///< as in the manifest; 0 if unknown
  size_t window_bytes_max = 128 << 20;  ///< of a decoder; streams that need more are kBadFile
  /// Most plain bytes of a compressed file for each of its bytes on disk; files that give more are
  /// kBadFile. 0: no limit.
  uint64_t expansion_max = 0;
  size_t buffer_bytes = 128 << 10;  ///< of compressed bytes read at once; tests make it tiny
  bool is_plain = false;            ///< whatever the bytes look like
  WorkClock* clock = nullptr;       ///< the worker's; is told when bytes are read and unpacked
};

/// True if the path ends with the extension of a compression.
bool is_named_compressed(std::string_view path);

/// Opens `path` for reading and looks at its first bytes. Never waits for a FIFO or a device;
/// follows symlinks. kBadFile: cannot be opened, is no regular file, is smaller than its size in
/// the manifest ("shrank") or of another time without having grown ("replaced"), or is named like a
/// compressed file but holds neither one nor a text; a text is read, with a note. kFailed: this
/// process has no file descriptor or memory left, which says nothing about the file.
Result<std::unique_ptr<ByteSource>> open_file(const std::string& path,
                                              const SourceOptions& options);

/// Bytes in memory, decompressed if they are compressed. `content` must outlive the source.
std::unique_ptr<ByteSource> open_memory(std::string_view content, const SourceOptions& options);

}  // namespace shardmill
