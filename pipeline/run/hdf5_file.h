// The HDF5 file of a write stage.
//
//   /                  attributes: job, version, inputs (a hash), format, rows, columns (datasets)
//   /COLUMN            one value a row; attributes: name, type, unit where there is one
//   /nulls/COLUMN      true where the value is null; only there if the stage wrote a null in it
//
// A null is NaN in a float column, else zero, FALSE or empty text. Datasets are chunked and may be
// extended. The same rows give the same bytes: no times are stored, and blocks stand in order.
//
// A file whose rows are in shards has virtual datasets over theirs, found beside it by name, so
// that the folder may be moved. It cannot be extended. Where a shard is missing, HDF5 shows NaN
// in float columns and zeros in all others, without an error.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "pipeline/base/status.h"
#include "pipeline/run/hdf5_block.h"
#include "pipeline/run/output_file.h"

namespace shardmill {

/// Makes the temporary file, in which blocks of hdf5_block.h stand one behind the other from
/// kHdf5HeadBytes on, a file of HDF5: its objects are written around the chunks, which stay where
/// they are. Only with texts of any length is it another file, in which the library writes the
/// values itself; and if the shape has shards, there is no temporary file before. kStopped if a
/// disk is full. Any thread; one at a time works, the others wait, as the library is built without
/// threads.
/// `check_lock` is asked with the file open, before it is changed: whoever takes the run directory
/// over later takes its name away first.
Status write_hdf5(const OutputPlace& place, const Hdf5OutputShape& shape, uint64_t rows,
                  const std::function<Status()>& check_lock);

}  // namespace shardmill
