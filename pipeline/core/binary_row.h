// Records as bytes on their way to an output that stands in columns (.h5): values keep their bits.
//
//   a row:  one bit a column: null | the values that are not null, in column order
//           int, time, float  8 bytes, little-endian
//           bool              1 byte
//           text              varint length, then the bytes
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/core/batch.h"
#include "pipeline/core/bind.h"
#include "pipeline/core/sink.h"

namespace shardmill {

/// Rows that become chunks of an HDF5 file together have at most so many bytes, or are one row.
inline constexpr uint64_t kHdf5BlockBytes = 8 << 20;

/// Writes rows of some columns, and keeps what is to be known of all values. One worker.
class BinaryRows {
 public:
  explicit BinaryRows(std::vector<ColumnRef> columns)
      : columns_(std::move(columns)), totals_(columns_.size()) {}

  /// Text that HDF5 cannot hold is written as storable_text has it.
  /// REQUIRES: `row` is one of the batch's rows.
  void append_row(const Batch& batch, size_t row, std::string& out);

  /// Of the rows since the last `forget_totals`.
  const std::vector<ColumnTotals>& totals() const { return totals_; }
  void forget_totals() { totals_.assign(columns_.size(), {}); }

 private:
  std::vector<ColumnRef> columns_;
  std::vector<ColumnTotals> totals_;
};

/// Reads exactly `rows` rows into `columns`, one for each of `types`; text is views into `bytes`.
/// False if the bytes are something else.
bool read_binary_rows(std::string_view bytes, std::span<const Type> types, size_t rows,
                      std::vector<Column>& columns);

}  // namespace shardmill
