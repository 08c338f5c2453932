#include "stages/support/float_states.h"

#include <algorithm>

#include "stages/support/float_planes.h"

namespace shardmill {

namespace {

/// One after the other, each by its own `add`.
void add_apart(const FloatStates& states, const ValueBlock& values, StateWords records,
               uint64_t step) {
  for (size_t i = 0; i < values.count; ++i) *records.at(values.groups[i]) += step;
  if (states.sum != nullptr) states.sum->add(values, records.from(states.sum_word));
  if (states.smallest != nullptr) states.smallest->add(values, records.from(states.smallest_word));
  if (states.largest != nullptr) states.largest->add(values, records.from(states.largest_word));
}

/// False if the sum does not fit its window; nothing was changed then.
inline bool add_to_sum(uint64_t* sum, uint64_t low_plane, uint64_t high_plane) {
  const uint64_t low = low_plane << FloatSums::kLowToWord;
  const int64_t high = static_cast<int64_t>(high_plane);
  uint64_t low_sum = 0;
  int64_t high_sum = 0;
  const int64_t carry = __builtin_add_overflow(sum[0], low, &low_sum) ? 1 : 0;
  if (__builtin_add_overflow(static_cast<int64_t>(sum[1]), high + carry, &high_sum)) return false;
  sum[0] = low_sum;
  sum[1] = static_cast<uint64_t>(high_sum);
  return true;
}

/// Adds the values of a block from `begin` up to `end` or the first one that does not fit a sum;
/// returns that one's place, or `end`.
template <bool kSum, bool kSmallest, bool kLargest>
size_t add_planes(const FloatStates& states, const FloatPlanes& planes, const uint32_t* groups,
                  size_t begin, size_t end, StateWords records, uint64_t step) {
  const size_t stride = records.stride;
  uint64_t* const counts = records.base;
  uint64_t* const sums = records.base + states.sum_word;
  uint64_t* const smallest = records.base + states.smallest_word;
  uint64_t* const largest = records.base + states.largest_word;
  for (size_t i = begin; i < end; ++i) {
    const size_t at = groups[i] * stride;
    if constexpr (kSum) {
      if (!add_to_sum(sums + at, planes.low[i], planes.high[i])) [[unlikely]]
        return i;
    }
    counts[at] += step;
    const uint64_t word = planes.order[i];
    if constexpr (kSmallest) {
      if (~word > smallest[at]) [[unlikely]]
        smallest[at] = ~word;
    }
    if constexpr (kLargest) {
      if (word > largest[at]) [[unlikely]]
        largest[at] = word;
    }
  }
  return end;
}

using AddPlanes = decltype(&add_planes<true, true, true>);

AddPlanes add_planes_of(const FloatStates& states) {
  static constexpr AddPlanes kAll[8] = {
      add_planes<false, false, false>, add_planes<true, false, false>,
      add_planes<false, true, false>,  add_planes<true, true, false>,
      add_planes<false, false, true>,  add_planes<true, false, true>,
      add_planes<false, true, true>,   add_planes<true, true, true>};
  return kAll[(states.sum != nullptr ? 1 : 0) + (states.smallest != nullptr ? 2 : 0) +
              (states.largest != nullptr ? 4 : 0)];
}

ValueBlock part_of(const ValueBlock& values, size_t first, size_t count) {
  return {.floats = values.floats + first, .groups = values.groups + first, .count = count};
}

}  // namespace

void FloatStates::add(const ValueBlock& values, StateWords records, uint64_t step) const {
  constexpr size_t kLane = FloatPlanes::kLane;
  const AddPlanes add_fitting = add_planes_of(*this);
  FloatPlanes planes;
  for (size_t first = 0; first < values.count; first += FloatPlanes::kValues) {
    const ValueBlock block =
        part_of(values, first, std::min(FloatPlanes::kValues, values.count - first));
    const uint32_t fit = split_planes(block.floats, block.count, planes);
    for (size_t at = 0; at < block.count;) {
      size_t end = at;  // of the lanes that fit from here on
      while (end < block.count && (fit >> (end / kLane) & 1) != 0) end += kLane - end % kLane;
      end = std::min(end, block.count);
      at = add_fitting(*this, planes, block.groups, at, end, records, step);
      if (at == block.count) break;
      const size_t odd = at < end ? 1 : std::min(kLane, block.count - at);
      add_apart(*this, part_of(block, at, odd), records, step);
      at += odd;
    }
  }
}

}  // namespace shardmill
