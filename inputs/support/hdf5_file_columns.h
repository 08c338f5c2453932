// The columns of a job as one HDF5 file has them.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "inputs/support/hdf5_blocks.h"
#include "inputs/support/hdf5_client.h"
#include "inputs/support/hdf5_columns.h"
#include "inputs/support/hdf5_values.h"
#include "pipeline/base/status.h"

namespace shardmill {

struct Hdf5WantedColumn {
  std::string name;
  Type type = Type::kText;
  size_t slot = 0;
};

/// What a job reads of HDF5 files. Immutable; any thread.
struct Hdf5Job {
  Hdf5Options options;
  std::vector<Hdf5WantedColumn> columns;
  size_t slot_count = 0;
};

/// One column of the job, as this file has it. One worker.
class Hdf5FileColumn {
 public:
  virtual ~Hdf5FileColumn() = default;
  struct Range {
    uint64_t first = 0;  ///< record
    size_t count = 0;
  };
  /// Makes the values at `row` readable; the first row behind them goes to `end` if it is before.
  virtual Status load(uint64_t row, uint64_t& end) = 0;
  virtual void fill(const Range& range, const Hdf5ColumnFiller::Target& target) = 0;
};

/// The columns that a job wants, of one open file. One worker.
class Hdf5FileColumns {
 public:
  /// `job` and what `access` points to must outlive this.
  Hdf5FileColumns(const Hdf5Job& job, const Hdf5Access& access, Hdf5Table table);

  const Hdf5Table& table() const { return table_; }
  std::vector<std::unique_ptr<Hdf5FileColumn>>& columns() { return columns_; }
  /// Of the columns of one record.
  uint64_t record_bytes() const { return record_bytes_ < 1 ? 1 : record_bytes_; }
  /// Rows that are stored together in any of them.
  uint64_t chunk_rows() const { return chunk_rows_; }

 private:
  const Hdf5Description& file() const { return access_.file->description(); }
  std::unique_ptr<Hdf5FileColumn> make(const Hdf5WantedColumn& wanted, const Hdf5Source& source);
  std::unique_ptr<Hdf5FileColumn> make_index(const Hdf5WantedColumn& wanted, size_t dimension);
  std::unique_ptr<Hdf5FileColumn> make_value(const Hdf5WantedColumn& wanted,
                                             const Hdf5Source& source);
  std::string fill_of(const Hdf5Dataset& dataset, const Hdf5Leaf& leaf) const;
  Hdf5Elements& elements(uint64_t dataset, const Hdf5Shape& shape);
  Hdf5LibraryColumn& library_column(const Hdf5Source& source, const Hdf5Shape& shape);

  const Hdf5Job& job_;
  const Hdf5Access access_;
  const Hdf5Table table_;
  std::map<uint64_t, std::unique_ptr<Hdf5Elements>> elements_;
  std::map<std::pair<uint64_t, uint64_t>, std::unique_ptr<Hdf5LibraryColumn>> library_columns_;
  std::vector<std::unique_ptr<Hdf5FileColumn>> columns_;
  uint64_t record_bytes_ = 0;
  uint64_t chunk_rows_ = 1;
};

}  // namespace shardmill
