#include "pipeline/core/binary_row.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "pipeline/base/bytes.h"
#include "pipeline/formats/hdf5_text.h"

namespace shardmill {

namespace {

void append_word(std::string& out, uint64_t word) {
  out.append(reinterpret_cast<const char*>(&word), sizeof word);
}

void append_text(std::string& out, std::string_view text, ColumnTotals& totals) {
  std::string made;
  if (!is_storable_text(text)) {
    made = storable_text(text);
    text = made;
  }
  totals.longest_text = std::max<uint64_t>(totals.longest_text, text.size());
  uint64_t size = text.size();
  for (; size >= 0x80; size >>= 7) out += static_cast<char>(size | 0x80);
  out += static_cast<char>(size);
  out += text;
}

void read_value(ByteReader& reader, Column& column, size_t row) {
  switch (column.type) {
    case Type::kText:
      column.text[row] = reader.text();
      break;
    case Type::kInt:
    case Type::kTime:
      column.ints[row] = reader.i64();
      break;
    case Type::kFloat:
      column.floats[row] = reader.f64();
      break;
    case Type::kBool:
      column.bools[row] = reader.u8() != 0 ? 1 : 0;
      break;
  }
}

}  // namespace

void BinaryRows::append_row(const Batch& batch, size_t row, std::string& out) {
  const size_t nulls = out.size();
  out.append((columns_.size() + 7) / 8, '\0');
  for (size_t i = 0; i < columns_.size(); ++i) {
    const Column& column = batch.columns[columns_[i].slot];
    if (column.is_null(row)) {
      out[nulls + i / 8] = static_cast<char>(out[nulls + i / 8] | 1 << i % 8);
      ++totals_[i].nulls;
      continue;
    }
    switch (column.type) {
      case Type::kText:
        append_text(out, column.text[row], totals_[i]);
        break;
      case Type::kInt:
      case Type::kTime:
        append_word(out, static_cast<uint64_t>(column.ints[row]));
        break;
      case Type::kFloat:
        append_word(out, std::bit_cast<uint64_t>(column.floats[row]));
        break;
      case Type::kBool:
        out += static_cast<char>(column.bools[row] != 0 ? 1 : 0);
        break;
    }
  }
}

bool read_binary_rows(std::string_view bytes, std::span<const Type> types, size_t rows,
                      std::vector<Column>& columns) {
  const size_t null_bytes = (types.size() + 7) / 8;
  if (null_bytes > 0 && rows > bytes.size() / null_bytes) return false;
  columns.resize(types.size());
  for (size_t i = 0; i < types.size(); ++i) columns[i].prepare(types[i], rows);
  ByteReader reader(bytes);
  for (size_t row = 0; row < rows; ++row) {
    const std::string_view nulls = reader.raw(null_bytes);
    if (reader.failed()) return false;
    for (size_t i = 0; i < types.size(); ++i) {
      if ((static_cast<unsigned char>(nulls[i / 8]) >> i % 8 & 1) != 0) {
        columns[i].set_null(row);
      } else {
        read_value(reader, columns[i], row);
      }
    }
  }
  return reader.done();
}

}  // namespace shardmill
