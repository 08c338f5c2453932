// A file driver for the HDF5 library that only reads, takes no locks (which fail on many cluster
// file systems), opens nothing but regular files, and can say where raw data is instead of reading
// it.
#pragma once

#include <cstdint>
#include <optional>

#include "pipeline/formats/hdf5_objects.h"

namespace shardmill {

/// What a driver does, while files that were opened with it are open. One thread.
struct Hdf5DriverState {
  struct Place {
    uint64_t address = 0;  ///< from the start of the file
    uint64_t size_bytes = 0;
  };
  bool only_look = false;  ///< raw data is not read; where it is goes to `seen`
  std::optional<Place> seen;
  uint64_t device = 0;  ///< of the file that was opened last
  uint64_t inode = 0;
  uint64_t size_bytes = 0;
};

/// The driver's identifier, for access_list. One for each process is enough.
Handle register_hdf5_driver();

/// How to open files by `driver` with `state`, which must outlive them.
Handle hdf5_access_list(const Handle& driver, Hdf5DriverState& state);

}  // namespace shardmill
