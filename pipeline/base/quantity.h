// Numbers with units as people write and read them. Pure functions, any thread, never the locale.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "pipeline/base/status.h"

namespace shardmill {

/// Bytes from "64MiB", "4 GiB", "10MB", "512" (bytes), "1.5GiB". Binary (KiB..PiB) and decimal
/// (kB..PB) units, case as usual but forgiving; fractions are rounded down to whole bytes. Errors:
/// kUsage for anything else, negative numbers, or more than 2^63-1.
Result<uint64_t> parse_bytes(std::string_view text);

/// Seconds from "90", "90s", "5min", "2h", "1h30min", "01:30:00", "2-01:00:00" (days first, as
/// Slurm writes).
Result<double> parse_seconds(std::string_view text);

/// "64.0 MiB", "1.50 GiB", "812 B": three digits, binary units.
std::string format_bytes(uint64_t bytes);
/// "1.23 GB/s": three digits, decimal units.
std::string format_rate(double bytes_per_second);
/// "0.42 s", "12.3 s", "4 min 05 s", "2 h 03 min".
std::string format_seconds(double seconds);
/// "12.3 %".
std::string format_share(double part, double whole);

}  // namespace shardmill
