#include "pipeline/run/hdf5_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <limits>
#include <mutex>
#include <vector>

#include "pipeline/base/message.h"
#include "pipeline/core/column.h"
#include "pipeline/report/h5_output.h"
#include "pipeline/report/results_h5_objects.h"

namespace shardmill {

namespace {

constexpr uint64_t kTextsAtOnce = 16 << 10;

/// A dataset that blocks are added to.
struct Target {
  Handle dataset;
  bool any_length = false;
};

Handle type_of(const Hdf5OutputColumn& column) {
  switch (column.type) {
    case Type::kText: {
      if (column.text_bytes == 0) return text_type();
      Handle type(H5Tcopy(H5T_C_S1), H5Tclose);
      H5Tset_size(type.id(), column.text_bytes);
      H5Tset_strpad(type.id(), H5T_STR_NULLPAD);
      H5Tset_cset(type.id(), H5T_CSET_UTF8);
      return type;
    }
    case Type::kInt:
    case Type::kTime:
      return {H5Tcopy(H5T_STD_I64LE), H5Tclose};
    case Type::kFloat:
      return {H5Tcopy(H5T_IEEE_F64LE), H5Tclose};
    case Type::kBool:
      return bool_type();
  }
  return text_type();
}

/// As H5Pset_virtual takes names: "%b" would be the number of a block.
std::string virtual_name(const std::string& name) {
  std::string out;
  for (const char c : name) out += c == '%' ? "%%" : std::string(1, c);
  return out;
}

class TableWriter {
 public:
  /// `blocks` is not open if the shape has shards.
  TableWriter(const FileHandle& blocks, const std::string& place, const Hdf5OutputShape& shape,
              uint64_t rows, H5Output& output)
      : blocks_(blocks), place_(place), shape_(shape), rows_(rows), output_(output) {}

  Status write() {
    const Handle plist(H5Pcreate(H5P_FILE_CREATE), H5Pclose);
    H5Pset_obj_track_times(plist.id(), false);
    const Handle access = output_.access();
    const Handle file(H5Fcreate("rows.h5", H5F_ACC_TRUNC, plist.id(), access.id()), H5Fclose);
    if (!file.is_ok()) return library_failure("cannot be created");
    RETURN_IF_ERROR(make_datasets(file.id()));
    for (uint64_t row = 0; row < rows_ && !shape_.is_virtual(); row += shape_.chunk_rows) {
      RETURN_IF_ERROR(write_block(row));
    }
    if (!output_.values().is_empty() && at_ != output_.values().end) return damaged();
    targets_.clear();
    if (H5Fflush(file.id(), H5F_SCOPE_LOCAL) < 0) return library_failure("cannot be written");
    return {};
  }

 private:
  Status make_datasets(hid_t file) {
    LinkNames names;
    names.reserve("nulls");
    std::vector<std::string> links;
    for (const Hdf5OutputColumn& column : shape_.columns) links.push_back(names.of(column.name));
    RETURN_IF_ERROR(set_text(file, "job", shape_.provenance_job));
    RETURN_IF_ERROR(set_text(file, "version", SHARDMILL_VERSION));
    RETURN_IF_ERROR(set_text(file, "inputs", shape_.provenance_inputs));
    RETURN_IF_ERROR(set_text(file, "format", "shardmill rows 1"));
    RETURN_IF_ERROR(set_integer(file, "rows", rows_));
    // An attribute holds 64 KiB, which is 4,096 texts.
    if (links.size() <= 4000) RETURN_IF_ERROR(set_texts(file, "columns", links));
    for (size_t i = 0; i < links.size(); ++i) {
      const Hdf5OutputColumn& column = shape_.columns[i];
      RETURN_IF_ERROR(make_dataset(file, "/" + links[i], column));
      const hid_t dataset = targets_.back().dataset.id();
      RETURN_IF_ERROR(set_text(dataset, "name", column.name));
      RETURN_IF_ERROR(set_text(dataset, "type", type_name(column.type)));
      if (column.type == Type::kTime) RETURN_IF_ERROR(set_text(dataset, "unit", kTimeUnit));
    }
    return make_masks(file, links);
  }

