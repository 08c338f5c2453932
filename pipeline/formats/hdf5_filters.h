// What HDF5 does to the bytes of a chunk, undone. Pure functions, any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/base/status.h"
#include "pipeline/formats/hdf5_description.h"

struct libdeflate_decompressor;

namespace shardmill {

/// Undoes the filters of chunks of one dataset. Holds at most two chunks. One thread.
class Hdf5Unfilter {
 public:
  struct Form {
    std::vector<Hdf5Filter> filters;  ///< in the order of writing
    uint64_t element_bytes = 1;
    uint64_t chunk_bytes = 0;
  };
  explicit Hdf5Unfilter(Form form);
  ~Hdf5Unfilter();

  /// The chunk's elements from its `stored` bytes, into `out` of chunk_bytes. kBadFile if the bytes
  /// are damaged: a checksum, a size, a deflate stream that is wrong.
  Status undo(std::string_view stored, uint32_t filter_mask, char* out);
  /// Room that a stored chunk may need besides its elements: checksums, and what deflate adds to
  /// bytes that it cannot make smaller.
  uint64_t stored_bytes_max() const;

 private:
  struct Release {
    void operator()(libdeflate_decompressor* decompressor) const;
  };
  Status inflate(std::string_view stored, uint64_t plain_bytes, char* out);
  Status undo_one(size_t filter, uint64_t bytes, std::string_view& now, char* out);
  uint64_t bytes_before(size_t filter, uint32_t filter_mask) const;

  Form form_;
  std::unique_ptr<libdeflate_decompressor, Release> decompressor_;
  std::vector<char> spare_;
  std::vector<char> held_;  ///< what was made last, unless it is in its place
};

/// The checksum of the fletcher32 filter (as H5_checksum_fletcher32).
uint32_t hdf5_fletcher32(std::string_view bytes);

/// Puts the bytes of each element together again: the first bytes of all elements, then the second
/// ones and so on become elements. What is left behind the last whole element stays as it is.
/// `out` has as many bytes and is elsewhere. About 3 GB/s for elements of 4 and 8 bytes.
void hdf5_unshuffle(std::string_view shuffled, size_t element_bytes, char* out);
/// The plain version that it must equal.
void hdf5_unshuffle_plainly(std::string_view shuffled, size_t element_bytes, char* out);

}  // namespace shardmill
