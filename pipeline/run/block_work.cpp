#include "pipeline/run/block_work.h"

#include <algorithm>

namespace shardmill {

BlockWork block_work(const Outputs& outputs, uint64_t final_index, uint64_t block) {
  const FinalFile& file = outputs.finals()[final_index];
  const OutputSpec& spec = outputs.spec(file);
  const bool is_hdf5 = !file.blocks.empty();  // a virtual one has no blocks
  const uint64_t begin = is_hdf5 ? file.blocks[block] : block * kBlockBytes;
  const uint64_t end =
      is_hdf5 ? file.blocks[block + 1] : std::min(begin + kBlockBytes, file.plain_bytes);
  BlockWork work = {.final_index = final_index,
                    .place = file.place,
                    .packing = spec.packing,
                    .level = spec.level,
                    .plain_offset = begin};
  if (spec.packing == OutputPacking::kHdf5) work.shape = outputs.shape(file);
  if (is_hdf5) {
    work.rows = std::min(file.chunk_rows, file.rows - block * file.chunk_rows);
  }
  if (begin < spec.header.size()) work.head = spec.header.substr(begin, end - begin);
  work.ranges = file.ranges_between(begin, end);
  return work;
}

void BlockWork::encode(ByteWriter& writer) const {
  writer.varint(final_index);
  for (const std::string* text : {&place.root, &place.relative, &place.temporary, &head}) {
    writer.text(*text);
  }
  writer.u8(static_cast<uint8_t>(packing));
  writer.varint(static_cast<uint64_t>(level));
  writer.varint(plain_offset);
  writer.varint(rows);
  writer.u8(shape ? 1 : 0);
  if (shape) shape->encode(writer);
  writer.varint(ranges.size());
  for (const PartRange& range : ranges) {
    writer.u64(range.file.number());
    writer.varint(range.begin);
    writer.varint(range.bytes);
  }
}

BlockWork BlockWork::decode(ByteReader& reader) {
  BlockWork work;
  work.final_index = reader.varint();
  for (std::string* text :
       {&work.place.root, &work.place.relative, &work.place.temporary, &work.head}) {
    *text = reader.text();
  }
  work.packing = static_cast<OutputPacking>(reader.u8());
  work.level = static_cast<int>(reader.varint());
  work.plain_offset = reader.varint();
  work.rows = reader.varint();
  if (reader.u8() != 0) work.shape = Hdf5OutputShape::decode(reader);
  const uint64_t ranges = reader.varint();
  if (!reader.count_fits(ranges, 10)) return work;
  for (uint64_t i = 0; i < ranges; ++i) {
    PartRange& range = work.ranges.emplace_back();
    range.file = PartFileId(reader.u64());
    range.begin = reader.varint();
    range.bytes = reader.varint();
  }
  return work;
}

}  // namespace shardmill
