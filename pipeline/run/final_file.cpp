#include "pipeline/run/final_file.h"

#include <algorithm>
#include <limits>
#include <string_view>

#include "pipeline/core/binary_row.h"

namespace shardmill {

namespace {

constexpr uint64_t kChunkRows = 32 << 10;  ///< at most

}  // namespace

void FinalFile::sort_ranges() {
  std::stable_sort(ranges.begin(), ranges.end(),
                   [](const PartRange& a, const PartRange& b) { return a.unit < b.unit; });
}

void FinalFile::set_sizes(uint64_t header_bytes) {
  plain_bytes = header_bytes;
  rows = 0;
  for (const PartRange& range : ranges) {
    starts.push_back(plain_bytes);
    plain_bytes += range.bytes;
    rows += range.rows;
  }
}

uint64_t FinalFile::block_count() const {
  if (!blocks.empty()) return blocks.size() - 1;
  return std::max<uint64_t>(1, (plain_bytes + kBlockBytes - 1) / kBlockBytes);
}

std::vector<PartRange> FinalFile::ranges_between(uint64_t begin, uint64_t end) const {
  std::vector<PartRange> found;
  const auto after = std::upper_bound(starts.begin(), starts.end(), begin);
  auto at = static_cast<size_t>(after - starts.begin());
  for (at = at == 0 ? 0 : at - 1; at < ranges.size() && starts[at] < end; ++at) {
    const PartRange& range = ranges[at];
    const uint64_t from = std::max(begin, starts[at]);
    const uint64_t to = std::min(end, starts[at] + range.bytes);
    if (from >= to) continue;
    found.push_back({.unit = range.unit,
                     .file = range.file,
                     .begin = range.begin + (from - starts[at]),
                     .bytes = to - from});
  }
  return found;
}

Status FinalFile::cut_into_chunks(const std::vector<Hdf5OutputColumn>& columns,
                                  const std::string& parts_dir) {
  uint64_t value_bytes = 1;
  for (const Hdf5OutputColumn& column : columns) {
    // While a block is made, a text is a view, too.
    const uint64_t held = column.type == Type::kText ? sizeof(std::string_view) : 0;
    value_bytes += std::max<uint64_t>(hdf5_value_bytes(column), held) + 1;
  }
  chunk_rows = 1;
  while (chunk_rows < std::min(kChunkRows, rows) &&
         2 * chunk_rows * value_bytes <= kHdf5BlockBytes) {
    chunk_rows *= 2;
  }
  for (;; chunk_rows /= 2) {
    const OutputSpec limits = {.max_records = chunk_rows};
    ASSIGN_OR_RETURN(const std::vector<CutPart> parts,
                     cut_rows(ranges, limits, parts_dir, std::numeric_limits<uint64_t>::max()));
    uint64_t largest = 0;
    blocks = {0};
    for (const CutPart& part : parts) {
      largest = std::max(largest, part.bytes);
      blocks.push_back(blocks.back() + part.bytes);
    }
    if (largest <= kHdf5BlockBytes || chunk_rows == 1) return {};
  }
}

void FinalFile::fill_shard(uint64_t index, uint64_t count, FinalFile& shard) const {
  const uint64_t chunks = blocks.size() - 1;
  const auto first_chunk = [&](uint64_t number) {
    return chunks / count * number + std::min(number, chunks % count);
  };
  const auto first_row = [&](uint64_t chunk) { return std::min(rows, chunk * chunk_rows); };
  const uint64_t begin = first_chunk(index);
  const uint64_t end = first_chunk(index + 1);
  shard.ranges = ranges_between(blocks[begin], blocks[end]);
  shard.set_sizes(0);
  shard.rows = first_row(end) - first_row(begin);
  shard.chunk_rows = begin == end ? 1 : chunk_rows;
  shard.blocks = {0};
  for (uint64_t chunk = begin; chunk < end; ++chunk) {
    shard.blocks.push_back(blocks[chunk + 1] - blocks[begin]);
  }
  if (begin == end) shard.blocks.push_back(0);  // one block without rows, as of any empty file
}

}  // namespace shardmill
