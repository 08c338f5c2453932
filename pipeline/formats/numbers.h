// Values <-> text. Never the locale, the same on every machine. Pure functions, any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "pipeline/base/bytes.h"

namespace shardmill {

/// An optional sign and decimal digits, nothing else, within 64 bits. False otherwise.
bool parse_int(std::string_view text, int64_t& value);

/// The same within 128 bits, with "-" as the only sign: what append_int128 writes.
bool parse_int128(std::string_view text, Int128& value);

/// Decimal or scientific notation, optional sign ("+1.5", "-2e9", ".5", "1."), "inf", "infinity"
/// and "nan" in any case; nearest double, ties to even. False otherwise (empty, spaces, hex,
/// trailing bytes). Overflow gives infinity.
bool parse_float(std::string_view text, double& value);
/// The plain version that parse_float must equal on every input.
bool parse_float_scalar(std::string_view text, double& value);

/// "true"/"false" in any case. False for anything else.
bool parse_bool(std::string_view text, bool& value);

/// ISO 8601: "2026-01-31", "2026-01-31 12:34:56", "2026-01-31T12:34:56.123456789Z", "...+02:00",
/// "...+0200"; without an offset UTC. Gives ns since 1970 UTC. False for anything else, days that
/// do not exist, and years outside 1678..2261.
bool parse_time(std::string_view text, int64_t& nanoseconds);
/// The plain version that parse_time must equal on every input.
bool parse_time_scalar(std::string_view text, int64_t& nanoseconds);

/// Shortest text that reads back as the same double: "0.1", "1e300", "5", "-0.5"; "nan", "inf",
/// "-inf". -0 is "0". Whole numbers below 1e15 have no exponent and no ".0".
void append_float(std::string& out, double value);
void append_int(std::string& out, int64_t value);
void append_int128(std::string& out, Int128 value);
/// "2026-01-31T12:34:56Z", with as many of .123, .123456, .123456789 as needed.
void append_time(std::string& out, int64_t nanoseconds);

}  // namespace shardmill
