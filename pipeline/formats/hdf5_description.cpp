#include "pipeline/formats/hdf5_description.h"

#include <algorithm>

#include "pipeline/base/message.h"

namespace shardmill {

namespace {

constexpr uint64_t kRankMax = 32;  ///< of the library

template <typename Enum>
Enum decode_enum(ByteReader& reader, Enum last) {
  const uint8_t value = reader.u8();
  if (value > static_cast<uint8_t>(last)) reader.fail();
  return static_cast<Enum>(value);
}

void encode_texts(const std::vector<std::string>& texts, ByteWriter& writer) {
  writer.varint(texts.size());
  for (const std::string& text : texts) writer.text(text);
}

std::vector<std::string> decode_texts(ByteReader& reader) {
  std::vector<std::string> texts;
  const uint64_t count = reader.varint();
  if (!reader.count_fits(count, 1)) return texts;
  for (uint64_t i = 0; i < count; ++i) texts.emplace_back(reader.text());
  return texts;
}

void encode_dims(const std::vector<uint64_t>& dims, ByteWriter& writer) {
  writer.varint(dims.size());
  for (const uint64_t dim : dims) writer.varint(dim);
}

std::vector<uint64_t> decode_dims(ByteReader& reader) {
  std::vector<uint64_t> dims;
  const uint64_t rank = reader.varint();
  if (rank > kRankMax) reader.fail();
  for (uint64_t i = 0; i < rank && !reader.failed(); ++i) dims.push_back(reader.varint());
  return dims;
}

void encode_leaf(const Hdf5Leaf& leaf, ByteWriter& writer) {
  writer.text(leaf.name);
  writer.u8(static_cast<uint8_t>(leaf.kind));
  writer.u8(leaf.from_library ? 1 : 0);
  writer.u8(leaf.big_endian ? 1 : 0);
  writer.u8(static_cast<uint8_t>(leaf.padding));
  writer.varint(leaf.offset);
  writer.varint(leaf.size_bytes);
  writer.varint(leaf.names.size());
  for (const Hdf5EnumName& name : leaf.names) {
    writer.i64(name.value);
    writer.text(name.name);
  }
}

/// Numbers of the sizes that we read ourselves.
bool is_readable(const Hdf5Leaf& leaf) {
  const uint64_t size = leaf.size_bytes;
  switch (leaf.kind) {
    case Hdf5Kind::kInt:
    case Hdf5Kind::kUnsigned:
    case Hdf5Kind::kBool:
    case Hdf5Kind::kEnum:
      return leaf.from_library || size == 1 || size == 2 || size == 4 || size == 8;
    case Hdf5Kind::kFloat:
      return leaf.from_library || size == 2 || size == 4 || size == 8;
    case Hdf5Kind::kFixedText:
    case Hdf5Kind::kBytes:
      return !leaf.from_library;
    case Hdf5Kind::kText:
      return leaf.from_library;
  }
  return false;
}

Hdf5Leaf decode_leaf(ByteReader& reader, uint64_t element_bytes) {
  Hdf5Leaf leaf;
  leaf.name = reader.text();
  leaf.kind = decode_enum(reader, Hdf5Kind::kText);
  leaf.from_library = reader.u8() != 0;
  leaf.big_endian = reader.u8() != 0;
  leaf.padding = decode_enum(reader, Hdf5Padding::kSpacePadded);
  leaf.offset = reader.varint();
  leaf.size_bytes = reader.varint();
  if (leaf.size_bytes > element_bytes || leaf.offset > element_bytes - leaf.size_bytes) {
    reader.fail();
  }
  if (!is_readable(leaf)) reader.fail();
  const uint64_t names = reader.varint();
  if (!reader.count_fits(names, 9)) return leaf;
  for (uint64_t i = 0; i < names; ++i) {
    const int64_t value = reader.i64();
    leaf.names.push_back({.value = value, .name = std::string(reader.text())});
  }
  return leaf;
}

void encode_dataset(const Hdf5Dataset& dataset, ByteWriter& writer) {
  writer.text(dataset.path);
  encode_dims(dataset.dims, writer);
  writer.u8(dataset.is_empty ? 1 : 0);
  writer.u8(dataset.is_matlab ? 1 : 0);
  writer.varint(dataset.element_bytes);
  writer.varint(dataset.leaves.size());
  for (const Hdf5Leaf& leaf : dataset.leaves) encode_leaf(leaf, writer);
  writer.text(dataset.fill);
  writer.u8(dataset.fill_is_users ? 1 : 0);
  writer.u8(static_cast<uint8_t>(dataset.layout));
  writer.varint(dataset.address);
  encode_dims(dataset.chunk_dims, writer);
  writer.varint(dataset.filters.size());
  for (const Hdf5Filter filter : dataset.filters) writer.u8(static_cast<uint8_t>(filter));
}

/// All that is computed from these later fits into 64 bits.
bool is_possible(const Hdf5Dataset& dataset) {
  uint64_t bytes = dataset.element_bytes;
  if (bytes == 0) return false;
  for (const uint64_t dim : dataset.dims) {
    if (!product_fits(bytes, std::max<uint64_t>(dim, 1), bytes)) return false;
  }
  if (bytes > uint64_t{1} << 62) return false;
  if (dataset.fill.size() != dataset.element_bytes) return false;
  if (dataset.layout != Hdf5Layout::kChunked) return dataset.chunk_dims.empty();
  if (dataset.chunk_dims.size() != dataset.rank() || dataset.rank() == 0) return false;
  bytes = dataset.element_bytes;
  for (const uint64_t dim : dataset.chunk_dims) {
    if (dim == 0 || !product_fits(bytes, dim, bytes)) return false;
  }
  return bytes <= uint64_t{1} << 32;  // of the format
}

Hdf5Dataset decode_dataset(ByteReader& reader) {
  Hdf5Dataset dataset;
  dataset.path = reader.text();
  dataset.dims = decode_dims(reader);
  dataset.is_empty = reader.u8() != 0;
  dataset.is_matlab = reader.u8() != 0;
  dataset.element_bytes = reader.varint();
  const uint64_t leaves = reader.varint();
  if (!reader.count_fits(leaves, 8)) return dataset;
  for (uint64_t i = 0; i < leaves; ++i) {
    dataset.leaves.push_back(decode_leaf(reader, dataset.element_bytes));
  }
  dataset.fill = reader.text();
  dataset.fill_is_users = reader.u8() != 0;
  dataset.layout = decode_enum(reader, Hdf5Layout::kLibrary);
  dataset.address = reader.varint();
  dataset.chunk_dims = decode_dims(reader);
  const uint64_t filters = reader.varint();
  if (!reader.count_fits(filters, 1) || filters > kRankMax) reader.fail();
  for (uint64_t i = 0; i < filters && !reader.failed(); ++i) {
    dataset.filters.push_back(decode_enum(reader, Hdf5Filter::kFletcher32));
    if (dataset.filters.back() == Hdf5Filter{}) reader.fail();
  }
  if (!is_possible(dataset)) reader.fail();
  return dataset;
}

void encode_attribute(const Hdf5Attribute& attribute, ByteWriter& writer) {
  writer.text(attribute.name);
  writer.u8(static_cast<uint8_t>(attribute.kind));
  writer.i64(attribute.integer);
  writer.f64(attribute.number);
  writer.text(attribute.text);
}

Hdf5Attribute decode_attribute(ByteReader& reader) {
  Hdf5Attribute attribute;
  attribute.name = reader.text();
  attribute.kind = decode_enum(reader, Hdf5Kind::kText);
  attribute.integer = reader.i64();
  attribute.number = reader.f64();
  attribute.text = reader.text();
  return attribute;
}

}  // namespace

std::string_view hdf5_fixed_text(std::string_view bytes, Hdf5Padding padding) {
  if (padding == Hdf5Padding::kNulTerminated) return bytes.substr(0, bytes.find('\0'));
  const char pad = padding == Hdf5Padding::kSpacePadded ? ' ' : '\0';
  const size_t last = bytes.find_last_not_of(pad);
  return bytes.substr(0, last == std::string_view::npos ? 0 : last + 1);
}

bool product_fits(uint64_t a, uint64_t b, uint64_t& product) {
  return !__builtin_mul_overflow(a, b, &product);
}

std::string Hdf5PassedOver::text() const {
  return quoted(path, 400) + ": " + reason;
}

void Hdf5Description::encode(ByteWriter& writer) const {
  writer.u64(file.device);
  writer.u64(file.inode);
  writer.u64(file.size_bytes);
  writer.varint(datasets.size());
  for (const Hdf5Dataset& dataset : datasets) encode_dataset(dataset, writer);
  writer.varint(attributes.size());
  for (const Hdf5Attribute& attribute : attributes) encode_attribute(attribute, writer);
  writer.varint(passed_over.size());
  for (const Hdf5PassedOver& one : passed_over) {
    writer.text(one.path);
    writer.text(one.reason);
  }
}

Hdf5Description Hdf5Description::decode(ByteReader& reader) {
  Hdf5Description description;
  description.file.device = reader.u64();
  description.file.inode = reader.u64();
  description.file.size_bytes = reader.u64();
  const uint64_t datasets = reader.varint();
  if (!reader.count_fits(datasets, 12)) return description;
  for (uint64_t i = 0; i < datasets && !reader.failed(); ++i) {
    description.datasets.push_back(decode_dataset(reader));
  }
  const uint64_t attributes = reader.varint();
  if (!reader.count_fits(attributes, 19)) return description;
  for (uint64_t i = 0; i < attributes && !reader.failed(); ++i) {
    description.attributes.push_back(decode_attribute(reader));
  }
  const uint64_t passed_over = reader.varint();
  if (!reader.count_fits(passed_over, 2)) return description;
  for (uint64_t i = 0; i < passed_over; ++i) {
    std::string path(reader.text());
    description.passed_over.push_back({std::move(path), std::string(reader.text())});
  }
  return description;
}

void Hdf5Selection::encode(ByteWriter& writer) const {
  writer.text(path);
  encode_texts(datasets, writer);
  encode_texts(attributes, writer);
  writer.u8(external ? 1 : 0);
  writer.varint(memory_bytes);
  writer.varint(columns_max);
}

Hdf5Selection Hdf5Selection::decode(ByteReader& reader) {
  Hdf5Selection selection;
  selection.path = reader.text();
  selection.datasets = decode_texts(reader);
  selection.attributes = decode_texts(reader);
  selection.external = reader.u8() != 0;
  selection.memory_bytes = reader.varint();
  selection.columns_max = reader.varint();
  return selection;
}

void Hdf5Range::encode(ByteWriter& writer) const {
  for (const uint64_t value : {dataset, leaf, axis, first, count}) writer.varint(value);
}

Hdf5Range Hdf5Range::decode(ByteReader& reader) {
  Hdf5Range range;
  for (uint64_t* value : {&range.dataset, &range.leaf, &range.axis, &range.first, &range.count}) {
    *value = reader.varint();
  }
  return range;
}

}  // namespace shardmill
