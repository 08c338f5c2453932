// Where a write stage leaves its rows.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "pipeline/base/status.h"

namespace shardmill {

/// How rows are packed in the final file. Compressed files are members or frames of exactly 4 MiB
/// of plain bytes.
enum class OutputPacking : uint8_t { kPlain, kGzip, kZstd };
enum class OutputLayout : uint8_t { kSingle, kPerInput };

/// What one write stage will leave in the output folder. Fixed when the plan is made; the same on
/// every rank.
struct OutputSpec {
  std::string path;  ///< relative to the output folder, or absolute as the user wrote it
  OutputLayout layout = OutputLayout::kSingle;
  OutputPacking packing = OutputPacking::kPlain;
  int level = 0;          ///< of the compressor; 0 is its default
  std::string header;     ///< plain bytes at the start of every final file
  std::string extension;  ///< kPerInput: appended to the input's path, e.g. ".jsonl.gz"
};

/// One unit's part of one write stage. Rows arrive in canonical order. Used by one worker.
class Sink {
 public:
  virtual ~Sink() = default;
  /// Appends `rows` whole framed rows (each with its line end) for the current file of the unit.
  /// The bytes are copied. kFailed or kStopped (disk full) with a message if they cannot be kept.
  virtual Status append(std::string_view bytes, uint64_t rows) = 0;
};

}  // namespace shardmill
