#include "pipeline/report/report_html_diff.h"

#include <algorithm>

#include "pipeline/report/json_object.h"
#include "pipeline/report/report_html.h"
#include "pipeline/report/report_html_rows.h"
#include "pipeline/report/report_html_text.h"
#include "pipeline/report/run_diff_cells.h"

namespace shardmill {

namespace {

constexpr size_t kNameWidth = 300;  ///< code points
constexpr size_t kTablesBytes = 1'200'000;
constexpr size_t kTablesShown = 500;
constexpr size_t kTextBytes = 200'000;  ///< of what readers without scripts see

std::string name_json(std::string_view text) {
  return json_text(visible(text, kNameWidth));
}

/// "changed", "removed" or "added".
std::string_view what_of(const Pair& at) {
  return at.is_in_both() ? "changed" : at.before ? "removed" : "added";
}

std::string what_json(const Pair& at) {
  return json_text(what_of(at));
}

void add_counts(PageRows& rows, const std::vector<std::string>& front,
                const std::vector<CountChange>& changes) {
  for (const CountChange& change : changes) {
    std::vector<std::string> row = front;
    row.insert(row.end(),
               {name_json(change.name), std::to_string(change.before), std::to_string(change.after),
                json_text(difference_text(change.before, change.after))});
    rows.add(row);
  }
}

std::string counts_json(const std::vector<CountChange>& changes) {
  PageRows rows(1000);
  add_counts(rows, {}, changes);
  return rows.str();
}

std::string files_json(const FinishedRun& before, const FinishedRun& after,
                       const std::vector<FileChange>& changes, size_t most) {
  PageRows rows(most, 300'000);
  for (const FileChange& change : changes) {
    if (rows.is_full()) break;
    const FileLine& file = change.at.before ? before.files.lines[*change.at.before]
                                            : after.files.lines[*change.at.after];
    const std::vector<std::string> front = {what_json(change.at), name_json(file.path)};
    add_counts(rows, front, change.counts);
    if (change.has_other_outcome) {
      rows.add({front[0], front[1], "\"outcome\"", name_json(file.outcome),
                name_json(after.files.lines[*change.at.after].outcome), "\"\""});
    }
    if (change.at.is_in_both()) continue;
    const std::string records = std::to_string(file.records);
    rows.add({front[0], front[1], "\"records\"", change.at.before ? records : "null",
              change.at.before ? "null" : records, "\"\""});
  }
  return rows.str();
}

std::string stages_json(const FinishedRun& before, const FinishedRun& after,
                        const std::vector<StageChange>& changes) {
  PageRows rows(1000);
  for (const StageChange& change : changes) {
    const size_t number = change.at.before.value_or(change.at.after.value_or(0));
    const ReadStage& stage =
        change.at.before ? before.results.stages[number] : after.results.stages[number];
    const std::string name = name_json(std::to_string(number) + " " + stage.use);
    if (change.at.is_in_both()) {
      add_counts(rows, {what_json(change.at), name}, change.counts);
      continue;
    }
    const std::string records = std::to_string(stage.records_in);
    rows.add({what_json(change.at), name, "\"records in\"", change.at.before ? records : "null",
              change.at.before ? "null" : records, "\"\""});
  }
  return rows.str();
}

std::string key_of(const ReadTable& table, size_t row) {
  if (table.key_columns == 0) return table.row_count <= 1 ? "" : "row " + std::to_string(row + 1);
  std::string key;
  for (size_t i = 0; i < table.key_columns; ++i) {
    key += (i > 0 ? " · " : "") + diff_value_text(table.columns[i], row);
  }
  return key;
}

/// A row for each value that differs.
void add_changed(PageRows& rows, const ReadTable& before, const ReadTable& after,
                 const ChangedRow& row) {
  for (const SharedColumn& shared : row.columns) {
    const TableColumn& ours = before.columns[shared.before];
    const TableColumn& theirs = after.columns[shared.after];
    const auto [first, second] = diff_value_texts(ours, row.before, theirs, row.after);
    const bool are_ints =
        ours.type == Type::kInt && ours.null[row.before] == 0 && theirs.null[row.after] == 0;
    rows.add({"\"changed\"", name_json(key_of(before, row.before)), name_json(ours.name),
              name_json(first), name_json(second),
              name_json(are_ints ? difference_text(ours.ints[row.before], theirs.ints[row.after])
                                 : "")});
  }
}

/// A row for each value of a row that only one of the tables has.
void add_alone(PageRows& rows, const ReadTable& table, size_t row, bool is_before) {
  for (size_t i = table.key_columns; i < table.columns.size(); ++i) {
    const std::string value = name_json(diff_value_text(table.columns[i], row));
    rows.add({is_before ? "\"removed\"" : "\"added\"", name_json(key_of(table, row)),
              name_json(table.columns[i].name), is_before ? value : "null",
              is_before ? "null" : value, "\"\""});
  }
  if (table.key_columns < table.columns.size()) return;
  rows.add({is_before ? "\"removed\"" : "\"added\"", name_json(key_of(table, row)), "\"\"", "null",
            "null", "\"\""});
}

std::string names_json(const std::vector<std::string>& names) {
  PageRows rows(200, 50'000);
  for (const std::string& name : names) rows.add({name_json(name)});
  return rows.str();
}

std::string table_rows_json(const ReadTable& before, const ReadTable& after, const TableDiff& diff,
                            size_t most, size_t bytes) {
  PageRows rows(most * std::max<size_t>(1, before.columns.size()), bytes);
  size_t shown = 0;
  for (const ChangedRow& row : diff.changed) {
    if (shown++ < most) add_changed(rows, before, after, row);
  }
  for (const size_t row : diff.removed) {
    if (shown++ < most) add_alone(rows, before, row, true);
  }
  for (const size_t row : diff.added) {
    if (shown++ < most) add_alone(rows, after, row, false);
  }
  return rows.str();
}

std::string table_json(const FinishedRun& before, const FinishedRun& after,
                       const TableChange& change, size_t most, size_t bytes) {
  const ReadTable& table = change.at.before ? before.results.tables[*change.at.before]
                                            : after.results.tables[*change.at.after];
  JsonObject object;
  object.text("name", visible(table.name, kNameWidth)).text("what", what_of(change.at));
  if (!change.at.is_in_both()) return object.integer("rows_before", table.row_count).str();
  const ReadTable& other = after.results.tables[*change.at.after];
  return object.integer("rows_before", table.row_count)
      .integer("rows_after", other.row_count)
      .integer("changed", change.rows.changed.size())
      .integer("removed", change.rows.removed.size())
      .integer("added", change.rows.added.size())
      .json("has_other_key", change.rows.has_other_key ? "true" : "false")
      .json("columns_added", names_json(change.rows.columns_added))
      .json("columns_removed", names_json(change.rows.columns_removed))
      .json("columns_changed", names_json(change.rows.columns_of_other_type))
      .json("rows", table_rows_json(table, other, change.rows, most, bytes))
      .str();
}

std::string tables_json(const FinishedRun& before, const FinishedRun& after, const RunDiff& diff,
                        size_t most) {
  std::vector<std::string> tables;
  const size_t count = std::min(diff.tables.size(), kTablesShown);
  size_t left = kTablesBytes;
  for (size_t i = 0; i < count; ++i) {
    tables.push_back(
        script_json(table_json(before, after, diff.tables[i], most, left / (count - i))));
    left -= std::min(left, tables.back().size());
  }
  return json_array(tables);
}

std::string outputs_json(const FinishedRun& before, const FinishedRun& after, const RunDiff& diff,
                         size_t most) {
  PageRows rows(most);
  for (const OutputChange& change : diff.outputs) {
    const std::string& name = change.at.before ? before.outputs[*change.at.before].first
                                               : after.outputs[*change.at.after].first;
    rows.add({what_json(change.at), name_json(name)});
  }
  return rows.str();
}

std::string run_json(const FinishedRun& run) {
  return JsonObject()
      .text("place", visible(run.place, kNameWidth))
      .text("job", visible(run.results.job, kNameWidth))
      .integer("files", run.results.files)
      .integer("bytes", run.results.bytes)
      .integer("records", run.results.records)
      .integer("tables", run.results.tables.size())
      .integer("outputs", run.outputs.size())
      .str();
}

std::string flag_json(bool flag) {
  return flag ? "true" : "false";
}

}  // namespace

std::string diff_html(const FinishedRun& before, const FinishedRun& after, const RunDiff& diff,
                      size_t rows_shown) {
  const std::string data = JsonObject()
                               .json("before", run_json(before))
                               .json("after", run_json(after))
                               .json("same", flag_json(diff.is_same()))
                               .json("other_job", flag_json(diff.has_other_job))
                               .json("other_schema", flag_json(diff.has_other_schema))
                               .json("other_bytes", flag_json(diff.only_other_bytes))
                               .json("other_rows", flag_json(diff.only_other_rows))
                               .json("inputs", counts_json(diff.inputs))
                               .json("bad_values", counts_json(diff.bad_values))
                               .integer("file_count", diff.files.size())
                               .json("files", files_json(before, after, diff.files, rows_shown))
                               .json("stages", stages_json(before, after, diff.stages))
                               .integer("table_count", diff.tables.size())
                               .json("tables", tables_json(before, after, diff, rows_shown))
                               .integer("output_count", diff.outputs.size())
                               .json("outputs", outputs_json(before, after, diff, rows_shown))
                               .str();
  std::string text = visible_lines(diff_text(before, after, diff, rows_shown), kTextBytes);
  return html_page({.title = "Two runs compared - shardmill",
                    .start = "show_diff",
                    .data = data,
                    .without_scripts = std::move(text)});
}

}  // namespace shardmill
