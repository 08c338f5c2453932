#include "pipeline/formats/hdf5_types.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <optional>

namespace shardmill {

namespace {

constexpr int kDepthMax = 16;  ///< compound types in compound types
constexpr int kNamesMax = 100'000;

struct FreeLibraryMemory {
  void operator()(char* memory) const { H5free_memory(memory); }
};
using LibraryText = std::unique_ptr<char, FreeLibraryMemory>;

std::string below(const std::string& name, const std::string& more) {
  return name.empty() ? more : name + "." + more;
}

bool is_whole(size_t size) {
  return size == 1 || size == 2 || size == 4 || size == 8;
}

/// Every bit of it counts and is where it is expected.
bool is_plain_integer(hid_t type) {
  const size_t size = H5Tget_size(type);
  const H5T_order_t order = H5Tget_order(type);
  return is_whole(size) && H5Tget_offset(type) == 0 && H5Tget_precision(type) == size * 8 &&
         (order == H5T_ORDER_LE || order == H5T_ORDER_BE || size == 1);
}

/// IEEE 754 of 16, 32 or 64 bits.
bool is_plain_float(hid_t type) {
  struct Form {
    size_t size, sign, exponent, exponent_bits, mantissa_bits, bias;
  };
  constexpr Form kForms[] = {
      {2, 15, 10, 5, 10, 15}, {4, 31, 23, 8, 23, 127}, {8, 63, 52, 11, 52, 1023}};
  const H5T_order_t order = H5Tget_order(type);
  if (order != H5T_ORDER_LE && order != H5T_ORDER_BE) return false;
  size_t sign = 0;
  size_t exponent = 0;
  size_t exponent_bits = 0;
  size_t mantissa = 0;
  size_t mantissa_bits = 0;
  if (H5Tget_fields(type, &sign, &exponent, &exponent_bits, &mantissa, &mantissa_bits) < 0) {
    return false;
  }
  const size_t size = H5Tget_size(type);
  for (const Form& form : kForms) {
    if (form.size == size) {
      return H5Tget_offset(type) == 0 && H5Tget_precision(type) == size * 8 && sign == form.sign &&
             exponent == form.exponent && exponent_bits == form.exponent_bits && mantissa == 0 &&
             mantissa_bits == form.mantissa_bits && H5Tget_ebias(type) == form.bias &&
             H5Tget_norm(type) == H5T_NORM_IMPLIED;
    }
  }
  return false;
}

Hdf5Padding padding_of(hid_t type) {
  switch (H5Tget_strpad(type)) {
    case H5T_STR_NULLPAD:
      return Hdf5Padding::kNulPadded;
    case H5T_STR_SPACEPAD:
      return Hdf5Padding::kSpacePadded;
    default:
      return Hdf5Padding::kNulTerminated;
  }
}

/// The names of an enum, with values as numbers of 64 bits. False if there are too many or the
/// library fails.
bool read_names(hid_t type, std::vector<Hdf5EnumName>& names) {
  const int count = H5Tget_nmembers(type);
  if (count < 0 || count > kNamesMax) return false;
  const size_t size = H5Tget_size(type);
  if (size > 16) return false;
  const Handle base(H5Tget_super(type), H5Tclose);
  for (int i = 0; i < count; ++i) {
    const LibraryText name(H5Tget_member_name(type, static_cast<unsigned>(i)));
    alignas(8) char value[16] = {};
    if (name == nullptr || H5Tget_member_value(type, static_cast<unsigned>(i), value) < 0 ||
        H5Tconvert(base.id(), H5T_NATIVE_INT64, 1, value, nullptr, H5P_DEFAULT) < 0) {
      return false;
    }
    int64_t number = 0;
    std::memcpy(&number, value, sizeof number);
    names.push_back({.value = number, .name = name.get()});
  }
  std::stable_sort(names.begin(), names.end(),
                   [](const auto& a, const auto& b) { return a.value < b.value; });
  return true;
}

/// FALSE = 0 and TRUE = 1, as h5py writes numpy's bool.
bool is_bool(const std::vector<Hdf5EnumName>& names) {
  return names.size() == 2 && names[0].value == 0 && names[0].name == "FALSE" &&
         names[1].value == 1 && names[1].name == "TRUE";
}

std::optional<Hdf5Memory> memory_kind(hid_t type) {
  switch (H5Tget_class(type)) {
    case H5T_INTEGER:
      return H5Tget_sign(type) == H5T_SGN_NONE ? Hdf5Memory::kUint64 : Hdf5Memory::kInt64;
    case H5T_BITFIELD:
      return Hdf5Memory::kUint64;
    case H5T_ENUM:
      return Hdf5Memory::kInt64;
    case H5T_FLOAT:
      return Hdf5Memory::kDouble;
    case H5T_STRING:
      return Hdf5Memory::kText;
    case H5T_VLEN:
      return Hdf5Memory::kSequence;
    case H5T_REFERENCE:
      return Hdf5Memory::kReference;
    default:
      return std::nullopt;
  }
}

Handle memory_type(hid_t type) {
  const std::optional<Hdf5Memory> kind = memory_kind(type);
  if (!kind) return {};
  switch (*kind) {
    case Hdf5Memory::kInt64:
      return {H5Tcopy(H5T_NATIVE_INT64), H5Tclose};
    case Hdf5Memory::kUint64:
      return {H5Tcopy(H5T_NATIVE_UINT64), H5Tclose};
    case Hdf5Memory::kDouble:
      return {H5Tcopy(H5T_NATIVE_DOUBLE), H5Tclose};
    case Hdf5Memory::kText: {
      Handle text(H5Tcopy(H5T_C_S1), H5Tclose);
      H5Tset_size(text.id(), H5T_VARIABLE);
      H5Tset_cset(text.id(), H5Tget_cset(type));
      return text;
    }
    case Hdf5Memory::kSequence: {
      const Handle item_file_type(H5Tget_super(type), H5Tclose);
      const Handle item = memory_type(item_file_type.id());
      if (!item.is_ok()) return {};
      return {H5Tvlen_create(item.id()), H5Tclose};
    }
    case Hdf5Memory::kReference:
      return {H5Tcopy(H5T_STD_REF_OBJ), H5Tclose};
  }
  return {};
}

/// Of a type that is no compound and no array.
bool has_pointers(hid_t type) {
  const H5T_class_t kind = H5Tget_class(type);
  return kind == H5T_VLEN || kind == H5T_REFERENCE || H5Tis_variable_str(type) > 0;
}

class LeafFinder {
 public:
  explicit LeafFinder(uint64_t most) : most_(most) {}

