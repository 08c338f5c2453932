// The makes of record that a file has, learned from its records.
#pragma once

#include <bit>
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

  /// Calls take(make, records, spans) for each make and the `candidates` of the block that are of
  /// it and sound; returns those that are of none. While matching has not paid lately these are
  /// most often all. REQUIRES: as match_json_block.
  template <typename Take>
  uint64_t match(const JsonBlock& block, uint64_t candidates, Take&& take) {
    are_counted_ = false;
    if (is_resting(block.count)) return candidates;
    for (size_t i = 0; i < makes_.size() && candidates != 0; ++i) {
      candidates &= ~match_one(block, *makes_[i], candidates, take);
    }
    sort();
    return candidates;
  }

  /// Where the next record that is of no known make shall be learned: nullptr if learning has not
  /// paid lately.
  JsonTemplate* to_learn();
  /// It was learned from record `i` of the block that was matched last, or not learned: takes those
  /// that are of its make. Returns the others.
  template <typename Take>
  uint64_t match_learned(const JsonBlock& block, size_t i, uint64_t candidates, Take&& take) {
    Make& make = *makes_.back();
    count_commas(block);
    make.commas = commas_[i];
    make.score = kFirstScore;
    const uint64_t matched = match_one(block, make, candidates, take);
    learned(matched);
    return candidates & ~matched;
  }

 private:
  static constexpr uint32_t kFirstScore = 32;

  struct Make {
    JsonTemplate make;
    uint32_t commas = 0;  ///< as count_json_commas says
    uint32_t score = 0;   ///< records that matched, those of older blocks for less
  };

  template <typename Take>
  uint64_t match_one(const JsonBlock& block, Make& make, uint64_t candidates, Take&& take) {
    const uint64_t matched =
        match_json_block(block, make.make, with_commas(block, make.commas, candidates), spans_);
    matched_ += static_cast<size_t>(std::popcount(matched));
    if (matched != 0) take(make.make, matched, spans_);
    score(make, matched);
    return matched;
  }

  bool is_resting(size_t records);
  uint64_t with_commas(const JsonBlock& block, uint32_t commas, uint64_t candidates);
  void count_commas(const JsonBlock& block);
  static void score(Make& make, uint64_t matched);
  void sort();
  void learned(uint64_t matched);

  std::vector<std::unique_ptr<Make>> makes_;  ///< by score; the last may be one that is learned
  JsonSpans spans_;                           ///< of the make that was matched last
  bool are_counted_ = false;
  JsonSpans::ByRecord<uint32_t> commas_;  ///< of the block, if they are counted
  int patience_ = 0;                      ///< below 0: so many times no record is learned
  size_t tried_ = 0;                      ///< records of the block that was matched last
  size_t matched_ = 0;                    ///< of them
  int bad_blocks_ = 0;                    ///< one after the other in which few records matched
  int rest_ = 0;                          ///< so many blocks are not matched
};

}  // namespace shardmill
