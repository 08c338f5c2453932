// Differences between two runs as people read them: a line each, "~" changed, "+" only in the
// second run, "-" only in the first.
#include <fmt/format.h>

#include <algorithm>

#include "pipeline/base/message.h"
#include "pipeline/base/quantity.h"
#include "pipeline/base/text.h"
#include "pipeline/report/cells.h"
#include "pipeline/report/run_diff.h"
#include "pipeline/report/run_diff_cells.h"

namespace shardmill {

namespace {

std::string joined(const std::vector<std::string>& parts) {
  std::string out;
  for (const std::string& part : parts) out += (out.empty() ? "" : ", ") + part;
  return out;
}

char sign_of(const Pair& at) {
  return at.is_in_both() ? '~' : at.before ? '-' : '+';
}

/// "10 -> 12 (+2)"
std::string change_text(Int128 before, Int128 after) {
  std::string text = readable_int(before) + " -> " + readable_int(after);
  const std::string difference = difference_text(before, after);
  return difference.empty() ? text : text + " (" + difference + ")";
}

std::string counts_text(const std::vector<CountChange>& changes) {
  std::vector<std::string> parts;
  for (const CountChange& change : changes) {
    parts.push_back(escaped(change.name) + " " + change_text(change.before, change.after));
  }
  return joined(parts);
}

std::string value_change_text(const TableColumn& before, size_t row, const TableColumn& after,
                              size_t other) {
  const bool has_null = before.null[row] != 0 || after.null[other] != 0;
  if (!has_null && before.type == Type::kInt) {
    return change_text(before.ints[row], after.ints[other]);
  }
  const auto [first, second] = diff_value_texts(before, row, after, other);
  return first + " -> " + second;
}

class DiffText {
 public:
  DiffText(const FinishedRun& before, const FinishedRun& after, const RunDiff& diff, size_t most)
      : before_(before), after_(after), diff_(diff), most_(most) {}

  std::string str() {
    add_job();
    add_counts("Inputs", diff_.inputs);
    add_counts("Values that were not of their column's type", diff_.bad_values);
    add_files();
    add_stages();
    add_tables();
    add_outputs();
    if (diff_.only_other_bytes) {
      out_ += "results.json\n  ~ other bytes: examples of records, or the order of rows\n\n";
    }
    if (diff_.only_other_rows) {
      out_ +=
          "results.h5\n  ~ other bytes: rows behind the first ones of large tables, the job's "
          "name or the version\n\n";
    }
    return out_ + closing();
  }

 private:
  void add_job() {
    if (!diff_.has_other_job && !diff_.has_other_schema) return;
    add_title("Job");
    if (diff_.has_other_job) add_line('~', "job.toml: other stages or options");
    if (diff_.has_other_schema) add_line('~', "schema.json: other columns or types of the input");
    out_ += '\n';
  }

  void add_counts(std::string_view title, const std::vector<CountChange>& changes) {
    if (changes.empty()) return;
    add_title(title);
    for (const CountChange& change : changes) add_line('~', counts_text({change}));
    out_ += '\n';
  }

  void add_title(std::string_view title) { out_ += std::string(title) + "\n"; }

  void add_line(char sign, const std::string& text) {
    out_ += fmt::format("  {} {}\n", sign, text);
  }

  /// The line for what is not shown.
  void add_rest(size_t all, std::string_view noun) {
    if (all <= most_) return;
    out_ += fmt::format("  ... {}; --rows {} shows all\n", counted(all - most_, noun), all);
  }

  void add_files() {
    if (diff_.files.empty()) return;
    add_title("Files");
    for (size_t i = 0; i < std::min(most_, diff_.files.size()); ++i) add_file(diff_.files[i]);
    add_rest(diff_.files.size(), "more file");
    out_ += '\n';
  }

  void add_file(const FileChange& change) {
    const FileLine& file = change.at.before ? before_.files.lines[*change.at.before]
                                            : after_.files.lines[*change.at.after];
    std::vector<std::string> parts;
    if (change.at.is_in_both()) {
      if (!change.counts.empty()) parts.push_back(counts_text(change.counts));
      const std::string& now = after_.files.lines[*change.at.after].outcome;
      if (change.has_other_outcome) {
        parts.push_back("outcome " + escaped(file.outcome) + " -> " + escaped(now));
      }
    } else {
      parts = {escaped(file.outcome), format_bytes(file.size_bytes),
               counted(file.records, "record")};
    }
    add_line(sign_of(change.at), escaped(file.path) + ": " + joined(parts));
  }

  void add_stages() {
    if (diff_.stages.empty()) return;
    add_title("Stages");
    for (const StageChange& change : diff_.stages) {
      const size_t number = change.at.before.value_or(change.at.after.value_or(0));
      const ReadStage& stage =
          change.at.before ? before_.results.stages[number] : after_.results.stages[number];
      const std::string text = change.at.is_in_both()
                                   ? counts_text(change.counts)
                                   : counted(stage.records_in, "record") + " in, " +
                                         with_separators(stage.records_out) + " out";
      add_line(sign_of(change.at), fmt::format("{} {}: {}", number, escaped(stage.use), text));
    }
    out_ += '\n';
  }

  void add_tables() {
    for (const TableChange& change : diff_.tables) {
      if (change.at.is_in_both()) {
        add_table(before_.results.tables[*change.at.before],
                  after_.results.tables[*change.at.after], change);
        continue;
      }
      const ReadTable& table = change.at.before ? before_.results.tables[*change.at.before]
                                                : after_.results.tables[*change.at.after];
      add_title("Table " + quoted(table.name));
      add_line(sign_of(change.at), counted(table.row_count, "row") + ", only in the " +
                                       (change.at.before ? "first" : "second") + " run");
      out_ += '\n';
    }
  }

