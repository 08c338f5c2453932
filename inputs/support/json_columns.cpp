#include "inputs/support/json_columns.h"

#include <limits>

#include "pipeline/formats/numbers.h"

namespace shardmill {

namespace {

// parse_float knows more ways to write a number than JSON; the token is sound JSON already.
bool float_of(const JsonValue& value, double& number) {
  if (value.kind == JsonKind::kNumber) return parse_float(value.text, number);
  if (value.kind != JsonKind::kString) return false;
  if (value.text == "NaN") {
    number = std::numeric_limits<double>::quiet_NaN();
  } else if (value.text == "Infinity") {
    number = std::numeric_limits<double>::infinity();
  } else if (value.text == "-Infinity") {
    number = -std::numeric_limits<double>::infinity();
  } else {
    return false;
  }
  return true;
}

}  // namespace

JsonColumns::JsonColumns(const std::vector<JsonColumn>& columns)
    : columns_(columns), set_in_(columns.size()) {}

void JsonColumns::begin_batch(Batch& batch, size_t rows) {
  batch_ = &batch;
  row_ = 0;
  texts_.clear();
  for (const JsonColumn& column : columns_) {
    Column& target = batch.columns[column.slot];
    target.prepare(column.type, rows);
    texts_.push_back(column.type == Type::kText ? target.text.data() : nullptr);
  }
}

void JsonColumns::set_slowly(size_t column, const JsonValue& value) {
  Column& target = batch_->columns[columns_[column].slot];
  if (value.kind == JsonKind::kNull) {
    target.set_null(row_);
  } else if (!store(target, value)) {
    target.set_null(row_);
    bad_values_.push_back({.column = column, .source = value.source()});
  }
}

std::string_view JsonColumns::text_of(const JsonValue& value) {
  return value.escaped ? unescape_json(value.text, batch_->arena) : value.text;
}

bool JsonColumns::store(Column& column, const JsonValue& value) {
  switch (column.type) {
    case Type::kText:
      column.text[row_] = text_of(value);
      return true;
    case Type::kInt:
      return value.kind == JsonKind::kNumber && parse_int(value.text, column.ints[row_]);
    case Type::kFloat:
      return float_of(value, column.floats[row_]);
    case Type::kBool:
      column.bools[row_] = value.kind == JsonKind::kTrue ? 1 : 0;
      return value.kind == JsonKind::kTrue || value.kind == JsonKind::kFalse;
    case Type::kTime:
      return value.kind == JsonKind::kString && parse_time(text_of(value), column.ints[row_]);
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
  ++row_;
}

void JsonColumns::undo_record() {
  for (const JsonColumn& column : columns_) {
    Column& target = batch_->columns[column.slot];
    if (target.has_nulls) target.null[row_] = 0;
  }
  bad_values_.clear();
  begin_record();
}

}  // namespace shardmill
