// Packing output. The same bytes on every processor: gz by libdeflate only, zst by libzstd, one
// thread each.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "pipeline/base/status.h"

namespace shardmill {

/// Plain bytes in one member or frame of a final file.
inline constexpr size_t kMemberBytes = 4 << 20;

/// One gzip member (mtime 0, no name). `level` 1 to 12; 0 is 6.
std::string gzip_member(std::string_view plain, int level);
/// One zlib stream, as HDF5's deflate filter has it. `level` 1 to 12.
std::string zlib_stream(std::string_view plain, int level);
/// One zstd frame with content size and checksum. `level` 1 to 19; 0 is 3.
std::string zstd_frame(std::string_view plain, int level);

}  // namespace shardmill
