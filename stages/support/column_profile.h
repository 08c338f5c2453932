// What `profile` knows of one column.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <variant>
#include <vector>

#include "pipeline/base/bytes.h"
#include "pipeline/core/column.h"
#include "stages/support/distinct.h"
#include "stages/support/group_table.h"
#include "stages/support/number_totals.h"
#include "stages/support/text_totals.h"
#include "stages/support/time_totals.h"
#include "stages/support/value_counter.h"

namespace shardmill {

/// Memory of one worker for adding values; may serve any columns in turn.
struct ProfileScratch {
  ValueScratch counted;
  std::vector<uint64_t> hashes;
  Column dense;  ///< values without nulls
  Column short_texts;
  Arena arena;
};

/// The values of one column. While it has at most `exact_values` different ones, each is counted by
/// itself and everything else follows from that at the end; what needs every value is begun only
/// when there are more. Which of the two it is follows from the set of values alone, so order and
/// merges never show: merging is exact, equal states have equal bytes.
///
/// Up to `exact_values` about 50 bytes a value, and 2 ns for each that comes often; beyond, 20 to
/// 100 KiB a column and about 10 ns a number, 40 ns a text. One owner, one thread.
class ColumnProfile {
 public:
  ColumnProfile(Type type, uint32_t exact_values);

  /// Adds the values of `rows`, which are ascending; nullptr: the first `count` rows. Values may
  /// stand in `counter`, which belongs to this column alone, until `take_counts`.
  void add(const Column& column, const uint32_t* rows, size_t count, ValueCounter& counter,
           ProfileScratch& scratch);
  /// Takes over what stands in the counter. Before anything else is done with the profile.
  void take_counts(ValueCounter& counter, ProfileScratch& scratch);
  void merge(ColumnProfile&& other);
  void encode(ByteWriter& writer) const;
  /// REQUIRES: nothing was added yet. Marks the reader failed if the bytes are wrong.
  void decode(ByteReader& reader);
  size_t memory_bytes() const;

  // ---- results; `finish` comes first, after which nothing is added any more

  /// Makes the totals of a column whose values were counted one by one.
  void finish();

  Type type() const { return type_; }
  uint64_t values() const { return values_; }  ///< that are not null
  uint64_t nulls() const { return nulls_; }
  bool is_exact() const { return table_ != nullptr; }
  /// Different values: exact, or an estimate above `exact_values`.
  uint64_t distinct() const;
  /// Every value with its count as state; nullptr unless is_exact(). Keys of texts as in
  /// text_key.h.
  const GroupTable* table() const { return table_.get(); }

  /// REQUIRES: the type is int or bool, float, time, text.
  const NumberTotals<int64_t>& whole() const { return std::get<0>(totals_); }
  const NumberTotals<double>& numbers() const { return std::get<1>(totals_); }
  const TimeTotals& times() const { return std::get<2>(totals_); }
  const TextTotals& texts() const { return std::get<3>(totals_); }

  /// The value at `rank`, exact if is_exact(). NaN does not count.
  /// REQUIRES: int, bool or time; float. 1 <= rank <= the numbers or times.
  int64_t whole_at(uint64_t rank) const;
  double number_at(uint64_t rank) const;

 private:
  using Totals = std::variant<NumberTotals<int64_t>, NumberTotals<double>, TimeTotals, TextTotals>;

  void add_dense(const Column& values, size_t count, ValueCounter& counter,
                 ProfileScratch& scratch);
  const Column& with_short_texts(const Column& values, size_t count, ProfileScratch& scratch);
  void add_to_totals(const Column& values, size_t count, ProfileScratch& scratch);
  void go_beyond_limit();
  void add_groups_to(Totals& totals) const;
  uint64_t group_hash(uint32_t group) const;
  uint32_t group_at(uint64_t rank) const;

  Type type_;
  uint32_t exact_values_;
  uint64_t values_ = 0;
  uint64_t nulls_ = 0;
  std::unique_ptr<GroupTable> table_;
  DistinctSet distinct_;  ///< in use without a table
  /// Without a table of all values. With one: of long texts, which the table does not know whole.
  Totals totals_;
  std::vector<uint32_t> order_;  ///< groups by value, once finished
  std::vector<uint64_t> ranks_;  ///< the last rank of each of them
};

}  // namespace shardmill
