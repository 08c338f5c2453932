// How the elements of a dataset are stored, and what stands for those that are not.
#pragma once

#include "pipeline/formats/hdf5_description.h"
#include "pipeline/formats/hdf5_objects.h"

namespace shardmill {

struct Hdf5StorageAsk {
  hid_t dataset = -1;
  hid_t type = -1;
  bool external = false;      ///< values in other files may be read
  bool only_library = false;  ///< the elements are not in the file as they are in memory
};

/// Fills in dims, layout, chunks, filters, the fill value. False, with the reason, if the dataset
/// cannot be read: its values are in other files though that is not allowed, it has a type of no
/// size.
bool describe_hdf5_storage(const Hdf5StorageAsk& ask, Hdf5Dataset& out, std::string& reason);

/// Tells whether MATLAB wrote it.
bool is_from_matlab(hid_t dataset);

}  // namespace shardmill
