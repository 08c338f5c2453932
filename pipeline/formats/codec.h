// Streaming decoders: one member (gzip, xz, bzip2) or frame (zstd, lz4) after another.
//
//   decoder    memory beyond the caller's buffer
//   gzip       about 0.1 MiB (32 KiB window), by ISA-L
//   zstd       the frame's window, at most window_bytes_max
//   bzip2      at most 4 MiB
//   xz         the stream's dictionary, at most window_bytes_max
//   lz4        at most 8 MiB (two blocks of 4 MiB)
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
  /// when the member ended, all its checks passed. kBadFile if the bytes are damaged; what was put
  /// out before is good.
  virtual Result<bool> run(std::string_view& input, char*& output, size_t& capacity) = 0;
  /// True if another member can begin with these bytes.
  virtual bool begins_member(std::string_view bytes) const = 0;
  /// "gzip member", "zstd frame": for messages.
  virtual std::string_view member_name() const = 0;
};

/// REQUIRES: not kNone.
std::unique_ptr<Codec> make_codec(Compression compression, size_t window_bytes_max);

}  // namespace shardmill
