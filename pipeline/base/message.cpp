#include "pipeline/base/message.h"

#include <fmt/format.h>

#include "pipeline/base/text.h"

namespace shardmill {

std::string Message::text() const {
  std::string line = place.empty() ? found : place + ": " + found;
  if (!expected.empty()) line += ", expected " + expected;
  if (!fix.empty()) line += "; " + fix;
  return line;
}

std::string escaped(std::string_view value) {
  std::string out;
  out.reserve(value.size());
  while (!value.empty()) {
    const size_t length = utf8_length(value);
    const unsigned char c = static_cast<unsigned char>(value[0]);
    const bool c1_control = length == 2 && c == 0xc2 && static_cast<unsigned char>(value[1]) < 0xa0;
    if (length > 1 && !c1_control) {
      out.append(value.substr(0, length));
      value.remove_prefix(length);
      continue;
    }
    if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (c == '\r') {
      out += "\\r";
    } else if (c == '"' || c == '\\') {
      out += '\\';
      out += static_cast<char>(c);
    } else if (c < 0x20 || c >= 0x7f) {
      out += fmt::format("\\x{:02x}", c);
    } else {
      out += static_cast<char>(c);
    }
    value.remove_prefix(1);
  }
  return out;
}

std::string quoted(std::string_view value, size_t bytes_max) {
  if (value.size() <= bytes_max) return "\"" + escaped(value) + "\"";
  size_t end = bytes_max;
  while (end > 0 && (static_cast<unsigned char>(value[end]) & 0xc0) == 0x80) --end;
  return "\"" + escaped(value.substr(0, end)) + "...\"";
}

std::string place_in_file(std::string_view path, unsigned long long byte_offset) {
  return fmt::format("{} (byte {})", escaped(path), with_separators(byte_offset));
}

}  // namespace shardmill
