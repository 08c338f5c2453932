// A few records that show what a stage does: those that it dropped, or those that it passed on.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/base/bytes.h"
#include "pipeline/core/batch.h"
#include "pipeline/core/bind.h"

namespace shardmill {

/// A record as it looked at a stage.
struct RecordExample {
  uint64_t rank = 0;  ///< what chooses: the smaller, the better
  std::string path;
  uint64_t offset = 0;
  uint64_t sub_index = 0;
  uint64_t seniors = 0;  ///< of its rank that come before it; RecordExamples counts them
  std::string record;    ///< a JSON object of the columns that the job uses; long values are cut
};

/// Of all that were offered, the first of each rank, those of the smallest ranks; where there are
/// too few ranks, the second of each, and so on; what is first is said by identity. So they are the
/// same on any layout: a function of the set of all that were offered. Merging is associative and
/// commutative: what is not among the best of a part is not among the best of the whole, because
/// others of its rank only make it worse, and take the places of those they push back. One worker.
class RecordExamples {
 public:
  static constexpr size_t kPerDropReason = 5;

  explicit RecordExamples(size_t most = kPerDropReason) : most_(most) {}

  /// False if such an example cannot be among the best any more.
  bool wants(uint64_t rank) const {
    return list_.size() < most_ || (most_ > 0 && (has_seconds_ || rank <= list_.back().rank));
  }
  bool wants(uint64_t rank, std::string_view path, uint64_t offset, uint64_t sub_index) const;
  void add(RecordExample example);
  void merge(const RecordExamples& other);
  /// The best first.
  const std::vector<RecordExample>& list() const { return list_; }

  void encode(ByteWriter& writer) const;
  /// Marks `reader` failed if the bytes are no examples.
  static RecordExamples decode(ByteReader& reader);

 private:
  size_t most_;
  bool has_seconds_ = false;  ///< two of the list have the same rank
  std::vector<RecordExample> list_;
};

/// Turns rows into examples, for one stage of one worker. The rank is a hash of the file and of the
/// block of kBlockBytes in which the record starts, so that millions of dropped lines need not be
/// looked at one by one.
class RecordWatch {
 public:
  /// `columns` are what the records have where they are watched; those that no stage uses have no
  /// values and are left out.
  RecordWatch(const Schema& columns, const SlotPlan& slots);

  static constexpr uint64_t kBlockBytes = 64 << 10;

  void begin_file(std::string_view path);
  /// Offers the record of `row`.
  void offer(RecordExamples& examples, const Batch& batch, size_t row) {
    if (examples.wants(rank_at(batch.offsets[row]))) [[unlikely]]
      offer_one(examples, batch, row);
  }
  /// False if none of the records between two rows of one file, these included, would become an
  /// example. Records of several blocks of the file are not looked at.
  bool may_want(const RecordExamples& examples, const Batch& batch, size_t first_row,
                size_t last_row) {
    const uint64_t rank = rank_at(batch.offsets[first_row]);
    return block_of(batch.offsets[last_row]) != block_ || examples.wants(rank);
  }
  /// Offers all lines of `range`, which begins and ends where lines do. `row` of the batch has room
  /// for one of them, and is written over.
  void offer_lines(RecordExamples& examples, Batch& batch, const UncutLines& lines, LineRange range,
                   size_t row) {
    if (range.begin == range.end) return;
    const bool is_one_block = block_of(lines.offset() + range.end - 1) == block_;
    if (is_one_block && block_of(lines.offset() + range.begin) == block_ && !examples.wants(rank_))
      return;
    offer_blocks(examples, batch, lines, range, row);
  }
  /// Offers all selected records, the first in canonical order being the best.
  void offer_first(RecordExamples& examples, const Batch& batch);

 private:
  static uint64_t block_of(uint64_t offset) { return offset / kBlockBytes; }
  uint64_t rank_at(uint64_t offset) {
    if (block_of(offset) != block_) [[unlikely]]
      enter_block(block_of(offset));
    return rank_;
  }
  void enter_block(uint64_t block);
  void offer_one(RecordExamples& examples, const Batch& batch, size_t row);
  void offer_blocks(RecordExamples& examples, Batch& batch, const UncutLines& lines,
                    LineRange range, size_t row);
  RecordExample example(uint64_t rank, const Batch& batch, size_t row) const;

  std::vector<SchemaColumn> columns_;
  uint64_t path_hash_ = 0;
  uint64_t block_ = 0;  ///< the one that was looked at last
  uint64_t rank_ = 0;   ///< of its records
};

}  // namespace shardmill