  void add_table(const ReadTable& before, const ReadTable& after, const TableChange& change) {
    const TableDiff& rows = change.rows;
    add_title("Table " + quoted(before.name) + ": " + table_summary(before, after, rows));
    for (const std::string& name : rows.columns_removed) add_line('-', "column " + escaped(name));
    for (const std::string& name : rows.columns_added) add_line('+', "column " + escaped(name));
    for (const std::string& text : rows.columns_of_other_type) {
      add_line('~', "column " + escaped(text));
    }
    if (rows.has_other_key) add_line('~', "other key columns, so rows are not compared");
    size_t shown = 0;
    for (const ChangedRow& row : rows.changed) {
      if (++shown <= most_) add_line('~', changed_row(before, after, row));
    }
    for (const size_t row : rows.removed) {
      if (++shown <= most_) add_line('-', whole_row(before, row));
    }
    for (const size_t row : rows.added) {
      if (++shown <= most_) add_line('+', whole_row(after, row));
    }
    add_rest(shown, "more row");
    add_cut_note(before, after);
    out_ += '\n';
  }

  void add_cut_note(const ReadTable& before, const ReadTable& after) {
    const bool is_cut =
        before.shown_rows() < before.row_count || after.shown_rows() < after.row_count;
    if (!is_cut) return;
    out_ += fmt::format("  only the first {} and {} rows are in results.json and were compared\n",
                        with_separators(before.shown_rows()), with_separators(after.shown_rows()));
  }

  static std::string table_summary(const ReadTable& before, const ReadTable& after,
                                   const TableDiff& rows) {
    std::vector<std::string> parts = {before.row_count == after.row_count
                                          ? counted(before.row_count, "row")
                                          : "rows " +
                                                change_text(before.row_count, after.row_count)};
    const std::pair<size_t, const char*> counts[] = {{rows.changed.size(), "changed"},
                                                     {rows.removed.size(), "removed"},
                                                     {rows.added.size(), "added"}};
    for (const auto& [count, what] : counts) {
      if (count > 0) parts.push_back(with_separators(count) + " " + what);
    }
    return joined(parts);
  }

  /// "city Rome, hour 3"; empty for the only row of a table without a key.
  static std::string key_text(const ReadTable& table, size_t row) {
    if (table.key_columns == 0) return table.row_count <= 1 ? "" : fmt::format("row {}", row + 1);
    std::vector<std::string> parts;
    for (size_t i = 0; i < table.key_columns; ++i) {
      parts.push_back(escaped(table.columns[i].name) + " " +
                      diff_value_text(table.columns[i], row));
    }
    return joined(parts);
  }

  static std::string with_key(const std::string& key, const std::vector<std::string>& values) {
    return key.empty() || values.empty() ? key + joined(values) : key + ": " + joined(values);
  }

  static std::string changed_row(const ReadTable& before, const ReadTable& after,
                                 const ChangedRow& row) {
    std::vector<std::string> values;
    for (const SharedColumn& column : row.columns) {
      const TableColumn& ours = before.columns[column.before];
      values.push_back(escaped(ours.name) + " " +
                       value_change_text(ours, row.before, after.columns[column.after], row.after));
    }
    return with_key(key_text(before, row.before), values);
  }

  static std::string whole_row(const ReadTable& table, size_t row) {
    std::vector<std::string> values;
    for (size_t i = table.key_columns; i < table.columns.size(); ++i) {
      values.push_back(escaped(table.columns[i].name) + " " +
                       diff_value_text(table.columns[i], row));
    }
    return with_key(key_text(table, row), values);
  }

  void add_outputs() {
    if (diff_.outputs.empty()) return;
    add_title("Outputs");
    for (size_t i = 0; i < std::min(most_, diff_.outputs.size()); ++i) {
      const Pair& at = diff_.outputs[i].at;
      const std::string& name =
          at.before ? before_.outputs[*at.before].first : after_.outputs[*at.after].first;
      add_line(sign_of(at), escaped(name) + (at.is_in_both() ? ": other bytes" : ""));
    }
    add_rest(diff_.outputs.size(), "more output");
    out_ += '\n';
  }

  std::string closing() const {
    const std::string runs = escaped(before_.place) + " and " + escaped(after_.place);
    const size_t tables = std::max(before_.results.tables.size(), after_.results.tables.size());
    const size_t outputs = std::max(before_.outputs.size(), after_.outputs.size());
    if (diff_.is_same()) {
      return fmt::format("{}: the same results: {}, {}, {}\n", runs,
                         counted(before_.results.records, "record"), counted(tables, "table"),
                         counted(outputs, "output"));
    }
    std::vector<std::string> parts;
    if (!diff_.inputs.empty()) parts.push_back("the inputs");
    if (!diff_.bad_values.empty()) parts.push_back("bad values");
    const std::pair<size_t, const char*> counts[] = {{diff_.stages.size(), "stage"},
                                                     {diff_.tables.size(), "table"},
                                                     {diff_.outputs.size(), "output"}};
    for (const auto& [count, noun] : counts) {
      if (count > 0) parts.push_back(counted(count, noun));
    }
    if (diff_.only_other_bytes) parts.push_back("results.json");
    if (diff_.only_other_rows) parts.push_back("results.h5");
    return runs + ": different: " + joined(parts) + "\n";
  }

  const FinishedRun& before_;
  const FinishedRun& after_;
  const RunDiff& diff_;
  size_t most_;
  std::string out_;
};

}  // namespace

std::string diff_text(const FinishedRun& before, const FinishedRun& after, const RunDiff& diff,
                      size_t rows_shown) {
  return DiffText(before, after, diff, rows_shown).str();
}

}  // namespace shardmill
