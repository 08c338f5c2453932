// The states behind aggregates, for all groups at once: each is updated by a loop over the values
// of a block, never by a call per row.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/base/bytes.h"
#include "pipeline/core/column.h"
#include "stages/support/distinct.h"
#include "stages/support/group_table.h"
#include "stages/support/quantile_sketch.h"

namespace shardmill {

/// The values of one column in a block that are not null, and the group of each. Only the pointer
/// of the column's type is set; bools and times are ints.
struct ValueBlock {
  const double* floats = nullptr;
  const int64_t* ints = nullptr;
  const std::string_view* texts = nullptr;
  const uint32_t* groups = nullptr;
  size_t count = 0;
  bool one_group = false;  ///< known to be all of the first one's
};

/// Groups [first, first + count) of another table, and which groups they are here.
struct GroupMapping {
  const uint32_t* into = nullptr;
  size_t first = 0;
  size_t count = 0;
};

enum class StateKind : uint8_t { kSum, kSquares, kMin, kMax, kQuantiles, kDistinct };

/// One state of one column for every group: fixed words in the group's record, and what does not
/// fit there beside them. Like a Partial: a function of the multiset of values of each group,
/// `merge` exact, `encode` canonical. One owner, one thread.
///
/// REQUIRES of all calls: the words are this state's, zero for a new group; `make_room` was called
/// with the number of groups.
class AggregateState {
 public:
  virtual ~AggregateState() = default;
  virtual size_t words() const = 0;
  virtual void make_room(size_t /*groups*/) {}
  virtual void add(const ValueBlock& values, StateWords words) = 0;
  /// `other` is of the same kind and type; it is left unspecified.
  virtual void merge(StateWords words, AggregateState& other, StateWords others,
                     const GroupMapping& mapping) = 0;
  virtual void encode(StateWords words, std::span<const uint32_t> groups,
                      ByteWriter& writer) const = 0;
  /// Groups 0, 1, ... `groups` - 1, which are new. Marks the reader failed if the bytes are wrong.
  virtual void decode(StateWords words, size_t groups, ByteReader& reader) = 0;
  /// Beside the words.
  virtual size_t held_bytes() const { return 0; }
};

/// `distinct_limit`: see DistinctSet. REQUIRES: the kind exists for the type.
std::unique_ptr<AggregateState> make_aggregate_state(StateKind kind, Type type,
                                                     uint32_t distinct_limit);

/// What states share that are nothing but their words.
class WordState : public AggregateState {
 public:
  explicit WordState(size_t words) : words_(words) {}
  size_t words() const final { return words_; }
  void encode(StateWords words, std::span<const uint32_t> groups, ByteWriter& writer) const final;
  void decode(StateWords words, size_t groups, ByteReader& reader) final;

 private:
  const size_t words_;
};

/// The smallest or largest number. NaN is passed over.
class NumberExtremes final : public WordState {
 public:
  NumberExtremes(bool largest, bool floats) : WordState(1), largest_(largest), floats_(floats) {}
  void add(const ValueBlock& values, StateWords words) override;
  void merge(StateWords words, AggregateState& other, StateWords others,
             const GroupMapping& mapping) override;

  /// Floats only: false if the group has no number. (Ints have one if they have a value.)
  static bool has_number(const uint64_t* words) { return words[0] != 0; }
  int64_t whole(const uint64_t* words) const;
  double number(const uint64_t* words) const;

 private:
  /// 0 is beyond every number, so that a new record needs nothing: the larger word wins.
  bool largest_;
  bool floats_;
};

/// The first or last text by bytes.
class TextExtremes final : public AggregateState {
 public:
  explicit TextExtremes(bool largest) : largest_(largest) {}
  size_t words() const override { return 1; }  ///< 1 if there is a text
  void make_room(size_t groups) override;
  void add(const ValueBlock& values, StateWords words) override;
  void merge(StateWords words, AggregateState& other, StateWords others,
             const GroupMapping& mapping) override;
  void encode(StateWords words, std::span<const uint32_t> groups,
              ByteWriter& writer) const override;
  void decode(StateWords words, size_t groups, ByteReader& reader) override;
  size_t held_bytes() const override;
  const std::string& text(uint32_t group) const { return texts_[group]; }

 private:
  void offer(uint32_t group, uint64_t* words, std::string_view text);

  bool largest_;
  std::vector<std::string> texts_;
  size_t long_bytes_ = 0;  ///< of texts that are not inside their std::string
};

/// Quantile sketches. NaN is passed over; ints go through the nearest double.
class Quantiles final : public AggregateState {
 public:
  size_t words() const override { return 0; }
  void make_room(size_t groups) override;
  void add(const ValueBlock& values, StateWords words) override;
  void merge(StateWords words, AggregateState& other, StateWords others,
             const GroupMapping& mapping) override;
  void encode(StateWords words, std::span<const uint32_t> groups,
              ByteWriter& writer) const override;
  void decode(StateWords words, size_t groups, ByteReader& reader) override;
  size_t held_bytes() const override;
  const QuantileSketch& sketch(uint32_t group) const { return sketches_[group]; }

 private:
  std::vector<uint32_t> buckets_;  ///< of the values being added
  std::vector<QuantileSketch> sketches_;
  size_t sketch_bytes_ = 0;
};

/// Sets of distinct values. -0 and +0 are one value, and so are all NaNs.
class Distincts final : public AggregateState {
 public:
  explicit Distincts(uint32_t limit) : limit_(limit) {}
  size_t words() const override { return 0; }
  void make_room(size_t groups) override;
  void add(const ValueBlock& values, StateWords words) override;
  void merge(StateWords words, AggregateState& other, StateWords others,
             const GroupMapping& mapping) override;
  void encode(StateWords words, std::span<const uint32_t> groups,
              ByteWriter& writer) const override;
  void decode(StateWords words, size_t groups, ByteReader& reader) override;
  size_t held_bytes() const override;
  bool is_exact(uint32_t group) const { return sets_[group].is_exact(); }
  uint64_t count(uint32_t group) const { return sets_[group].count(limit_); }

 private:
  void add_to(uint32_t group, uint64_t hash);

  uint32_t limit_;
  std::vector<DistinctSet> sets_;
  size_t set_bytes_ = 0;
};

}  // namespace shardmill
