// HDF5 files for tests, written with the library.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace shardmill {

/// Lets the built program serve the inputs of this test, which is another program.
void serve_hdf5_by_built_program();

/// How a test's dataset is stored.
struct StoredAs {
  uint64_t chunk_rows = 0;  ///< 0: in one piece
  bool shuffle = false;
  int deflate = -1;  ///< level; -1: not
  bool fletcher32 = false;
};

/// Builds a file of `rows` records: `id` (ints from 0), `x` (floats), `kind` (an enum), `name`
/// (texts of any length), `code` (texts of fixed size), `m` (two dimensions, 3 columns), `level`
/// (one value for all). `x` and `m` are stored as asked.
void write_hdf5_records(const std::string& path, uint64_t rows, const StoredAs& stored);

}  // namespace shardmill
