#include "pipeline/core/record_examples.h"

#include <algorithm>
#include <tuple>

#include "pipeline/base/hash.h"
#include "pipeline/base/text.h"
#include "pipeline/formats/json_text.h"
#include "pipeline/formats/numbers.h"

namespace shardmill {

namespace {

constexpr size_t kColumnsMax = 32;
constexpr size_t kTextBytesMax = 200;
constexpr std::string_view kCut = "…";

using Identity = std::tuple<std::string_view, uint64_t, uint64_t>;

Identity identity_of(const RecordExample& example) {
  return {example.path, example.offset, example.sub_index};
}

std::tuple<uint64_t, uint64_t, Identity> key_of(const RecordExample& example) {
  return {example.seniors, example.rank, identity_of(example)};
}

bool comes_before(const RecordExample& a, const RecordExample& b) {
  return key_of(a) < key_of(b);
}

/// How many of `list` have this rank and come before this identity.
uint64_t seniors_in(const std::vector<RecordExample>& list, uint64_t rank,
                    const Identity& identity) {
  return static_cast<uint64_t>(std::count_if(list.begin(), list.end(), [&](const auto& one) {
    return one.rank == rank && identity_of(one) < identity;
  }));
}

uint64_t sub_index_of(const Batch& batch, size_t row) {
  return batch.sub_indices.empty() ? 0 : batch.sub_indices[row];
}

/// The beginning of `text`, not cut inside a character.
std::string shortened(std::string_view text) {
  if (text.size() <= kTextBytesMax) return std::string(text);
  size_t end = kTextBytesMax;
  constexpr size_t kLongestTail = 3;
  for (size_t back = 0; back < kLongestTail && (text[end] & 0xC0) == 0x80; ++back) --end;
  return std::string(text.substr(0, end)) + std::string(kCut);
}

void append_value(std::string& out, const Column& column, size_t row) {
  if (column.is_null(row)) {
    out += "null";
    return;
  }
  switch (column.type) {
    case Type::kText:
      append_json_text(out, shortened(column.text[row]));
      break;
    case Type::kInt:
      append_int(out, column.ints[row]);
      break;
    case Type::kFloat:
      append_json_float(out, column.floats[row]);
      break;
    case Type::kBool:
      out += column.bools[row] != 0 ? "true" : "false";
      break;
    case Type::kTime: {
      std::string time;
      append_time(time, column.ints[row]);
      append_json_text(out, time);
      break;
    }
  }
}

}  // namespace

bool RecordExamples::wants(uint64_t rank, std::string_view path, uint64_t offset,
                           uint64_t sub_index) const {
  if (list_.size() < most_ || most_ == 0) return most_ > 0;
  const Identity identity(path, offset, sub_index);
  return std::tuple(seniors_in(list_, rank, identity), rank, identity) < key_of(list_.back());
}

void RecordExamples::add(RecordExample example) {
  const Identity identity = identity_of(example);
  example.seniors = seniors_in(list_, example.rank, identity);
  bool pushes_back = false;
  for (RecordExample& one : list_) {
    if (one.rank != example.rank) continue;
    has_seconds_ = true;
    if (identity_of(one) < identity) continue;
    ++one.seniors;
    pushes_back = true;
  }
  if (pushes_back) std::sort(list_.begin(), list_.end(), comes_before);
  list_.insert(std::upper_bound(list_.begin(), list_.end(), example, comes_before),
               std::move(example));
  if (list_.size() <= most_) return;
  list_.pop_back();
  has_seconds_ = !list_.empty() && list_.back().seniors > 0;
}

void RecordExamples::merge(const RecordExamples& other) {
  most_ = std::max(most_, other.most_);
  for (const RecordExample& example : other.list_) add(example);
}

void RecordExamples::encode(ByteWriter& writer) const {
  writer.varint(most_);
  writer.varint(list_.size());
  for (const RecordExample& example : list_) {
    writer.u64(example.rank);
    writer.text(example.path);
    writer.varint(example.offset);
    writer.varint(example.sub_index);
    writer.text(example.record);
  }
}

RecordExamples RecordExamples::decode(ByteReader& reader) {
  RecordExamples examples(reader.varint());
  const uint64_t count = reader.varint();
  if (!reader.count_fits(count, sizeof(uint64_t))) return examples;
  for (uint64_t i = 0; i < count; ++i) {
    RecordExample example;
    example.rank = reader.u64();
    example.path = reader.text();
    example.offset = reader.varint();
    example.sub_index = reader.varint();
    example.record = reader.text();
    example.seniors = seniors_in(examples.list_, example.rank, identity_of(example));
    examples.has_seconds_ = examples.has_seconds_ || example.seniors > 0;
    examples.list_.push_back(std::move(example));
  }
  // Each once, in order.
  const auto wrong =
      std::adjacent_find(examples.list_.begin(), examples.list_.end(),
                         [](const auto& a, const auto& b) { return !comes_before(a, b); });
  if (examples.list_.size() > examples.most_ || wrong != examples.list_.end()) reader.fail();
  return examples;
}

RecordWatch::RecordWatch(const Schema& columns, const SlotPlan& slots) {
  for (const SchemaColumn& column : columns.columns) {
    if (slots.slots[column.slot].used && columns_.size() < kColumnsMax) columns_.push_back(column);
  }
}

void RecordWatch::begin_file(std::string_view path) {
  path_hash_ = hash64(path);
  enter_block(0);
}

void RecordWatch::enter_block(uint64_t block) {
  const uint64_t place[2] = {path_hash_, block};
  block_ = block;
  rank_ = hash64({reinterpret_cast<const char*>(place), sizeof place});
}

void RecordWatch::offer_one(RecordExamples& examples, const Batch& batch, size_t row) {
  if (!examples.wants(rank_, batch.slice->path, batch.offsets[row], sub_index_of(batch, row)))
    return;
  examples.add(example(rank_, batch, row));
}

void RecordWatch::offer_blocks(RecordExamples& examples, Batch& batch, const UncutLines& lines,
                               LineRange range, size_t row) {
  const std::string_view text = lines.text();
  size_t begin = range.begin;
  while (begin < range.end) {
    const uint64_t rank = rank_at(lines.offset() + begin);
    const uint64_t behind_block = (block_ + 1) * kBlockBytes - lines.offset();
    const size_t block_end = std::min<uint64_t>(behind_block, range.end);
    // Those behind one that is not wanted are of the same rank.
    while (begin < block_end &&
           examples.wants(rank, batch.slice->path, lines.offset() + begin, 0)) {
      const size_t end = line_end(text, begin);
      lines.cut_line(batch, row, begin, end);
      examples.add(example(rank, batch, row));
      begin = end + 1;
    }
    if (begin < block_end) begin = line_end(text, block_end - 1) + 1;
  }
}

void RecordWatch::offer_first(RecordExamples& examples, const Batch& batch) {
  bool goes_on = true;  // rows come in canonical order: after one too late all are
  batch.for_each_row([&](size_t row) {
    goes_on = goes_on &&
              examples.wants(0, batch.slice->path, batch.offsets[row], sub_index_of(batch, row));
    if (goes_on) examples.add(example(0, batch, row));
  });
}

RecordExample RecordWatch::example(uint64_t rank, const Batch& batch, size_t row) const {
  std::string record = "{";
  for (const SchemaColumn& column : columns_) {
    if (record.size() > 1) record += ", ";
    append_json_key(record, column.name);
    record += ": ";
    append_value(record, batch.columns[column.slot], row);
  }
  record += "}";
  return {.rank = rank,
          .path = batch.slice->path,
          .offset = batch.offsets[row],
          .sub_index = sub_index_of(batch, row),
          .record = std::move(record)};
}

}  // namespace shardmill
