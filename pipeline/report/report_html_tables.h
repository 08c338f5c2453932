// Tables on their way into report.html. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "pipeline/core/table.h"

namespace shardmill {

struct PageTableLimits {
  size_t rows = 1000;        ///< of each table
  size_t bytes = 1'300'000;  ///< of all tables together
  size_t tables = 500;
  size_t text = 300;  ///< code points of a value
};

/// Every table as a JSON object: `name`, `stage`, `row_count`, `key_columns`, `columns` and the
/// first `rows`, each an array of values. Tables share the bytes: what the first ones do not need
/// is left for the others. Values: null, numbers (texts of digits where a double would round them),
/// true, false, and texts, times among them.
std::vector<std::string> page_tables(const std::vector<Table>& tables,
                                     const PageTableLimits& limits);

}  // namespace shardmill
