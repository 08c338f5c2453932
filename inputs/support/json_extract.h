// Columns from one record by the plain JSON reader: takes any record, says what is wrong with it.
#pragma once

#include <optional>
#include <string_view>

#include "inputs/support/json_columns.h"
#include "pipeline/formats/json_fields.h"
#include "pipeline/formats/json_paths.h"
#include "pipeline/formats/json_scan.h"

namespace shardmill {

/// Sets the columns of a record as JsonPaths says, whatever keys are repeated or dotted. One
/// worker. REQUIRES: columns and paths are of the same names in the same order, and outlive this.
class JsonExtractor {
 public:
  JsonExtractor(const JsonPaths& paths, JsonColumns& columns)
      : column_count_(paths.column_count()), columns_(columns), fields_(paths) {}

  /// The record as a whole is one JSON object, or there is a mistake; then no column is set.
  /// REQUIRES: JsonColumns::begin_record or undo_record was called just before.
  std::optional<JsonMistake> extract(std::string_view record) {
    if (auto mistake = fields_.read(record)) return mistake;
    for (size_t column = 0; column < column_count_; ++column) {
      if (const JsonValue* value = fields_.value(column)) columns_.set(column, *value);
    }
    return std::nullopt;
  }

 private:
  size_t column_count_;
  JsonColumns& columns_;
  JsonFields fields_;
};

}  // namespace shardmill