  void find(hid_t type, const std::string& name, uint64_t offset, int depth) {
    if (!is_ok()) return;
    switch (H5Tget_class(type)) {
      case H5T_COMPOUND:
        return find_members(type, name, offset, depth);
      case H5T_ARRAY:
        return find_items(type, name, offset, depth);
      default:
        return add(type, name, offset);
    }
  }

  Hdf5Leaves take() {
    if (!is_ok()) {
      found_.leaves.clear();
      found_.paths.clear();
      found_.passed_over = "more than " + std::to_string(most_) + " values in an element";
    }
    return std::move(found_);
  }

 private:
  bool is_ok() const { return !too_many_; }

  void find_members(hid_t type, const std::string& name, uint64_t offset, int depth) {
    if (depth == kDepthMax) return pass_over("types in types more than 16 deep");
    const int count = H5Tget_nmembers(type);
    for (int i = 0; i < count && is_ok(); ++i) {
      const auto index = static_cast<unsigned>(i);
      const LibraryText member(H5Tget_member_name(type, index));
      const Handle member_type(H5Tget_member_type(type, index), H5Tclose);
      if (member == nullptr || !member_type.is_ok()) return pass_over("a member that is damaged");
      steps_.push_back({.is_item = false, .index = index});
      find(member_type.id(), below(name, member.get()), offset + H5Tget_member_offset(type, index),
           depth + 1);
      steps_.pop_back();
    }
  }

  void find_items(hid_t type, const std::string& name, uint64_t offset, int depth) {
    if (depth == kDepthMax) return pass_over("types in types more than 16 deep");
    const Handle item(H5Tget_super(type), H5Tclose);
    const size_t item_bytes = H5Tget_size(item.id());
    if (!item.is_ok() || item_bytes == 0) return pass_over("an array that is damaged");
    const uint64_t items = H5Tget_size(type) / item_bytes;
    if (items > most_) too_many_ = true;
    for (uint64_t i = 0; i < items && is_ok(); ++i) {
      steps_.push_back({.is_item = true, .index = i});
      find(item.id(), below(name, std::to_string(i)), offset + i * item_bytes, depth + 1);
      steps_.pop_back();
    }
  }

