#include "pipeline/run/hdf5_block.h"

#include <algorithm>
#include <cstring>

#include "pipeline/formats/compress.h"
#include "pipeline/run/protocol.h"

namespace shardmill {

namespace {

constexpr size_t kWordBytes = 8;

void put_word(char* chunk, size_t row, uint64_t word) {
  std::memcpy(chunk + row * kWordBytes, &word, kWordBytes);
}

/// Makes room for `bytes` zeros at the end; their place is valid until the next change of `out`.
char* append_zeros(std::string& out, size_t bytes) {
  out.append(bytes, '\0');
  return out.data() + out.size() - bytes;
}

void append_texts(const std::vector<std::string_view>& texts, std::string& out) {
  for (const std::string_view text : texts) {
    out += text;
    out += '\0';
  }
}

/// The chunks of one file in the order of a block.
struct ChunkPlan {
  size_t bytes = 0;  ///< of one that is not compressed; 0: texts of any length
  bool is_shuffled = false;
};

std::vector<ChunkPlan> chunks_of(const Hdf5OutputShape& shape) {
  std::vector<ChunkPlan> chunks;
  for (const Hdf5OutputColumn& column : shape.columns) {
    chunks.push_back({.bytes = hdf5_value_bytes(column) * shape.chunk_rows,
                      .is_shuffled = hdf5_is_shuffled(column)});
  }
  for (const Hdf5OutputColumn& column : shape.columns) {
    if (column.has_nulls) chunks.push_back({.bytes = shape.chunk_rows});
  }
  return chunks;
}

void shuffle(std::string_view chunk, size_t width, std::string& out) {
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
  const std::vector<ChunkPlan> chunks = chunks_of(shape);
  ByteWriter head;
  head.u64(rows);
  block += head.bytes();
  const size_t sizes = block.size();
  append_zeros(block, chunks.size() * kWordBytes);
  for (size_t i = 0; i < chunks.size(); ++i) put_word(block.data() + sizes, i, chunks[i].bytes);
  size_t plain_bytes = 0;
  for (const ChunkPlan& chunk : chunks) plain_bytes += chunk.bytes;
  const bool is_packed = shape.level > 0;
  const bool in_place = !is_packed && !shape.has_any_length();
  if (!in_place) plain_.clear();
  char* plain = append_zeros(in_place ? block : plain_, plain_bytes);
  if (!read(bytes, rows, shape, plain)) return damaged_message("part of an output");
  for (size_t i = 0; i < chunks.size() && !in_place; ++i) {
    const size_t begin = block.size();
    const std::string_view chunk(plain, chunks[i].bytes);
    plain += chunk.size();
    if (chunk.empty()) {
      append_texts(texts_[i], block);
    } else if (is_packed) {
      if (chunks[i].is_shuffled) shuffle(chunk, kWordBytes, shuffled_);
      block += zlib_stream(chunks[i].is_shuffled ? shuffled_ : chunk, shape.level);
    } else {
      block += chunk;
    }
    put_word(block.data() + sizes, i, block.size() - begin);
  }
  return {};
}

/// All chunks that are not texts of any length go to `plain`, one behind the other.
bool Hdf5BlockMaker::read(std::string_view bytes, uint64_t rows, const Hdf5OutputShape& shape,
                          char* plain) {
  targets_.clear();
  texts_.resize(shape.columns.size());
  for (size_t i = 0; i < shape.columns.size(); ++i) {
    const Hdf5OutputColumn& column = shape.columns[i];
    BinaryRowsTarget& target = targets_.emplace_back();
    target.type = column.type;
    target.width = hdf5_value_bytes(column);
    if (target.width == 0) {
      texts_[i].assign(rows, {});
      target.texts = &texts_[i];
      continue;
    }
    target.values = plain;
    plain += target.width * shape.chunk_rows;
    target.values_end = plain;
  }
  for (size_t i = 0; i < shape.columns.size(); ++i) {
    if (!shape.columns[i].has_nulls) continue;
    targets_[i].nulls = plain;
    plain += shape.chunk_rows;
  }
  return read_binary_rows(bytes, rows, targets_);
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
