// Streaming decoders: one member (gzip, xz, bzip2) or frame (zstd, lz4) after another.
//
//   decoder    memory beside the source's own 192 KiB
//   gzip       0.1 MiB (32 KiB window), by ISA-L
//   zstd       the frame's window, at most window_bytes_max, and 0.4 MiB
//   bzip2      at most 4 MiB
//   xz         the stream's dictionary, at most window_bytes_max, and 1 MiB
//   lz4        at most 9 MiB (two blocks of 4 MiB)
//
// Measured on one core on log lines: gzip and zstd 1.3 GB/s plain, lz4 0.9 GB/s.
#pragma once

#include <memory>
#include <string_view>

#include "pipeline/base/status.h"
#include "pipeline/formats/byte_source.h"

namespace shardmill {

/// Decodes members. One worker.
class Codec {
 public:
  virtual ~Codec() = default;
  /// Makes ready for a member that begins at the next byte of input.
  virtual Status start_member() = 0;
  /// Takes bytes from the front of `input`, puts plain bytes at `output` and moves both on. True
  /// when the member ended, all its checks passed. kBadFile if the bytes are damaged: what was put
  /// out before, in this call too, is good as far as the format can tell. kFailed: no memory.
  /// Takes as little at once as it needs to keep what is good, so the caller calls in a loop.
  /// REQUIRES: no call after an error.
  virtual Result<bool> run(std::string_view& input, char*& output, size_t& capacity) = 0;
  /// True if another member can begin with these bytes.
  virtual bool begins_member(std::string_view bytes) const = 0;
  /// "gzip member", "zstd frame": for messages.
  virtual std::string_view member_name() const = 0;
};

/// REQUIRES: not kNone.
std::unique_ptr<Codec> make_codec(Compression compression, size_t window_bytes_max);

}  // namespace shardmill