  Status make_masks(hid_t file, const std::vector<std::string>& links) {
    const auto has_nulls = [](const Hdf5OutputColumn& column) { return column.has_nulls; };
    if (std::none_of(shape_.columns.begin(), shape_.columns.end(), has_nulls)) return {};
    RETURN_IF_ERROR(make_group(file, "nulls").status());
    const Hdf5OutputColumn mask = {.name = {}, .type = Type::kBool};
    for (size_t i = 0; i < links.size(); ++i) {
      if (!shape_.columns[i].has_nulls) continue;
      RETURN_IF_ERROR(make_dataset(file, "/nulls/" + links[i], mask));
    }
    return {};
  }

  Status make_dataset(hid_t file, const std::string& path, const Hdf5OutputColumn& column) {
    const Handle plist(H5Pcreate(H5P_DATASET_CREATE), H5Pclose);
    H5Pset_obj_track_times(plist.id(), false);
    const bool is_virtual = shape_.is_virtual() && rows_ > 0;  // over no rows there is nothing
    const bool is_stored =
        is_virtual ? map_shards(plist.id(), path, column) : set_chunks(plist.id(), column);
    const hsize_t size = rows_;
    const hsize_t most = is_virtual ? size : H5S_UNLIMITED;
    const Handle space(H5Screate_simple(1, &size, &most), H5Sclose);
    const Handle type = type_of(column);
    Handle dataset(
        H5Dcreate2(file, path.c_str(), type.id(), space.id(), H5P_DEFAULT, plist.id(), H5P_DEFAULT),
        H5Dclose);
    if (!is_stored || !dataset.is_ok()) {
      return library_failure("cannot make dataset " + quoted(path));
    }
    targets_.push_back({std::move(dataset), hdf5_value_bytes(column) == 0});
    return {};
  }

  bool set_chunks(hid_t plist, const Hdf5OutputColumn& column) const {
    const hsize_t chunk = shape_.chunk_rows;
    bool done =
        H5Pset_chunk(plist, 1, &chunk) >= 0 && H5Pset_fill_time(plist, H5D_FILL_TIME_IFSET) >= 0;
    if (shape_.level > 0) {
      if (hdf5_is_shuffled(column)) done = done && H5Pset_shuffle(plist) >= 0;
      done = done && H5Pset_deflate(plist, static_cast<unsigned>(std::min(shape_.level, 9))) >= 0;
    }
    return done;
  }

  bool map_shards(hid_t plist, const std::string& path, const Hdf5OutputColumn& column) const {
    const hsize_t size = rows_;
    const Handle whole(H5Screate_simple(1, &size, nullptr), H5Sclose);
    const std::string source = virtual_name(path);
    hsize_t first = 0;
    for (const Hdf5Shard& shard : shape_.shards) {
      const hsize_t count = shard.rows;
      if (count == 0) continue;
      const Handle rows(H5Screate_simple(1, &count, nullptr), H5Sclose);
      if (H5Sselect_hyperslab(whole.id(), H5S_SELECT_SET, &first, nullptr, &count, nullptr) < 0 ||
          H5Pset_virtual(plist, whole.id(), virtual_name(shard.file).c_str(), source.c_str(),
                         rows.id()) < 0) {
        return false;
      }
      first += count;
    }
    return set_value_of_missing_rows(plist, column);
  }

  static bool set_value_of_missing_rows(hid_t plist, const Hdf5OutputColumn& column) {
    const double nan = std::numeric_limits<double>::quiet_NaN();
    return column.type != Type::kFloat || H5Pset_fill_value(plist, H5T_NATIVE_DOUBLE, &nan) >= 0;
  }

  Status write_block(uint64_t first_row) {
    std::string head;
    RETURN_IF_ERROR(read(8 + 8 * targets_.size(), head));
    ByteReader reader(head);
    const uint64_t rows = reader.u64();
    if (rows != std::min(shape_.chunk_rows, rows_ - first_row)) return damaged();
    std::string chunk;
    for (const Target& target : targets_) {
      const uint64_t size = reader.u64();
      if (!output_.values().is_empty()) {
        RETURN_IF_ERROR(take_chunk(target.dataset.id(), first_row, size));
        continue;
      }
      chunk.clear();
      RETURN_IF_ERROR(read(size, chunk));
      RETURN_IF_ERROR(target.any_length ? write_texts(target.dataset.id(), first_row, rows, chunk)
                                        : write_chunk(target.dataset.id(), first_row, chunk));
    }
    return {};
  }

