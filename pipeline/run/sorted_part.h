// A part whose rows go to many files (`path = "by/{country}.csv"`): sorted by file, so that rank 0
// knows one place for each file of a unit, in memory and open files that do not grow with their
// number.
//
//   rows ─► buffer of 4 MiB ─► sorted by file ─► run | run | run      (file of its own, removed)
//                                                  ▼ at the end, file by file
//                                 rows of file 0 | rows of file 1 | ...          (the part)
//
// A unit that fits into the buffer is sorted there. One so large that a list of its runs would take
// much memory becomes several such sequences, one behind the other.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "pipeline/run/part_file.h"

namespace shardmill {

/// See Part. Rows of one file stay in their order. Holds what sink_memory_bytes says.
class SortedPart final : public Part {
 public:
  SortedPart(const std::string& parts_dir, PartFileId id, const OutputSpec& spec,
             uint64_t buffer_bytes = 4 << 20, size_t run_frames = 1 << 17)
      : Part(parts_dir, id),
        with_lengths_(spec.needs_lengths()),
        buffer_bytes_(buffer_bytes),
        run_frames_max_(run_frames),
        runs_(path() + ".runs") {}

  void begin_slice(size_t) override {}
  Status append(const FramedRows& rows) override;
  void discard() override;
  Result<WrittenPart> commit(PartPool& pool) override;

 private:
  struct Row {
    uint64_t begin = 0;  ///< in the buffer; it ends where the next one begins
    uint32_t file = 0;
  };
  /// A frame that stands somewhere in `runs_`.
  struct RunFrame {
    PartFrame frame;
    uint64_t begin = 0;
  };

  uint32_t number_in_unit(const FramedRows& rows, uint32_t file);
  void sort_rows();
  /// The buffer's rows, sorted, behind `to`.
  Status write_sorted(BufferedFile& to, std::vector<RunFrame>& frames);
  Status write_run();
  /// The runs become frames of the part.
  Status merge_runs();

  const bool with_lengths_;
  const uint64_t buffer_bytes_;
  const size_t run_frames_max_;
  std::vector<std::string> names_;   ///< of this unit's files
  std::vector<uint32_t> number_of_;  ///< by the worker's index of a name: 1 + index in names_
  uint64_t longest_row_ = 0;
  std::string buffer_;
  std::vector<Row> rows_;
  std::vector<uint32_t> order_;
  std::vector<PartFrame> frames_;
  BufferedFile runs_;
  std::vector<RunFrame> run_frames_;
};

}  // namespace shardmill
