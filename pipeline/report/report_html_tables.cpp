#include "pipeline/report/report_html_tables.h"

#include <algorithm>
#include <optional>

#include "pipeline/report/cells.h"
#include "pipeline/report/json_object.h"
#include "pipeline/report/report_html_text.h"

namespace shardmill {

namespace {

constexpr size_t kTableNameWidth = 120;  ///< code points
constexpr Int128 kExactInDouble = Int128{1} << 53;

std::string int_json(Int128 value) {
  std::string digits = readable_int(value);
  std::erase(digits, ',');
  const bool is_exact = value <= kExactInDouble && value >= -kExactInDouble;
  return is_exact ? digits : "\"" + digits + "\"";
}

std::string text_json(std::string_view value, size_t code_points_max) {
  return json_text(visible(value, code_points_max));
}

/// Times are cells already, since what they look like depends on the whole column.
struct ColumnCells {
  const TableColumn* column = nullptr;
  std::vector<std::string> times;
};

std::string value_json(const ColumnCells& cells, size_t row, const PageTableLimits& limits) {
  const TableColumn& column = *cells.column;
  if (column.null[row] != 0) return "null";
  switch (column.type) {
    case Type::kText:
      return text_json(column.text[row], limits.text);
    case Type::kInt:
      return int_json(column.ints[row]);
    case Type::kTime:
      return json_text(cells.times[row]);
    case Type::kFloat:
    case Type::kBool:
      break;
  }
  std::string out;
  append_json_value(out, column, row);
  return out;
}

std::string column_json(const TableColumn& column, size_t rows, const PageTableLimits& limits) {
  JsonObject object;
  object.text("name", visible(column.name, limits.text)).text("type", type_name(column.type));
  if (!column.error.empty()) object.text("error", visible(column.error, limits.text));
  if (column.type == Type::kFloat) {
    const std::optional<int> decimals = shared_decimals(column, rows);
    object.json("decimals", decimals ? std::to_string(*decimals) : "null");
  }
  return object.str();
}

std::string table_json(const Table& table, size_t bytes, const PageTableLimits& limits) {
  const size_t rows_most = std::min(table.row_count(), limits.rows);
  std::vector<std::string> columns;
  std::vector<ColumnCells> cells;
  size_t used = 0;
  for (const TableColumn& column : table.columns) {
    columns.push_back(script_json(column_json(column, rows_most, limits)));
    used += columns.back().size();
    if (used > bytes) {  // a table too wide to look at
      columns.pop_back();
      break;
    }
    cells.push_back({.column = &column});
    if (column.type == Type::kTime) cells.back().times = readable_cells(column, rows_most);
  }
  std::vector<std::string> rows;
  for (size_t row = 0; row < rows_most; ++row) {
    std::vector<std::string> values;
    for (const ColumnCells& column : cells) values.push_back(value_json(column, row, limits));
    rows.push_back(script_json(json_array(values)));
    used += rows.back().size() + 2;
    if (used <= bytes) continue;
    rows.pop_back();
    break;
  }
  return JsonObject()
      .text("name", visible(table.name, kTableNameWidth))
      .integer("stage", table.stage)
      .integer("row_count", table.row_count())
      .integer("column_count", table.columns.size())
      .integer("key_columns", table.key_columns)
      .json("columns", json_array(columns))
      .json("rows", json_array(rows))
      .str();
}

}  // namespace

std::vector<std::string> page_tables(const std::vector<Table>& tables,
                                     const PageTableLimits& limits) {
  std::vector<std::string> out;
  const size_t count = std::min(tables.size(), limits.tables);
  size_t left = limits.bytes;
  for (size_t i = 0; i < count; ++i) {
    out.push_back(script_json(table_json(tables[i], left / (count - i), limits)));
    left -= std::min(left, out.back().size());
  }
  return out;
}

}  // namespace shardmill