  void add(hid_t type, const std::string& name, uint64_t offset) {
    Hdf5Leaf leaf = {.name = name, .offset = offset, .size_bytes = H5Tget_size(type)};
    if (!describe(type, leaf)) return;
    if (found_.leaves.size() == most_) {
      too_many_ = true;
      return;
    }
    found_.leaves.push_back(std::move(leaf));
    found_.paths.push_back({steps_});
  }

  bool describe(hid_t type, Hdf5Leaf& leaf) {
    if (has_pointers(type)) found_.has_pointers = true;
    leaf.big_endian = H5Tget_order(type) == H5T_ORDER_BE;
    switch (H5Tget_class(type)) {
      case H5T_INTEGER:
      case H5T_BITFIELD: {
        const bool has_sign = H5Tget_class(type) == H5T_INTEGER && H5Tget_sign(type) == H5T_SGN_2;
        leaf.kind = has_sign ? Hdf5Kind::kInt : Hdf5Kind::kUnsigned;
        leaf.from_library = !is_plain_integer(type);
        if (leaf.size_bytes > 8) return unsupported("whole numbers of more than 64 bits");
        // The library converts no bit fields to numbers.
        if (leaf.from_library && H5Tget_class(type) == H5T_BITFIELD) {
          return unsupported("bit fields of odd sizes");
        }
        return true;
      }
      case H5T_FLOAT:
        leaf.kind = Hdf5Kind::kFloat;
        leaf.from_library = !is_plain_float(type);
        return true;
      case H5T_ENUM:
        return describe_enum(type, leaf);
      case H5T_STRING:
        return describe_text(type, leaf);
      case H5T_OPAQUE:
        leaf.kind = Hdf5Kind::kBytes;
        return true;
      case H5T_VLEN:
        return describe_sequence(type, leaf);
      case H5T_REFERENCE:
        leaf.kind = Hdf5Kind::kText;
        leaf.from_library = true;
        return H5Tequal(type, H5T_STD_REF_OBJ) > 0 || unsupported("references to regions");
      default:
        return unsupported("a type that is not supported");
    }
  }

  bool describe_enum(hid_t type, Hdf5Leaf& leaf) {
    const Handle base(H5Tget_super(type), H5Tclose);
    leaf.big_endian = H5Tget_order(base.id()) == H5T_ORDER_BE;
    if (!is_plain_integer(base.id())) return unsupported("enums of odd sizes");
    if (!read_names(type, leaf.names)) return unsupported("an enum that is damaged");
    // An unsigned value of 64 bits has the bits of its signed twin.
    leaf.kind = is_bool(leaf.names) ? Hdf5Kind::kBool : Hdf5Kind::kEnum;
    if (leaf.kind == Hdf5Kind::kBool) leaf.names.clear();
    return true;
  }

  bool describe_text(hid_t type, Hdf5Leaf& leaf) {
    leaf.from_library = H5Tis_variable_str(type) > 0;
    leaf.kind = leaf.from_library ? Hdf5Kind::kText : Hdf5Kind::kFixedText;
    leaf.padding = padding_of(type);
    return true;
  }

  bool describe_sequence(hid_t type, Hdf5Leaf& leaf) {
    leaf.kind = Hdf5Kind::kText;
    leaf.from_library = true;
    const Handle item(H5Tget_super(type), H5Tclose);
    const std::optional<Hdf5Memory> kind = memory_kind(item.id());
    const bool is_text = kind == Hdf5Memory::kText && H5Tis_variable_str(item.id()) <= 0;
    if (!kind || is_text || *kind == Hdf5Memory::kSequence || *kind == Hdf5Memory::kReference ||
        H5Tget_class(item.id()) == H5T_BITFIELD) {
      return unsupported("sequences of other things than numbers and texts");
    }
    return true;
  }

  bool unsupported(const char* what) {
    pass_over(what);
    return false;
  }

  void pass_over(const char* what) {
    if (found_.passed_over.empty()) found_.passed_over = what;
  }

