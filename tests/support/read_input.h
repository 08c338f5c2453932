// Reads inputs from memory as the engine does, slice by slice, for tests of formats.
#pragma once

#include <cstdint>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/core/input.h"

namespace shardmill {

/// What a test knows of one rejected record or bad value.
struct SeenReject {
  uint64_t offset = 0;
  uint64_t record_bytes = 0;
  std::string bytes;
  std::string reason;
  bool operator==(const SeenReject&) const = default;
};
struct SeenBadValue {
  uint64_t offset = 0;
  std::string column;
  std::string value;
  bool operator==(const SeenBadValue&) const = default;
};

void PrintTo(const SeenReject& reject, std::ostream* out);
void PrintTo(const SeenBadValue& bad, std::ostream* out);

/// A value as text; nothing if null.
using Cell = std::optional<std::string>;
using Cells = std::vector<Cell>;

struct ReadRecords {
  Status status;
  std::vector<Cells> rows;  ///< by schema column
  std::vector<std::string> raw;
  std::vector<uint64_t> offsets;
  std::vector<SeenReject> rejects;
  std::vector<SeenBadValue> bad_values;
  SliceEnd end;              ///< of the last slice; its counts are sums over all slices
  size_t longest_batch = 0;  ///< bytes from the first record's start to the last one's end
  size_t redone = 0;         ///< slices that assumed a wrong first record
  bool all_canonical = true;
};

/// One input of a test: options, schema and content of one file.
class InputUnderTest {
 public:
  InputUnderTest(InputSpec spec, Options options, std::string content);

  /// Infers the schema from the content, with nothing to complain about.
  void infer();
  InputSchema& schema() { return schema_; }
  const std::string& content() const { return content_; }

  ReadRecords read_whole(ReadLimits limits) const;
  /// Cuts the content at `cuts` (ascending offsets) and checks what the engine checks: a slice
  /// whose first record is not the handover of the slice before is read again from there, and the
  /// plain bytes of all slices add up to the content.
  ReadRecords read_cut(ReadLimits limits, const std::vector<uint64_t>& cuts) const;
  /// Cuts every `slice_bytes`.
  ReadRecords read_slices(ReadLimits limits, uint64_t slice_bytes) const;

 private:
  void read_slice(const FileSlice& slice, ReadContext context, ReadRecords& out) const;

  InputSpec spec_;
  Options options_;
  std::string content_;
  InputSchema schema_;
};

}  // namespace shardmill
