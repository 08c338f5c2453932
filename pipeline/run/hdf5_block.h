// A stretch of rows as chunks of an HDF5 file's datasets, made by any worker and written to where
// they stand in the file, which one writer makes a file of HDF5 then (hdf5_file.h).
//
//   a block:  rows | sizes of the chunks | a chunk for each column | one for each mask of nulls
//   a chunk:  as H5Dwrite_chunk takes it (shuffled, deflated), or texts of any length, each with a
//             NUL at its end
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/base/bytes.h"
#include "pipeline/base/status.h"
#include "pipeline/core/binary_row.h"
#include "pipeline/core/column.h"

namespace shardmill {

/// Where the first block begins: what HDF5 puts at the start of a file goes before it.
inline constexpr uint64_t kHdf5HeadBytes = 4096;

struct Hdf5OutputColumn {
  std::string name;
  Type type = Type::kText;
  uint64_t text_bytes = 0;  ///< of each text, filled up with NULs; 0: any length
  bool has_nulls = false;   ///< there is a mask
};

/// A file beside another one that shows its rows.
struct Hdf5Shard {
  std::string file;  ///< name without a folder
  uint64_t rows = 0;
};

/// What the datasets of one file look like. Text has no NUL in it.
struct Hdf5OutputShape {
  std::vector<Hdf5OutputColumn> columns;
  uint64_t chunk_rows = 1;
  int level = 0;  ///< of deflate; 0: not compressed
  std::string provenance_job;
  std::string provenance_inputs;  ///< hash of the manifest
  std::vector<Hdf5Shard> shards;  ///< if any: they have the rows, this file shows them as a whole

  bool is_virtual() const { return !shards.empty(); }
  /// Texts of any length, which the library must write itself.
  bool has_any_length() const;

  void encode(ByteWriter& writer) const;
  static Hdf5OutputShape decode(ByteReader& reader);
};

/// Makes blocks. One worker; keeps its memory.
class Hdf5BlockMaker {
 public:
  /// Appends the block of `rows` rows, which `bytes` has as binary_row.h says. kFailed if the bytes
  /// are something else. REQUIRES: rows <= shape.chunk_rows.
  Status append(std::string_view bytes, uint64_t rows, const Hdf5OutputShape& shape,
                std::string& block);

 private:
  bool read(std::string_view bytes, uint64_t rows, const Hdf5OutputShape& shape, char* plain);

  std::vector<BinaryRowsTarget> targets_;
  std::vector<std::vector<std::string_view>> texts_;  ///< by column, of any length
  std::string plain_;
  std::string shuffled_;
};

/// One value of a column of this kind in the file, or 0 for texts of any length.
size_t hdf5_value_bytes(const Hdf5OutputColumn& column);
/// Whether bytes of the same place in each value come together before they are compressed.
bool hdf5_is_shuffled(const Hdf5OutputColumn& column);

}  // namespace shardmill
