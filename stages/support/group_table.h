// From keys to group numbers, a block of rows at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "pipeline/base/arena.h"
#include "pipeline/base/heap.h"
#include "pipeline/core/batch.h"
#include "pipeline/core/column.h"

namespace shardmill {

/// Some rows of a batch, at most GroupTable::kBlockRows.
struct RowBlock {
  const uint32_t* list = nullptr;  ///< the rows; nullptr: first, first + 1, ...
  size_t first = 0;                ///< place of the first one among the selected rows
  size_t count = 0;

  size_t row(size_t i) const { return list == nullptr ? first + i : list[i]; }
};

/// Calls visit(RowBlock) for all selected rows of the batch, in order.
template <typename Visit>
void for_each_block(const Batch& batch, size_t block_rows, Visit&& visit) {
  const size_t count = batch.selected();
  for (size_t at = 0; at < count; at += block_rows) {
    RowBlock block{.first = at, .count = count - at < block_rows ? count - at : block_rows};
    if (!batch.selection.all) block.list = batch.selection.rows.data() + at;
    visit(block);
  }
}

/// Where words of a group's state are, group by group. Invalid after groups were added.
struct StateWords {
  uint64_t* base = nullptr;
  size_t stride = 0;

  uint64_t* at(uint32_t group) const { return base + group * stride; }
  StateWords from(size_t word) const { return {base + word, stride}; }
};

/// Memory of one worker for finding the groups of a block; may serve any tables in turn.
struct KeyScratch {
  std::vector<uint64_t> cells;  ///< one or two words for each key of each row
  std::vector<uint64_t> hashes;
  std::vector<uint32_t> candidates;

  void make_room(size_t rows, size_t words);
};

/// A hash table from tuples of values to group numbers 0, 1, 2, ... in order of first sight, with
/// `state_words` words for the user of each group, zero at first.
///
/// Null is a value of its own; -0 equals +0; all NaNs are one value. A group takes 8 bytes a key
/// column, 16 once a text of more than 8 bytes was seen, 8 bytes a state word and 16 to 32 bytes of
/// slots (up to 64 in small tables); texts over 15 bytes are kept aside. It grows in place: a large
/// table never holds two copies of itself.
/// Blocks are looked up in steps (cells and hashes, slots, records) with prefetches between them:
/// about 10 ns a row for two short texts and 25,000 groups (2.6 GHz), bound by the cache misses for
/// slot and record; a branch that is often guessed wrong costs as much as one of them. Up to 2^32 -
/// 2 groups. One owner, one thread.
class GroupTable {
 public:
  /// What is fetched ahead for so many rows stays in the first cache until it is used.
  static constexpr size_t kBlockRows = 128;

  /// Without key columns there is one group from the start.
  GroupTable(std::vector<Type> key_types, size_t state_words);
  GroupTable(const GroupTable&) = delete;
  GroupTable& operator=(const GroupTable&) = delete;

  size_t size() const { return size_; }
  const std::vector<Type>& key_types() const { return key_types_; }
  StateWords state() const { return {records_.get() + state_at_, stride_}; }

  /// Makes room for so many groups, as far as that is little memory, so that the table need not
  /// grow to them step by step. Does nothing once there are groups.
  void expect(size_t groups);

  /// The groups of the rows, new ones included, in groups[0, block.count).
  /// REQUIRES: one column per key, of its type; at most kBlockRows rows.
  void find_or_add(std::span<const Column* const> keys, const RowBlock& block, KeyScratch& scratch,
                   uint32_t* groups);
  /// The groups of another table's groups [first, first + count), by their keys.
  /// REQUIRES: the same key types; at most kBlockRows.
  void find_or_add(const GroupTable& other, size_t first, size_t count, KeyScratch& scratch,
                   uint32_t* groups);

  bool is_null(uint32_t group, size_t key) const;
  /// REQUIRES: not null and the key is of this kind. The text lives as long as no group is added.
  std::string_view text(uint32_t group, size_t key) const;
  int64_t integer(uint32_t group, size_t key) const;  ///< also bool and time
  double number(uint32_t group, size_t key) const;

  /// Ascending by the first key, then the next: numbers by value, NaN after them, text by bytes,
  /// null last. Negative, 0 or positive.
  int compare(uint32_t a, uint32_t b) const;
  /// All groups in that order.
  std::vector<uint32_t> sorted() const;

  size_t memory_bytes() const;

 private:
  struct Free {
    void operator()(uint64_t* memory) const { heap_free(memory); }
  };

  uint64_t* record(uint32_t group) const { return records_.get() + group * stride_; }
  const uint64_t* cell(uint32_t group, size_t key) const {
    return record(group) + (is_narrow_ ? key : 2 * key);
  }
  void lay_out(bool narrow);
  void widen();
  uint64_t hash_of(const uint64_t* cells) const;
  bool find_narrow(std::span<const Column* const> keys, const RowBlock& block, KeyScratch& scratch,
                   uint32_t* groups);
  void find_wide(std::span<const Column* const> keys, const RowBlock& block, KeyScratch& scratch,
                 uint32_t* groups);
  template <size_t kWords>
  void probe(KeyScratch& scratch, size_t count, uint32_t* groups);
  size_t probe_near_narrow_texts(const std::string_view* texts, size_t count, uint32_t* groups);
  void probe_near_texts(const std::string_view* texts, size_t count, uint32_t* groups);
  template <typename Texts>
  size_t probe_known_texts(const std::string_view* texts, size_t i, size_t count,
                           uint32_t* groups) const;
  uint32_t candidate_of(uint64_t tag) const;
  void find_candidates(const uint64_t* hashes, size_t count, uint32_t* candidates) const;
  void probe_any(KeyScratch& scratch, size_t count, uint32_t* groups);
  template <size_t kWords>
  bool same_key(const uint64_t* record, const uint64_t* cells) const;
  template <size_t kWords>
  uint32_t find_or_add_one(const uint64_t* cells, uint32_t tag);
  uint32_t add_group(const uint64_t* cells);
  int compare_texts(uint32_t a, uint32_t b, size_t key) const;
  void reserve_record();
  void make_records(size_t capacity);
  void grow_records(size_t words);
  void grow_slots();
  void place(uint64_t slot);

  std::vector<Type> key_types_;
  size_t state_words_ = 0;
  bool is_narrow_ = true;  ///< keys take one word each, else two
  size_t state_at_ = 0;    ///< word of a record where the state begins
  size_t stride_ = 0;      ///< words of a record
  size_t size_ = 0;
  size_t record_capacity_ = 0;
  std::unique_ptr<uint64_t[], Free> records_;
  size_t slot_count_ = 0;                    ///< a power of two
  std::unique_ptr<uint64_t[], Free> slots_;  ///< tag << 32 | group + 1; 0 is free
  Arena texts_;
};

}  // namespace shardmill
