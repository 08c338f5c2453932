#include "pipeline/report/report_html_text.h"

#include <fmt/format.h>

#include <cstddef>
#include <utility>

#include "pipeline/base/text.h"
#include "pipeline/report/cells.h"

namespace shardmill {

namespace {

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
    out.append(rest.substr(0, length));
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
