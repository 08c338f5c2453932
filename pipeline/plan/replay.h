// Rejected records, mended, and fed to the job again in place of its files.
//
//   bad_records.jsonl ─► by file, by offset ─► a unit's slice ─► records, one after the other
//
// A record is read by itself, so a quote that is left open swallows no other. It keeps its file,
// its offset and its number: whatever the job says of it, it says of its place in the file.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/base/bytes.h"
#include "pipeline/base/status.h"
#include "pipeline/core/input.h"
#include "pipeline/plan/manifest.h"

namespace shardmill {

struct ReplayRecord {
  uint64_t offset = 0;  ///< in the plain bytes of its file
  uint64_t number = 0;  ///< in its file, from 1; 0: unknown
  std::string bytes;    ///< may hold several records by now
};

struct ReplayFile {
  std::string path;
  uint64_t size_bytes = 0;  ///< of the file itself
  int64_t mtime_ns = 0;
  std::vector<ReplayRecord> records;  ///< by offset
};

/// In the order of paths; only files with records. Immutable once it is made.
struct Replay {
  std::vector<ReplayFile> files;

  /// The number of the record at or before `offset`; 0 if unknown.
  uint64_t number_at(uint64_t file_index, uint64_t offset) const;
  void encode(ByteWriter& writer) const;
  /// Marks `reader` failed if the bytes are not that.
  static Replay decode(ByteReader& reader);
};

/// Reads a file like bad_records.jsonl; it may be packed. kUsage, with a line for each mistake: it
/// cannot be read, a line is no record, its bytes were cut, a stage rejected it, it stands there
/// twice, or its file is none of `manifest`. The manifest then lists the files with records, as
/// large as these.
Result<Replay> read_replay(const std::string& path, Manifest& manifest);

/// Reads the records of `replay` with `input`, which tells of each file what it needs to know.
std::unique_ptr<BoundInput> replay_input(std::unique_ptr<BoundInput> input,
                                         std::shared_ptr<const Replay> replay);

}  // namespace shardmill
