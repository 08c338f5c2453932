// The values of a table as people read them: aligned, with separators, rounded to what tells.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "pipeline/core/table.h"

namespace shardmill {

/// "-1,234,567": all digits.
std::string readable_int(Int128 value);

/// The first `rows` values of the column as text. Floats of a column share their number of
/// decimals, about seven digits in all and no more than the values have; where sizes differ too
/// much for that, each is shown with six significant digits. Null is "-", empty text is two quotes.
/// Texts are escaped. REQUIRES: rows <= column.size().
std::vector<std::string> readable_cells(const TableColumn& column, size_t rows);

}  // namespace shardmill
