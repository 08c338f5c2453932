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

#include "pipeline/base/arena.h"
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

  /// Appends `count` of the batch's selected rows, the first of them at place `first` of the
  /// selection, and to `ends` where each ends in `out`. Goes through them once for each column, so
  /// a hundred or so at a time stay in the cache. Text that HDF5 cannot hold is written as
  /// storable_text has it.
  void append_rows(const Batch& batch, size_t first, size_t count, std::string& out,
                   std::vector<size_t>& ends);

  /// Of the rows since the last `forget_totals`.
  const std::vector<ColumnTotals>& totals() const { return totals_; }
  void forget_totals() { totals_.assign(columns_.size(), {}); }

 private:
  void measure(const Column& column, ColumnTotals& totals);
  void measure_texts(const Column& column, ColumnTotals& totals);
  void append_column(const Column& column, size_t index, char* out);
  template <typename Put>
  void put_values(const Column& column, size_t index, char* out, const Put& put);

  std::vector<ColumnRef> columns_;
  std::vector<ColumnTotals> totals_;
  std::vector<size_t> rows_;             ///< of the batch
  std::vector<size_t> places_;           ///< of each row: its size, then where its next value goes
  std::vector<size_t> begins_;           ///< of each row
  std::vector<std::string_view> texts_;  ///< of the text columns, one behind the other
  size_t next_text_ = 0;                 ///< in `texts_`
  Arena made_;                           ///< texts that were not storable
};

/// Where the values of one column of rows go.
struct BinaryRowsTarget {
  Type type = Type::kText;
  /// For `width` bytes a row; all zero before. nullptr: `texts` instead.
  char* values = nullptr;
  size_t width = 0;
  const char* values_end = nullptr;  ///< of the memory behind `values`
  std::vector<std::string_view>* texts = nullptr;
  char* nulls = nullptr;  ///< gets 1 where a value is null; may be nullptr
};

/// Reads exactly `rows` rows, each column to its target: text filled up with zeros or views into
/// `bytes`, floats with one NaN and one zero, null as NaN, zeros or empty text.
/// False if the bytes are something else.
bool read_binary_rows(std::string_view bytes, size_t rows,
                      std::span<const BinaryRowsTarget> targets);

}  // namespace shardmill
