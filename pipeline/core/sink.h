// Where a write stage leaves its rows.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/base/status.h"
#include "pipeline/core/column.h"

namespace shardmill {

/// How rows are packed in the final file. Compressed files are members or frames of exactly 4 MiB
/// of plain bytes; kHdf5 takes rows as binary_row.h has them and turns them into columns.
enum class OutputPacking : uint8_t { kPlain, kGzip, kZstd, kHdf5 };
enum class OutputLayout : uint8_t { kSingle, kPerInput, kByColumn };

/// Stands in a path for the number of a part. No other byte of a path is NUL.
inline constexpr char kPartMark = '\0';

/// How a text column stands in an HDF5 file: kAuto is kFixed if no text is longer than 128 bytes.
enum class Hdf5Text : uint8_t { kAuto, kFixed, kVariable };

/// kHdf5: what the file says beside the values. Level 0: not compressed.
struct Hdf5Output {
  struct Column {
    std::string name;
    Type type = Type::kText;
  };
  std::vector<Column> columns;
  Hdf5Text texts = Hdf5Text::kAuto;
  /// Files that hold the rows, beside the one that shows them as a whole; 0: one file with the
  /// rows.
  uint64_t shards = 0;
  std::string shard_path;  ///< as OutputSpec::path, with a kPartMark
};

/// What all values of one column have together; merged by maximum and sum.
struct ColumnTotals {
  uint64_t nulls = 0;
  uint64_t longest_text = 0;  ///< bytes
};

/// `to` gets as many columns as `from` has, if it has fewer.
void merge_totals(std::span<const ColumnTotals> from, std::vector<ColumnTotals>& to);

/// What one write stage will leave in the output folder. Fixed when the plan is made; the same on
/// every rank.
struct OutputSpec {
  /// Relative to the output folder, or absolute as the user wrote it. kPerInput and kByColumn: the
  /// folder of the files.
  std::string path;
  OutputLayout layout = OutputLayout::kSingle;
  OutputPacking packing = OutputPacking::kPlain;
  int level = 0;          ///< of the compressor; 0 is its default, for kHdf5 none
  std::string header;     ///< plain bytes at the start of every final file
  std::string extension;  ///< kPerInput: appended to the input's path, e.g. ".jsonl.gz"
  std::string pattern;    ///< kByColumn: what follows `path`, columns in braces: "{year}/x.csv"
  std::string shown;      ///< the path as the job file has it, for messages
  Hdf5Output hdf5 = {};   ///< if packing is kHdf5

  /// @name Numbered parts: rows are cut by their position in the file. 0: no limit. With one, a
  /// kPartMark stands in `path` (kSingle), `extension` (kPerInput) or in the names (kByColumn).
  /// @{
  uint64_t max_records = 0;
  uint64_t max_bytes = 0;  ///< plain bytes with the header; a longer record stands alone
  /// @}
  uint64_t max_files = 10'000;  ///< if the files are numbered or kByColumn

  bool is_numbered() const { return max_records > 0 || max_bytes > 0; }
  /// The length of each row is kept beside the rows.
  bool needs_lengths() const { return is_numbered() || packing == OutputPacking::kHdf5; }
  bool has_file_limit() const { return is_numbered() || layout == OutputLayout::kByColumn; }
};

/// What a worker holds of rows on their way to the output, beside one long record.
uint64_t sink_memory_bytes(const OutputSpec& spec);

/// More than `spec.max_files` files.
Status too_many_files(const OutputSpec& spec);

/// Whole framed rows, one behind the other, each with its line end.
struct FramedRows {
  std::string_view bytes;
  std::span<const size_t> ends;  ///< of each row in `bytes`, ascending
  /// kByColumn: for each row its file, as an index into `names`. A worker's names keep their
  /// indices from call to call; more may follow.
  std::span<const uint32_t> files = {};
  std::span<const std::string> names = {};     ///< paths below OutputSpec::path
  std::span<const ColumnTotals> columns = {};  ///< kHdf5: of these rows
};

/// One unit's part of one write stage. Rows arrive in canonical order. Used by one worker.
class Sink {
 public:
  virtual ~Sink() = default;
  /// Appends rows, of the current file of the unit unless they name others. The bytes are copied.
  /// kFailed or kStopped (disk full) with a message if they cannot be kept.
  virtual Status append(const FramedRows& rows) = 0;
};

}  // namespace shardmill
