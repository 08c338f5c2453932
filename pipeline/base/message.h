// The one shape of every message: `<place>: <found>, expected <what>; <fix>`.
// Lower case, values in double quotes (escaped, never raw bytes to a terminal), units always, one
// line.
#pragma once

#include <string>
#include <string_view>

namespace shardmill {

struct Message {
  std::string place;  ///< file and byte offset, job file and line, or rank and host; may be empty
  std::string found;  ///< what was found
  std::string expected;  ///< what was expected instead; may be empty
  std::string fix;       ///< how to mend it, naming the option; may be empty

  std::string text() const;
};

/// `value` in double quotes, cut with "..." after `bytes_max` bytes. Escaped (\n, \", \x1b) are
/// control characters, quotes, backslashes, bytes that are not UTF-8, and characters that turn or
/// break lines of text (bidi controls, U+2028). Safe on a terminal.
std::string quoted(std::string_view value, size_t bytes_max = 80);

/// The same escapes without the quotes and without a cut.
std::string escaped(std::string_view value);

/// The value that `escaped` made `text` of. False if it made none such.
bool unescape(std::string_view text, std::string& value);

/// `name (byte 1,234)`: the place of something in an input file. The name is escaped.
std::string place_in_file(std::string_view path, unsigned long long byte_offset);

}  // namespace shardmill
