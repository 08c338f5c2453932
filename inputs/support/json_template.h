// The make of a record: what its neighbours most likely have in common with it.
#pragma once

#include <cstddef>
#include <cstdint>
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
/// A record with these literals at the same positions of its index, and a scalar in each place
/// between them, is sound, and its wanted members are at the same positions. Literals reach from
/// value to value, so outside strings in both records, and the index has as many positions in them.
/// The quotes of strings belong to the literals, so that strings need no look of their own: the
/// index found them sound. One worker.
class JsonTemplate {
 public:
  /// Literals are compared in parts; what lies behind a literal's end is masked away.
  static constexpr size_t kPartBytes = 16;
  struct Part {
    uint8_t bytes[kPartBytes];
    uint8_t mask[kPartBytes];
    uint8_t loose_mask[kPartBytes];  ///< without quotes of values: a null may be in their place
    uint32_t position = 0;           ///< of the index, counted from the record's first
    int32_t offset = 0;              ///< from there to where the part begins
  };
  struct Value {
    uint32_t position = 0;
    uint32_t space = 0;               ///< whitespace between its end and the next position
    JsonKind kind = JsonKind::kNull;  ///< of the record that was learned
    bool is_short_int = false;        ///< that record's: not negative, at most eight digits
    int32_t column = 0;               ///< JsonPaths::kNone for none
  };
  /// An object or array that is a column's value.
  struct Container {
    uint32_t first = 0;  ///< position of its opening bracket
    uint32_t last = 0;   ///< and of its closing one
    JsonKind kind = JsonKind::kObject;
    int32_t column = 0;
  };
  /// Longer makes are not kept: they would be of little use in a cache.
  static constexpr size_t kValuesMax = 512;
  static constexpr size_t kPartsMax = 512;

  /// Starts to learn the record whose positions start at `first`.
  void begin(std::string_view text, const uint32_t* first);
  /// The scalar at `at` is of `column`.
  void value(const uint32_t* at, const JsonValue& value, int32_t column);
  /// The container between the positions `first` and `last` is of `column`.
  void container(const uint32_t* first, const uint32_t* last, JsonKind kind, int32_t column);
  /// The record ends with the bracket before `at`; there are `columns` in all. False, without
  /// positions, if this make is not worth keeping.
  bool end(const uint32_t* at, size_t columns);
  /// Back to no positions, for instance because the record was not sound.
  void forget() { positions_ = 0; }

  /// Of the index in one record; 0 if this is no make.
  size_t positions() const { return positions_; }
  const std::vector<Part>& parts() const { return parts_; }
  /// Where a part may end, at most, behind a position of the index.
  size_t reach() const { return reach_; }
  const std::vector<Value>& values() const { return values_; }
  const std::vector<Container>& containers() const { return containers_; }
  /// Columns that such a record does not have.
  const std::vector<size_t>& missing() const { return missing_; }

 private:
  void add_literal(size_t end, bool ends_with_quote);
  uint32_t number(const uint32_t* at) const { return static_cast<uint32_t>(at - first_); }

  std::string_view text_;            ///< while learning
  const uint32_t* first_ = nullptr;  ///< while learning
  const uint32_t* open_ = nullptr;   ///< while learning: the first position that nothing covers
  size_t open_byte_ = 0;             ///< where the literal to come begins
  bool begins_with_quote_ = false;   ///< that of a value
  bool is_usable_ = false;
  size_t positions_ = 0;
  size_t reach_ = 0;
  std::vector<Part> parts_;
  std::vector<Value> values_;
  std::vector<Container> containers_;
  std::vector<size_t> missing_;
};

}  // namespace shardmill
