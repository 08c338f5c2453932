// Which datasets of an HDF5 file are meant.
#pragma once

#include <string>
#include <vector>

#include "pipeline/formats/hdf5_objects.h"

namespace shardmill {

struct Hdf5Found {
  std::vector<std::string> paths;  ///< "/group/name", sorted by bytes, each once
  std::string problem;             ///< not empty: the file holds too much, or is damaged
};

/// Datasets by paths and patterns (see pipeline/base/glob.h); all if there are none. Links are
/// followed where a path names them; a pattern sees what hangs in the groups themselves, once, and
/// leaves out what is of no use as data: dimensions without values (netCDF), indices (PyTables),
/// what MATLAB hides.
Hdf5Found find_hdf5_datasets(hid_t file, const std::vector<std::string>& wanted);

/// How objects are opened: links into other files are followed only if `external`.
Handle hdf5_link_access(bool external);

/// Opens a dataset by path; not ok if there is none.
Handle open_hdf5_dataset(hid_t file, const std::string& path, const Handle& link_access);

}  // namespace shardmill
