#include "pipeline/core/record_examples.h"

#include <algorithm>
#include <tuple>

#include "pipeline/base/text.h"
#include "pipeline/formats/json_text.h"
#include "pipeline/formats/numbers.h"

namespace shardmill {

namespace {

constexpr size_t kColumnsMax = 32;
constexpr size_t kTextBytesMax = 200;
constexpr std::string_view kCut = "…";

using Place = std::tuple<uint64_t, std::string_view, uint64_t, uint64_t>;

Place place_of(const RecordExample& example) {
  return {example.rank, example.path, example.offset, example.sub_index};
}

bool comes_before(const RecordExample& a, const RecordExample& b) {
  return place_of(a) < place_of(b);
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
  return list_.size() < most_ ||
         (most_ > 0 && Place(rank, path, offset, sub_index) < place_of(list_.back()));
}

void RecordExamples::add(RecordExample example) {
  list_.insert(std::upper_bound(list_.begin(), list_.end(), example, comes_before),
               std::move(example));
  if (list_.size() > most_) list_.pop_back();
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
    examples.list_.push_back(std::move(example));
  }
  if (examples.list_.size() > examples.most_ ||
      !std::is_sorted(examples.list_.begin(), examples.list_.end(), comes_before)) {
    reader.fail();
  }
  return examples;
}

RecordWatch::RecordWatch(const Schema& columns, const SlotPlan& slots) : hash_(0) {
  for (const SchemaColumn& column : columns.columns) {
    if (slots.slots[column.slot].used && columns_.size() < kColumnsMax) columns_.push_back(column);
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
