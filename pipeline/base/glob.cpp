#include "pipeline/base/glob.h"

#include <algorithm>
#include <optional>
#include <span>

namespace shardmill {

namespace {

/// The bracket expression at the start of `pattern`: whether `c` is in it, and its length; nothing
/// if it is never closed (then the bracket stands for itself).
struct Bracket {
  bool matches = false;
  size_t length = 0;
};

std::optional<Bracket> match_bracket(std::string_view pattern, char c) {
  size_t at = 1;
  const bool negated = at < pattern.size() && (pattern[at] == '!' || pattern[at] == '^');
  if (negated) ++at;
  const size_t first = at;
  bool inside = false;
  const auto byte = [](char value) { return static_cast<unsigned char>(value); };
  while (at < pattern.size() && (pattern[at] != ']' || at == first)) {
    const unsigned char low = byte(pattern[at]);
    unsigned char high = low;
    if (at + 2 < pattern.size() && pattern[at + 1] == '-' && pattern[at + 2] != ']') {
      high = byte(pattern[at + 2]);
      at += 2;
    }
    inside = inside || (low <= byte(c) && byte(c) <= high);
    ++at;
  }
  if (at >= pattern.size()) return std::nullopt;
  return Bracket{.matches = inside != negated, .length = at + 1};
}

/// Whether the first element of `pattern` (not a star) matches `c`, and how long it is.
Bracket match_one(std::string_view pattern, char c) {
  if (pattern[0] == '?') return {.matches = true, .length = 1};
  if (pattern[0] == '[') {
    if (const auto bracket = match_bracket(pattern, c)) return *bracket;
  }
  if (pattern[0] == '\\' && pattern.size() > 1) return {.matches = pattern[1] == c, .length = 2};
  return {.matches = pattern[0] == c, .length = 1};
}

/// One star is enough to come back to: an earlier one never needs to take more.
bool matches(std::string_view pattern, std::string_view name) {
  size_t p = 0;
  size_t n = 0;
  size_t star = std::string_view::npos;
  size_t star_name = 0;
  while (n < name.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      star_name = n;
      continue;
    }
    if (p < pattern.size()) {
      const Bracket one = match_one(pattern.substr(p), name[n]);
      if (one.matches) {
        p += one.length;
        ++n;
        continue;
      }
    }
    if (star == std::string_view::npos) return false;
    p = star + 1;
    n = ++star_name;
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

bool matches_parts(std::span<const std::string> pattern, std::span<const std::string> path) {
  while (!pattern.empty() && pattern[0] != "**") {
    if (path.empty() || !matches(pattern[0], path[0])) return false;
    pattern = pattern.subspan(1);
    path = path.subspan(1);
  }
  if (pattern.empty()) return path.empty();
  while (!pattern.empty() && pattern[0] == "**") pattern = pattern.subspan(1);
  if (pattern.empty()) return true;
  for (size_t skipped = 0; skipped <= path.size(); ++skipped) {
    if (matches_parts(pattern, path.subspan(skipped))) return true;
  }
  return false;
}

}  // namespace

bool has_glob(std::string_view text) {
  return text.find_first_of("*?[") != std::string_view::npos;
}

bool glob_matches_name(std::string_view pattern, std::string_view name, bool hidden_by_dot) {
  const bool hidden = hidden_by_dot && name.starts_with('.');
  if (hidden && !pattern.starts_with('.') && !pattern.starts_with("\\.")) return false;
  return matches(pattern, name);
}

std::vector<std::string> path_parts(std::string_view path) {
  std::vector<std::string> parts;
  while (!path.empty()) {
    const size_t slash = std::min(path.find('/'), path.size());
    if (slash > 0) parts.emplace_back(path.substr(0, slash));
    path.remove_prefix(std::min(slash + 1, path.size()));
  }
  return parts;
}

std::string normal_path(std::string_view path) {
  std::string out = path.starts_with('/') ? "/" : "";
  for (const std::string& part : path_parts(path)) {
    if (part == ".") continue;
    if (!out.empty() && out.back() != '/') out += '/';
    out += part;
  }
  return out.empty() ? "." : out;
}

ExcludePatterns::ExcludePatterns(const std::vector<std::string>& patterns) {
  for (const std::string& pattern : patterns) {
    std::vector<std::string> parts = path_parts(normal_path(pattern));
    const bool absolute = pattern.starts_with('/');
    if (parts.size() == 1 && !absolute && parts[0] != "**") {
      names_.push_back(parts[0]);
      continue;
    }
    // An absolute path has an empty first part, so that only an absolute pattern's end is its
    // start.
    parts.insert(parts.begin(), absolute ? "" : "**");
    paths_.push_back(std::move(parts));
  }
}

bool ExcludePatterns::matches(std::string_view path) const {
  const size_t slash = path.rfind('/');
  const std::string_view name = slash == std::string_view::npos ? path : path.substr(slash + 1);
  for (const std::string& pattern : names_) {
    if (shardmill::matches(pattern, name)) return true;
  }
  if (paths_.empty()) return false;
  std::vector<std::string> parts = path_parts(path);
  if (path.starts_with('/')) parts.insert(parts.begin(), "");
  return std::any_of(paths_.begin(), paths_.end(),
                     [&](const auto& pattern) { return matches_parts(pattern, parts); });
}

}  // namespace shardmill
