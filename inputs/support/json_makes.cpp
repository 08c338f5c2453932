#include "inputs/support/json_makes.h"

#include <algorithm>
#include <bit>
#include <utility>

namespace shardmill {

namespace {

constexpr int kPatience = 64;
constexpr int kLearningCosts = 4;  ///< records that are to match for what learning one takes
constexpr int kPause = 1000;

}  // namespace

uint64_t JsonMakes::with_positions(const JsonBlock& block, size_t positions, uint64_t candidates) {
  uint64_t equal = 0;
  for (size_t i = 0; i < block.count; ++i) {
    equal |= static_cast<uint64_t>(block.positions[i] == positions) << i;
  }
  return equal & candidates;
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
