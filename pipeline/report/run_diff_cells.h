// Values of two runs side by side, as people read them. Pure.
#pragma once

#include <string>
#include <utility>

#include "pipeline/core/table.h"

namespace shardmill {

/// "-1,234", "2.5", "null", text that is printable() and cut.
std::string diff_value_text(const TableColumn& column, size_t row);

/// The two values, with so many digits that they differ. REQUIRES: both columns have one type.
std::pair<std::string, std::string> diff_value_texts(const TableColumn& before, size_t row,
                                                     const TableColumn& after, size_t other);

/// "+2", or empty if the difference has more than 128 bits.
std::string difference_text(Int128 before, Int128 after);

}  // namespace shardmill
