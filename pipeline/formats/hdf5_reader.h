// Reads one HDF5 file with the library. What it reads may be made to harm: it runs in a process of
// its own (hdf5_server.h), which may crash, loop, or run out of memory.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "pipeline/formats/hdf5_description.h"
#include "pipeline/formats/hdf5_driver.h"
#include "pipeline/formats/hdf5_types.h"

namespace shardmill {

/// One thread. All that goes wrong is kBadFile.
class Hdf5Reader {
 public:
  static Result<std::unique_ptr<Hdf5Reader>> open(const Hdf5Selection& selection);
  ~Hdf5Reader();
  Hdf5Reader(const Hdf5Reader&) = delete;
  Hdf5Reader& operator=(const Hdf5Reader&) = delete;

  const Hdf5Description& description() const { return description_; }
  /// The three answer as Hdf5Ask says, at the end of `out`.
  Status chunks(const Hdf5Range& range, ByteWriter& out);
  Status rows(const Hdf5Range& range, ByteWriter& out);
  Status column(const Hdf5Range& range, ByteWriter& out);

 private:
  /// What belongs to a dataset of the description.
  struct Opened {
    Handle dataset;
    Handle type;
    std::vector<Hdf5LeafPath> leaves;
  };

  Hdf5Reader();
  Status describe(const Hdf5Selection& selection);
  Status describe_datasets(const Hdf5Selection& selection);
  void describe_dataset(const std::string& path, const Hdf5Selection& selection);
  Status describe_attributes(const Hdf5Selection& selection);
  Result<const Opened*> opened(const Hdf5Range& range) const;
  Result<Hdf5ChunkPlace> place_of(const Opened& opened, const std::vector<hsize_t>& offset);

  QuietErrors quiet_;
  Hdf5DriverState driver_state_;
  Handle driver_;
  Handle access_;
  Handle link_access_;
  Handle file_;
  Hdf5Description description_;
  std::vector<Opened> opened_;
  uint64_t columns_left_ = 0;
  std::vector<char> look_;  ///< never filled
};

}  // namespace shardmill
