#include "pipeline/report/table_diff.h"

#include <algorithm>
#include <optional>

#include "pipeline/report/json_object.h"

namespace shardmill {

namespace {

std::optional<size_t> find_column(const ReadTable& table, const std::string& name) {
  for (size_t i = 0; i < table.columns.size(); ++i) {
    if (table.columns[i].name == name) return i;
  }
  return std::nullopt;
}

/// A row of a table, to be ordered by key and then by place.
struct KeyedRow {
  std::string key;
  size_t row = 0;

  bool operator<(const KeyedRow& other) const {
    return key != other.key ? key < other.key : row < other.row;
  }
};

std::vector<KeyedRow> keyed_rows(const ReadTable& table) {
  std::vector<KeyedRow> rows(table.shown_rows());
  for (size_t row = 0; row < rows.size(); ++row) {
    rows[row].row = row;
    for (size_t i = 0; i < table.key_columns; ++i) {
      append_json_value(rows[row].key, table.columns[i], row);
      rows[row].key += '\n';  // no JSON value holds one
    }
  }
  std::sort(rows.begin(), rows.end());
  return rows;
}

class Comparison {
 public:
  Comparison(const ReadTable& before, const ReadTable& after) : before_(before), after_(after) {}

  TableDiff run() {
    compare_columns();
    if (!has_same_key()) {
      diff_.has_other_key = true;
      return std::move(diff_);
    }
    if (before_.key_columns == 0) {
      compare_by_place();
    } else {
      compare_by_key();
    }
    std::sort(diff_.changed.begin(), diff_.changed.end(),
              [](const ChangedRow& a, const ChangedRow& b) { return a.before < b.before; });
    std::sort(diff_.removed.begin(), diff_.removed.end());
    std::sort(diff_.added.begin(), diff_.added.end());
    return std::move(diff_);
  }

 private:
  void compare_columns() {
    for (size_t i = 0; i < before_.columns.size(); ++i) {
      const TableColumn& column = before_.columns[i];
      const std::optional<size_t> other = find_column(after_, column.name);
      if (!other) {
        diff_.columns_removed.push_back(column.name);
      } else if (after_.columns[*other].type != column.type) {
        diff_.columns_of_other_type.push_back(column.name + ": " +
                                              std::string(type_name(column.type)) + ", now " +
                                              std::string(type_name(after_.columns[*other].type)));
      } else {
        shared_.push_back({.before = i, .after = *other});
      }
    }
    for (const TableColumn& column : after_.columns) {
      if (!find_column(before_, column.name)) diff_.columns_added.push_back(column.name);
    }
  }

  bool has_same_key() const {
    if (before_.key_columns != after_.key_columns) return false;
    for (size_t i = 0; i < before_.key_columns; ++i) {
      const TableColumn& ours = before_.columns[i];
      const TableColumn& theirs = after_.columns[i];
      if (ours.name != theirs.name || ours.type != theirs.type) return false;
    }
    return true;
  }

  bool is_same(const SharedColumn& column, size_t before, size_t after) {
    left_.clear();
    right_.clear();
    append_json_value(left_, before_.columns[column.before], before);
    append_json_value(right_, after_.columns[column.after], after);
    return left_ == right_;
  }

  void compare_rows(size_t before, size_t after) {
    ChangedRow row = {.before = before, .after = after};
    for (const SharedColumn& column : shared_) {
      if (!is_same(column, before, after)) row.columns.push_back(column);
    }
    if (!row.columns.empty()) diff_.changed.push_back(std::move(row));
  }

  void compare_by_place() {
    const size_t ours = before_.shown_rows();
    const size_t theirs = after_.shown_rows();
    for (size_t row = 0; row < std::min(ours, theirs); ++row) compare_rows(row, row);
    for (size_t row = theirs; row < ours; ++row) diff_.removed.push_back(row);
    for (size_t row = ours; row < theirs; ++row) diff_.added.push_back(row);
  }

  void compare_by_key() {
    const std::vector<KeyedRow> ours = keyed_rows(before_);
    const std::vector<KeyedRow> theirs = keyed_rows(after_);
    auto a = ours.begin();
    auto b = theirs.begin();
    while (a != ours.end() || b != theirs.end()) {
      if (b == theirs.end() || (a != ours.end() && a->key < b->key)) {
        diff_.removed.push_back(a++->row);
      } else if (a == ours.end() || b->key < a->key) {
        diff_.added.push_back(b++->row);
      } else {
        compare_rows(a++->row, b++->row);
      }
    }
  }

  const ReadTable& before_;
  const ReadTable& after_;
  std::vector<SharedColumn> shared_;
  TableDiff diff_;
  std::string left_;
  std::string right_;
};

}  // namespace

bool TableDiff::is_empty() const {
  return columns_added.empty() && columns_removed.empty() && columns_of_other_type.empty() &&
         !has_other_key && changed.empty() && removed.empty() && added.empty();
}

TableDiff diff_tables(const ReadTable& before, const ReadTable& after) {
  return Comparison(before, after).run();
}

}  // namespace shardmill
