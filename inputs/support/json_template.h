// The make of a record: what its neighbours most likely have in common with it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/formats/json_scan.h"

namespace shardmill {

/// One sound record as literals, bytes that every record of the same make has, and the values
/// between them.
///
///   {"id":7,"user":{"name":"x"},"tags":[1,2]}
///   ------ ----------------- -----------  - --   literals: compared as they are
///         v                 v           v v      values: any scalar, or the text of a string
///
/// A record that is these literals with a sound scalar in each place between them is sound, and its
/// wanted members are in the same places. The quotes of strings belong to the literals. One worker.
class JsonTemplate {
 public:
  /// What most likely stands in a place; only the way to check it depends on it.
  enum class Likely : uint8_t { kString, kShortInt, kNumber, kTruth, kOther, kEnd };
  /// Nowhere: no room is needed for it.
  static constexpr int32_t kNowhere = -1;
  /// This many bytes behind the beginning of each literal may be read.
  static constexpr size_t kLiteralPadding = 16;

  /// A literal and the value behind it, or the record's end.
  struct Step {
    uint32_t literal = 0;  ///< where it begins in literals()
    uint32_t bytes = 0;    ///< of the literal
    Likely likely = Likely::kOther;
    char follower = 0;         ///< the byte behind the value: the first of the next literal
    int32_t span = kNowhere;   ///< which span of JsonSpans the value's source is
    int32_t start = kNowhere;  ///< which start of JsonSpans the literal's is
  };
  /// A scalar that is a column's value.
  struct Value {
    size_t span = 0;
    size_t column = 0;
  };
  /// An object or array that is a column's value: from a byte of one literal to a byte of another.
  struct Container {
    size_t first_start = 0;
    size_t first_offset = 0;
    size_t last_start = 0;
    size_t last_offset = 0;  ///< of the closing bracket
    JsonKind kind = JsonKind::kObject;
    size_t column = 0;
  };
  /// Longer makes are not kept: they would be of little use in a cache.
  static constexpr size_t kValuesMax = 512;
  static constexpr size_t kLiteralBytesMax = 8 << 10;

  /// Starts to learn the record of `text` that begins there.
  void begin(std::string_view text, size_t position);
  /// The scalar is of `column` (JsonPaths::kNone for none).
  void value(const JsonValue& value, int32_t column);
  /// The container is of `column`. To be called before what comes behind it.
  void container(const JsonValue& value, int32_t column);
  /// The record ends before `position`; there are `columns` in all. False, without steps, if this
  /// make is not worth keeping.
  bool end(size_t position, size_t columns);
  /// Back to no steps, for instance because the record was not sound.
  void forget() { steps_.clear(); }

  /// None if this is no make.
  const std::vector<Step>& steps() const { return steps_; }
  const char* literals() const { return literals_.data(); }
  const std::vector<Value>& values() const { return values_; }
  const std::vector<Container>& containers() const { return containers_; }
  /// Columns that such a record does not have.
  const std::vector<size_t>& missing() const { return missing_; }
  size_t starts() const { return starts_; }  ///< how many there are

 private:
  struct Held {
    size_t begin;
    size_t last;
    JsonKind kind;
    size_t column;
  };

  void add_step(size_t end, Likely likely);
  void resolve(const Held& held);
  size_t step_at(size_t position) const;

  std::string_view text_;       ///< while learning
  size_t open_ = 0;             ///< while learning: the first byte that nothing covers
  bool is_usable_ = false;      ///< while learning
  std::vector<size_t> begins_;  ///< while learning, by step: where its literal begins
  std::vector<Held> held_;      ///< while learning: containers
  std::vector<Step> steps_;
  std::string literals_;
  std::vector<Value> values_;
  std::vector<Container> containers_;
  std::vector<size_t> missing_;
  size_t starts_ = 0;
};

}  // namespace shardmill
