// The values of a table as people read them: aligned, with separators, rounded to what tells.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/core/table.h"

namespace shardmill {

/// `text` as it is if a terminal shows it as it is, else escaped(text): quotes and backslashes
/// alone are no reason to escape.
std::string printable(std::string_view text);

/// "12.3 ms" below a tenth of a second, then as format_seconds.
std::string readable_seconds(double seconds);

/// "-1,234,567": all digits.
std::string readable_int(Int128 value);

/// Decimals that suit the first `rows` values of a column of floats; nothing if no number of
/// decimals does, and each is better shown with six significant digits.
std::optional<int> shared_decimals(const TableColumn& column, size_t rows);

/// The first `rows` values of the column as text. Floats of a column share their number of
/// decimals, about seven digits in all and no more than the values have; where sizes differ too
/// much for that, each is shown with six significant digits. Times that are all at midnight are
/// dates. Null is "-", empty text is two quotes; other texts are printable().
/// REQUIRES: rows <= column.size().
std::vector<std::string> readable_cells(const TableColumn& column, size_t rows);

}  // namespace shardmill
