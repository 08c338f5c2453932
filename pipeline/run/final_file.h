// A file of the user's while it is put together: which rows of the parts that units left it has,
// and how they are cut into blocks, chunks and shards. What is decided here follows from the rows
// alone, never from who wrote them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "pipeline/base/status.h"
#include "pipeline/run/cut_rows.h"
#include "pipeline/run/hdf5_block.h"
#include "pipeline/run/output_file.h"

namespace shardmill {

/// Plain bytes of a block: one member or frame of a packed file, one copy of a plain one.
inline constexpr uint64_t kBlockBytes = 4 << 20;

/// One file of the user's: the header, then the ranges. Until Outputs::finish its names hold a
/// kPartMark where the number of a part will stand.
struct FinalFile {
  size_t stage = 0;
  OutputPlace place;
  std::string shown;  ///< path in the report: "output/slow.jsonl.zst", or absolute
  std::vector<PartRange> ranges;
  std::vector<uint64_t> starts;       ///< of each range in the plain file, header included
  std::vector<uint64_t> blocks = {};  ///< kHdf5: where the rows of each chunk begin, and the end
  uint64_t chunk_rows = 1;            ///< kHdf5
  std::vector<Hdf5Shard> shards =
      {};  ///< kHdf5: the files that follow and hold the rows of this one
  uint64_t plain_bytes = 0;
  uint64_t rows = 0;
  uint64_t file_bytes = 0;  ///< once assembled
  uint64_t checksum = 0;    ///< once sealed

  /// Units may come in any order.
  void sort_ranges();
  /// From the ranges, which are in order.
  void set_sizes(uint64_t header_bytes);
  uint64_t block_count() const;
  /// What holds the bytes of a stretch of the plain file; without rows.
  std::vector<PartRange> ranges_between(uint64_t begin, uint64_t end) const;
  /// kHdf5: sets `chunk_rows` and `blocks`. Chunks have as many rows as fit, by the rows alone.
  /// REQUIRES: the ranges are in order, the sizes set.
  Status cut_into_chunks(const std::vector<Hdf5OutputColumn>& columns,
                         const std::string& parts_dir);
  /// Gives `shard`, the one with number `index` of `count`, its part of this file: whole chunks, so
  /// that where a row is follows from the rows. The first ones have a chunk more where that does
  /// not come out even, so the last ones are empty if there are fewer chunks than shards.
  void fill_shard(uint64_t index, uint64_t count, FinalFile& shard) const;
};

}  // namespace shardmill
