#include "inputs/support/json_columns.h"

#include <algorithm>

#include "pipeline/formats/json_fields.h"

namespace shardmill {

JsonColumns::JsonColumns(const std::vector<JsonColumn>& columns)
    : columns_(columns), set_in_(columns.size()) {}

void JsonColumns::begin_batch(Batch& batch, size_t rows) {
  batch_ = &batch;
  texts_.clear();
  for (const JsonColumn& column : columns_) {
    Column& target = batch.columns[column.slot];
    target.prepare(column.type, rows);
    texts_.push_back(column.type == Type::kText ? target.text.data() : nullptr);
  }
}

void JsonColumns::set_slowly(size_t column, const JsonValue& value) {
  if (put(column, row_, value)) return;
  put_null(column, row_);
  bad_values_.push_back({.column = column, .source = value.source()});
}

bool JsonColumns::put(size_t column, size_t row, const JsonValue& value) {
  Column& target = batch_->columns[columns_[column].slot];
  if (value.kind != JsonKind::kNull) return store(target, row, value);
  target.set_null(row);
  return true;
}

void JsonColumns::put_null(size_t column, size_t row) {
  batch_->columns[columns_[column].slot].set_null(row);
}

bool JsonColumns::store(Column& column, size_t row, const JsonValue& value) {
  switch (column.type) {
    case Type::kText:
      column.text[row] = json_to_text(value, batch_->arena);
      return true;
    case Type::kInt:
      return json_to_int(value, column.ints[row]);
    case Type::kFloat:
      return json_to_float(value, column.floats[row]);
    case Type::kBool: {
      bool truth = false;
      const bool is_good = json_to_bool(value, truth);
      column.bools[row] = truth ? 1 : 0;
      return is_good;
    }
    case Type::kTime:
      return json_to_time(value, column.ints[row]);
  }
  return false;
}

void JsonColumns::end_record(uint64_t offset, RejectCounter& rejects) {
  if (set_count_ < columns_.size()) {
    for (size_t i = 0; i < columns_.size(); ++i) {
      if (set_in_[i] != record_) batch_->columns[columns_[i].slot].set_null(row_);
    }
  }
  for (const BadValue& bad : bad_values_) {
    rejects.bad_value(offset, columns_[bad.column].name, bad.source);
  }
  bad_values_.clear();
}

void JsonColumns::undo_record() {
  for (const JsonColumn& column : columns_) {
    Column& target = batch_->columns[column.slot];
    if (target.has_nulls) target.null[row_] = 0;
  }
  bad_values_.clear();
  begin_record(row_);
}

void JsonColumns::remove_row(size_t row, size_t end) {
  const auto move_up = [&](auto& values) {
    if (values.size() < end) return;  // not of this column's type
    const auto at = values.begin() + static_cast<ptrdiff_t>(row);
    std::move(at + 1, values.begin() + static_cast<ptrdiff_t>(end), at);
  };
  for (const JsonColumn& column : columns_) {
    Column& target = batch_->columns[column.slot];
    move_up(target.text);
    move_up(target.ints);
    move_up(target.floats);
    move_up(target.bools);
    if (!target.has_nulls) continue;
    move_up(target.null);
    target.null[end - 1] = 0;
  }
}

}  // namespace shardmill
