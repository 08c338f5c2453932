// Text of unknown origin on its way into a page. Pure; any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace shardmill {

/// `text` as a reader can see it: what `escaped` escapes is escaped, and it is cut with "…" after
/// `code_points_max`. Quotes and backslashes stay as they are where nothing else needs an escape.
/// Not safe in HTML by itself: see html_escaped and script_json.
std::string visible(std::string_view text, size_t code_points_max);

/// For text between tags and in quoted attributes. REQUIRES: UTF-8.
std::string html_escaped(std::string_view text);

/// JSON that may stand in a <script> element: no "<", ">", "&", U+2028 or U+2029 is left.
/// REQUIRES: `json` is valid, so that these only stand inside its strings.
std::string script_json(std::string_view json);

}  // namespace shardmill
