// What the files of aggregate states share.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "stages/support/aggregate_state.h"

namespace shardmill {

/// Makes room for at least half as much again.
template <typename T>
void grow_ahead_to(std::vector<T>& list, size_t size) {
  if (list.size() >= size) return;
  if (list.capacity() < size) list.reserve(std::max(size, list.capacity() + list.capacity() / 2));
  list.resize(size);
}

/// Calls visit(group here, group there) for each group of the mapping.
template <typename Visit>
void for_each_mapped(const GroupMapping& mapping, Visit&& visit) {
  for (size_t i = 0; i < mapping.count; ++i) {
    visit(mapping.into[i], static_cast<uint32_t>(mapping.first + i));
  }
}

}  // namespace shardmill
