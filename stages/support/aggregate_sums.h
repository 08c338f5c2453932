// Exact sums for all groups at once: the states behind sum, mean, var and std.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "pipeline/base/bytes.h"
#include "stages/support/aggregate_state.h"
#include "stages/support/big_number.h"
#include "stages/support/exact_sum.h"
#include "stages/support/float_planes.h"
#include "stages/support/group_table.h"

namespace shardmill {

/// Sums of ints, 128 bits wide: no 2^63 values overflow it.
class IntSums final : public WordState {
 public:
  IntSums() : WordState(2) {}
  void add(const ValueBlock& values, StateWords words) override;
  void merge(StateWords words, AggregateState& other, StateWords others,
             const GroupMapping& mapping) override;
  static Int128 total(const uint64_t* words);
};

/// Sums of squares of ints, 192 bits wide.
class IntSquares final : public WordState {
 public:
  IntSquares() : WordState(3) {}
  void add(const ValueBlock& values, StateWords words) override;
  void merge(StateWords words, AggregateState& other, StateWords others,
             const GroupMapping& mapping) override;
  static BigNumber total(const uint64_t* words);
};

/// What FloatSums and FloatSquares share: a fixed-point window in the group's words, and an
/// ExactSum for groups with values that do not fit it.
class WindowedSums : public AggregateState {
 public:
  void make_room(size_t groups) override;
  void merge(StateWords words, AggregateState& other, StateWords others,
             const GroupMapping& mapping) override;
  void encode(StateWords words, std::span<const uint32_t> groups,
              ByteWriter& writer) const override;
  void decode(StateWords words, size_t groups, ByteReader& reader) override;
  size_t held_bytes() const override;
  ExactSum total(StateWords words, uint32_t group) const;

 protected:
  virtual int window_exponent() const = 0;
  /// Adds the window's value.
  virtual void take_window(const uint64_t* words, ExactSum& sum) const = 0;
  virtual void merge_window(uint32_t group, uint64_t* words, const uint64_t* other) = 0;
  ExactSum& wide(uint32_t group);

 private:
  const ExactSum* find_wide(uint32_t group) const;

  size_t groups_ = 0;
  std::vector<uint32_t> wide_index_;  ///< by group: position in wide_ + 1, or 0; empty: none
  std::vector<ExactSum> wide_;
};

/// Exact sums of doubles: a window of 128 bits in units of 2^-79. Values below 2^47 with at most 78
/// bits behind the point fit it (3.5 ns, far less for lanes of FloatPlanes that are all of one
/// group); what is left goes to ExactSums. FloatStates adds faster to several groups.
class FloatSums final : public WindowedSums {
 public:
  size_t words() const override { return 2; }
  void add(const ValueBlock& values, StateWords words) override;
  /// How FloatPlanes::low goes to the first of the window's words; high is the second one.
  static constexpr unsigned kLowToWord = 13;  // 2^-66 to 2^-79, and 51 bits to 64

 protected:
  int window_exponent() const override { return -79; }
  void take_window(const uint64_t* words, ExactSum& sum) const override;
  void merge_window(uint32_t group, uint64_t* words, const uint64_t* other) override;

 private:
  void add_to_one(const ValueBlock& values, uint64_t* words);
  void add_planes_to_one(const FloatPlanes& planes, size_t first, size_t count, uint32_t group,
                         uint64_t* words);
  void add_value(uint32_t group, uint64_t* words, double value);
  void add_to_window(uint32_t group, uint64_t* words, Int128 value);
};

/// Exact sums of squares of doubles: a window of 256 bits in units of 2^-144. Values of one group
/// are added up by exponent first.
class FloatSquares final : public WindowedSums {
 public:
  size_t words() const override { return 4; }
  void add(const ValueBlock& values, StateWords words) override;

 protected:
  int window_exponent() const override { return -144; }
  void take_window(const uint64_t* words, ExactSum& sum) const override;
  void merge_window(uint32_t group, uint64_t* words, const uint64_t* other) override;

 private:
  void add_to_one(const double* values, size_t count, uint32_t group, uint64_t* words);
  /// square * 2^exponent.
  void add_square(uint32_t group, uint64_t* words, UInt128 square, int exponent);
};

}  // namespace shardmill
