#include <algorithm>

#include "pipeline/report/description.h"
#include "pipeline/report/json_object.h"

namespace shardmill {

namespace {

/// What share of the inputs a run covers that ended early.
std::string covers_json(const RunDescription& run) {
  return JsonObject()
      .text("stopped_by", run.stopped_by)
      .integer("units", run.units_done)
      .integer("units_of", run.units)
      .integer("bytes", run.disk_bytes)
      .integer("bytes_of", run.bytes_total)
      .str();
}

std::string inputs_json(const RunDescription& run) {
  uint64_t bytes = 0;
  for (const FileResult& file : run.files) bytes += file.size_bytes;
  return JsonObject()
      .integer("files", run.files.size())
      .integer("bytes", bytes)
      .integer("records", run.records)
      .integer("bad_records", run.bad_records)
      .integer("bad_files", static_cast<uint64_t>(
                                std::count_if(run.files.begin(), run.files.end(), is_bad_file)))
      .str();
}

std::string counts_json(const std::vector<std::string>& names,
                        const std::vector<uint64_t>& counts) {
  JsonObject object;
  for (size_t i = 0; i < names.size(); ++i) {
    object.integer(names[i], i < counts.size() ? counts[i] : 0);
  }
  return object.str();
}

std::string examples_json(const RecordExamples& examples) {
  std::vector<std::string> records;
  for (const RecordExample& example : examples.list()) {
    JsonObject object;
    object.text("file", example.path).integer("offset", example.offset);
    if (example.sub_index > 0) object.integer("piece", example.sub_index);
    records.push_back(object.json("record", example.record).str());
  }
  return json_array(records);
}

std::string drop_examples_json(const StageResult& stage) {
  JsonObject object;
  for (size_t i = 0; i < stage.drop_reasons.size() && i < stage.books.examples.size(); ++i) {
    const RecordExamples& examples = stage.books.examples[i];
    if (!examples.list().empty()) object.json(stage.drop_reasons[i], examples_json(examples));
  }
  return object.empty() ? "" : object.str();
}

std::string stage_json(const StageResult& stage) {
  JsonObject object;
  object.text("use", stage.use)
      .integer("records_in", stage.books.records_in)
      .integer("records_out", stage.books.records_out)
      .json("dropped", counts_json(stage.drop_reasons, stage.books.dropped));
  if (stage.books.rejected > 0) object.integer("rejected", stage.books.rejected);
  if (stage.books.made > 0) object.integer("made", stage.books.made);
  if (!stage.counters.empty()) {
    object.json("counters", counts_json(stage.counters, stage.books.counts));
  }
  const std::string dropped = drop_examples_json(stage);
  if (!dropped.empty()) object.json("dropped_examples", dropped);
  if (!stage.books.shown.list().empty()) object.json("shown", examples_json(stage.books.shown));
  return object.str();
}

std::string column_json(const TableColumn& column) {
  JsonObject object;
  object.text("name", column.name).text("type", type_name(column.type));
  if (!column.error.empty()) object.text("error", column.error);
  return object.str();
}

std::string row_json(const Table& table, size_t row) {
  std::string out = "[";
  for (size_t i = 0; i < table.columns.size(); ++i) {
    if (i > 0) out += ", ";
    append_json_value(out, table.columns[i], row);
  }
  return out + "]";
}

std::string table_json(const Table& table, uint64_t rows_in_report) {
  std::vector<std::string> columns;
  for (const TableColumn& column : table.columns) columns.push_back(column_json(column));
  std::vector<std::string> rows;
  const size_t shown = std::min<uint64_t>(table.row_count(), rows_in_report);
  for (size_t row = 0; row < shown; ++row) rows.push_back(row_json(table, row));
  JsonObject object;
  object.text("name", table.name)
      .integer("stage", table.stage)
      .integer("row_count", table.row_count());
  if (table.key_columns > 0) object.integer("key_columns", table.key_columns);
  object.json("columns", json_array(columns)).json("rows", json_lines(rows, 4));
  return object.str();
}

std::string bad_value_json(const BadValueCount& bad) {
  std::vector<std::string> examples;
  for (const std::string& example : bad.examples) examples.push_back(json_text(example));
  return JsonObject()
      .text("column", bad.column)
      .integer("count", bad.count)
      .json("examples", json_array(examples))
      .str();
}

}  // namespace

std::string results_json(const RunDescription& run) {
  std::vector<std::string> stages;
  for (const StageResult& stage : run.stages) stages.push_back(stage_json(stage));
  std::vector<std::string> tables;
  for (const Table& table : run.tables) tables.push_back(table_json(table, run.rows_in_report));
  std::vector<std::string> bad_values;
  for (const BadValueCount& bad : run.bad_values) bad_values.push_back(bad_value_json(bad));
  std::string out = "{\"job\": " + json_text(run.job_name);
  if (!run.stopped_by.empty()) out += ",\n \"covers\": " + covers_json(run);
  out += ",\n \"inputs\": " + inputs_json(run);
  out += ",\n \"stages\": " + json_lines(stages, 2);
  out += ",\n \"tables\": " + json_lines(tables, 2);
  if (!bad_values.empty()) out += ",\n \"bad_values\": " + json_lines(bad_values, 2);
  return out + "}\n";
}

}  // namespace shardmill
