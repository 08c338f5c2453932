#include "pipeline/formats/hdf5_storage.h"

#include <algorithm>
#include <array>

#include "pipeline/base/message.h"

namespace shardmill {

namespace {

constexpr uint64_t kElementBytesMax = 64 << 20;

bool read_dims(hid_t dataset, Hdf5Dataset& out) {
  const Handle space(H5Dget_space(dataset), H5Sclose);
  if (!space.is_ok()) return false;
  if (H5Sget_simple_extent_type(space.id()) == H5S_NULL) {
    out.is_empty = true;
    return true;
  }
  std::array<hsize_t, H5S_MAX_RANK> dims = {};
  const int rank = H5Sget_simple_extent_dims(space.id(), dims.data(), nullptr);
  if (rank < 0) return false;
  out.dims.assign(dims.begin(), dims.begin() + rank);
  return true;
}

bool has_no_element(const Hdf5Dataset& dataset) {
  return dataset.is_empty ||
         std::find(dataset.dims.begin(), dataset.dims.end(), 0) != dataset.dims.end();
}

/// The filters, if all are of those that are undone without the library.
bool read_filters(hid_t creation, Hdf5Dataset& out) {
  const int count = H5Pget_nfilters(creation);
  for (int i = 0; i < count; ++i) {
    unsigned flags = 0;
    std::array<unsigned, 8> values = {};
    size_t value_count = values.size();
    const H5Z_filter_t filter = H5Pget_filter2(creation, static_cast<unsigned>(i), &flags,
                                               &value_count, values.data(), 0, nullptr, nullptr);
    switch (filter) {
      case H5Z_FILTER_DEFLATE:
        // How much comes out of the first of two nobody knows.
        if (std::count(out.filters.begin(), out.filters.end(), Hdf5Filter::kDeflate) > 0) {
          return false;
        }
        out.filters.push_back(Hdf5Filter::kDeflate);
        break;
      case H5Z_FILTER_SHUFFLE:
        // Its size of elements is the type's, unless somebody patched it.
        if (value_count < 1 || values[0] != out.element_bytes) return false;
        out.filters.push_back(Hdf5Filter::kShuffle);
        break;
      case H5Z_FILTER_FLETCHER32:
        out.filters.push_back(Hdf5Filter::kFletcher32);
        break;
      default:
        return false;
    }
  }
  return count >= 0;
}

/// The filter that the library does not have either; "" if there is none.
std::string missing_filter(hid_t creation) {
  const int count = H5Pget_nfilters(creation);
  for (int i = 0; i < count; ++i) {
    unsigned flags = 0;
    size_t values = 0;
    std::array<char, 64> name = {};
    const H5Z_filter_t filter = H5Pget_filter2(creation, static_cast<unsigned>(i), &flags, &values,
                                               nullptr, name.size(), name.data(), nullptr);
    if (filter < 0 || H5Zfilter_avail(filter) > 0) continue;
    name.back() = '\0';
    return "filter " + std::to_string(filter) + " " + quoted(name.data());
  }
  return {};
}

void read_chunked(hid_t creation, Hdf5Dataset& out) {
  std::array<hsize_t, H5S_MAX_RANK> dims = {};
  const int rank = H5Pget_chunk(creation, H5S_MAX_RANK, dims.data());
  out.layout = Hdf5Layout::kLibrary;
  if (rank < 1 || static_cast<size_t>(rank) != out.dims.size()) return;
  unsigned options = 0;
  const bool odd_edges = H5Pget_chunk_opts(creation, &options) < 0 || options != 0;
  if (odd_edges || !read_filters(creation, out)) {
    out.filters.clear();
    return;
  }
  out.layout = Hdf5Layout::kChunked;
  out.chunk_dims.assign(dims.begin(), dims.begin() + rank);
}

bool uses_other_files(hid_t creation, H5D_layout_t layout) {
  if (layout == H5D_CONTIGUOUS) return H5Pget_external_count(creation) > 0;
  if (layout != H5D_VIRTUAL) return false;
  size_t sources = 0;
  if (H5Pget_virtual_count(creation, &sources) < 0) return true;
  for (size_t i = 0; i < sources; ++i) {
    std::array<char, 4> name = {};
    const ssize_t length = H5Pget_virtual_filename(creation, i, name.data(), name.size());
    if (length != 1 || name[0] != '.') return true;
  }
  return false;
}

void read_layout(hid_t dataset, hid_t creation, H5D_layout_t layout, Hdf5Dataset& out) {
  if (has_no_element(out)) return;
  switch (layout) {
    case H5D_CONTIGUOUS: {
      // Counted from the start of the file, unlike other addresses that the library tells.
      const haddr_t address = H5Dget_offset(dataset);
      const bool elsewhere = H5Pget_external_count(creation) > 0;
      if (elsewhere) {
        out.layout = Hdf5Layout::kLibrary;
      } else if (address != HADDR_UNDEF) {
        out.layout = Hdf5Layout::kContiguous;
        out.address = address;
      }
      return;
    }
    case H5D_CHUNKED:
      return read_chunked(creation, out);
    default:
      out.layout = Hdf5Layout::kLibrary;
  }
}

/// One element of what stands for elements that were never written.
void read_fill(hid_t creation, hid_t type, Hdf5Dataset& out) {
  out.fill.assign(out.element_bytes, '\0');
  H5D_fill_value_t status = H5D_FILL_VALUE_UNDEFINED;
  if (H5Pfill_value_defined(creation, &status) < 0 || status != H5D_FILL_VALUE_USER_DEFINED) return;
  out.fill_is_users = H5Pget_fill_value(creation, type, out.fill.data()) >= 0;
}

}  // namespace

bool is_from_matlab(hid_t dataset) {
  return H5Aexists(dataset, "MATLAB_class") > 0;
}

bool describe_hdf5_storage(const Hdf5StorageAsk& ask, Hdf5Dataset& out, std::string& reason) {
  out.element_bytes = H5Tget_size(ask.type);
  const Handle creation(H5Dget_create_plist(ask.dataset), H5Pclose);
  if (out.element_bytes == 0 || !creation.is_ok() || !read_dims(ask.dataset, out)) {
    reason = "is damaged";
    return false;
  }
  if (out.element_bytes > kElementBytesMax) {
    reason = "has elements of more than 64 MiB";
    return false;
  }
  const H5D_layout_t layout = H5Pget_layout(creation.id());
  if (!ask.external && uses_other_files(creation.id(), layout)) {
    reason = "has its values in other files; external = true reads them";
    return false;
  }
  const std::string filter = layout == H5D_CHUNKED ? missing_filter(creation.id()) : std::string();
  if (!filter.empty()) {
    reason = "is packed by " + filter + ", which the HDF5 library does not have; install its " +
             "plugin (HDF5_PLUGIN_PATH)";
    return false;
  }
  out.is_matlab = out.dims.size() == 2 && is_from_matlab(ask.dataset);
  if (out.is_matlab && H5Aexists(ask.dataset, "MATLAB_empty") > 0) {
    out.is_empty = true;  // what is stored are its dimensions
    out.dims.clear();
  }
  if (ask.only_library) {
    out.layout = has_no_element(out) ? Hdf5Layout::kNothing : Hdf5Layout::kLibrary;
    out.fill.assign(out.element_bytes, '\0');
    return true;
  }
  read_layout(ask.dataset, creation.id(), layout, out);
  read_fill(creation.id(), ask.type, out);
  return true;
}

}  // namespace shardmill
