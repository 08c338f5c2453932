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
#include "pipeline/core/identity.h"

namespace shardmill {

/// A record as it looked at a stage.
struct RecordExample {
  uint64_t rank = 0;  ///< what chooses: the smaller, the better
  std::string path;
  uint64_t offset = 0;
  uint64_t sub_index = 0;
  std::string record;  ///< a JSON object of the columns that the job uses; long values are cut
};

/// The examples that come first by rank and identity, so that they are the same on any layout: a
/// function of the set of all that were offered. Merging is associative and commutative. One
/// worker.
class RecordExamples {
 public:
  static constexpr size_t kPerDropReason = 5;

  explicit RecordExamples(size_t most = kPerDropReason) : most_(most) {}

  /// False if such an example cannot be among the first any more.
  bool wants(uint64_t rank) const {
    return list_.size() < most_ || (most_ > 0 && rank <= list_.back().rank);
  }
  bool wants(uint64_t rank, std::string_view path, uint64_t offset, uint64_t sub_index) const;
  void add(RecordExample example);
  void merge(const RecordExamples& other);
  /// In order.
  const std::vector<RecordExample>& list() const { return list_; }

  void encode(ByteWriter& writer) const;
  /// Marks `reader` failed if the bytes are no examples.
  static RecordExamples decode(ByteReader& reader);

 private:
  size_t most_;
  std::vector<RecordExample> list_;
};

/// Turns rows into examples, for one stage of one worker.
class RecordWatch {
 public:
  /// `columns` are what the records have where they are watched; those that no stage uses have no
  /// values and are left out.
  RecordWatch(const Schema& columns, const SlotPlan& slots);

  void begin_file(std::string_view path) { hash_.begin_file(path); }
  /// Offers the record of `row`, ranked by the hash of its identity.
  void offer(RecordExamples& examples, const Batch& batch, size_t row) {
    const uint64_t rank = hash_.of(batch, row);
    if (examples.wants(rank)) [[unlikely]]
      examples.add(example(rank, batch, row));
  }
  /// Offers all selected records, the first in canonical order being the best.
  void offer_first(RecordExamples& examples, const Batch& batch);

 private:
  RecordExample example(uint64_t rank, const Batch& batch, size_t row) const;

  std::vector<SchemaColumn> columns_;
  IdentityHash hash_;
};

}  // namespace shardmill
