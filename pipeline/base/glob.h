// Patterns of paths: `*`, `?`, `[a-z]`, `[!a-z]`, a backslash before a character that stands for
// itself, and `**` for any number of folders. Pure functions over bytes, any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace shardmill {

/// True if the text holds a character with a meaning in patterns.
bool has_glob(std::string_view text);

/// `name` (no slash) against one part of a pattern. A leading dot is only matched by a dot if
/// `hidden_by_dot`.
bool glob_matches_name(std::string_view pattern, std::string_view name, bool hidden_by_dot);

/// "a//./b/" as "a/b"; "./" at the start goes; "" is ".".
std::string normal_path(std::string_view path);
/// The parts between slashes.
std::vector<std::string> path_parts(std::string_view path);

/// Files and folders to leave out.
class ExcludePatterns {
 public:
  explicit ExcludePatterns(const std::vector<std::string>& patterns);
  /// A pattern without slash is compared with the last name of the path; one with slashes with the
  /// whole path and with every end of it that begins after a slash.
  bool matches(std::string_view path) const;

 private:
  std::vector<std::string> names_;
  std::vector<std::vector<std::string>> paths_;  ///< parts
};

}  // namespace shardmill
