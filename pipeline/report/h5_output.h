// The file under HDF5 while one is written. The library forgets errors of the disk on some
// ways and falls over them on others, so it never hears of one: it writes through calls of ours,
// which remember the first error, and who closes the file asks for it.
#pragma once

#include <string>

#include "pipeline/report/results_h5_objects.h"

namespace shardmill {

/// One thread. Lives longer than all handles of the file.
class H5Output {
 public:
  explicit H5Output(const std::string& path);
  /// Over an empty file that is open for reading and writing, and stays open.
  explicit H5Output(int descriptor);
  ~H5Output();
  H5Output(const H5Output&) = delete;
  H5Output& operator=(const H5Output&) = delete;

  bool is_open() const { return descriptor_ >= 0; }
  /// What H5Fcreate needs to write to this file, whatever name it is given.
  Handle access();
  /// Nothing is written after this. False if anything failed, see error().
  bool close();
  int error() const { return error_; }  ///< an errno, 0 for none

  /// @name For the driver.
  /// @{
  void write(uint64_t offset, const char* bytes, size_t size);
  void read(uint64_t offset, char* bytes, size_t size) const;
  void set_size(uint64_t size);
  /// @}

 private:
  void note(int error);

  int descriptor_ = -1;
  int error_ = 0;
};

}  // namespace shardmill
