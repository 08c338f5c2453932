// What the kernel knows of processes (/proc).
#pragma once

#include <cstdint>

namespace shardmill {

struct ProcessLook {
  bool is_seen = false;
  bool has_ended = false;  ///< and its parent has not looked yet
  uint64_t start = 0;      ///< clock ticks since the kernel started
};

/// /proc/PID/stat. Nothing is seen of a process that is gone, or of another namespace.
ProcessLook look_at_process(int64_t process);

/// @name Of this process.
/// @{
/// Since it was started; 0 if that cannot be told.
double process_age_seconds();
/// The peak of resident memory.
uint64_t peak_rss_bytes();
/// @}

}  // namespace shardmill
