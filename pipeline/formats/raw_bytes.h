// The bytes of a file as they are on disk, or of a text in memory, in order.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "pipeline/base/status.h"
#include "pipeline/base/work_clock.h"

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

/// What is known of a file from when it was listed.
struct ListedFile {
  uint64_t size_bytes = 0;
  int64_t mtime_ns = 0;  ///< since 1970; 0 if unknown
};

/// See open_file in byte_source.h for what is refused. What lies behind the listed size is not
/// read. A read that fails is tried again, with pauses of half a second in all, and at last page by
/// page, so that where the good bytes end does not depend on how much was asked for. `clock`, which
/// may be nullptr, is told when bytes are read.
Result<std::unique_ptr<RawBytes>> open_raw_file(const std::string& path, const ListedFile& listed,
                                                WorkClock* clock = nullptr);
std::unique_ptr<RawBytes> open_raw_memory(std::string_view content);

}  // namespace shardmill
