// Two tables compared row by row. Pure; any thread.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "pipeline/report/results_read.h"

namespace shardmill {

/// A column that both tables have, with one type.
struct SharedColumn {
  size_t before = 0;  ///< its place in the first table
  size_t after = 0;
};

/// Rows that have the same key but not the same values.
struct ChangedRow {
  size_t before = 0;
  size_t after = 0;
  std::vector<SharedColumn> columns;  ///< those whose values differ
};

struct TableDiff {
  std::vector<std::string> columns_added;
  std::vector<std::string> columns_removed;
  std::vector<std::string> columns_of_other_type;  ///< "ms: int, now float"
  /// The tables have no columns in common that tell their rows apart: rows are not compared.
  bool has_other_key = false;
  std::vector<ChangedRow> changed;  ///< by place in the first table
  std::vector<size_t> removed;      ///< rows of the first
  std::vector<size_t> added;        ///< rows of the second

  bool is_empty() const;
};

/// Rows belong together if the values of their key columns are the same, or if they stand at the
/// same place where tables have none; of several with one key the first and the first, and so on.
/// Values are the same if they are written the same: NaN equals NaN, -0.0 equals 0.0. Compares the
/// shown rows. Costs n log n texts of a key each.
TableDiff diff_tables(const ReadTable& before, const ReadTable& after);

}  // namespace shardmill
