#include "stages/support/group_codec.h"

#include <bit>
#include <string_view>

namespace shardmill {

namespace {

constexpr uint8_t kValue = 0;
constexpr uint8_t kNull = 1;

void encode_key(const GroupTable& table, uint32_t group, size_t key, ByteWriter& writer) {
  if (table.is_null(group, key)) {
    writer.u8(kNull);
    return;
  }
  writer.u8(kValue);
  switch (table.key_types()[key]) {
    case Type::kText:
      writer.text(table.text(group, key));
      break;
    case Type::kFloat:
      writer.f64(table.number(group, key));
      break;
    case Type::kBool:
      writer.u8(static_cast<uint8_t>(table.integer(group, key)));
      break;
    case Type::kInt:
    case Type::kTime:
      writer.i64(table.integer(group, key));
      break;
  }
}

/// `texts` keeps what the reader will not.
void decode_key(ByteReader& reader, size_t row, Arena& texts, Column& column) {
  const uint8_t form = reader.u8();
  if (form > kNull) reader.fail();
  if (form != kValue) {
    column.set_null(row);
    return;
  }
  switch (column.type) {
    case Type::kText:
      column.text[row] = texts.copy(reader.text());
      break;
    case Type::kFloat:
      column.floats[row] = reader.f64();
      break;
    case Type::kBool:
      column.bools[row] = reader.u8();
      if (column.bools[row] > 1) reader.fail();
      break;
    case Type::kInt:
    case Type::kTime:
      column.ints[row] = reader.i64();
      break;
  }
}

/// True if the groups from `first` on are `count` new ones in ascending order.
bool is_in_order(const GroupTable& table, size_t first, size_t count) {
  if (table.size() != first + count) return false;
  for (size_t group = std::max<size_t>(first, 1); group < table.size(); ++group) {
    if (table.compare(static_cast<uint32_t>(group - 1), static_cast<uint32_t>(group)) >= 0) {
      return false;
    }
  }
  return true;
}

}  // namespace

void encode_keys(const GroupTable& table, std::span<const uint32_t> order, ByteWriter& writer) {
  writer.varint(order.size());
  for (const uint32_t group : order) {
    for (size_t key = 0; key < table.key_types().size(); ++key) {
      encode_key(table, group, key, writer);
    }
  }
}

void decode_keys(ByteReader& reader, GroupTable& table) {
  const size_t keys = table.key_types().size();
  const uint64_t size = reader.varint();
  if (keys == 0) {
    if (size != 1) reader.fail();
    return;
  }
  if (!reader.count_fits(size, keys)) return;
  std::vector<Column> columns(keys);
  std::vector<const Column*> pointers;
  for (const Column& column : columns) pointers.push_back(&column);
  KeyScratch scratch;
  Arena texts;
  std::vector<uint32_t> groups(GroupTable::kBlockRows);
  for (uint64_t first = 0; first < size; first += GroupTable::kBlockRows) {
    const size_t count = std::min<uint64_t>(GroupTable::kBlockRows, size - first);
    texts.clear();
    for (size_t key = 0; key < keys; ++key) columns[key].prepare(table.key_types()[key], count);
    for (size_t row = 0; row < count; ++row) {
      for (Column& column : columns) decode_key(reader, row, texts, column);
    }
    if (reader.failed()) return;
    table.find_or_add(pointers, RowBlock{.count = count}, scratch, groups.data());
    if (!is_in_order(table, first, count)) {
      reader.fail();
      return;
    }
  }
}

TableColumn key_column(const GroupTable& table, size_t key, const std::string& name,
                       std::span<const uint32_t> order) {
  TableColumn column{.name = name, .type = table.key_types()[key]};
  for (const uint32_t group : order) {
    if (table.is_null(group, key)) {
      column.add_null();
      continue;
    }
    switch (column.type) {
      case Type::kText:
        column.add_text(table.text(group, key));
        break;
      case Type::kFloat:
        column.add_float(table.number(group, key));
        break;
      case Type::kBool:
        column.add_bool(table.integer(group, key) != 0);
        break;
      case Type::kInt:
      case Type::kTime:
        column.add_int(table.integer(group, key));
        break;
    }
  }
  return column;
}

}  // namespace shardmill
