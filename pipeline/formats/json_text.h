// Writing JSON, byte for byte the same everywhere. Pure functions, any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace shardmill {

/// `"text"` with \" \\ \b \f \n \r \t and \u00XX for other control characters; non-ASCII as it is.
/// Text that is not UTF-8 becomes {"base64":"..."}.
void append_json_text(std::string& out, std::string_view text);
/// The same for the key of an object, which can only be text: "base64:..." if it is not UTF-8.
void append_json_key(std::string& out, std::string_view key);
/// A JSON number (shortest round-trip; whole numbers keep a ".0"), or "NaN", "Infinity",
/// "-Infinity" as strings.
void append_json_float(std::string& out, double value);
void append_base64(std::string& out, std::string_view bytes);

}  // namespace shardmill
