// What the columns and records of an HDF5 file are. Pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "inputs/support/hdf5_blocks.h"
#include "pipeline/core/input.h"
#include "pipeline/core/options.h"
#include "pipeline/formats/hdf5_description.h"

namespace shardmill {

struct Hdf5Options {
  std::vector<std::string> datasets;
  std::vector<std::string> attributes;
  bool flatten = false;
  bool external = false;
  bool fill_is_null = false;
  bool nan_is_null = false;

  static Hdf5Options of(const Options& options);
};

/// Where a column's values come from.
struct Hdf5Source {
  enum class Kind : uint8_t { kValue, kIndex, kAttribute };
  Kind kind = Kind::kValue;
  uint64_t dataset = 0;    ///< kValue
  uint64_t leaf = 0;       ///< kValue
  uint64_t inner = 0;      ///< kValue: which element of a row
  uint64_t dimension = 0;  ///< kIndex
  uint64_t attribute = 0;  ///< kAttribute
};

struct Hdf5Column {
  std::string name;
  Type type = Type::kText;
  Hdf5Source source;
};

/// A file as records.
struct Hdf5Table {
  std::vector<Hdf5Column> columns;
  std::vector<Hdf5Shape> shapes;     ///< by dataset
  std::vector<uint8_t> is_constant;  ///< by dataset: one value, for every record
  uint64_t rows = 0;
  uint64_t records_per_row = 1;  ///< `flatten`
  std::vector<uint64_t> dims;    ///< `flatten`: of all datasets

  uint64_t records() const { return rows * records_per_row; }
};

/// kBadFile if the datasets do not belong together, or there is none.
Result<Hdf5Table> hdf5_table(const Hdf5Description& description, const Hdf5Options& options);

/// "group.name" of "/group/name".
std::string hdf5_column_name(const std::string& path);

/// Ok if the file does not have what the column is made of: then it is null. kBadFile if it has it,
/// but it cannot be read.
Status why_missing(const Hdf5Description& description, const std::string& column);

/// The type of a column that has values of both.
Type common_type(Type a, Type b);

}  // namespace shardmill
