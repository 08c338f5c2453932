// results.h5: a group for each table, a dataset for each column.
//
//   /                       attributes: job, version, format
//   /TABLE                  attributes: name, stage, rows, columns (dataset names, in order)
//   /TABLE/COLUMN           one value a row; attributes: name, type, error or unit where there is
//   one /TABLE/nulls/COLUMN     true where the value is null; only there if the column has nulls
//
// The same tables give the same bytes: no times are stored, and everything is written in one order.
#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <mutex>
#include <string>
#include <vector>

#include "pipeline/base/check.h"
#include "pipeline/base/message.h"
#include "pipeline/base/text.h"
#include "pipeline/formats/hdf5_text.h"
#include "pipeline/formats/numbers.h"
#include "pipeline/report/description.h"
#include "pipeline/report/h5_output.h"
#include "pipeline/report/results_h5_objects.h"

namespace shardmill {

namespace {

constexpr size_t kRowsAtOnce = 1 << 16;

Handle plain_type(hid_t type) {
  return {H5Tcopy(type), H5Tclose};
}

bool fits_64_bits(Int128 value) {
  return value >= std::numeric_limits<int64_t>::min() &&
         value <= std::numeric_limits<int64_t>::max();
}

bool has_wide_ints(const TableColumn& column) {
  return std::any_of(column.ints.begin(), column.ints.end(),
                     [](Int128 value) { return !fits_64_bits(value); });
}

Result<Handle> make_dataset(hid_t group, const std::string& name, hid_t type, size_t rows) {
  const Handle plist(H5Pcreate(H5P_DATASET_CREATE), H5Pclose);
  H5Pset_obj_track_times(plist.id(), false);
  const Handle space = row_space(rows);
  Handle dataset(
      H5Dcreate2(group, name.c_str(), type, space.id(), H5P_DEFAULT, plist.id(), H5P_DEFAULT),
      H5Dclose);
  if (!dataset.is_ok()) return library_failure("cannot make dataset " + quoted(name));
  return dataset;
}

struct Rows {
  size_t first = 0;
  size_t count = 0;
};

Status write_rows(hid_t dataset, hid_t memory_type, Rows rows, const void* values) {
  const Handle memory = row_space(rows.count);
  const Handle file(H5Dget_space(dataset), H5Sclose);
  const hsize_t first = rows.first;
  const hsize_t count = rows.count;
  if (H5Sselect_hyperslab(file.id(), H5S_SELECT_SET, &first, nullptr, &count, nullptr) < 0 ||
      H5Dwrite(dataset, memory_type, memory.id(), file.id(), H5P_DEFAULT, values) < 0) {
    return library_failure("cannot write values");
  }
  return {};
}

/// Writes `value_of(row)` for all rows, some at a time, so that a large column is never held twice.
template <typename Value, typename ValueOf>
Status write_values(hid_t dataset, hid_t memory_type, size_t rows, ValueOf value_of) {
  std::vector<Value> values;
  for (size_t first = 0; first < rows; first += kRowsAtOnce) {
    const size_t count = std::min(kRowsAtOnce, rows - first);
    values.clear();
    for (size_t i = 0; i < count; ++i) values.push_back(value_of(first + i));
    RETURN_IF_ERROR(write_rows(dataset, memory_type, {first, count}, values.data()));
  }
  return {};
}

/// Writes `text_of(row)` for all rows as texts of any length.
template <typename TextOf>
Status write_texts(hid_t dataset, size_t rows, TextOf text_of) {
  const Handle type = text_type();
  std::vector<std::string> texts;
  std::vector<const char*> pointers;
  for (size_t first = 0; first < rows; first += kRowsAtOnce) {
    const size_t count = std::min(kRowsAtOnce, rows - first);
    texts.clear();
    pointers.clear();
    for (size_t i = 0; i < count; ++i) texts.push_back(text_of(first + i));
    for (const std::string& text : texts) pointers.push_back(text.c_str());
    RETURN_IF_ERROR(write_rows(dataset, type.id(), {first, count}, pointers.data()));
  }
  return {};
}

Handle file_type(const TableColumn& column) {
  switch (column.type) {
    case Type::kText:
      return text_type();
    case Type::kInt:
    case Type::kTime:
      return has_wide_ints(column) ? text_type() : plain_type(H5T_STD_I64LE);
    case Type::kFloat:
      return plain_type(H5T_IEEE_F64LE);
    case Type::kBool:
      return bool_type();
  }
  return text_type();
}

Status write_ints(hid_t dataset, const TableColumn& column) {
  if (has_wide_ints(column)) {
    return write_texts(dataset, column.size(), [&](size_t row) {
      std::string digits;
      append_int128(digits, column.ints[row]);
      return digits;
    });
  }
  return write_values<int64_t>(dataset, H5T_NATIVE_INT64, column.size(),
                               [&](size_t row) { return static_cast<int64_t>(column.ints[row]); });
}

Status write_column_values(hid_t dataset, const TableColumn& column) {
  switch (column.type) {
    case Type::kText:
      return write_texts(dataset, column.size(),
                         [&](size_t row) { return storable_text(column.text[row]); });
    case Type::kInt:
    case Type::kTime:
      return write_ints(dataset, column);
    case Type::kFloat:
      return write_values<double>(dataset, H5T_NATIVE_DOUBLE, column.size(), [&](size_t row) {
        return column.null[row] != 0 ? std::numeric_limits<double>::quiet_NaN()
                                     : column.floats[row];
      });
    case Type::kBool: {
      const Handle type = bool_type();
      return write_values<int8_t>(dataset, type.id(), column.size(), [&](size_t row) {
        return static_cast<int8_t>(column.bools[row]);
      });
    }
  }
  return {};
}

Status write_column(hid_t group, const std::string& link, const TableColumn& column) {
  const Handle type = file_type(column);
  ASSIGN_OR_RETURN(const Handle dataset, make_dataset(group, link, type.id(), column.size()));
  RETURN_IF_ERROR(write_column_values(dataset.id(), column));
  RETURN_IF_ERROR(set_text(dataset.id(), "name", column.name));
  RETURN_IF_ERROR(set_text(dataset.id(), "type", type_name(column.type)));
  if (!column.error.empty()) RETURN_IF_ERROR(set_text(dataset.id(), "error", column.error));
  if (column.type == Type::kTime) {
    RETURN_IF_ERROR(set_text(dataset.id(), "unit", kTimeUnit));
  }
  return {};
}

Status write_null_mask(hid_t nulls, const std::string& link, const TableColumn& column) {
  const Handle type = bool_type();
  ASSIGN_OR_RETURN(const Handle dataset, make_dataset(nulls, link, type.id(), column.size()));
  return write_values<int8_t>(dataset.id(), type.id(), column.size(), [&](size_t row) {
    return static_cast<int8_t>(column.null[row] != 0);
  });
}

bool has_nulls(const TableColumn& column) {
  return std::any_of(column.null.begin(), column.null.end(),
                     [](uint8_t null) { return null != 0; });
}

Status write_null_masks(hid_t group, const Table& table, const std::vector<std::string>& links) {
  if (std::none_of(table.columns.begin(), table.columns.end(), has_nulls)) return {};
  ASSIGN_OR_RETURN(const Handle nulls, make_group(group, "nulls"));
  for (size_t i = 0; i < table.columns.size(); ++i) {
    if (!has_nulls(table.columns[i])) continue;
    RETURN_IF_ERROR(write_null_mask(nulls.id(), links[i], table.columns[i]));
  }
  return {};
}

Status write_table(hid_t file, const std::string& link, const Table& table) {
  ASSIGN_OR_RETURN(const Handle group, make_group(file, link));
  LinkNames names;
  names.reserve("nulls");
  std::vector<std::string> links;
  for (const TableColumn& column : table.columns) links.push_back(names.of(column.name));
  RETURN_IF_ERROR(set_text(group.id(), "name", table.name));
  RETURN_IF_ERROR(set_integer(group.id(), "stage", table.stage));
  RETURN_IF_ERROR(set_integer(group.id(), "rows", table.row_count()));
  // An attribute holds 64 KiB, which is 4,096 texts.
  if (links.size() <= 4000) RETURN_IF_ERROR(set_texts(group.id(), "columns", links));
  for (size_t i = 0; i < table.columns.size(); ++i) {
    RETURN_IF_ERROR(write_column(group.id(), links[i], table.columns[i]));
  }
  return write_null_masks(group.id(), table, links);
}

Status write_file(const RunDescription& run, H5Output& output) {
  const Handle plist(H5Pcreate(H5P_FILE_CREATE), H5Pclose);
  H5Pset_obj_track_times(plist.id(), false);
  const Handle access = output.access();
  const Handle file(H5Fcreate("results.h5", H5F_ACC_TRUNC, plist.id(), access.id()), H5Fclose);
  if (!file.is_ok()) return library_failure("cannot be created");
  RETURN_IF_ERROR(set_text(file.id(), "job", run.job_name));
  RETURN_IF_ERROR(set_text(file.id(), "version", run.version));
  RETURN_IF_ERROR(set_text(file.id(), "format", "shardmill results 1"));
  LinkNames names;
  for (const Table& table : run.tables) {
    RETURN_IF_ERROR(write_table(file.id(), names.of(table.name), table));
  }
  if (H5Fflush(file.id(), H5F_SCOPE_LOCAL) < 0) return library_failure("cannot be written");
  return {};
}

}  // namespace

Status write_results_h5(const RunDescription& run, const std::string& path, int* disk_error) {
  const std::lock_guard<std::mutex> one_at_a_time(hdf5_library());
  const QuietErrors quiet;
  H5Output output(path);
  Status status = output.is_open() ? write_file(run, output) : Status::ok();
  const bool is_whole = output.close();
  if (disk_error != nullptr) *disk_error = output.error();
  if (!is_whole) {
    status = Status::failed(fmt::format("cannot be written ({})", std::strerror(output.error())));
  }
  return status.at(escaped(path));
}

}  // namespace shardmill
