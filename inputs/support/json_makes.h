// The makes of record that a file has, learned from its records.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "inputs/support/json_block.h"
#include "inputs/support/json_template.h"

namespace shardmill {

/// Templates of the makes that came last and often, the most frequent first. One worker.
class JsonMakes {
 public:
  /// Files of more makes than this are read without templates for the rest.
  static constexpr size_t kMakes = 16;

  /// Calls take(make, records) for each make and the `candidates` of the block that are of it and
  /// sound; returns those that are of none.
  template <typename Take>
  uint64_t match(const JsonBlock& block, uint64_t candidates, Take&& take) {
    for (size_t i = 0; i < makes_.size() && candidates != 0; ++i) {
      candidates &= ~match_one(block, *makes_[i], candidates, take);
    }
    sort();
    return candidates;
  }

  /// Where the next record that is of no known make shall be learned: nullptr if learning has not
  /// paid lately.
  JsonTemplate* to_learn();
  /// It was learned: takes those of the block that are of its make. Returns the others.
  template <typename Take>
  uint64_t match_learned(const JsonBlock& block, uint64_t candidates, Take&& take) {
    Make& make = *makes_.back();
    make.score = kFirstScore;
    const uint64_t matched = match_one(block, make, candidates, take);
    learned(matched);
    return candidates & ~matched;
  }

 private:
  static constexpr uint32_t kFirstScore = 32;

  struct Make {
    JsonTemplate make;
    uint32_t score = 0;  ///< records that matched, those of older blocks for less
  };

  template <typename Take>
  uint64_t match_one(const JsonBlock& block, Make& make, uint64_t candidates, Take&& take) {
    const uint64_t of_its_length = with_positions(block, make.make.positions(), candidates);
    const uint64_t matched =
        of_its_length == 0 ? 0 : match_json_block(block, make.make, of_its_length);
    if (matched != 0) take(make.make, matched);
    score(make, matched);
    return matched;
  }

  static uint64_t with_positions(const JsonBlock& block, size_t positions, uint64_t candidates);
  static void score(Make& make, uint64_t matched);
  void sort();
  void learned(uint64_t matched);

  std::vector<std::unique_ptr<Make>> makes_;  ///< by score; the last may be one that is learned
  int patience_ = 0;                          ///< below 0: so many times no record is learned
};

}  // namespace shardmill
