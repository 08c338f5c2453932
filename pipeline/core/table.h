// What a partial becomes in the report: named columns and rows.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "pipeline/base/bytes.h"
#include "pipeline/core/column.h"

namespace shardmill {

/// One column of a table: all values of one type. Only the vector that belongs to `type` is in use.
/// Integers are wide, because exact sums may need more than 64 bits.
struct TableColumn {
  std::string name;
  Type type = Type::kText;
  std::string
      error;  ///< stated error of an approximate column, e.g. "0.4% relative"; empty if exact
  std::vector<std::string> text;
  std::vector<Int128> ints;  ///< kInt, kTime
  std::vector<double> floats;
  std::vector<uint8_t> bools;
  std::vector<uint8_t> null;  ///< 1 where the value is null; always as long as the table has rows

  size_t size() const { return null.size(); }
  void add_null();
  void add_text(std::string_view value);
  void add_int(Int128 value);
  void add_float(double value);
  void add_bool(bool value);
};

/// A result: rows in a stated, total order.
struct Table {
  std::string name;
  size_t stage = 0;  ///< position of the stage in the job, from 0; set by the engine
  std::vector<TableColumn> columns;
  /// So many of the first columns tell the rows apart, so that two runs can be compared row by row;
  /// 0 if there is at most one row, or nothing does.
  size_t key_columns = 0;

  size_t row_count() const { return columns.empty() ? 0 : columns[0].size(); }
};

/// What the report calls a table: like its stage, or "STAGE: TABLE" if the stage gave it a name
/// because it makes several.
std::string table_name(const std::string& stage, const std::string& table);

}  // namespace shardmill
