#include "pipeline/run/hdf5_block.h"

#include <cmath>
#include <cstring>
#include <limits>

#include "pipeline/core/binary_row.h"
#include "pipeline/formats/compress.h"
#include "pipeline/run/protocol.h"

namespace shardmill {

namespace {

constexpr size_t kWordBytes = 8;

void put_word(std::string& chunk, size_t row, uint64_t word) {
  std::memcpy(chunk.data() + row * kWordBytes, &word, kWordBytes);
}

/// One zero and one NaN, as everywhere.
double canonical(double value) {
  if (value == 0) return 0;
  return std::isnan(value) ? std::numeric_limits<double>::quiet_NaN() : value;
}

/// The values of all rows of a chunk, those behind the last row zero.
std::string chunk_of(const Column& values, const Hdf5OutputColumn& column, size_t rows,
                     size_t chunk_rows) {
  const size_t width = hdf5_value_bytes(column);
  std::string chunk(width * chunk_rows, '\0');
  for (size_t row = 0; row < rows; ++row) {
    const bool is_null = values.is_null(row);
    switch (column.type) {
      case Type::kText:
        if (!is_null) {
          std::memcpy(chunk.data() + row * width, values.text[row].data(),
                      std::min(width, values.text[row].size()));
        }
        break;
      case Type::kInt:
      case Type::kTime:
        if (!is_null) put_word(chunk, row, static_cast<uint64_t>(values.ints[row]));
        break;
      case Type::kFloat: {
        const double value =
            is_null ? std::numeric_limits<double>::quiet_NaN() : canonical(values.floats[row]);
        std::memcpy(chunk.data() + row * kWordBytes, &value, kWordBytes);
        break;
      }
      case Type::kBool:
        if (!is_null) chunk[row] = static_cast<char>(values.bools[row]);
        break;
    }
  }
  return chunk;
}

std::string any_length(const Column& values, size_t rows) {
  std::string chunk;
  for (size_t row = 0; row < rows; ++row) {
    if (!values.is_null(row)) chunk += values.text[row];
    chunk += '\0';
  }
  return chunk;
}

std::string mask_of(const Column& values, size_t rows, size_t chunk_rows) {
  std::string chunk(chunk_rows, '\0');
  for (size_t row = 0; row < rows; ++row) chunk[row] = values.is_null(row) ? '\1' : '\0';
  return chunk;
}

std::string shuffled(const std::string& chunk, size_t width) {
  std::string out(chunk.size(), '\0');
  const size_t values = chunk.size() / width;
  for (size_t byte = 0; byte < width; ++byte) {
    char* to = out.data() + byte * values;
    const char* from = chunk.data() + byte;
    for (size_t i = 0; i < values; ++i) to[i] = from[i * width];
  }
  return out;
}

}  // namespace

size_t hdf5_value_bytes(const Hdf5OutputColumn& column) {
  if (column.type == Type::kText) return column.text_bytes;
  return column.type == Type::kBool ? 1 : kWordBytes;
}

bool hdf5_is_shuffled(const Hdf5OutputColumn& column) {
  return column.type != Type::kText && column.type != Type::kBool;
}

Result<std::string> hdf5_block(std::string_view bytes, uint64_t rows,
                               const Hdf5OutputShape& shape) {
  std::vector<Type> types;
  for (const Hdf5OutputColumn& column : shape.columns) types.push_back(column.type);
  std::vector<Column> values;
  if (!read_binary_rows(bytes, types, rows, values)) return damaged_message("part of an output");
  std::vector<std::string> chunks;
  const auto packed = [&](std::string chunk) {
    return shape.level == 0 ? std::move(chunk) : zlib_stream(chunk, shape.level);
  };
  for (size_t i = 0; i < values.size(); ++i) {
    const Hdf5OutputColumn& column = shape.columns[i];
    if (hdf5_value_bytes(column) == 0) {
      chunks.push_back(any_length(values[i], rows));
      continue;
    }
    std::string chunk = chunk_of(values[i], column, rows, shape.chunk_rows);
    if (shape.level > 0 && hdf5_is_shuffled(column)) chunk = shuffled(chunk, kWordBytes);
    chunks.push_back(packed(std::move(chunk)));
  }
  for (size_t i = 0; i < values.size(); ++i) {
    if (!shape.columns[i].has_nulls) continue;
    chunks.push_back(packed(mask_of(values[i], rows, shape.chunk_rows)));
  }
  ByteWriter block;
  block.u64(rows);
  for (const std::string& chunk : chunks) block.u64(chunk.size());
  for (std::string& chunk : chunks) {
    block.raw(chunk.data(), chunk.size());
    chunk = std::string();
  }
  return block.take();
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
  return shape;
}

}  // namespace shardmill