  const uint64_t most_;
  Hdf5Leaves found_;
  std::vector<Hdf5Step> steps_;
  bool too_many_ = false;
};

/// The type in the file at the end of a path.
Handle type_at(hid_t type, const Hdf5LeafPath& path) {
  Handle at(H5Tcopy(type), H5Tclose);
  for (const Hdf5Step& step : path.steps) {
    at = step.is_item
             ? Handle(H5Tget_super(at.id()), H5Tclose)
             : Handle(H5Tget_member_type(at.id(), static_cast<unsigned>(step.index)), H5Tclose);
  }
  return at;
}

Hdf5MemoryLeaf memory_leaf(hid_t type, const Hdf5LeafPath& path, size_t step) {
  if (step == path.steps.size()) return {memory_type(type), 0};
  const uint64_t index = path.steps[step].index;
  if (path.steps[step].is_item) {
    const Handle item_type(H5Tget_super(type), H5Tclose);
    Hdf5MemoryLeaf item = memory_leaf(item_type.id(), path, step + 1);
    hsize_t dims[H5S_MAX_RANK];
    const int rank = H5Tget_array_ndims(type);
    if (!item.type.is_ok() || rank < 1 || H5Tget_array_dims2(type, dims) < 0) return {};
    const uint64_t item_bytes = H5Tget_size(item.type.id());
    return {Handle(H5Tarray_create2(item.type.id(), static_cast<unsigned>(rank), dims), H5Tclose),
            index * item_bytes + item.offset};
  }
  const auto member = static_cast<unsigned>(index);
  const Handle member_type(H5Tget_member_type(type, member), H5Tclose);
  const LibraryText name(H5Tget_member_name(type, member));
  Hdf5MemoryLeaf inner = memory_leaf(member_type.id(), path, step + 1);
  if (!inner.type.is_ok() || name == nullptr) return {};
  Handle compound(H5Tcreate(H5T_COMPOUND, H5Tget_size(inner.type.id())), H5Tclose);
  if (H5Tinsert(compound.id(), name.get(), 0, inner.type.id()) < 0) return {};
  return {std::move(compound), inner.offset};
}

}  // namespace

Hdf5Leaves hdf5_leaves(hid_t type, uint64_t most) {
  LeafFinder finder(most);
  finder.find(type, "", 0, 0);
  return finder.take();
}

Hdf5MemoryLeaf hdf5_memory_leaf(hid_t type, const Hdf5LeafPath& path) {
  return memory_leaf(type, path, 0);
}

Handle hdf5_type_without_pointers(hid_t type) {
  const H5T_class_t kind = H5Tget_class(type);
  if (kind == H5T_ARRAY) {
    const Handle item_type(H5Tget_super(type), H5Tclose);
    const Handle item = hdf5_type_without_pointers(item_type.id());
    hsize_t dims[H5S_MAX_RANK];
    const int rank = H5Tget_array_ndims(type);
    if (!item.is_ok() || rank < 1 || H5Tget_array_dims2(type, dims) < 0) return {};
    return {H5Tarray_create2(item.id(), static_cast<unsigned>(rank), dims), H5Tclose};
  }
  if (kind != H5T_COMPOUND) {
    return has_pointers(type) ? Handle() : Handle(H5Tcopy(type), H5Tclose);
  }
  Handle compound(H5Tcreate(H5T_COMPOUND, H5Tget_size(type)), H5Tclose);
  int kept = 0;
  for (int i = 0; i < H5Tget_nmembers(type); ++i) {
    const auto index = static_cast<unsigned>(i);
    const Handle member_type(H5Tget_member_type(type, index), H5Tclose);
    const Handle member = hdf5_type_without_pointers(member_type.id());
    const LibraryText name(H5Tget_member_name(type, index));
    if (!member.is_ok() || name == nullptr) continue;
    const size_t offset = H5Tget_member_offset(type, index);
    if (H5Tinsert(compound.id(), name.get(), offset, member.id()) < 0) return {};
    ++kept;
  }
  return kept > 0 ? std::move(compound) : Handle();
}

Hdf5Memory hdf5_memory_kind(hid_t type, const Hdf5LeafPath& path) {
  return memory_kind(type_at(type, path).id()).value_or(Hdf5Memory::kInt64);
}

Hdf5Memory hdf5_item_kind(hid_t type, const Hdf5LeafPath& path) {
  const Handle sequence = type_at(type, path);
  const Handle item(H5Tget_super(sequence.id()), H5Tclose);
  return memory_kind(item.id()).value_or(Hdf5Memory::kInt64);
}

}  // namespace shardmill
