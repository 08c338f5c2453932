// Everything about a column of times that does not need its different values: extremes, exact sum,
// and counts by stretches of time, in one pass.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "pipeline/base/bytes.h"

namespace shardmill {

/// Times (ns since 1970) are counted by stretches of 2^level ns, where level is the smallest at
/// which the first and the last time are less than 4,096 stretches apart. The level follows from
/// the extremes alone, so the state is a function of the multiset of times: merging is exact, equal
/// states have equal bytes. Log buckets, as numbers have, would be half a year wide.
///
/// 64 KiB once a time was added. About 1.5 ns a time. One owner, one thread.
class TimeTotals {
 public:
  static constexpr uint64_t kStretches = 4096;

  void add(const int64_t* times, size_t count);
  void add_times(int64_t time, uint64_t times);
  void merge(const TimeTotals& other);
  void encode(ByteWriter& writer) const;
  /// Marks the reader failed if the bytes are not that.
  static TimeTotals decode(ByteReader& reader);

  uint64_t count() const { return count_; }
  /// REQUIRES of all below: count() > 0.
  int64_t min() const { return min_; }
  int64_t max() const { return max_; }
  /// To the nearest ns, halves up.
  int64_t mean() const;
  /// The middle of the stretch of the time at `rank`, within the extremes: off by at most
  /// (max - min) / 4095 / 2 and never outside the extremes. REQUIRES: 1 <= rank <= count().
  int64_t time_at(uint64_t rank) const;

  /// One stretch that holds times, as its middle within the extremes.
  struct Stretch {
    int64_t middle = 0;
    uint64_t count = 0;
  };
  std::vector<Stretch> stretches() const;

  /// Beyond the object itself.
  size_t held_bytes() const { return counts_.capacity() * sizeof(uint64_t); }

 private:
  /// Counts at their level, first stretch first.
  struct Canonical {
    unsigned level = 0;
    int64_t first = 0;
    std::vector<uint64_t> counts;
  };

  void make_room(int64_t low, int64_t high);
  size_t place_of(int64_t time) const {
    return static_cast<size_t>(static_cast<uint64_t>(time >> level_) -
                               static_cast<uint64_t>(base_));
  }
  bool covers(int64_t time) const { return place_of(time) < counts_.size(); }
  Canonical canonical() const;
  int64_t middle_of(int64_t stretch, unsigned level) const;

  uint64_t count_ = 0;
  int64_t min_ = 0;
  int64_t max_ = 0;
  Int128 sum_ = 0;
  unsigned level_ = 0;            ///< of counts_: at most that of the extremes
  int64_t base_ = 0;              ///< stretch of counts_[0]
  std::vector<uint64_t> counts_;  ///< twice as many as needed, so that a growing log moves seldom
};

}  // namespace shardmill
