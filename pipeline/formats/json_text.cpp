#include "pipeline/formats/json_text.h"

#include <cmath>

#include "pipeline/base/text.h"
#include "pipeline/formats/numbers.h"

namespace shardmill {

namespace {

constexpr char kHexDigits[] = "0123456789abcdef";

void append_escaped(std::string& out, char c) {
  switch (c) {
    case '"':
      out += "\\\"";
      return;
    case '\\':
      out += "\\\\";
      return;
    case '\b':
      out += "\\b";
      return;
    case '\f':
      out += "\\f";
      return;
    case '\n':
      out += "\\n";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\t':
      out += "\\t";
      return;
    default:
      break;
  }
  const auto byte = static_cast<unsigned char>(c);
  out += "\\u00";
  out += kHexDigits[byte >> 4];
  out += kHexDigits[byte & 15];
}

bool needs_escape(char c) {
  return static_cast<unsigned char>(c) < 0x20 || c == '"' || c == '\\';
}

}  // namespace

void append_json_text(std::string& out, std::string_view text) {
  if (!is_utf8(text)) {
    out += "{\"base64\":\"";
    append_base64(out, text);
    out += "\"}";
    return;
  }
  out += '"';
  size_t plain = 0;
  for (size_t at = 0; at < text.size(); ++at) {
    if (!needs_escape(text[at])) continue;
    out.append(text, plain, at - plain);
    append_escaped(out, text[at]);
    plain = at + 1;
  }
  out.append(text, plain);
  out += '"';
}

void append_json_key(std::string& out, std::string_view key) {
  if (is_utf8(key)) return append_json_text(out, key);
  out += "\"base64:";
  append_base64(out, key);
  out += '"';
}

void append_json_float(std::string& out, double value) {
  if (std::isnan(value)) {
    out += "\"NaN\"";
  } else if (std::isinf(value)) {
    out += value < 0 ? "\"-Infinity\"" : "\"Infinity\"";
  } else {
    const size_t from = out.size();
    append_float(out, value);
    if (out.find_first_of(".e", from) == std::string::npos) out += ".0";
  }
}

void append_base64(std::string& out, std::string_view bytes) {
  constexpr char kAlphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (size_t at = 0; at < bytes.size(); at += 3) {
    const size_t count = std::min<size_t>(3, bytes.size() - at);
    uint32_t group = 0;
    for (size_t i = 0; i < 3; ++i) {
      group = group << 8 | (i < count ? static_cast<unsigned char>(bytes[at + i]) : 0);
    }
    for (size_t i = 0; i < 4; ++i) {
      out += i <= count ? kAlphabet[group >> (18 - 6 * i) & 63] : '=';
    }
  }
}

}  // namespace shardmill
