#include "pipeline/base/message.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "pipeline/base/text.h"

namespace shardmill {

std::string Message::text() const {
  std::string line = place.empty() ? found : place + ": " + found;
  if (!expected.empty()) line += ", expected " + expected;
  if (!fix.empty()) line += "; " + fix;
  return line;
}

namespace {

/// Code points of several bytes that show nothing, but change how those around them show: C1
/// controls, those that break lines, turn the direction of text, or join it. Not those that decide
/// how letters join.
bool is_unseen(std::string_view code_point) {
  if (code_point.size() == 2) {
    return code_point == "\xd8\x9c" || (code_point >= "\xc2\x80" && code_point <= "\xc2\x9f");
  }
  constexpr std::pair<std::string_view, std::string_view> kRanges[] = {
      {"\xe2\x80\x8b", "\xe2\x80\x8b"},
      {"\xe2\x80\x8e", "\xe2\x80\x8f"},
      {"\xe2\x80\xa8", "\xe2\x80\xae"},
      {"\xe2\x81\xa0", "\xe2\x81\xaf"},
      {"\xef\xbb\xbf", "\xef\xbb\xbf"}};
  return std::any_of(std::begin(kRanges), std::end(kRanges), [&](const auto& range) {
    return code_point >= range.first && code_point <= range.second;
  });
}

}  // namespace

std::string escaped(std::string_view value) {
  const auto is_plain = [](char c) { return c >= ' ' && c < 0x7f && c != '"' && c != '\\'; };
  if (std::all_of(value.begin(), value.end(), is_plain)) return std::string(value);
  std::string out;
  out.reserve(value.size());
  while (!value.empty()) {
    const size_t length = utf8_length(value);
    const unsigned char c = static_cast<unsigned char>(value[0]);
    if (length > 1 && !is_unseen(value.substr(0, length))) {
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

namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/// Takes one escape from the front of `text`; false if it is none.
bool take_escape(std::string_view& text, std::string& value) {
  constexpr std::string_view kLetters = "ntr\"\\";
  constexpr std::string_view kMeanings = "\n\t\r\"\\";
  const size_t which = text.size() < 2 ? std::string_view::npos : kLetters.find(text[1]);
  if (which != std::string_view::npos) {
    value += kMeanings[which];
    text.remove_prefix(2);
    return true;
  }
  if (text.size() < 4 || text[1] != 'x') return false;
  const int high = hex_digit(text[2]);
  const int low = hex_digit(text[3]);
  if (high < 0 || low < 0) return false;
  value += static_cast<char>(high * 16 + low);
  text.remove_prefix(4);
  return true;
}

}  // namespace

bool unescape(std::string_view text, std::string& value) {
  value.clear();
  while (!text.empty()) {
    const size_t plain = std::min(text.find('\\'), text.size());
    value.append(text.substr(0, plain));
    text.remove_prefix(plain);
    if (!text.empty() && !take_escape(text, value)) return false;
  }
  return true;
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
