#include "pipeline/report/table_export.h"

#include <limits>

#include "pipeline/base/message.h"
#include "pipeline/formats/csv_text.h"
#include "pipeline/report/cells.h"
#include "pipeline/report/json_object.h"
#include "pipeline/report/report_html_text.h"
#include "pipeline/report/text_table.h"

namespace shardmill {

namespace {

bool is_right(Type type) {
  return type != Type::kText && type != Type::kBool;
}

void append_csv_value(std::string& out, const TableColumn& column, size_t row) {
  if (column.null[row] != 0) return;
  if (column.type == Type::kText) return append_csv_text(out, column.text[row], {});
  std::string value;
  append_json_value(value, column, row);
  std::erase(value, '"');  // of times and infinities
  out += value;
}

std::vector<std::vector<std::string>> cells_of(const ReadTable& table) {
  std::vector<std::vector<std::string>> cells;
  for (const TableColumn& column : table.columns) {
    cells.push_back(readable_cells(column, table.shown_rows()));
  }
  return cells;
}

}  // namespace

std::string markdown_text(std::string_view text) {
  constexpr std::string_view kMarks = "\\`*_[]<>|&~#";
  std::string out;
  for (const char c : visible(text, std::numeric_limits<size_t>::max() / 8)) {
    if (kMarks.find(c) != std::string_view::npos) out += '\\';
    out += c;
  }
  return out;
}

std::string table_csv(const ReadTable& table) {
  std::string out;
  for (size_t i = 0; i < table.columns.size(); ++i) {
    if (i > 0) out += ',';
    append_csv_text(out, table.columns[i].name, {});
  }
  out += '\n';
  for (size_t row = 0; row < table.shown_rows(); ++row) {
    for (size_t i = 0; i < table.columns.size(); ++i) {
      if (i > 0) out += ',';
      append_csv_value(out, table.columns[i], row);
    }
    out += '\n';
  }
  return out;
}

std::string table_markdown(const ReadTable& table) {
  std::string out = "|";
  for (const TableColumn& column : table.columns) out += " " + markdown_text(column.name) + " |";
  out += "\n|";
  for (const TableColumn& column : table.columns) out += is_right(column.type) ? "--:|" : "---|";
  out += '\n';
  const std::vector<std::vector<std::string>> cells = cells_of(table);
  for (size_t row = 0; row < table.shown_rows(); ++row) {
    out += '|';
    for (const std::vector<std::string>& column : cells)
      out += " " + markdown_text(column[row]) + " |";
    out += '\n';
  }
  return out;
}

std::string table_as_json(const ReadTable& table) {
  std::vector<std::string> columns;
  for (const TableColumn& column : table.columns) {
    JsonObject object;
    object.text("name", column.name).text("type", type_name(column.type));
    if (!column.error.empty()) object.text("error", column.error);
    columns.push_back(object.str());
  }
  std::vector<std::string> rows;
  for (size_t row = 0; row < table.shown_rows(); ++row) {
    std::vector<std::string> values;
    for (const TableColumn& column : table.columns) {
      append_json_value(values.emplace_back(), column, row);
    }
    rows.push_back(json_array(values));
  }
  JsonObject object;
  object.text("name", table.name)
      .integer("stage", table.stage)
      .integer("row_count", table.row_count);
  if (table.key_columns > 0) object.integer("key_columns", table.key_columns);
  return object.json("columns", json_array(columns)).json("rows", json_lines(rows, 2)).str() + "\n";
}

std::string table_text(const ReadTable& table) {
  std::vector<TextColumn> columns;
  for (const TableColumn& column : table.columns) {
    columns.push_back({.title = escaped(column.name) + (column.error.empty() ? "" : " ~"),
                       .right = is_right(column.type)});
  }
  TextTable text(std::move(columns));
  const std::vector<std::vector<std::string>> cells = cells_of(table);
  for (size_t row = 0; row < table.shown_rows(); ++row) {
    std::vector<std::string> line;
    for (const std::vector<std::string>& column : cells) line.push_back(column[row]);
    text.add(std::move(line));
  }
  return text.str(std::numeric_limits<size_t>::max() / 2, {});
}

}  // namespace shardmill
