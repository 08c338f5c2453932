// How records come in. An input format is one file in inputs/, named like the format, that defines
// `InputSpec input_NAME()`; the build finds it.
//
//   InputSpec     what there is                                one per program
//   BoundInput    this job's input: schema, wanted columns      one per rank, immutable, shared by
//   workers Reader        one slice of one file                         one worker
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "pipeline/base/status.h"
#include "pipeline/base/work_clock.h"
#include "pipeline/core/batch.h"
#include "pipeline/core/bind.h"
#include "pipeline/core/options.h"
#include "pipeline/core/reject.h"
#include "pipeline/core/unit.h"

namespace shardmill {

/// What bounds the memory of a reader, in bytes, and its work.
struct ReadLimits {
  size_t chunk_bytes = 256 << 10;  ///< a chunk holds whole records up to this, or one longer record
  size_t record_bytes_max = 64 << 20;   ///< longer records are rejected
  size_t window_bytes_max = 128 << 20;  ///< of a decoder; streams that need more are bad files
  size_t reject_bytes_kept = 4 << 10;   ///< of a rejected record, for the report
  /// Plain bytes of a compressed file for each byte on disk; more is a bad file. 0: no limit.
  uint64_t expansion_max = 0;
};

/// Gives the bytes of a file to readers; lets tests read from memory. Shared by workers,
/// thread-safe. The default opens the path. Content replaces the file `slice.path` if given.
struct ReadContext {
  ReadLimits limits;
  RejectLog* rejects = nullptr;          ///< one worker's
  const std::string* content = nullptr;  ///< read this instead of a file (job tests, examples)
  /// `content` holds plain records only: what the file says of its records (a header) is read from
  /// the file.
  bool content_is_records = false;
  /// Where the first record of a slice starts, if the unit before has told (a redo); unset: find
  /// it, or assume.
  std::optional<uint64_t> first_record;
  WorkClock* clock = nullptr;  ///< the worker's, for the bytes' way in
};

/// What a reader knows at the end of its slice.
struct SliceEnd {
  uint64_t first_record =
      0;  ///< offset of the first record that starts in the slice, as found or assumed
  uint64_t handover = 0;  ///< offset of the first record that starts at or after the slice's end
  uint64_t disk_bytes = 0;
  uint64_t plain_bytes =
      0;  ///< handover - first_record, or - 0 for the slice at 0: slices add up to the file
  uint64_t records = 0;  ///< given in batches
  uint64_t rejected = 0;
  uint64_t rejected_bytes = 0;
  uint64_t bad_values = 0;
  std::string note;
};

/// The records of one slice, chunk by chunk. One worker.
class Reader {
 public:
  virtual ~Reader() = default;
  /// Replaces `batch` with the next records (columns by the slots that the input was bound with,
  /// all selected); false at the end, after which `end` is valid. Text lives until the next call.
  /// kBadFile with the reason if the file cannot be read on: all whole records before were given,
  /// whatever the size of the chunks, and `good_bytes` says how far they reach.
  virtual Result<bool> next(Batch& batch) = 0;
  virtual const SliceEnd& end() const = 0;
  virtual uint64_t good_bytes() const = 0;     ///< plain bytes consumed as whole records so far
  virtual uint64_t disk_position() const = 0;  ///< for progress: bytes of the file consumed so far
};

struct InputColumn {
  std::string name;
  Type type = Type::kText;
};

/// The columns of a job's input: inferred once on rank 0 from files that the manifest determines,
/// then the same everywhere and stored in the run (schema.json).
struct InputSchema {
  std::vector<InputColumn> columns;
};

/// Files to infer a schema from.
struct SampleFiles {
  std::vector<FileSlice> headers;        ///< all files, up to 10,000, in manifest order
  std::vector<FileSlice> types;          ///< up to 100 of them
  uint64_t type_bytes = 1 << 20;         ///< to read at the start of each of `types`
  const std::string* content = nullptr;  ///< tests: the one file's content
  size_t threads = 1;                    ///< that may read them at once
};

/// Which batches must have their offsets.
enum class WantedOffsets {
  kOfRejects,  ///< those in which the input itself rejects records, so that these have their number
  kAll,
};

/// What the stages need of the input.
struct WantedColumns {
  std::vector<std::optional<size_t>>
      slots;              ///< by schema column: where its values go; unset: not needed
  size_t slot_count = 0;  ///< size of Batch::columns
  bool needs_raw = false;
  /// A batch without offsets has room for them if the input can give any: lines, which are rejected
  /// for their length only, give none where kAll does not ask for them.
  WantedOffsets offsets = WantedOffsets::kOfRejects;
  bool may_leave_uncut = false;  ///< batches may be UncutLines
};

/// The input of this job. Immutable; shared by all workers of a rank.
class BoundInput {
 public:
  virtual ~BoundInput() = default;
  /// Starts to read a slice. kBadFile if it cannot be opened or is not what it seems.
  /// The slice must outlive the reader.
  virtual Result<std::unique_ptr<Reader>> open(const FileSlice& slice,
                                               ReadContext context) const = 0;
};

struct InputSpec {
  std::string name;
  std::string summary;
  std::vector<std::string> extensions;  ///< without dot, without compression: "csv"
  std::vector<FieldSpec> fields;        ///< of [input], besides those that all inputs have
  /// True if a cut needs to be confirmed by the unit before (quoted newlines). May be nullptr for
  /// never.
  bool (*needs_handover)(const Options& options) = nullptr;
  bool (*can_cut)(const Options& options) = nullptr;  ///< nullptr: plain files can always be cut
  /// What a stage may know of the records' own bytes.
  RecordForm (*form)(const Options& options) = nullptr;
  /// Finds mistakes that show without any file. May be nullptr.
  void (*check)(const Options& options, Problems& problems) = nullptr;
  /// Rank 0 only. Bad or empty files are passed over. Problems (unknown column in `columns`) are
  /// reported.
  Result<InputSchema> (*infer)(const Options& options, const ReadLimits& limits,
                               const SampleFiles& files, Problems& problems) = nullptr;
  std::unique_ptr<BoundInput> (*bind)(const Options& options, const InputSchema& schema,
                                      const WantedColumns& wanted) = nullptr;
};

}  // namespace shardmill
