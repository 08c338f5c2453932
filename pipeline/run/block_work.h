// What travels to the worker that makes a block of an output.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "pipeline/base/bytes.h"
#include "pipeline/run/outputs.h"

namespace shardmill {

/// What a worker needs to make one block.
struct BlockWork {
  uint64_t final_index = 0;
  OutputPlace place;
  OutputPacking packing = OutputPacking::kPlain;
  int level = 0;
  uint64_t plain_offset = 0;  ///< in the plain file; where it goes if it is not packed
  std::string head;           ///< bytes of the header in this block
  std::vector<PartRange> ranges;
  uint64_t rows = 0;  ///< kHdf5: of the block; in the phase that seals of the file
  std::optional<Hdf5OutputShape> shape;  ///< kHdf5

  /// There are no blocks: the rows are in other files.
  bool is_virtual() const { return shape && shape->is_virtual(); }
  void encode(ByteWriter& writer) const;
  static BlockWork decode(ByteReader& reader);
};

/// Block `block` of the file. REQUIRES: Outputs::finish was called.
BlockWork block_work(const Outputs& outputs, uint64_t final_index, uint64_t block);

}  // namespace shardmill
