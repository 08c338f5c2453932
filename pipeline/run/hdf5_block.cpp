#include "pipeline/run/hdf5_block.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "pipeline/core/binary_row.h"
#include "pipeline/formats/compress.h"
#include "pipeline/run/protocol.h"

namespace shardmill {

namespace {

constexpr size_t kWordBytes = 8;

void put_word(char* chunk, size_t row, uint64_t word) {
  std::memcpy(chunk + row * kWordBytes, &word, kWordBytes);
}

/// One zero and one NaN, as everywhere.
double canonical(double value) {
  if (value == 0) return 0;
  return std::isnan(value) ? std::numeric_limits<double>::quiet_NaN() : value;
}

/// Makes room for `bytes` zeros at the end; their place is valid until the next change of `out`.
char* append_zeros(std::string& out, size_t bytes) {
  out.append(bytes, '\0');
  return out.data() + out.size() - bytes;
}

void append_fixed_texts(const Column& values, size_t width, size_t rows, size_t chunk_rows,
                        std::string& out) {
  char* chunk = append_zeros(out, width * chunk_rows);
  for (size_t row = 0; row < rows; ++row) {
    if (values.is_null(row)) continue;
    const std::string_view text = values.text[row];
    std::memcpy(chunk + row * width, text.data(), std::min(width, text.size()));
  }
}

void append_words(const Column& values, size_t rows, size_t chunk_rows, std::string& out) {
  char* chunk = append_zeros(out, kWordBytes * chunk_rows);
  for (size_t row = 0; row < rows; ++row) {
    if (!values.is_null(row)) put_word(chunk, row, static_cast<uint64_t>(values.ints[row]));
  }
}

void append_floats(const Column& values, size_t rows, size_t chunk_rows, std::string& out) {
  char* chunk = append_zeros(out, kWordBytes * chunk_rows);
  for (size_t row = 0; row < rows; ++row) {
    const double value = values.is_null(row) ? std::numeric_limits<double>::quiet_NaN()
                                             : canonical(values.floats[row]);
    put_word(chunk, row, std::bit_cast<uint64_t>(value));
  }
}

void append_bools(const Column& values, size_t rows, size_t chunk_rows, std::string& out) {
  char* chunk = append_zeros(out, chunk_rows);
  for (size_t row = 0; row < rows; ++row) {
    if (!values.is_null(row)) chunk[row] = static_cast<char>(values.bools[row]);
  }
}

void append_texts(const Column& values, size_t rows, std::string& out) {
  for (size_t row = 0; row < rows; ++row) {
    if (!values.is_null(row)) out += values.text[row];
    out += '\0';
  }
}

void append_mask(const Column& values, size_t rows, size_t chunk_rows, std::string& out) {
  char* chunk = append_zeros(out, chunk_rows);
  for (size_t row = 0; row < rows; ++row) chunk[row] = values.is_null(row) ? '\1' : '\0';
}

/// The values of all rows of a chunk, those behind the last row zero.
void append_values(const Column& values, const Hdf5OutputColumn& column, size_t rows,
                   size_t chunk_rows, std::string& out) {
  switch (column.type) {
    case Type::kText:
      if (column.text_bytes == 0) return append_texts(values, rows, out);
      return append_fixed_texts(values, column.text_bytes, rows, chunk_rows, out);
    case Type::kInt:
    case Type::kTime:
      return append_words(values, rows, chunk_rows, out);
    case Type::kFloat:
      return append_floats(values, rows, chunk_rows, out);
    case Type::kBool:
      return append_bools(values, rows, chunk_rows, out);
  }
}

void shuffle(const std::string& chunk, size_t width, std::string& out) {
  out.resize(chunk.size());
  const size_t values = chunk.size() / width;
  for (size_t byte = 0; byte < width; ++byte) {
    char* to = out.data() + byte * values;
    const char* from = chunk.data() + byte;
    for (size_t i = 0; i < values; ++i) to[i] = from[i * width];
  }
}

}  // namespace

size_t hdf5_value_bytes(const Hdf5OutputColumn& column) {
  if (column.type == Type::kText) return column.text_bytes;
  return column.type == Type::kBool ? 1 : kWordBytes;
}

bool hdf5_is_shuffled(const Hdf5OutputColumn& column) {
  return column.type != Type::kText && column.type != Type::kBool;
}

Status Hdf5BlockMaker::append(std::string_view bytes, uint64_t rows, const Hdf5OutputShape& shape,
                              std::string& block) {
  std::vector<Type> types;
  size_t chunks = 0;
  for (const Hdf5OutputColumn& column : shape.columns) {
    types.push_back(column.type);
    chunks += column.has_nulls ? 2 : 1;
  }
  if (!read_binary_rows(bytes, types, rows, values_)) return damaged_message("part of an output");
  ByteWriter head;
  head.u64(rows);
  const size_t sizes = block.size() + head.bytes().size();
  block += head.bytes();
  append_zeros(block, chunks * kWordBytes);
  size_t chunk = 0;
  const auto add = [&](bool is_packed, bool is_shuffled, const auto& append_to) {
    const size_t begin = block.size();
    if (is_packed) {
      chunk_.clear();
      append_to(chunk_);
      if (is_shuffled) shuffle(chunk_, kWordBytes, shuffled_);
      block += zlib_stream(is_shuffled ? shuffled_ : chunk_, shape.level);
    } else {
      append_to(block);
    }
    put_word(block.data() + sizes, chunk++, block.size() - begin);
  };
  const bool is_packed = shape.level > 0;
  for (size_t i = 0; i < shape.columns.size(); ++i) {
    const Hdf5OutputColumn& column = shape.columns[i];
    add(is_packed && hdf5_value_bytes(column) > 0, hdf5_is_shuffled(column),
        [&](std::string& out) { append_values(values_[i], column, rows, shape.chunk_rows, out); });
  }
  for (size_t i = 0; i < shape.columns.size(); ++i) {
    if (!shape.columns[i].has_nulls) continue;
    add(is_packed, false,
        [&](std::string& out) { append_mask(values_[i], rows, shape.chunk_rows, out); });
  }
  return {};
}

bool Hdf5OutputShape::has_any_length() const {
  return std::any_of(columns.begin(), columns.end(),
                     [](const Hdf5OutputColumn& column) { return hdf5_value_bytes(column) == 0; });
}

void Hdf5OutputShape::encode(ByteWriter& writer) const {
  writer.varint(columns.size());
  for (const Hdf5OutputColumn& column : columns) {
    writer.text(column.name);
    writer.u8(static_cast<uint8_t>(column.type));
    writer.varint(column.text_bytes);
    writer.u8(column.has_nulls ? 1 : 0);
  }
  writer.varint(chunk_rows);
  writer.varint(static_cast<uint64_t>(level));
  writer.text(provenance_job);
  writer.text(provenance_inputs);
  writer.varint(shards.size());
  for (const Hdf5Shard& shard : shards) {
    writer.text(shard.file);
    writer.varint(shard.rows);
  }
}

Hdf5OutputShape Hdf5OutputShape::decode(ByteReader& reader) {
  Hdf5OutputShape shape;
  const uint64_t columns = reader.varint();
  if (!reader.count_fits(columns, 4)) return shape;
  for (uint64_t i = 0; i < columns; ++i) {
    Hdf5OutputColumn& column = shape.columns.emplace_back();
    column.name = reader.text();
    column.type = static_cast<Type>(reader.u8());
    column.text_bytes = reader.varint();
    column.has_nulls = reader.u8() != 0;
  }
  shape.chunk_rows = reader.varint();
  shape.level = static_cast<int>(reader.varint());
  shape.provenance_job = reader.text();
  shape.provenance_inputs = reader.text();
  const uint64_t shards = reader.varint();
  if (!reader.count_fits(shards, 2)) return shape;
  for (uint64_t i = 0; i < shards; ++i) {
    Hdf5Shard& shard = shape.shards.emplace_back();
    shard.file = reader.text();
    shard.rows = reader.varint();
  }
  return shape;
}

}  // namespace shardmill
