// Counts of texts in front of a table: most of them without looking into it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "pipeline/base/heap.h"
#include "pipeline/core/column.h"
#include "stages/support/group_table.h"

namespace shardmill {

/// Counts the texts of a column in the first state word of their groups. The counts of short texts
/// stand here beside the text until they are handed over: one look instead of the table's two, each
/// of which waits for memory. What finds no place here, because a text that is met more often has
/// it, is counted in the table at once. One worker.
class TextCounter {
 public:
  /// Most memory. It grows up to that with the number of different texts.
  static constexpr size_t kBytesMax = 5 << 20;

  TextCounter();

  /// Counts rows [0, rows) of a text column without nulls. `table` is the same one until `flush`.
  void add(const Column& column, size_t rows, GroupTable& table);
  /// Hands over all counts.
  void flush(GroupTable& table);
  /// Forgets all counts.
  void clear();

 private:
  /// A text and how often it was met since it came here. All zero: free.
  struct alignas(32) Entry {
    uint64_t words[2];
    uint64_t count;
    uint32_t group;
    uint32_t count_before;  ///< when another text wanted this place last, the low bits
  };
  struct Free {
    void operator()(void* memory) const { heap_free(memory); }
  };

  size_t count_known(const Column& column, size_t first, size_t count);
  void count_others(const Column& column, size_t others, GroupTable& table);
  void offer_place(size_t i, uint32_t group, StateWords counts);

  std::unique_ptr<void, Free> memory_;
  Entry* entries_;  ///< in it, none over two cache lines
  unsigned place_bits_;
  std::vector<uint32_t> used_;  ///< entries that hold a text
  // Of the block at hand:
  std::vector<uint64_t> words_;   ///< two for each row
  std::vector<uint32_t> places_;  ///< by row: the entry that its text may have
  std::vector<uint32_t> others_;  ///< rows whose text is not here, counted from the block's first
  std::vector<uint32_t> rows_;    ///< the same, counted from the batch's first
  std::vector<uint32_t> groups_;
  KeyScratch scratch_;
};

}  // namespace shardmill
