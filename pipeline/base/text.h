// Small helpers on text: UTF-8, near matches, numbers for people. Pure functions, any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace shardmill {

/// Bytes (1 to 4) of the valid UTF-8 sequence at the start of `text`, 0 if there is none (RFC
/// 3629).
size_t utf8_length(std::string_view text);
bool is_utf8(std::string_view text);

/// Columns that `text` takes on a terminal, taking every code point as one.
size_t code_points(std::string_view text);

/// "1,234,567".
std::string with_separators(uint64_t value);

/// "1 file", "2 files": the count with separators and the noun in its number (plain s).
std::string counted(uint64_t count, std::string_view noun);

/// The candidate closest to `name` by edit distance if it is near enough to be a typing mistake.
std::optional<std::string> near_match(std::string_view name,
                                      const std::vector<std::string>& candidates);

/// "a, b, c": the first `most` items, then ", ... (12 more)".
std::string listed(const std::vector<std::string>& items, size_t most = 12);

/// ASCII only; never the locale.
std::string ascii_lower(std::string_view text);
std::string_view trimmed(std::string_view text);

/// The folder of a path: "a/b" of "a/b/c", "/" of "/a", "." of "a".
std::string folder_of(std::string_view path);
/// What stands behind the last slash.
std::string name_of(std::string_view path);

}  // namespace shardmill
