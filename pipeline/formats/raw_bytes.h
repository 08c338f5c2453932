// The bytes of a file as they are on disk, or of a text in memory, in order.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "pipeline/base/status.h"

namespace shardmill {

/// One worker. Never gives more than the size that it was opened with.
class RawBytes {
 public:
  virtual ~RawBytes() = default;
  /// Up to `capacity` bytes at the position, which moves on; 0 only at the end. kBadFile on read
  /// errors.
  virtual Result<size_t> read(char* buffer, size_t capacity) = 0;
  virtual void seek(uint64_t position) = 0;
  virtual uint64_t position() const = 0;
  virtual std::string note() const { return {}; }
};

/// See open_file in byte_source.h for what is refused.
Result<std::unique_ptr<RawBytes>> open_raw_file(const std::string& path, uint64_t size_bytes);
std::unique_ptr<RawBytes> open_raw_memory(std::string_view content);

}  // namespace shardmill
