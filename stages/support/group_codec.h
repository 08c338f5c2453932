// What all users of a GroupTable need: its keys as bytes and as table columns, and merging.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "pipeline/base/bytes.h"
#include "pipeline/core/table.h"
#include "stages/support/aggregate_state.h"
#include "stages/support/group_table.h"

namespace shardmill {

/// The number of groups and their keys. Canonical if `order` is table.sorted().
void encode_keys(const GroupTable& table, std::span<const uint32_t> order, ByteWriter& writer);
/// Adds the groups that encode_keys wrote, numbered in that order. Marks the reader failed unless
/// they are that. REQUIRES: a table without groups (or without keys).
void decode_keys(ByteReader& reader, GroupTable& table);

/// One key of the groups `order` as a column of a result.
TableColumn key_column(const GroupTable& table, size_t key, const std::string& name,
                       std::span<const uint32_t> order);

/// Finds or adds the keys of `other` in `table` and calls visit(GroupMapping) for a few hundred
/// groups at a time.
template <typename Visit>
void merge_groups(GroupTable& table, const GroupTable& other, Visit&& visit) {
  KeyScratch scratch;
  std::vector<uint32_t> into(GroupTable::kBlockRows);
  for (size_t first = 0; first < other.size(); first += GroupTable::kBlockRows) {
    const size_t count = std::min(GroupTable::kBlockRows, other.size() - first);
    table.find_or_add(other, first, count, scratch, into.data());
    visit(GroupMapping{.into = into.data(), .first = first, .count = count});
  }
}

}  // namespace shardmill
