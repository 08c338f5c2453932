// A checkpoint that is in memory, as tests make and change them.
#pragma once

#include <string_view>
#include <utility>

#include "pipeline/base/hash.h"
#include "pipeline/run/checkpoint.h"

namespace shardmill {

/// What a file of these bytes holds: `totals` is a view into them.
struct CheckpointContent {
  CheckpointHead units;
  std::string_view totals;
};

/// kFailed as parse_head, or if the checksum at the end is not that of the rest.
inline Result<CheckpointContent> parse_checkpoint(std::string_view bytes, uint64_t identity,
                                                  std::string_view name) {
  if (bytes.size() < sizeof(uint64_t)) return Status::failed("no checkpoint");
  const std::string_view body = bytes.substr(0, bytes.size() - sizeof(uint64_t));
  ByteReader reader(body);
  CheckpointContent content;
  ASSIGN_OR_RETURN(content.units, parse_head(reader, identity, name));
  content.totals = reader.raw(reader.remaining());
  ByteReader tail(bytes.substr(body.size()));
  if (tail.u64() != hash64(body)) return Status::failed("a damaged checkpoint");
  return content;
}

}  // namespace shardmill
