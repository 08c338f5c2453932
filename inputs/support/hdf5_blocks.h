// The elements of one HDF5 dataset, some rows at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "inputs/support/hdf5_client.h"
#include "pipeline/base/work_clock.h"
#include "pipeline/formats/hdf5_filters.h"

namespace shardmill {

/// How a dataset is seen as rows: along one of its dimensions, with all that hangs on the others in
/// each.
struct Hdf5Shape {
  uint64_t axis = 0;
  uint64_t rows = 1;
  uint64_t inner = 1;       ///< elements in a row
  uint64_t chunk_rows = 1;  ///< rows that are stored together
};

/// MATLAB's first dimension is the last one here; else rows go along the first. `flatten`: the
/// order of the file, whoever wrote it. A dataset without dimensions is one row.
Hdf5Shape shape_of(const Hdf5Dataset& dataset, bool flatten);

/// A file that is read at places which nobody vouches for. One thread.
class Hdf5Bytes {
 public:
  /// kBadFile: it cannot be opened, or is another than `id` says.
  static Result<std::unique_ptr<Hdf5Bytes>> open(const std::string& path, const Hdf5FileId& id);
  ~Hdf5Bytes();
  Hdf5Bytes(const Hdf5Bytes&) = delete;
  Hdf5Bytes& operator=(const Hdf5Bytes&) = delete;

  /// All of `size` bytes, or kBadFile.
  Status read(uint64_t address, uint64_t size, char* out);
  uint64_t bytes_read() const { return bytes_read_; }
  int64_t mtime_ns() const { return mtime_ns_; }

 private:
  Hdf5Bytes(int descriptor, uint64_t size_bytes) : descriptor_(descriptor), size_(size_bytes) {}

  int descriptor_;
  uint64_t size_;
  int64_t mtime_ns_ = 0;
  uint64_t bytes_read_ = 0;
};

/// Some rows in memory: element `inner` of row `row` is at
/// data + (row - begin) * row_stride + inner * inner_stride.
struct Hdf5Block {
  uint64_t begin = 0;
  uint64_t end = 0;
  const char* data = nullptr;
  uint64_t row_stride = 0;
  uint64_t inner_stride = 0;
};

/// What all datasets of a file share.
struct Hdf5Access {
  Hdf5File* file = nullptr;
  Hdf5Bytes* bytes = nullptr;
  uint64_t window_bytes_max = 0;
  WorkClock* clock = nullptr;         ///< the worker's
  uint64_t wanted_bytes = 256 << 10;  ///< of a block, where nothing else decides
};

/// The elements of a dataset as they are stored, block by block. One thread.
class Hdf5Elements {
 public:
  /// Everything must outlive it.
  Hdf5Elements(const Hdf5Access& access, uint64_t index, const Hdf5Shape& shape);
  ~Hdf5Elements();
  Hdf5Elements(const Hdf5Elements&) = delete;
  Hdf5Elements& operator=(const Hdf5Elements&) = delete;
  /// Makes `block` one that holds `row`, of rows [begin, end) that are meant; what it showed
  /// before is gone. kBadFile: damaged, or more memory is needed than window_bytes_max.
  Status load(uint64_t row, uint64_t end);
  const Hdf5Block& block() const { return block_; }

 private:
  Status load_fill(uint64_t row, uint64_t end);
  Status load_contiguous(uint64_t row, uint64_t end);
  Status load_rows(uint64_t row, uint64_t end);
  Status load_chunks(uint64_t row);
  Status fetch_places(uint64_t row);
  Status read_chunk(const Hdf5ChunkPlace& place, char* out);
  Status read_stored(const Hdf5ChunkPlace& place);
  void copy_chunk(const std::vector<uint64_t>& at, const char* chunk);
  Status begin_block(uint64_t begin, uint64_t end);
  uint64_t rows_at_once(uint64_t row, uint64_t end) const;
  Status too_wide(uint64_t bytes) const;

  const Hdf5Access access_;
  const uint64_t index_;
  const Hdf5Dataset& about_;
  const Hdf5Shape shape_;
  Hdf5Block block_;
  Hdf5Buffer values_;
  std::string answer_;
  // Chunked:
  std::vector<uint64_t> grid_;  ///< chunks along each dimension; 1 along the axis
  uint64_t chunks_side_by_side_ = 1;
  bool chunk_is_block_ = true;  ///< nothing stands beside a chunk, and its elements are in order
  uint64_t chunk_bytes_ = 0;
  std::unique_ptr<Hdf5Unfilter> unfilter_;
  std::vector<Hdf5ChunkPlace> places_;  ///< of the chunks of some rows of chunks
  uint64_t places_first_row_ = 0;
  Hdf5Buffer stored_;
  Hdf5Buffer chunk_;
};

/// The values of a leaf that only the library can give, block by block: numbers of 8 bytes, or
/// texts. One thread.
class Hdf5LibraryColumn {
 public:
  Hdf5LibraryColumn(const Hdf5Access& access, uint64_t index, uint64_t leaf,
                    const Hdf5Shape& shape);
  Status load(uint64_t row, uint64_t end);
  uint64_t begin() const { return begin_; }
  uint64_t end() const { return end_; }
  /// In the order of the file: all of a row, or along the axis (MATLAB).
  uint64_t position(uint64_t row, uint64_t inner) const {
    return shape_.axis == 0 ? (row - begin_) * shape_.inner + inner
                            : inner * (end_ - begin_) + (row - begin_);
  }
  uint64_t bits(uint64_t position) const;
  /// False if there is no text.
  bool text(uint64_t position, std::string_view& text) const;

 private:
  Status index_texts(uint64_t count);

  const Hdf5Access access_;
  const uint64_t index_;
  const uint64_t leaf_;
  const Hdf5Dataset& about_;
  const Hdf5Shape shape_;
  uint64_t begin_ = 0;
  uint64_t end_ = 0;
  std::string answer_;
  std::vector<std::string_view> texts_;  ///< data() is nullptr where there is none
};

}  // namespace shardmill
