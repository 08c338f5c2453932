// Columns from one record by the plain JSON reader: takes any record, says what is wrong with it.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "inputs/support/json_columns.h"
#include "inputs/support/json_paths.h"
#include "inputs/support/json_scan.h"

namespace shardmill {

/// Sets the columns of a record as JsonPaths says, whatever keys are repeated or dotted. One
/// worker. REQUIRES: columns and paths are of the same names in the same order, and outlive this.
class JsonExtractor : private JsonEvents {
 public:
  JsonExtractor(const JsonPaths& paths, JsonColumns& columns);

  /// The record as a whole is one JSON object, or there is a mistake; then some columns may be set.
  /// REQUIRES: JsonColumns::begin_record or undo_record was called just before.
  std::optional<JsonMistake> extract(std::string_view record);

 private:
  struct Level {
    int32_t members;  ///< node whose children the members are; kNone for arrays
    int32_t itself;   ///< node of the container as a value
  };
  struct Found {
    uint64_t record = 0;  ///< the value is of this record; older ones do not count
    JsonValue value;
  };

  void key(std::string_view text, bool escaped) override;
  void scalar(const JsonValue& value) override;
  void open(JsonKind kind) override;
  void close(const JsonValue& value) override;
  void note(int32_t node, const JsonValue& value);
  void forget_below(int32_t node);

  const JsonPaths& paths_;
  JsonColumns& columns_;
  uint64_t record_ = 0;
  int32_t next_ = JsonPaths::kNone;  ///< node of the value that comes next
  std::vector<Level> levels_;
  std::vector<uint64_t> visited_;  ///< by node: the last record in which its key was met
  std::vector<Found> found_;       ///< by node
  Arena keys_;                     ///< unescaped keys of one record
};

}  // namespace shardmill
