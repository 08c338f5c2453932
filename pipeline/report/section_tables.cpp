#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "pipeline/base/message.h"
#include "pipeline/base/text.h"
#include "pipeline/report/cells.h"
#include "pipeline/report/sections.h"

namespace shardmill {

namespace {

constexpr size_t kRowsShown = 20;
constexpr size_t kBarCells = 12;

/// A type of column that numbers and times have: aligned to the right.
bool is_right(Type type) {
  return type != Type::kText && type != Type::kBool;
}

/// What a bar would show, or nothing: a number that is not negative.
std::optional<double> bar_value(const TableColumn& column, size_t row) {
  if (column.null[row] != 0) return std::nullopt;
  const double value =
      column.type == Type::kInt ? static_cast<double>(column.ints[row]) : column.floats[row];
  if (!(value >= 0) || value - value != 0) return std::nullopt;
  return value;
}

/// The first column that measures rows which a key tells apart: how long bars are.
std::optional<size_t> measure_of(const Table& table, size_t rows) {
  if (table.key_columns == 0 || rows < 2) return std::nullopt;
  for (size_t i = table.key_columns; i < table.columns.size(); ++i) {
    const TableColumn& column = table.columns[i];
    if (column.type != Type::kInt && column.type != Type::kFloat) continue;
    for (size_t row = 0; row < rows; ++row) {
      if (column.null[row] == 0 && !bar_value(column, row)) return std::nullopt;
    }
    return i;
  }
  return std::nullopt;
}

std::vector<std::string> bars_of(const TableColumn& column, size_t rows) {
  double most = 0;
  for (size_t row = 0; row < rows; ++row) most = std::max(most, bar_value(column, row).value_or(0));
  std::vector<std::string> bars;
  for (size_t row = 0; row < rows; ++row) {
    const double value = bar_value(column, row).value_or(0);
    bars.push_back(most > 0 ? bar(value / most, kBarCells) : "");
  }
  return bars;
}

TextTable text_of(const Table& table, size_t rows, std::optional<size_t> measure) {
  std::vector<TextColumn> columns;
  std::vector<std::vector<std::string>> cells;
  for (size_t i = 0; i < table.columns.size(); ++i) {
    const TableColumn& column = table.columns[i];
    columns.push_back({.title = escaped(column.name) + (column.error.empty() ? "" : " ~"),
                       .right = is_right(column.type),
                       .may_shrink = column.type == Type::kText});
    cells.push_back(readable_cells(column, rows));
    if (i != measure) continue;
    columns.push_back({.title = "", .tint = Tint::kCyan});
    cells.push_back(bars_of(column, rows));
  }
  TextTable text(std::move(columns));
  for (size_t row = 0; row < rows; ++row) {
    std::vector<std::string> line;
    for (const std::vector<std::string>& column : cells) line.push_back(column[row]);
    text.add(std::move(line));
  }
  return text;
}

/// "~ within 0.4% relative: p50(ms), p99(ms)" for each stated error.
std::string error_notes(const Table& table, const Page& page) {
  std::vector<std::pair<std::string, std::vector<std::string>>> errors;
  for (const TableColumn& column : table.columns) {
    if (column.error.empty()) continue;
    const auto at = std::find_if(errors.begin(), errors.end(),
                                 [&](const auto& e) { return e.first == column.error; });
    if (at == errors.end()) {
      errors.push_back({column.error, {escaped(column.name)}});
    } else {
      at->second.push_back(escaped(column.name));
    }
  }
  std::string out;
  for (const auto& [error, names] : errors) {
    out += note("~ approximate, error " + escaped(error) + ": " + listed(names), page);
  }
  return out;
}

/// Where the rest of a table can be read.
std::string elsewhere(const RunDescription& run) {
  return run.run_dir.empty() ? "" : " in results.h5";
}

}  // namespace

std::string table_section(const RunDescription& run, const Table& table, const Page& page) {
  const size_t rows = std::min(table.row_count(), kRowsShown);
  std::vector<std::string> left_out;
  std::string body =
      text_of(table, rows, measure_of(table, rows)).str(page.width, page.paint, &left_out);
  if (!left_out.empty()) {  // numbers are worth more than bars
    left_out.clear();
    body = text_of(table, rows, std::nullopt).str(page.width, page.paint, &left_out);
  }
  std::string out =
      heading(escaped(table.name),
              fmt::format("stage {}, {}", table.stage, counted(table.row_count(), "row")), page) +
      body;
  if (table.row_count() > rows) {
    out += note("... " + counted(table.row_count() - rows, "more row") + elsewhere(run), page);
  }
  if (!left_out.empty()) {
    out += note(fmt::format("+ {}{}: {}", counted(left_out.size(), "column"), elsewhere(run),
                            listed(left_out)),
                page);
  }
  return out + error_notes(table, page);
}

}  // namespace shardmill
