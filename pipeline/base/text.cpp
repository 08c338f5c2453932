#include "pipeline/base/text.h"

#include <algorithm>
#include <numeric>

#include "pipeline/base/message.h"

namespace shardmill {

namespace {

bool is_continuation(char c) {
  return (static_cast<unsigned char>(c) & 0xc0) == 0x80;
}

/// Insertions, deletions, substitutions and swaps of neighbours that make `a` of `b`.
size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<size_t> before(b.size() + 1);
  std::vector<size_t> last(b.size() + 1);
  std::vector<size_t> row(b.size() + 1);
  std::iota(last.begin(), last.end(), size_t{0});
  for (size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t substituted = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({substituted, last[j] + 1, row[j - 1] + 1});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        row[j] = std::min(row[j], before[j - 2] + 1);
      }
    }
    std::swap(before, last);
    std::swap(last, row);
  }
  return last[b.size()];
}

}  // namespace

size_t utf8_length(std::string_view text) {
  if (text.empty()) return 0;
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return 1;
  const size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || text.size() < length) return 0;
  for (size_t i = 1; i < length; ++i) {
    if (!is_continuation(text[i])) return 0;
  }
  const bool overlong = (lead == 0xe0 && byte(1) < 0xa0) || (lead == 0xf0 && byte(1) < 0x90);
  const bool surrogate = lead == 0xed && byte(1) > 0x9f;
  const bool too_large = lead == 0xf4 && byte(1) > 0x8f;
  return overlong || surrogate || too_large ? 0 : length;
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const size_t length = utf8_length(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

size_t code_points(std::string_view text) {
  return static_cast<size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return !is_continuation(c); }));
}

std::string with_separators(uint64_t value) {
  std::string digits = std::to_string(value);
  for (size_t at = digits.size(); at > 3;) {
    at -= 3;
    digits.insert(at, ",");
  }
  return digits;
}

std::string counted(uint64_t count, std::string_view noun) {
  return with_separators(count) + " " + std::string(noun) + (count == 1 ? "" : "s");
}

std::optional<std::string> near_match(std::string_view name,
                                      const std::vector<std::string>& candidates) {
  const std::string wanted = ascii_lower(name);
  size_t best = std::max<size_t>(1, name.size() / 3) + 1;
  std::optional<std::string> match;
  for (const std::string& candidate : candidates) {
    if (candidate.size() > name.size() + best || name.size() > candidate.size() + best) continue;
    const size_t distance = edit_distance(wanted, ascii_lower(candidate));
    // Names that share no letter are no typing mistakes.
    if (distance < best && distance < std::max(name.size(), candidate.size())) {
      best = distance;
      match = candidate;
    }
  }
  return match;
}

namespace {

/// Names of columns and files stand in lists of messages; quotes and backslashes do no harm there,
/// and stand in items that are escaped already.
std::string safe_item(const std::string& item) {
  std::string plain = item;
  std::erase_if(plain, [](char c) { return c == '"' || c == '\\'; });
  return escaped(plain).size() == plain.size() ? item : escaped(item);
}

}  // namespace

std::string listed(const std::vector<std::string>& items, size_t most) {
  std::string out;
  for (size_t i = 0; i < std::min(items.size(), most); ++i) {
    out += (i == 0 ? "" : ", ") + safe_item(items[i]);
  }
  if (items.size() > most) out += ", ... (" + with_separators(items.size() - most) + " more)";
  return out;
}

std::string ascii_lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
  }
  return out;
}

std::string_view trimmed(std::string_view text) {
  const auto blank = [](char c) { return c == ' ' || (c >= '\t' && c <= '\r'); };
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  return text;
}

std::string folder_of(std::string_view path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string_view::npos) return ".";
  return std::string(path.substr(0, std::max<size_t>(slash, 1)));
}

std::string name_of(std::string_view path) {
  return std::string(path.substr(path.rfind('/') + 1));
}

}  // namespace shardmill
