#include "stages/support/record_sample.h"

#include <algorithm>
#include <bit>
#include <numeric>
#include <utility>

#include "pipeline/base/check.h"
#include "stages/support/text_key.h"

namespace shardmill {

namespace {

constexpr unsigned kLevelMax = 63;

uint64_t word_of(const Column& column, size_t row) {
  switch (column.type) {
    case Type::kInt:
    case Type::kTime:
      return static_cast<uint64_t>(column.ints[row]);
    case Type::kFloat:
      return std::bit_cast<uint64_t>(column.floats[row]);
    case Type::kBool:
      return column.bools[row];
    case Type::kText:
      break;
  }
  return 0;
}

size_t held_by(const std::string& text) {
  constexpr size_t kInside = 15;
  return text.size() > kInside ? text.size() + 1 : 0;
}

}  // namespace

RecordSample::RecordSample(std::vector<Type> types, size_t records_max)
    : types_(std::move(types)), records_max_(records_max), columns_(types_.size()) {}

void RecordSample::add(const Records& records, std::span<const Column* const> columns) {
  SHARDMILL_CHECK(columns.size() == types_.size());
  if (records.rows.empty()) return;
  hashes_.insert(hashes_.end(), records.hashes.begin(), records.hashes.end());
  for (size_t i = 0; i < columns.size(); ++i) add_values(records.rows, *columns[i], columns_[i]);
  if (size() > records_max_) shrink();
}

void RecordSample::add_values(const std::vector<uint32_t>& rows, const Column& column,
                              Values& values) {
  for (const uint32_t row : rows) values.null.push_back(column.is_null(row) ? 1 : 0);
  if (column.type != Type::kText) {
    for (const uint32_t row : rows) {
      values.words.push_back(column.is_null(row) ? 0 : word_of(column, row));
    }
    return;
  }
  for (const uint32_t row : rows) {
    const std::string_view text = column.is_null(row) ? std::string_view() : column.text[row];
    if (needs_text_key(text)) {
      values.texts.push_back(long_text_key(text));
    } else {
      values.texts.emplace_back(text);
    }
    text_bytes_ += held_by(values.texts.back());
  }
}

/// Raises the level until the sample fits.
void RecordSample::shrink() {
  std::vector<size_t> kept(size());
  std::iota(kept.begin(), kept.end(), size_t{0});
  while (kept.size() > records_max_ && level_ < kLevelMax) {
    ++level_;
    std::erase_if(kept, [&](size_t i) { return hashes_[i] > threshold(); });
  }
  keep(kept);
}

/// Keeps these records, which are in ascending order.
void RecordSample::keep(const std::vector<size_t>& records) {
  const auto compact = [&](auto& list) {
    for (size_t i = 0; i < records.size(); ++i) {
      if (i != records[i]) list[i] = std::move(list[records[i]]);
    }
    list.resize(records.size());
  };
  compact(hashes_);
  text_bytes_ = 0;
  for (size_t i = 0; i < columns_.size(); ++i) {
    compact(columns_[i].null);
    if (types_[i] != Type::kText) {
      compact(columns_[i].words);
      continue;
    }
    compact(columns_[i].texts);
    for (const std::string& text : columns_[i].texts) text_bytes_ += held_by(text);
  }
}

void RecordSample::merge(const RecordSample& other) {
  if (other.level_ > level_) {
    level_ = other.level_;
    std::vector<size_t> kept;
    for (size_t i = 0; i < size(); ++i) {
      if (hashes_[i] <= threshold()) kept.push_back(i);
    }
    keep(kept);
  }
  for (size_t i = 0; i < other.size(); ++i) {
    if (other.hashes_[i] > threshold()) continue;
    hashes_.push_back(other.hashes_[i]);
    for (size_t c = 0; c < columns_.size(); ++c) {
      const Values& from = other.columns_[c];
      columns_[c].null.push_back(from.null[i]);
      if (types_[c] == Type::kText) {
        columns_[c].texts.push_back(from.texts[i]);
        text_bytes_ += held_by(from.texts[i]);
      } else {
        columns_[c].words.push_back(from.words[i]);
      }
    }
  }
  if (size() > records_max_) shrink();
}

void RecordSample::encode(ByteWriter& writer) const {
  writer.u8(static_cast<uint8_t>(level_));
  writer.varint(size());
  std::vector<std::pair<uint64_t, std::string>> records;
  for (size_t i = 0; i < size(); ++i) {
    ByteWriter record;
    for (size_t c = 0; c < columns_.size(); ++c) {
      const Values& values = columns_[c];
      record.u8(values.null[i]);
      if (values.null[i] != 0) continue;
      if (types_[c] == Type::kText) {
        record.text(values.texts[i]);
      } else {
        record.u64(values.words[i]);
      }
    }
    records.emplace_back(hashes_[i], record.take());
  }
  std::sort(records.begin(), records.end());
  for (const auto& [hash, values] : records) {
    writer.u64(hash);
    writer.raw(values.data(), values.size());
  }
}

void RecordSample::decode(ByteReader& reader) {
  *this = RecordSample(types_, records_max_);
  level_ = reader.u8();
  const uint64_t size = reader.varint();
  if (level_ > kLevelMax || size > records_max_) reader.fail();
  if (!reader.count_fits(size, 8 + types_.size())) return;
  for (uint64_t i = 0; i < size && !reader.failed(); ++i) {
    hashes_.push_back(reader.u64());
    if (hashes_.back() > threshold()) reader.fail();
    for (size_t c = 0; c < columns_.size(); ++c) {
      Values& values = columns_[c];
      const uint8_t is_null = reader.u8();
      if (is_null > 1) reader.fail();
      values.null.push_back(is_null);
      if (types_[c] == Type::kText) {
        values.texts.emplace_back(is_null != 0 ? std::string_view() : reader.text());
        text_bytes_ += held_by(values.texts.back());
      } else {
        values.words.push_back(is_null != 0 ? 0 : reader.u64());
      }
    }
  }
}

Column RecordSample::values_of(size_t column) const {
  const Values& values = columns_[column];
  Column out;
  out.prepare(types_[column], size());
  for (size_t i = 0; i < size(); ++i) {
    if (values.null[i] != 0) {
      out.set_null(i);
      continue;
    }
    switch (types_[column]) {
      case Type::kText:
        out.text[i] = values.texts[i];
        break;
      case Type::kInt:
      case Type::kTime:
        out.ints[i] = static_cast<int64_t>(values.words[i]);
        break;
      case Type::kFloat:
        out.floats[i] = std::bit_cast<double>(values.words[i]);
        break;
      case Type::kBool:
        out.bools[i] = values.words[i] != 0 ? 1 : 0;
        break;
    }
  }
  return out;
}

size_t RecordSample::memory_bytes() const {
  size_t bytes = sizeof *this + hashes_.capacity() * sizeof(uint64_t) + text_bytes_;
  for (const Values& values : columns_) {
    bytes += values.words.capacity() * sizeof(uint64_t) + values.null.capacity() +
             values.texts.capacity() * sizeof(std::string);
  }
  return bytes;
}

}  // namespace shardmill
