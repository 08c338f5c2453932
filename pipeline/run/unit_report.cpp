#include "pipeline/run/unit_report.h"

#include "pipeline/run/protocol.h"

namespace shardmill {

std::string UnitReport::encode() const {
  ByteWriter writer;
  writer.varint(slices.size());
  for (const SliceBooks& slice : slices) slice.encode(writer);
  writer.varint(parts.size());
  for (const WrittenPart& part : parts) part.encode(writer);
  return writer.take();
}

Result<UnitReport> UnitReport::decode(std::string_view bytes) {
  ByteReader reader(bytes);
  UnitReport report;
  const uint64_t slices = reader.varint();
  if (!reader.count_fits(slices, 19)) return damaged_message("unit report");
  report.slices.reserve(slices);
  for (uint64_t i = 0; i < slices; ++i) report.slices.push_back(SliceBooks::decode(reader));
  const uint64_t parts = reader.varint();
  if (!reader.count_fits(parts, 12)) return damaged_message("unit report");
  for (uint64_t i = 0; i < parts; ++i) report.parts.push_back(WrittenPart::decode(reader));
  if (!reader.done()) return damaged_message("unit report");
  return report;
}

}  // namespace shardmill
