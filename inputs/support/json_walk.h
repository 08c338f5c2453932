// Columns from lines of JSON by their index: the fast way.
#pragma once

#include <array>
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

/// Goes through the lines of an indexed text, one after another: checks each record whole and sets
/// its columns. What is not plain sailing (mistakes, keys that come twice, two members that fit one
/// column, records that are no object) is left to JsonExtractor, which decides and says why; so
/// "no" here never means that a record is wrong. Most records have the make of one of the last few;
/// these are checked against its template, without looking at their keys. One worker. REQUIRES:
/// columns and paths are of the same names in the same order, and outlive this; kTextPadding bytes
/// behind each text may be read.
class JsonWalker {
 public:
  enum class Outcome : uint8_t { kRecord, kBlank, kUnsure };

  JsonWalker(const JsonPaths& paths, JsonColumns& columns);

  bool available() const { return index_.available(); }
  /// Indexes `text`, whole lines. False if JsonIndex cannot. REQUIRES: available().
  bool begin(std::string_view text);
  /// The next line, whose newline is at `line_end`. kUnsure: some columns may be set.
  /// REQUIRES: JsonColumns::begin_record was called just before.
  Outcome next(size_t line_end);

 private:
  struct Level {
    int32_t members;  ///< node whose children the members are; kNone for arrays
    int32_t itself;   ///< node of the container as a value
    uint32_t begin;
    bool is_object;
  };

  bool follow_any(const uint32_t*& at, size_t line_end);
  bool follow(const JsonTemplate& make, const uint32_t*& at);
  template <bool kLearn>
  bool walk(const uint32_t*& at, size_t line_end);
  bool string(const uint32_t* at, JsonValue& value);
  bool scalar(const uint32_t* at, JsonValue& value);
  bool enter(std::string_view key, bool escaped, int32_t members, int32_t& node);
  bool note(int32_t column, const JsonValue& value);
  int32_t column_of(int32_t node) const;
  JsonTemplate& oldest_make();
  bool escapes_are_sound(size_t end);

  const JsonPaths& paths_;
  JsonColumns& columns_;
  JsonIndex index_;
  std::string_view text_;
  const uint32_t* at_ = nullptr;             ///< first position of the next line
  std::unique_ptr<uint32_t[]> backslashes_;  ///< where they are in the text
  size_t backslash_room_ = 0;
  const uint32_t* backslash_ = nullptr;  ///< the first that no string was checked for
  uint64_t record_ = 0;
  std::vector<uint64_t> visited_;  ///< by node: the last record in which its key was met
  std::unique_ptr<Level[]> levels_;
  std::array<JsonTemplate, 4> makes_;
  size_t newest_make_ = 0;
  int patience_ = 0;  ///< below 0: so many records are walked before templates are tried again
  std::unique_ptr<uint32_t[]> begins_;  ///< of open containers that a template shows
  Arena keys_;
};

}  // namespace shardmill
