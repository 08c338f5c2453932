#include "pipeline/core/stage.h"

#include "pipeline/base/check.h"

namespace shardmill {

namespace {

void add_all(std::vector<uint64_t>& to, const std::vector<uint64_t>& from) {
  if (to.size() < from.size()) to.resize(from.size());
  for (size_t i = 0; i < from.size(); ++i) to[i] += from[i];
}

void encode_all(ByteWriter& writer, const std::vector<uint64_t>& values) {
  writer.varint(values.size());
  for (const uint64_t value : values) writer.varint(value);
}

std::vector<uint64_t> decode_all(ByteReader& reader) {
  const uint64_t count = reader.varint();
  std::vector<uint64_t> values;
  if (!reader.count_fits(count, 1)) return values;
  values.resize(count);
  for (uint64_t& value : values) value = reader.varint();
  return values;
}

}  // namespace

void StageBooks::merge(const StageBooks& other) {
  records_in += other.records_in;
  records_out += other.records_out;
  rejected += other.rejected;
  made += other.made;
  add_all(dropped, other.dropped);
  add_all(counts, other.counts);
  if (examples.size() < other.examples.size()) examples.resize(other.examples.size());
  for (size_t i = 0; i < other.examples.size(); ++i) examples[i].merge(other.examples[i]);
  shown.merge(other.shown);
}

void StageBooks::encode(ByteWriter& writer) const {
  for (const uint64_t value : {records_in, records_out, rejected, made}) writer.varint(value);
  encode_all(writer, dropped);
  encode_all(writer, counts);
  writer.varint(examples.size());
  for (const RecordExamples& of_reason : examples) of_reason.encode(writer);
  shown.encode(writer);
}

StageBooks StageBooks::decode(ByteReader& reader) {
  StageBooks books;
  for (uint64_t* value : {&books.records_in, &books.records_out, &books.rejected, &books.made}) {
    *value = reader.varint();
  }
  books.dropped = decode_all(reader);
  books.counts = decode_all(reader);
  const uint64_t reasons = reader.varint();
  if (!reader.count_fits(reasons, 2)) return books;
  for (uint64_t i = 0; i < reasons; ++i) books.examples.push_back(RecordExamples::decode(reader));
  books.shown = RecordExamples::decode(reader);
  return books;
}

void StageContext::reject(const Batch& batch, size_t row, std::string_view reason) const {
  const std::string_view bytes = batch.raw.size() > row ? batch.raw[row] : std::string_view();
  books->rejected += 1;
  rejects->reject(batch.slice->path, batch.offsets[row], bytes, bytes.size(), reason);
}

std::vector<Table> BoundStage::finish(Partial&) const {
  return {};
}

std::string_view stage_kind_name(StageKind kind) {
  switch (kind) {
    case StageKind::kFilter:
      return "filter";
    case StageKind::kTransform:
      return "transform";
    case StageKind::kSummarise:
      return "summarise";
    case StageKind::kWrite:
      return "write";
  }
  SHARDMILL_CHECK(false);
}

}  // namespace shardmill
