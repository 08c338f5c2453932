#include "inputs/support/json_makes.h"

#include <algorithm>
#include <bit>
#include <utility>

namespace shardmill {

namespace {

constexpr int kPatience = 64;
constexpr int kLearningCosts = 4;  ///< records that are to match for what learning one takes
constexpr int kPause = 1000;
constexpr size_t kWorthMatching = 4;  ///< if one of so many records matches
constexpr int kBadBlocks = 4;         ///< one after the other: then comes a rest
constexpr int kRest = 16;             ///< blocks

}  // namespace

// Decides it for the next block, which has so many records.
bool JsonMakes::is_resting(size_t records) {
  if (rest_ > 0 && --rest_ > 0) return true;
  if (tried_ > 0) bad_blocks_ = matched_ * kWorthMatching < tried_ ? bad_blocks_ + 1 : 0;
  tried_ = 0;
  matched_ = 0;
  if (bad_blocks_ >= kBadBlocks) {
    bad_blocks_ = kBadBlocks - 1;  // one more will do
    rest_ = kRest;
    return true;
  }
  tried_ = records;
  return false;
}

// The candidates that have as many commas. If one make is all that is known, it is not worth
// counting.
uint64_t JsonMakes::with_commas(const JsonBlock& block, uint32_t commas, uint64_t candidates) {
  if (makes_.size() == 1) return candidates;
  count_commas(block);
  uint64_t equal = 0;
  for (size_t i = 0; i < block.count; ++i) {
    equal |= static_cast<uint64_t>(commas_[i] == commas) << i;
  }
  return equal & candidates;
}

void JsonMakes::count_commas(const JsonBlock& block) {
  if (!are_counted_) count_json_commas(block, commas_);
  are_counted_ = true;
}

void JsonMakes::score(Make& make, uint64_t matched) {
  make.score = make.score - (make.score + 7) / 8 + static_cast<uint32_t>(std::popcount(matched));
}

void JsonMakes::sort() {
  for (size_t i = 1; i < makes_.size(); ++i) {
    if (makes_[i]->score > makes_[i - 1]->score) std::swap(makes_[i], makes_[i - 1]);
  }
  while (!makes_.empty() && makes_.back()->score == 0) makes_.pop_back();
}

JsonTemplate* JsonMakes::to_learn() {
  if (patience_ < 0) {
    if (++patience_ == 0) patience_ = kPatience / 4;
    return nullptr;
  }
  if (rest_ > 0) return nullptr;
  patience_ -= kLearningCosts;
  if (patience_ < 0) patience_ = -kPause;
  if (makes_.size() < kMakes) makes_.push_back(std::make_unique<Make>());
  makes_.back()->score = 0;
  return &makes_.back()->make;
}

void JsonMakes::learned(uint64_t matched) {
  patience_ = std::min(patience_ + std::popcount(matched), kPatience);
}

}  // namespace shardmill
