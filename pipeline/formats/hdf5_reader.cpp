#include "pipeline/formats/hdf5_reader.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <utility>

#include "pipeline/base/message.h"
#include "pipeline/formats/hdf5_attribute.h"
#include "pipeline/formats/hdf5_storage.h"
#include "pipeline/formats/hdf5_walk.h"

namespace shardmill {

namespace {

constexpr uint64_t kPlacesMax = 1 << 20;  ///< of chunks, in one answer
constexpr size_t kNotesMax = 10'000;

Status bad(const std::string& what) {
  const std::string reason = library_reason();
  return Status::bad_file(what + (reason.empty() ? "" : ": " + reason));
}

/// Which file of the library's an object is in.
unsigned long file_number(hid_t object) {
  H5O_info_t about;
  if (H5Oget_info2(object, &about, H5O_INFO_BASIC) < 0) return 0;
  return about.fileno;
}

/// The names of a file's attributes: "/" and "title" of "title", "/a/x" and "units" of "a.x.units".
struct AttributePlace {
  std::string object;
  std::string name;
};

/// Both may have dots in them: all ways to cut, the longest object first.
std::vector<AttributePlace> attribute_places(const std::string& wanted) {
  std::vector<AttributePlace> places;
  for (size_t dot = wanted.rfind('.'); dot != std::string::npos && dot > 0;
       dot = wanted.rfind('.', dot - 1)) {
    std::string object = "/" + wanted.substr(0, dot);
    std::replace(object.begin(), object.end(), '.', '/');
    places.push_back({std::move(object), wanted.substr(dot + 1)});
  }
  places.push_back({"/", wanted});
  return places;
}

// H5Lexists wants every link on the way to be there.
bool is_there(hid_t file, const std::string& path) {
  for (size_t slash = path.find('/', 1);; slash = path.find('/', slash + 1)) {
    const std::string part = path.substr(0, slash);
    if (part != "/" && H5Lexists(file, part.c_str(), H5P_DEFAULT) <= 0) return false;
    if (slash == std::string::npos) return true;
  }
}

template <typename T>
T value_at(const char* bytes) {
  T value;
  std::memcpy(&value, bytes, sizeof value);
  return value;
}

void add_text(ByteWriter& out, std::string_view text) {
  out.u32(static_cast<uint32_t>(text.size() + 1));
  out.raw(text.data(), text.size());
}

/// Gives values of a leaf in the form of Hdf5Ask::kColumn.
class ColumnWriter {
 public:
  ColumnWriter(hid_t dataset, hid_t type, const Hdf5LeafPath& path)
      : dataset_(dataset), kind_(hdf5_memory_kind(type, path)) {
    if (kind_ == Hdf5Memory::kSequence) item_kind_ = hdf5_item_kind(type, path);
  }

  void add(const char* bytes, ByteWriter& out) {
    switch (kind_) {
      case Hdf5Memory::kInt64:
      case Hdf5Memory::kUint64:
      case Hdf5Memory::kDouble:
        return out.raw(bytes, sizeof(uint64_t));
      case Hdf5Memory::kText:
        return add_pointed(value_at<const char*>(bytes), out);
      case Hdf5Memory::kSequence:
        add_sequence(value_at<hvl_t>(bytes));
        return add_text(out, text_);
      case Hdf5Memory::kReference:
        return add_name(value_at<hobj_ref_t>(bytes), out);
    }
  }

 private:
  static void add_pointed(const char* text, ByteWriter& out) {
    if (text == nullptr) return out.u32(0);
    add_text(out, text);
  }

  void add_sequence(const hvl_t& sequence) {
    text_.clear();
    append_hdf5_list(text_, item_kind_, static_cast<const char*>(sequence.p), sequence.len);
  }

