// Counts of values in front of a table: most of them without looking into it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "pipeline/core/column.h"
#include "stages/support/group_table.h"

namespace shardmill {

/// Memory of one worker on the way from counters to tables; may serve any counters in turn.
struct ValueScratch {
  Column values;
  std::vector<uint64_t> words;  ///< of those values that no batch holds
  std::vector<uint32_t> counts;
  size_t rows = 0;
  std::vector<uint32_t> others;
  std::vector<uint32_t> groups;
  KeyScratch keys;
};

/// Counts the values of a column in the first state word of their groups. A value and its count
/// stand here side by side until they are handed over: one look instead of the table's two, each
/// of which may wait for memory. What finds no place here, because values that are met more often
/// have it, and texts over 15 bytes, are counted in the table at once. Values keep their places
/// from one table to the next, so that a worker's units after the first begin with the values that
/// come often.
///
/// 4 to 6 ns a number, 5 to 7 ns a text of 100 different ones and 9 to 13 ns of 20,000, on a shared
/// Xeon (`scripts/bench --kernels`). One worker.
class ValueCounter {
 public:
  /// Takes at most `bytes_max` of memory (half as much again for a moment, while it grows to that),
  /// and only what many different values need. REQUIRES: bytes_max >= kBytesLeast.
  static constexpr size_t kBytesLeast = 4 << 10;
  static std::unique_ptr<ValueCounter> make(Type type, size_t bytes_max);

  virtual ~ValueCounter() = default;
  /// Counts rows [0, rows) of a column without nulls. `table` is the same one until `flush`.
  virtual void add(const Column& column, size_t rows, GroupTable& table, ValueScratch& scratch) = 0;
  /// Hands over all counts.
  virtual void flush(GroupTable& table, ValueScratch& scratch) = 0;
  /// Forgets all counts.
  virtual void clear() = 0;
};

}  // namespace shardmill
