#include "pipeline/core/unit.h"

#include <algorithm>

namespace shardmill {

uint64_t Unit::bytes() const {
  uint64_t total = 0;
  for (const FileSlice& slice : slices) {
    const uint64_t end = std::min(slice.end, slice.size_bytes);
    total += end > slice.begin ? end - slice.begin : 0;
  }
  return total;
}

void Unit::encode(ByteWriter& writer) const {
  writer.varint(index);
  writer.u8(static_cast<uint8_t>((needs_handover ? 1 : 0) | (gives_handover ? 2 : 0)));
  writer.varint(slices.size());
  for (const FileSlice& slice : slices) {
    writer.varint(slice.file_index);
    writer.text(slice.path);
    writer.varint(slice.size_bytes);
    writer.i64(slice.mtime_ns);
    writer.u64(slice.begin);
    writer.u64(slice.end);
  }
}

Unit Unit::decode(ByteReader& reader) {
  Unit unit;
  unit.index = reader.varint();
  const uint8_t flags = reader.u8();
  unit.needs_handover = (flags & 1) != 0;
  unit.gives_handover = (flags & 2) != 0;
  const uint64_t count = reader.varint();
  if (!reader.count_fits(count, 27)) return unit;
  unit.slices.resize(count);
  for (FileSlice& slice : unit.slices) {
    slice.file_index = reader.varint();
    slice.path = reader.text();
    slice.size_bytes = reader.varint();
    slice.mtime_ns = reader.i64();
    slice.begin = reader.u64();
    slice.end = reader.u64();
  }
  return unit;
}

void SliceBooks::encode(ByteWriter& writer) const {
  for (const uint64_t value : {file_index, begin, disk_bytes, plain_bytes, records, rejected,
                               rejected_bytes, bad_values, error_offset}) {
    writer.varint(value);
  }
  writer.f64(seconds);
  writer.text(error);
  writer.text(note);
}

SliceBooks SliceBooks::decode(ByteReader& reader) {
  SliceBooks books;
  for (uint64_t* value :
       {&books.file_index, &books.begin, &books.disk_bytes, &books.plain_bytes, &books.records,
        &books.rejected, &books.rejected_bytes, &books.bad_values, &books.error_offset}) {
    *value = reader.varint();
  }
  books.seconds = reader.f64();
  books.error = reader.text();
  books.note = reader.text();
  return books;
}

}  // namespace shardmill