  void add_name(hobj_ref_t reference, ByteWriter& out) {
    std::array<char, 4096> name = {};
    const ssize_t length =
        reference == 0 ? 0
                       : H5Rget_name(dataset_, H5R_OBJECT, &reference, name.data(), name.size());
    if (length <= 0) return out.u32(0);
    add_text(out, name.data());
  }

  hid_t dataset_;
  Hdf5Memory kind_;
  Hdf5Memory item_kind_ = Hdf5Memory::kInt64;
  std::string text_;
};

/// The elements of a range: where they are in the file, and how many.
struct Selected {
  Handle file_space;
  Handle memory_space;
  uint64_t elements = 0;
};

bool select(const Hdf5Dataset& about, hid_t dataset, const Hdf5Range& range, Selected& out) {
  out.file_space = Handle(H5Dget_space(dataset), H5Sclose);
  out.elements = 1;
  if (about.rank() > 0) {
    std::array<hsize_t, H5S_MAX_RANK> start = {};
    std::array<hsize_t, H5S_MAX_RANK> count = {};
    std::copy(about.dims.begin(), about.dims.end(), count.begin());
    start[range.axis] = range.first;
    count[range.axis] = range.count;
    for (size_t i = 0; i < about.dims.size(); ++i) {
      if (!product_fits(out.elements, count[i], out.elements)) return false;
    }
    if (H5Sselect_hyperslab(out.file_space.id(), H5S_SELECT_SET, start.data(), nullptr,
                            count.data(), nullptr) < 0) {
      return false;
    }
  }
  const hsize_t elements = out.elements;
  out.memory_space = Handle(H5Screate_simple(1, &elements, nullptr), H5Sclose);
  return out.memory_space.is_ok();
}

}  // namespace

Hdf5Reader::Hdf5Reader() = default;
Hdf5Reader::~Hdf5Reader() = default;

Result<std::unique_ptr<Hdf5Reader>> Hdf5Reader::open(const Hdf5Selection& selection) {
  std::unique_ptr<Hdf5Reader> reader(new Hdf5Reader());
  reader->driver_ = register_hdf5_driver();
  reader->access_ = hdf5_access_list(reader->driver_, reader->driver_state_);
  reader->link_access_ = hdf5_link_access(selection.external);
  reader->file_ =
      Handle(H5Fopen(selection.path.c_str(), H5F_ACC_RDONLY, reader->access_.id()), H5Fclose);
  if (!reader->file_.is_ok()) return bad("the HDF5 library cannot open it");
  const Hdf5DriverState& state = reader->driver_state_;
  reader->description_.file = {
      .device = state.device, .inode = state.inode, .size_bytes = state.size_bytes};
  RETURN_IF_ERROR(reader->describe(selection));
  return reader;
}

Status Hdf5Reader::describe(const Hdf5Selection& selection) {
  RETURN_IF_ERROR(describe_datasets(selection));
  return describe_attributes(selection);
}

Status Hdf5Reader::describe_datasets(const Hdf5Selection& selection) {
  columns_left_ = selection.columns_max;
  const Hdf5Found found = find_hdf5_datasets(file_.id(), selection.datasets);
  if (!found.problem.empty()) return Status::bad_file(found.problem);
  for (const std::string& path : found.paths) describe_dataset(path, selection);
  return {};
}

void Hdf5Reader::describe_dataset(const std::string& path, const Hdf5Selection& selection) {
  const auto pass_over = [&](const std::string& reason) {
    if (description_.passed_over.size() < kNotesMax) {
      description_.passed_over.push_back({path, reason});
    }
  };
  Opened opened;
  H5Eclear2(H5E_DEFAULT);
  opened.dataset = open_hdf5_dataset(file_.id(), path, link_access_);
  if (!opened.dataset.is_ok()) {
    if (is_there(file_.id(), path)) pass_over("cannot be opened as a dataset");
    return;
  }
  opened.type = Handle(H5Dget_type(opened.dataset.id()), H5Tclose);
  if (!opened.type.is_ok()) return pass_over("has a damaged type");
  Hdf5Leaves leaves = hdf5_leaves(opened.type.id(), columns_left_);
  if (!leaves.passed_over.empty()) pass_over("has " + leaves.passed_over);
  if (leaves.leaves.empty()) return;
  Hdf5Dataset about = {.path = path, .leaves = std::move(leaves.leaves)};
  std::string reason;
  if (!describe_hdf5_storage(
          {.dataset = opened.dataset.id(),
           .type = opened.type.id(),
           .external = selection.external,
           .only_library =
               leaves.has_pointers || file_number(opened.dataset.id()) != file_number(file_.id())},
          about, reason)) {
    return pass_over(reason);
  }
  opened.leaves = std::move(leaves.paths);
  columns_left_ -= about.leaves.size();
  description_.datasets.push_back(std::move(about));
  opened_.push_back(std::move(opened));
}

Status Hdf5Reader::describe_attributes(const Hdf5Selection& selection) {
  for (const std::string& wanted : selection.attributes) {
    for (const AttributePlace& place : attribute_places(wanted)) {
      if (place.object != "/" && !is_there(file_.id(), place.object)) continue;
      const Handle object(H5Oopen(file_.id(), place.object.c_str(), link_access_.id()), H5Oclose);
      if (!object.is_ok() || H5Aexists(object.id(), place.name.c_str()) <= 0) continue;
      const Handle attribute(H5Aopen(object.id(), place.name.c_str(), H5P_DEFAULT), H5Aclose);
      if (!attribute.is_ok()) return bad("attribute " + quoted(wanted) + " cannot be opened");
      RETURN_IF_ERROR(read_hdf5_attribute(attribute, wanted, description_.attributes));
      break;
    }
  }
  return {};
}

Result<const Hdf5Reader::Opened*> Hdf5Reader::opened(const Hdf5Range& range) const {
  const auto wrong = [] { return Status::bad_file("something was asked for that is not there"); };
  if (range.dataset >= opened_.size()) return wrong();
  const Hdf5Dataset& about = description_.datasets[range.dataset];
  if (range.leaf >= about.leaves.size()) return wrong();
  if (about.rank() == 0) {
    if (about.is_empty || range.axis != 0 || range.first != 0 || range.count != 1) return wrong();
  } else if (range.axis >= about.rank() || range.count == 0 ||
             range.first >= about.dims[range.axis] ||
             range.count > about.dims[range.axis] - range.first) {
    return wrong();
  }
  return &opened_[range.dataset];
}

Status Hdf5Reader::rows(const Hdf5Range& range, ByteWriter& out) {
  ASSIGN_OR_RETURN(const Opened* const opened, this->opened(range));
  const Hdf5Dataset& about = description_.datasets[range.dataset];
  Selected selected;
  uint64_t bytes = 0;
  if (!select(about, opened->dataset.id(), range, selected) ||
      !product_fits(selected.elements, about.element_bytes, bytes)) {
    return bad("cannot be read");
  }
  const Handle type = hdf5_type_without_pointers(opened->type.id());
  std::string values(bytes, '\0');
  if (!type.is_ok() || H5Dread(opened->dataset.id(), type.id(), selected.memory_space.id(),
                               selected.file_space.id(), H5P_DEFAULT, values.data()) < 0) {
    return bad("cannot be read");
  }
  out.raw(values.data(), values.size());
  return {};
}

Status Hdf5Reader::column(const Hdf5Range& range, ByteWriter& out) {
  ASSIGN_OR_RETURN(const Opened* const opened, this->opened(range));
  const Hdf5Dataset& about = description_.datasets[range.dataset];
  const auto failed = [&] { return bad("cannot be read"); };
  const Hdf5LeafPath& path = opened->leaves[range.leaf];
  if (!about.leaves[range.leaf].from_library) return failed();
  const Hdf5MemoryLeaf memory = hdf5_memory_leaf(opened->type.id(), path);
  Selected selected;
  uint64_t bytes = 0;
  if (!memory.type.is_ok() || !select(about, opened->dataset.id(), range, selected)) {
    return failed();
  }
  const size_t size = H5Tget_size(memory.type.id());
  if (!product_fits(selected.elements, size, bytes)) return failed();
  std::string values(bytes, '\0');
  if (H5Dread(opened->dataset.id(), memory.type.id(), selected.memory_space.id(),
              selected.file_space.id(), H5P_DEFAULT, values.data()) < 0) {
    return failed();
  }
  ColumnWriter writer(opened->dataset.id(), opened->type.id(), path);
  for (uint64_t i = 0; i < selected.elements; ++i) {
    writer.add(values.data() + i * size + memory.offset, out);
  }
  H5Dvlen_reclaim(memory.type.id(), selected.memory_space.id(), H5P_DEFAULT, values.data());
  return {};
}

/// The library finds a chunk by its position in a tree; it tells addresses only by going through
/// all chunks. So it is told to read the chunk, and the driver looks where that is.
Result<Hdf5ChunkPlace> Hdf5Reader::place_of(const Opened& opened,
                                            const std::vector<hsize_t>& offset) {
  hsize_t size = 0;
  // Of a chunk that was never written the library gives a size of 0, or an error.
  H5Eclear2(H5E_DEFAULT);
  if (H5Dget_chunk_storage_size(opened.dataset.id(), offset.data(), &size) < 0 || size == 0) {
    return Hdf5ChunkPlace{};
  }
  if (size > std::numeric_limits<uint32_t>::max()) return Status::bad_file("a chunk over 4 GiB");
  if (look_.size() < size) look_ = std::vector<char>(size);
  driver_state_.only_look = true;
  driver_state_.seen.reset();
  uint32_t mask = 0;
  const herr_t result =
      H5Dread_chunk(opened.dataset.id(), H5P_DEFAULT, offset.data(), &mask, look_.data());
  driver_state_.only_look = false;
  if (result < 0 || !driver_state_.seen || driver_state_.seen->size_bytes != size) {
    return bad("the place of a chunk cannot be found");
  }
  return Hdf5ChunkPlace{
      .address = driver_state_.seen->address, .size_bytes = size, .filter_mask = mask};
}

Status Hdf5Reader::chunks(const Hdf5Range& range, ByteWriter& out) {
  ASSIGN_OR_RETURN(const Opened* const opened, this->opened(range));
  const Hdf5Dataset& about = description_.datasets[range.dataset];
  if (about.layout != Hdf5Layout::kChunked) return Status::bad_file("it has no chunks");
  std::vector<uint64_t> first(about.rank(), 0);
  std::vector<uint64_t> end(about.rank());
  uint64_t count = 1;
  for (size_t i = 0; i < about.rank(); ++i) {
    const uint64_t chunk = about.chunk_dims[i];
    end[i] = (about.dims[i] - 1) / chunk + 1;
    if (i == range.axis) {
      first[i] = range.first / chunk;
      end[i] = (range.first + range.count - 1) / chunk + 1;
    }
    if (!product_fits(count, end[i] - first[i], count) || count > kPlacesMax) {
      return Status::bad_file("has too many chunks side by side");
    }
  }
  std::vector<uint64_t> at = first;
  std::vector<hsize_t> offset(about.rank());
  for (uint64_t n = 0; n < count; ++n) {
    for (size_t i = 0; i < at.size(); ++i) offset[i] = at[i] * about.chunk_dims[i];
    ASSIGN_OR_RETURN(const Hdf5ChunkPlace place, place_of(*opened, offset));
    out.u64(place.address);
    out.u64(place.size_bytes);
    out.u32(place.filter_mask);
    for (size_t i = at.size(); i-- > 0;) {
      if (++at[i] < end[i]) break;
      at[i] = first[i];
    }
  }
  return {};
}

}  // namespace shardmill
