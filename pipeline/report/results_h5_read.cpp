#include "pipeline/report/results_h5_read.h"

#include <algorithm>

#include "pipeline/base/message.h"
#include "pipeline/formats/numbers.h"
#include "pipeline/report/results_h5_objects.h"

namespace shardmill {

namespace {

constexpr size_t kRowsAtOnce = 1 << 16;

Status unlike_json(const std::string& what) {
  return Status::failed(Message{
      .place = what,
      .found = "other than results.json says",
      .expected = "the same tables, columns and rows",
      .fix = {}}.text());
}

/// A dataset of one dimension with `rows` values.
Result<Handle> open_rows(hid_t group, const std::string& name, size_t rows) {
  Handle dataset(H5Dopen2(group, name.c_str(), H5P_DEFAULT), H5Dclose);
  if (!dataset.is_ok()) return library_failure("cannot open dataset " + quoted(name));
  const Handle space(H5Dget_space(dataset.id()), H5Sclose);
  if (H5Sget_simple_extent_ndims(space.id()) != 1 ||
      H5Sget_simple_extent_npoints(space.id()) != static_cast<hssize_t>(rows)) {
    return unlike_json("dataset " + quoted(name));
  }
  return dataset;
}

/// Reads all values, some at a time, and calls `take(value)` for each.
template <typename Value, typename Take>
Status read_values(hid_t dataset, hid_t memory_type, size_t rows, Take take) {
  std::vector<Value> values;
  const Handle file(H5Dget_space(dataset), H5Sclose);
  for (size_t first = 0; first < rows; first += kRowsAtOnce) {
    const hsize_t start = first;
    const hsize_t count = std::min(kRowsAtOnce, rows - first);
    values.assign(count, Value());
    const Handle memory = row_space(count);
    if (H5Sselect_hyperslab(file.id(), H5S_SELECT_SET, &start, nullptr, &count, nullptr) < 0 ||
        H5Dread(dataset, memory_type, memory.id(), file.id(), H5P_DEFAULT, values.data()) < 0) {
      return library_failure("cannot read values");
    }
    for (const Value& value : values) take(value);
    if constexpr (std::is_same_v<Value, char*>) {
      H5Dvlen_reclaim(memory_type, memory.id(), H5P_DEFAULT, values.data());
    }
  }
  return {};
}

template <typename Take>
Status read_texts(hid_t dataset, size_t rows, Take take) {
  const Handle type = text_type();
  return read_values<char*>(dataset, type.id(), rows, [&](const char* text) {
    take(text == nullptr ? std::string_view() : std::string_view(text));
  });
}

bool holds_texts(hid_t dataset) {
  const Handle type(H5Dget_type(dataset), H5Tclose);
  return H5Tget_class(type.id()) == H5T_STRING;
}

/// Ints beyond 64 bits are stored as their digits.
Status read_ints(hid_t dataset, size_t rows, TableColumn& column) {
  if (!holds_texts(dataset)) {
    return read_values<int64_t>(dataset, H5T_NATIVE_INT64, rows,
                                [&](int64_t value) { column.add_int(value); });
  }
  bool all_good = true;
  RETURN_IF_ERROR(read_texts(dataset, rows, [&](std::string_view digits) {
    Int128 value = 0;
    all_good = parse_int128(digits, value) && all_good;
    column.add_int(value);
  }));
  return all_good ? Status::ok() : unlike_json("column " + quoted(column.name));
}

Status read_column_values(hid_t dataset, size_t rows, TableColumn& column) {
  switch (column.type) {
    case Type::kText:
      return read_texts(dataset, rows, [&](std::string_view text) { column.add_text(text); });
    case Type::kInt:
    case Type::kTime:
      return read_ints(dataset, rows, column);
    case Type::kFloat:
      return read_values<double>(dataset, H5T_NATIVE_DOUBLE, rows,
                                 [&](double value) { column.add_float(value); });
    case Type::kBool:
      break;
  }
  const Handle type = bool_type();
  return read_values<int8_t>(dataset, type.id(), rows,
                             [&](int8_t value) { column.add_bool(value != 0); });
}

Status read_null_mask(hid_t group, const std::string& link, size_t rows, TableColumn& column) {
  if (H5Lexists(group, "nulls", H5P_DEFAULT) <= 0) return {};
  const Handle nulls(H5Gopen2(group, "nulls", H5P_DEFAULT), H5Gclose);
  if (H5Lexists(nulls.id(), link.c_str(), H5P_DEFAULT) <= 0) return {};
  ASSIGN_OR_RETURN(const Handle dataset, open_rows(nulls.id(), link, rows));
  const Handle type = bool_type();
  size_t row = 0;
  return read_values<int8_t>(dataset.id(), type.id(), rows,
                             [&](int8_t value) { column.null[row++] = value != 0 ? 1 : 0; });
}

Status read_table(hid_t file, const std::string& link, ReadTable& table) {
  const Handle group(H5Gopen2(file, link.c_str(), H5P_DEFAULT), H5Gclose);
  if (!group.is_ok()) return library_failure("cannot open group " + quoted(link));
  LinkNames names;
  names.reserve("nulls");
  for (TableColumn& column : table.columns) {
    const std::string column_link = names.of(column.name);
    TableColumn all = {.name = column.name, .type = column.type, .error = column.error};
    ASSIGN_OR_RETURN(const Handle dataset, open_rows(group.id(), column_link, table.row_count));
    RETURN_IF_ERROR(read_column_values(dataset.id(), table.row_count, all));
    RETURN_IF_ERROR(read_null_mask(group.id(), column_link, table.row_count, all));
    column = std::move(all);
  }
  return {};
}

Status read_file(const std::string& path, std::vector<ReadTable>& tables) {
  const Handle file(H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT), H5Fclose);
  if (!file.is_ok()) return library_failure("cannot be opened");
  LinkNames names;
  for (ReadTable& table : tables) {
    RETURN_IF_ERROR(read_table(file.id(), names.of(table.name), table));
  }
  return {};
}

}  // namespace

Status read_results_h5(const std::string& path, std::vector<ReadTable>& tables) {
  const QuietErrors quiet;
  return read_file(path, tables).at(escaped(path));
}

}  // namespace shardmill
