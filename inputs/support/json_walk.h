// Columns from lines of JSON by their index: the fast way.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "inputs/support/json_columns.h"
#include "inputs/support/json_index.h"
#include "inputs/support/json_template.h"
#include "pipeline/formats/json_paths.h"
#include "pipeline/formats/json_scan.h"

namespace shardmill {

/// Goes through records of an indexed text: checks each whole and sets its columns. What is not
/// plain sailing (mistakes, keys that come twice, two members that fit one column, records that are
/// no object) is left to JsonExtractor, which decides and says why; so "no" here never means that a
/// record is wrong. One worker. REQUIRES: columns and paths are of the same names in the same
/// order, and outlive this; kTextPadding bytes behind each text may be read.
class JsonWalker {
 public:
  JsonWalker(const JsonPaths& paths, JsonColumns& columns);

  bool available() const { return index_.available(); }
  /// REQUIRES: available().
  bool is_utf8(std::string_view text) const { return index_.is_utf8(text); }
  /// Indexes `text`, whole lines. False if JsonIndex cannot. REQUIRES: available().
  bool begin(std::string_view text);

  /// Of the text.
  const uint32_t* positions() const { return index_.positions(); }

  /// The record whose positions begin at `at`, the newline of which is at `line_end`. `make`, if
  /// given, learns it, or has no positions. If true, `at` is behind the record; if false, it is as
  /// it was, and some columns may be set.
  /// REQUIRES: JsonColumns::begin_record was called just before; all backslashes of the record
  /// begin sound escapes.
  bool walk(const uint32_t*& at, size_t line_end, JsonTemplate* make);

 private:
  struct Level {
    int32_t members;  ///< node whose children the members are; kNone for arrays
    int32_t itself;   ///< node of the container as a value
    const uint32_t* begin;
    bool is_object;
  };

  template <bool kLearn>
  bool walk_object(const uint32_t*& at, size_t line_end, JsonTemplate* make);
  bool string(const uint32_t* at, JsonValue& value);
  bool scalar(const uint32_t* at, JsonValue& value);
  bool enter(std::string_view key, int32_t members, int32_t& node);
  bool note(int32_t column, const JsonValue& value);
  bool note_scalar(int32_t column, JsonValue& value);
  int32_t column_of(int32_t node) const;

  const JsonPaths& paths_;
  JsonColumns& columns_;
  JsonIndex index_;
  std::string_view text_;
  uint64_t record_ = 0;
  std::vector<uint64_t> visited_;  ///< by node: the last record in which its key was met
  std::unique_ptr<Level[]> levels_;
  Arena keys_;
};

}  // namespace shardmill
