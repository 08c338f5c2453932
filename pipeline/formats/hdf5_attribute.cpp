#include "pipeline/formats/hdf5_attribute.h"

#include <cstring>

#include "pipeline/base/message.h"
#include "pipeline/formats/json_text.h"
#include "pipeline/formats/numbers.h"

namespace shardmill {

namespace {

constexpr uint64_t kItemBytes = 8;
constexpr uint64_t kBytesMax = 1 << 20;

template <typename T>
T value_at(const char* bytes) {
  T value;
  std::memcpy(&value, bytes, sizeof value);
  return value;
}

void append_item(std::string& out, Hdf5Memory kind, const char* bytes) {
  switch (kind) {
    case Hdf5Memory::kInt64:
      return append_int(out, value_at<int64_t>(bytes));
    case Hdf5Memory::kUint64:
      return append_int128(out, static_cast<Int128>(value_at<uint64_t>(bytes)));
    case Hdf5Memory::kDouble:
      return append_json_float(out, value_at<double>(bytes));
    default: {
      const auto* const text = value_at<const char*>(bytes);
      if (text == nullptr) {
        out += "null";
      } else {
        append_json_text(out, text);
      }
    }
  }
}

/// An attribute that is open, with its type as one leaf.
struct Value {
  const Handle& attribute;
  hid_t type = -1;
  const Hdf5Leaf& leaf;
  const Hdf5LeafPath& path;
  uint64_t count = 0;
};

Status cannot_read(const std::string& name) {
  return Status::bad_file("attribute " + quoted(name) + " cannot be read: " + library_reason());
}

bool read_fixed_texts(const Value& value, Hdf5Attribute& out) {
  const uint64_t size = value.leaf.size_bytes;
  std::string bytes(size * value.count, '\0');
  if (H5Aread(value.attribute.id(), value.type, bytes.data()) < 0) return false;
  if (value.count == 1) {
    out.text = hdf5_fixed_text(bytes, value.leaf.padding);
    return true;
  }
  out.text = "[";
  for (uint64_t i = 0; i < value.count; ++i) {
    if (i > 0) out.text += ',';
    append_json_text(out.text, hdf5_fixed_text(std::string_view(bytes).substr(i * size, size),
                                               value.leaf.padding));
  }
  out.text += ']';
  return true;
}

void take_one(const Value& value, Hdf5Memory kind, const char* bytes, Hdf5Attribute& out) {
  out.kind = value.leaf.kind;
  switch (kind) {
    case Hdf5Memory::kInt64:
    case Hdf5Memory::kUint64:
      out.integer = value_at<int64_t>(bytes);
      break;
    case Hdf5Memory::kDouble:
      out.number = value_at<double>(bytes);
      break;
    default: {
      const auto* const text = value_at<const char*>(bytes);
      out.text = text == nullptr ? "" : text;
    }
  }
  if (out.kind != Hdf5Kind::kEnum) return;
  out.kind = Hdf5Kind::kText;
  append_int(out.text, out.integer);
  for (const Hdf5EnumName& name : value.leaf.names) {
    if (name.value == out.integer) out.text = name.name;
  }
}

bool read_values(const Value& value, Hdf5Memory kind, Hdf5Attribute& out) {
  const Hdf5MemoryLeaf memory = hdf5_memory_leaf(value.type, value.path);
  if (!memory.type.is_ok() || H5Tget_size(memory.type.id()) != kItemBytes) return false;
  std::string bytes(kItemBytes * value.count, '\0');
  if (H5Aread(value.attribute.id(), memory.type.id(), bytes.data()) < 0) return false;
  if (value.count == 1) {
    take_one(value, kind, bytes.data(), out);
  } else {
    append_hdf5_list(out.text, kind, bytes.data(), value.count);
  }
  if (kind == Hdf5Memory::kText) {
    const Handle space(H5Aget_space(value.attribute.id()), H5Sclose);
    H5Dvlen_reclaim(memory.type.id(), space.id(), H5P_DEFAULT, bytes.data());
  }
  return true;
}

}  // namespace

void append_hdf5_list(std::string& out, Hdf5Memory kind, const char* values, size_t count) {
  out += '[';
  for (size_t i = 0; i < count; ++i) {
    if (i > 0) out += ',';
    append_item(out, kind, values + i * kItemBytes);
  }
  out += ']';
}

Status read_hdf5_attribute(const Handle& attribute, const std::string& name,
                           std::vector<Hdf5Attribute>& out) {
  const Handle type(H5Aget_type(attribute.id()), H5Tclose);
  const Handle space(H5Aget_space(attribute.id()), H5Sclose);
  if (!type.is_ok() || !space.is_ok()) return cannot_read(name);
  const Hdf5Leaves leaves = hdf5_leaves(type.id(), 1);
  const hssize_t count = H5Sget_simple_extent_npoints(space.id());
  uint64_t bytes = 0;
  if (leaves.leaves.size() != 1 || !leaves.leaves[0].name.empty() || count < 1 ||
      !product_fits(static_cast<uint64_t>(count), leaves.leaves[0].size_bytes + kItemBytes,
                    bytes) ||
      bytes > kBytesMax) {
    return {};
  }
  const Value value = {.attribute = attribute,
                       .type = type.id(),
                       .leaf = leaves.leaves[0],
                       .path = leaves.paths[0],
                       .count = static_cast<uint64_t>(count)};
  Hdf5Attribute found = {.name = name, .kind = Hdf5Kind::kText};
  const bool is_fixed =
      value.leaf.kind == Hdf5Kind::kFixedText || value.leaf.kind == Hdf5Kind::kBytes;
  const Hdf5Memory kind = hdf5_memory_kind(type.id(), value.path);
  if (!is_fixed && (kind == Hdf5Memory::kSequence || kind == Hdf5Memory::kReference)) return {};
  if (!(is_fixed ? read_fixed_texts(value, found) : read_values(value, kind, found))) {
    return cannot_read(name);
  }
  out.push_back(std::move(found));
  return {};
}

}  // namespace shardmill
