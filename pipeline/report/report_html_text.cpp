#include "pipeline/report/report_html_text.h"

#include <fmt/format.h>

#include <cstdint>
#include <optional>
#include <utility>

#include "pipeline/base/text.h"
#include "pipeline/report/cells.h"

namespace shardmill {

namespace {

/// The code point of a valid sequence of three bytes.
uint32_t code_point_of_three(std::string_view text) {
  const auto bits = [&](size_t i) { return static_cast<uint32_t>(text[i]) & 0x3f; };
  return (static_cast<uint32_t>(text[0]) & 0x0f) << 12 | bits(1) << 6 | bits(2);
}

/// Characters that show nothing themselves but change how the text around them shows.
bool is_unseen(uint32_t code_point) {
  return (code_point >= 0x200b && code_point <= 0x200f) ||
         (code_point >= 0x2028 && code_point <= 0x202e) ||
         (code_point >= 0x2060 && code_point <= 0x206f) || code_point == 0xfeff;
}

constexpr std::string_view kArabicLetterMark = "\xd8\x9c";

/// The escape for what stands at the front of `text` and takes `length` bytes, if it needs one.
std::optional<std::string> escape_of(std::string_view text, size_t length) {
  if (text.starts_with(kArabicLetterMark)) return "\\u061c";
  if (length != 3) return std::nullopt;
  const uint32_t code_point = code_point_of_three(text);
  if (!is_unseen(code_point)) return std::nullopt;
  return fmt::format("\\u{:04x}", code_point);
}

std::string_view entity_of(char c) {
  switch (c) {
    case '<':
      return "&lt;";
    case '>':
      return "&gt;";
    case '&':
      return "&amp;";
    case '"':
      return "&quot;";
    case '\'':
      return "&#39;";
    default:
      return {};
  }
}

}  // namespace

std::string visible(std::string_view text, size_t code_points_max) {
  // Far more bytes than are shown need not be looked at.
  const bool is_long = text.size() > code_points_max * 4;
  const std::string safe = printable(is_long ? text.substr(0, code_points_max * 4) : text);
  std::string out;
  std::string_view rest = safe;
  for (size_t shown = 0; !rest.empty(); ++shown) {
    if (shown == code_points_max) return out + "…";
    const size_t length = utf8_length(rest) > 0 ? utf8_length(rest) : 1;
    if (const auto escape = escape_of(rest, length)) {
      out += *escape;
    } else {
      out.append(rest.substr(0, length));
    }
    rest.remove_prefix(length);
  }
  return is_long ? out + "…" : out;
}

std::string html_escaped(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    const std::string_view entity = entity_of(c);
    if (entity.empty()) {
      out += c;
    } else {
      out += entity;
    }
  }
  return out;
}

std::string script_json(std::string_view json) {
  std::string out;
  out.reserve(json.size() + json.size() / 64);
  for (size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (c == '<' || c == '>' || c == '&') {
      out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    } else if (json.substr(i, 2) == "\xe2\x80" && i + 2 < json.size() &&
               (json[i + 2] == '\xa8' || json[i + 2] == '\xa9')) {
      out += json[i + 2] == '\xa8' ? "\\u2028" : "\\u2029";
      i += 2;
    } else {
      out += c;
    }
  }
  return out;
}

}  // namespace shardmill
