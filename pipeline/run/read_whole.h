// Small files as a whole. Any thread.
#pragma once

#include <cstdint>
#include <string>

#include "pipeline/base/status.h"

namespace shardmill {

/// The content of a regular file. kFailed, naming it, if it is not there, is something else (a FIFO
/// is never waited for), cannot be read, or holds more than `bytes_max` bytes.
Result<std::string> read_whole(const std::string& path, uint64_t bytes_max);

}  // namespace shardmill
