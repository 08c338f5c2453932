// The wanted values of one JSON object, found by the plain reader: takes any record, says what is
// wrong with it.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "pipeline/formats/json_paths.h"
#include "pipeline/formats/json_scan.h"

namespace shardmill {

/// Finds the values as JsonPaths says, whatever keys are repeated or dotted. One thread; keeps its
/// memory. About 0.7 GB/s.
class JsonFields : private JsonEvents {
 public:
  /// `paths` must outlive this.
  explicit JsonFields(const JsonPaths& paths);

  /// Reads `record`, which as a whole must be one JSON object; otherwise says what is wrong, and
  /// there are no values.
  std::optional<JsonMistake> read(std::string_view record);

  /// The value at path number `path` of the record last read, a view into it; nullptr if it has
  /// none. REQUIRES: `read` found no mistake.
  const JsonValue* value(size_t path) const;

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
  uint64_t record_ = 0;
  int32_t next_ = JsonPaths::kNone;  ///< node of the value that comes next
  std::vector<Level> levels_;
  std::vector<uint64_t> visited_;  ///< by node: the last record in which its key was met
  std::vector<Found> found_;       ///< by node
  Arena keys_;                     ///< unescaped keys of one record
};

/// A number without fraction and exponent, within 64 bits.
bool json_to_int(const JsonValue& value, int64_t& number);
/// A number, rounded to nearest, or one of the strings "NaN", "Infinity" and "-Infinity".
bool json_to_float(const JsonValue& value, double& number);
/// true or false.
bool json_to_bool(const JsonValue& value, bool& truth);
/// A string in ISO 8601, as ns since 1970 UTC.
bool json_to_time(const JsonValue& value, int64_t& nanoseconds);
/// The text of a string, unescaped into `arena` if need be; of all else the source bytes, so that
/// numbers keep their digits.
std::string_view json_to_text(const JsonValue& value, Arena& arena);

}  // namespace shardmill
