// One column of a batch, and the names and types of columns.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace shardmill {

/// Makes room for so many values; what a batch holds never shrinks.
template <typename T>
void grow_to(std::vector<T>& values, size_t count) {
  if (values.size() < count) values.resize(count);
}

/// A time is nanoseconds since 1970-01-01 00:00 UTC.
enum class Type : uint8_t { kText, kInt, kFloat, kBool, kTime };

/// "text", "int", "float", "bool", "time".
std::string_view type_name(Type type);
std::optional<Type> type_from_name(std::string_view name);

/// The values of one column for the rows of one batch.
///
/// Only the vector that belongs to `type` is in use; vectors may be longer than the batch has rows
/// (they are reused from chunk to chunk and never shrink). Rows outside the batch's selection may
/// hold anything.
struct Column {
  Type type = Type::kText;
  bool has_nulls = false;              ///< false: no row is null and `null` must not be read
  std::vector<std::string_view> text;  ///< kText: views into the chunk or the batch's arena
  std::vector<int64_t> ints;           ///< kInt, kTime
  std::vector<double> floats;          ///< kFloat
  std::vector<uint8_t> bools;          ///< kBool: 0 or 1
  std::vector<uint8_t> null;           ///< 1 where the value is null, if has_nulls

  /// Makes room for `rows` values of `type`, none of them null. Values are left as they were.
  void prepare(Type new_type, size_t rows);
  /// Marks `row` null, making all rows not null first if this is the first null.
  /// REQUIRES: prepare was called with more than `row` rows.
  void set_null(size_t row);
  bool is_null(size_t row) const { return has_nulls && null[row] != 0; }
};

/// A column as stages see it: where its values are (`slot` in Batch::columns), what they are.
struct SchemaColumn {
  std::string name;
  Type type = Type::kText;
  size_t slot = 0;
};

/// The columns that reach a stage, in order.
struct Schema {
  std::vector<SchemaColumn> columns;

  const SchemaColumn* find(std::string_view name) const;
  std::vector<std::string> names() const;
};

}  // namespace shardmill