  /// The chunk stays where it stands in the blocks.
  Status take_chunk(hid_t dataset, uint64_t first_row, uint64_t size) {
    if (at_ > output_.values().end || size > output_.values().end - at_) return damaged();
    unread_.resize(std::max<size_t>(unread_.size(), size));
    output_.take_values_at(at_);
    at_ += size;
    RETURN_IF_ERROR(write_chunk(dataset, first_row, std::string_view(unread_).substr(0, size)));
    return output_.has_taken_values() ? Status::ok() : library_failure("cannot place values");
  }

  Status write_chunk(hid_t dataset, uint64_t first_row, std::string_view chunk) {
    const hsize_t offset = first_row;
    const herr_t done =
        H5Dwrite_chunk(dataset, H5P_DEFAULT, 0, &offset, chunk.size(), chunk.data());
    return done < 0 ? library_failure("cannot write values") : Status::ok();
  }

  Status write_texts(hid_t dataset, uint64_t first_row, uint64_t rows, const std::string& texts) {
    const Handle type = text_type();
    std::vector<const char*> pointers;
    size_t at = 0;
    for (uint64_t row = 0; row < rows; row += pointers.size()) {
      pointers.clear();
      while (pointers.size() < std::min(kTextsAtOnce, rows - row)) {
        const size_t end = texts.find('\0', at);
        if (end == std::string::npos) return damaged();
        pointers.push_back(texts.data() + at);
        at = end + 1;
      }
      const Handle memory = row_space(pointers.size());
      const Handle file(H5Dget_space(dataset), H5Sclose);
      const hsize_t first = first_row + row;
      const hsize_t count = pointers.size();
      if (H5Sselect_hyperslab(file.id(), H5S_SELECT_SET, &first, nullptr, &count, nullptr) < 0 ||
          H5Dwrite(dataset, type.id(), memory.id(), file.id(), H5P_DEFAULT, pointers.data()) < 0) {
        return library_failure("cannot write values");
      }
    }
    return {};
  }

  Status read(uint64_t bytes, std::string& out) {
    RETURN_IF_ERROR(read_range(blocks_, at_, bytes, out, place_));
    at_ += bytes;
    return {};
  }

  Status damaged() const { return Status::failed("blocks of columns that do not add up"); }

  const FileHandle& blocks_;
  const std::string& place_;
  const Hdf5OutputShape& shape_;
  const uint64_t rows_;
  H5Output& output_;
  uint64_t at_ = kHdf5HeadBytes;  ///< in blocks_
  std::string unread_;            ///< what the library takes for a chunk that it never reads
  std::vector<Target> targets_;
};

}  // namespace

Status write_hdf5(const OutputPlace& place, const Hdf5OutputShape& shape, uint64_t rows,
                  const std::function<Status()>& check_lock) {
  const std::string shown = place.text();
  const bool in_place = rows > 0 && !shape.has_any_length() && !shape.is_virtual();
  const OutputPlace made = in_place ? place : second_temporary(place);
  FileHandle blocks;
  if (!shape.is_virtual()) {
    ASSIGN_OR_RETURN(blocks, open_temporary(place, in_place ? O_RDWR : O_RDONLY));
  }
  FileHandle file;
  ValuesRange values;
  if (in_place) {
    struct stat info = {};
    if (::fstat(blocks.get(), &info) != 0) return file_error(shown, "read", errno);
    values = {.begin = kHdf5HeadBytes,
              .end = std::max(kHdf5HeadBytes, static_cast<uint64_t>(info.st_size))};
  } else {
    ASSIGN_OR_RETURN(file, open_temporary(made, O_RDWR | O_CREAT));
  }
  if (check_lock) RETURN_IF_ERROR(check_lock());
  if (!in_place && ::ftruncate(file.get(), 0) != 0) return file_error(shown, "written", errno);
  const std::lock_guard<std::mutex> one_at_a_time(hdf5_library());
  const QuietErrors quiet;
  H5Output output(in_place ? blocks.get() : file.get(), values);
  const Status status =
      output.is_open() ? TableWriter(blocks, shown, shape, rows, output).write() : Status::ok();
  if (!output.close()) return file_error(shown, "written", output.error());
  if (!status.is_ok()) return status.at(escaped(shown));
  RETURN_IF_ERROR((in_place ? blocks : file).close(shown));
  if (in_place) return {};
  if (check_lock) RETURN_IF_ERROR(check_lock());
  return rename_temporary(made, place.temporary);
}

}  // namespace shardmill
