// The file under HDF5 while one is written. The library forgets errors of the disk on some
// ways and falls over them on others, so it never hears of one: it writes through calls of ours,
// which remember the first error, and who closes the file asks for it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "pipeline/report/results_h5_objects.h"

namespace shardmill {

/// Where in a file values stand before HDF5 makes it a file of its own. The superblock and the
/// first objects go before them, the others behind them.
struct ValuesRange {
  uint64_t begin = 0;
  uint64_t end = 0;

  bool is_empty() const { return begin == end; }
  bool contains(uint64_t offset) const { return offset >= begin && offset < end; }
};

/// One thread. Lives longer than all handles of the file.
class H5Output {
 public:
  explicit H5Output(const std::string& path);
  /// Over a file that is open for reading and writing, and stays open. It is empty but for values
  /// for take_values_at, which are neither read nor written.
  explicit H5Output(int descriptor, ValuesRange values = {});
  ~H5Output();
  H5Output(const H5Output&) = delete;
  H5Output& operator=(const H5Output&) = delete;

  bool is_open() const { return descriptor_ >= 0; }
  /// What H5Fcreate needs to write to this file, whatever name it is given.
  Handle access();
  /// Nothing is written after this. False if anything failed, see error().
  bool close();
  int error() const { return error_; }  ///< an errno, 0 for none

  /// The next chunk that is written stands at this place already.
  void take_values_at(uint64_t address) { next_chunk_ = address; }
  /// Whether the library asked for the place.
  bool has_taken_values() const { return !next_chunk_; }

  /// @name For the driver.
  /// @{
  void write(uint64_t offset, const char* bytes, size_t size);
  void read(uint64_t offset, char* bytes, size_t size);
  void set_size(uint64_t size);
  /// A place for `size` bytes, from `end` on if they are not there already, which moves `end`;
  /// HADDR_UNDEF if there is none.
  uint64_t allocate(bool is_chunk, uint64_t size, uint64_t& end);
  const ValuesRange& values() const { return values_; }
  /// @}

 private:
  void note(int error);

  int descriptor_ = -1;
  int error_ = 0;
  ValuesRange values_;
  bool has_head_ = false;  ///< what the library asks for first stands before the values
  std::optional<uint64_t> next_chunk_;
};

}  // namespace shardmill
