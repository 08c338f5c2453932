// What the files of aggregate states share.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "stages/support/aggregate_state.h"

namespace shardmill {

inline void encode_words(StateWords words, size_t count, std::span<const uint32_t> groups,
                         ByteWriter& writer) {
  for (const uint32_t group : groups) writer.raw(words.at(group), count * sizeof(uint64_t));
}

inline void decode_words(StateWords words, size_t count, size_t groups, ByteReader& reader) {
  for (size_t group = 0; group < groups; ++group) {
    for (size_t word = 0; word < count; ++word) {
      words.at(static_cast<uint32_t>(group))[word] = reader.u64();
    }
  }
}

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
