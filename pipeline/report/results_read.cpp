#include "pipeline/report/results_read.h"

#include <fmt/format.h>

#include <optional>

#include "pipeline/base/message.h"
#include "pipeline/formats/json_tree.h"
#include "pipeline/formats/numbers.h"

namespace shardmill {

namespace {

using NamedCounts = std::vector<std::pair<std::string, uint64_t>>;

Status wrong(std::string_view where, std::string_view name, std::string_view expected) {
  return Status::failed(Message{
      .place = std::string(where),
      .found = quoted(name) + " is missing or wrong",
      .expected = std::string(expected),
      .fix = {}}.text());
}

Result<uint64_t> count_of(const JsonNode& node, std::string_view where, std::string_view name) {
  const JsonNode* member = node.find(name);
  const std::optional<uint64_t> value = member ? member->whole() : std::nullopt;
  if (value) return *value;
  return wrong(where, name, "a whole number");
}

/// 0 if it is left out.
Result<uint64_t> count_or_none(const JsonNode& node, std::string_view where,
                               std::string_view name) {
  if (node.find(name) == nullptr) return uint64_t{0};
  return count_of(node, where, name);
}

Result<std::string> text_of(const JsonNode& node, std::string_view where, std::string_view name) {
  const JsonNode* member = node.find(name);
  const std::optional<std::string> bytes = member ? member->bytes() : std::nullopt;
  if (bytes) return *bytes;
  return wrong(where, name, "a text");
}

Result<const std::vector<JsonNode>*> list_of(const JsonNode& node, std::string_view where,
                                             std::string_view name) {
  const JsonNode* member = node.find(name);
  if (member != nullptr && member->value.kind == JsonKind::kArray) return &member->items;
  return wrong(where, name, "a list");
}

Status read_inputs(const JsonNode& root, ReadResults& results) {
  const JsonNode* inputs = root.find("inputs");
  if (inputs == nullptr) return wrong("", "inputs", "an object");
  ASSIGN_OR_RETURN(results.files, count_of(*inputs, "inputs", "files"));
  ASSIGN_OR_RETURN(results.bytes, count_of(*inputs, "inputs", "bytes"));
  ASSIGN_OR_RETURN(results.records, count_of(*inputs, "inputs", "records"));
  ASSIGN_OR_RETURN(results.bad_records, count_of(*inputs, "inputs", "bad_records"));
  ASSIGN_OR_RETURN(results.bad_files, count_of(*inputs, "inputs", "bad_files"));
  return {};
}

Result<NamedCounts> named_counts(const JsonNode& node, std::string_view where) {
  NamedCounts counts;
  for (const auto& [name, value] : node.members) {
    ASSIGN_OR_RETURN(const uint64_t count, count_of(node, where, name));
    counts.emplace_back(name, count);
  }
  return counts;
}

Result<ReadStage> read_stage(const JsonNode& node, const std::string& where) {
  ReadStage stage;
  ASSIGN_OR_RETURN(stage.use, text_of(node, where, "use"));
  ASSIGN_OR_RETURN(stage.records_in, count_of(node, where, "records_in"));
  ASSIGN_OR_RETURN(stage.records_out, count_of(node, where, "records_out"));
  ASSIGN_OR_RETURN(stage.rejected, count_or_none(node, where, "rejected"));
  ASSIGN_OR_RETURN(stage.made, count_or_none(node, where, "made"));
  const JsonNode* dropped = node.find("dropped");
  if (dropped == nullptr) return wrong(where, "dropped", "an object");
  ASSIGN_OR_RETURN(stage.dropped, named_counts(*dropped, where));
  const JsonNode* counters = node.find("counters");
  if (counters != nullptr) {
    ASSIGN_OR_RETURN(stage.counters, named_counts(*counters, where));
  }
  return stage;
}

bool add_text(TableColumn& column, const JsonNode& cell) {
  const std::optional<std::string> bytes = cell.bytes();
  if (bytes) column.add_text(*bytes);
  return bytes.has_value();
}

bool add_int(TableColumn& column, const JsonNode& cell) {
  Int128 value = 0;
  if (cell.value.kind != JsonKind::kNumber || !parse_int128(cell.value.text, value)) return false;
  column.add_int(value);
  return true;
}

bool add_float(TableColumn& column, const JsonNode& cell) {
  double value = 0;
  const bool is_it = cell.value.kind == JsonKind::kNumber || cell.value.kind == JsonKind::kString;
  if (!is_it || !parse_float(cell.value.text, value)) return false;
  column.add_float(value);
  return true;
}

/// parse_time takes whole years only; the parts of 1677 and 2262 that 64 bits reach are read in the
/// year beside, which is as long.
bool parse_any_time(std::string text, Int128& nanoseconds) {
  constexpr int64_t kYear = int64_t{365} * 86'400 * 1'000'000'000;
  const int years = text.starts_with("1677-") ? -1 : text.starts_with("2262-") ? 1 : 0;
  if (years != 0) text[3] = static_cast<char>(text[3] - years);
  int64_t value = 0;
  if (!parse_time(text, value)) return false;
  nanoseconds = Int128{value} + years * Int128{kYear};
  return true;
}

/// What is beyond all times, like a sum of them, is written as a number of nanoseconds.
bool add_time(TableColumn& column, const JsonNode& cell) {
  if (cell.value.kind == JsonKind::kNumber) return add_int(column, cell);
  Int128 nanoseconds = 0;
  if (cell.value.kind != JsonKind::kString) return false;
  if (!parse_any_time(cell.text(), nanoseconds)) return false;
  column.add_int(nanoseconds);
  return true;
}

bool add_bool(TableColumn& column, const JsonNode& cell) {
  if (cell.value.kind != JsonKind::kTrue && cell.value.kind != JsonKind::kFalse) return false;
  column.add_bool(cell.value.kind == JsonKind::kTrue);
  return true;
}

/// False if the cell is not of the column's type.
bool add_cell(TableColumn& column, const JsonNode& cell) {
  if (cell.value.kind == JsonKind::kNull) {
    column.add_null();
    return true;
  }
  switch (column.type) {
    case Type::kText:
      return add_text(column, cell);
    case Type::kInt:
      return add_int(column, cell);
    case Type::kFloat:
      return add_float(column, cell);
    case Type::kTime:
      return add_time(column, cell);
    case Type::kBool:
      break;
  }
  return add_bool(column, cell);
}

Status read_columns(const JsonNode& node, const std::string& where, ReadTable& table) {
  ASSIGN_OR_RETURN(const auto* columns, list_of(node, where, "columns"));
  for (const JsonNode& one : *columns) {
    TableColumn& column = table.columns.emplace_back();
    ASSIGN_OR_RETURN(column.name, text_of(one, where, "name"));
    ASSIGN_OR_RETURN(const std::string type, text_of(one, where, "type"));
    const std::optional<Type> known = type_from_name(type);
    if (!known) return wrong(where, "type", "text, int, float, bool or time");
    column.type = *known;
    if (const JsonNode* error = one.find("error")) column.error = error->text();
  }
  return {};
}

Status read_row(const JsonNode& row, const std::string& where, ReadTable& table) {
  const std::string expected = fmt::format("a list of {} values", table.columns.size());
  if (row.items.size() != table.columns.size()) return wrong(where, "rows", expected);
  for (size_t i = 0; i < table.columns.size(); ++i) {
    if (add_cell(table.columns[i], row.items[i])) continue;
    return Status::failed(Message{
        .place = where + ", column " + quoted(table.columns[i].name),
        .found = quoted(row.items[i].value.text),
        .expected = std::string(type_name(table.columns[i].type)),
        .fix = {}}.text());
  }
  return {};
}

Result<ReadTable> read_table(const JsonNode& node, size_t number) {
  std::string where = fmt::format("table {}", number);
  ReadTable table;
  ASSIGN_OR_RETURN(table.name, text_of(node, where, "name"));
  where = "table " + quoted(table.name);
  ASSIGN_OR_RETURN(table.stage, count_of(node, where, "stage"));
  ASSIGN_OR_RETURN(table.row_count, count_of(node, where, "row_count"));
  ASSIGN_OR_RETURN(table.key_columns, count_or_none(node, where, "key_columns"));
  RETURN_IF_ERROR(read_columns(node, where, table));
  if (table.key_columns > table.columns.size()) {
    return wrong(where, "key_columns", fmt::format("at most {}", table.columns.size()));
  }
  ASSIGN_OR_RETURN(const auto* rows, list_of(node, where, "rows"));
  for (const JsonNode& row : *rows) RETURN_IF_ERROR(read_row(row, where, table));
  return table;
}

Status read_bad_values(const JsonNode& root, ReadResults& results) {
  if (root.find("bad_values") == nullptr) return {};
  ASSIGN_OR_RETURN(const auto* list, list_of(root, "", "bad_values"));
  for (const JsonNode& node : *list) {
    ASSIGN_OR_RETURN(std::string column, text_of(node, "bad_values", "column"));
    ASSIGN_OR_RETURN(const uint64_t count, count_of(node, "bad_values", "count"));
    results.bad_values.emplace_back(std::move(column), count);
  }
  return {};
}

}  // namespace

uint64_t ReadStage::dropped_sum() const {
  uint64_t sum = 0;
  for (const auto& [reason, records] : dropped) sum += records;
  return sum;
}

Result<ReadResults> read_results(std::string_view text) {
  JsonNode root;
  if (const auto mistake = parse_json_tree(text, root)) {
    return Status::failed(mistake->text("file"));
  }
  ReadResults results;
  ASSIGN_OR_RETURN(results.job, text_of(root, "", "job"));
  RETURN_IF_ERROR(read_inputs(root, results));
  ASSIGN_OR_RETURN(const auto* stages, list_of(root, "", "stages"));
  for (const JsonNode& node : *stages) {
    ASSIGN_OR_RETURN(ReadStage stage,
                     read_stage(node, fmt::format("stage {}", results.stages.size())));
    results.stages.push_back(std::move(stage));
  }
  ASSIGN_OR_RETURN(const auto* tables, list_of(root, "", "tables"));
  for (const JsonNode& node : *tables) {
    ASSIGN_OR_RETURN(ReadTable table, read_table(node, results.tables.size()));
    results.tables.push_back(std::move(table));
  }
  RETURN_IF_ERROR(read_bad_values(root, results));
  return results;
}

}  // namespace shardmill
