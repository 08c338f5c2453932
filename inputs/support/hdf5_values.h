// Values as they are in an HDF5 file -> values of a column.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "inputs/support/hdf5_blocks.h"
#include "pipeline/core/batch.h"
#include "pipeline/core/reject.h"

namespace shardmill {

/// Elements in memory: value i of a leaf is at first + i * stride (bytes).
struct Hdf5Span {
  const char* first = nullptr;
  uint64_t stride = 0;
  size_t count = 0;
};

/// Half of a float (IEEE 754 binary16), exactly.
double half_to_double(uint16_t bits);

/// Fills one column of one batch after the other. One thread.
class Hdf5ColumnFiller {
 public:
  struct Form {
    std::string name;
    Type type = Type::kText;  ///< of the column
    size_t slot = 0;
    const Hdf5Leaf* leaf = nullptr;
    std::string fill;  ///< null if the leaf's bytes are these; empty: none
    bool nan_is_null = false;
  };
  /// What does not fit into the column's type is null, and told to `rejects`.
  struct Target {
    Batch* batch = nullptr;
    RejectLog* rejects = nullptr;
    std::string_view path;
    uint64_t first_record = 0;
    uint64_t* bad_values = nullptr;
  };
  /// The leaf must outlive it.
  explicit Hdf5ColumnFiller(Form form) : form_(std::move(form)) {}

  /// From elements in memory, which must live as long as the batch's values are looked at.
  void fill(const Hdf5Span& span, const Target& target);
  /// From what the library gave: the values of rows [begin, begin + count), in element `inner` of
  /// each, or from `position` on.
  struct FromLibrary {
    const Hdf5LibraryColumn* values = nullptr;
    std::vector<uint64_t> positions;
  };
  void fill(const FromLibrary& from, const Target& target);

  const Form& form() const { return form_; }

 private:
  Column& begin(const Target& target, size_t count);
  void decode(const Hdf5Span& span, Column& column, const Target& target);
  void put_int(size_t row, int64_t value, bool is_unsigned, Column& column, const Target& target);
  void put_float(size_t row, double value, Column& column, const Target& target);
  void put_text(size_t row, std::string_view text, Column& column, const Target& target);
  void put_enum(size_t row, int64_t value, Column& column, const Target& target);
  void put_numbers(size_t count, Column& column, const Target& target);
  void bad_value(size_t row, std::string_view value, Column& column, const Target& target);
  void null_fills(const Hdf5Span& span, Column& column) const;

  Form form_;
  std::vector<int64_t> ints_;
  std::vector<double> floats_;
  std::string text_;
};

}  // namespace shardmill
