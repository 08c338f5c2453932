// What the write stages leave: which files, of which parts, cut how. Pure functions of the plan and
// of what the units wrote, never of the layout.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "pipeline/plan/plan.h"
#include "pipeline/run/dealer.h"
#include "pipeline/run/output_file.h"
#include "pipeline/run/unit_report.h"

namespace shardmill {

/// A stretch of one part file.
struct PartRange {
  uint64_t unit = 0;
  PartFileId file;
  uint64_t begin = 0;  ///< in the file
  uint64_t bytes = 0;
};

/// One file of the user's: the header, then the ranges.
struct FinalFile {
  size_t stage = 0;
  OutputPlace place;
  std::string shown;  ///< path in the report: "output/slow.jsonl.zst", or absolute
  std::vector<PartRange> ranges;
  std::vector<uint64_t> starts;  ///< of each range in the plain file, header included
  uint64_t plain_bytes = 0;
  uint64_t rows = 0;
  uint64_t file_bytes = 0;  ///< once assembled
  uint64_t checksum = 0;    ///< once sealed
};

/// Plain bytes of a block: one member or frame of a packed file, one copy of a plain one.
inline constexpr uint64_t kBlockBytes = 4 << 20;

/// What is dealt in the phases that write: one block of a big file, or some small files whole.
struct BlockItem {
  uint64_t first_final = 0;
  uint64_t final_count = 1;
  uint64_t block = 0;
  ChainLinks links;  ///< blocks of a packed file: where one ends, the next begins
};

class Outputs {
 public:
  Outputs() = default;
  /// Names all files. kUsage: two stages that write to one file, an output that is an input or
  /// another output's folder, or an input whose path does not fit below the output folder.
  /// `run_dir` is where `output/` is; `token` makes temporary names.
  static Result<Outputs> plan(const Plan& plan, const std::string& run_dir,
                              const std::string& token);

  /// Units may come in any order; their ranges are put in order by `finish`.
  void add_unit(const UnitReport& report, uint64_t unit);
  /// Sizes are known now. `leave_out(file index)`: inputs without a file of their own (bad ones).
  void finish(const std::function<bool(uint64_t file)>& leave_out);

  /// After a failure: takes temporary files away.
  void remove_temporaries() const;

  std::vector<BlockItem> block_items() const;
  /// Bundles of whole files, for sealing.
  std::vector<BlockItem> file_items() const;
  std::vector<FinalFile>& finals() { return finals_; }
  const std::vector<FinalFile>& finals() const { return finals_; }
  /// Folders that must be there: one for each stage that writes.
  const std::vector<std::string>& roots() const { return roots_; }
  const OutputSpec& spec(const FinalFile& file) const { return *stages_[file.stage].spec; }

 private:
  struct WriteStage {
    const OutputSpec* spec = nullptr;  ///< nullptr: this stage does not write
    uint64_t first_final = 0;
  };

  Status add_stage(const Plan& plan, size_t stage, const std::string& run_dir,
                   const std::string& token);
  Status add_final(FinalFile file, const std::string& token);
  Status check_names(const Manifest& manifest) const;

  std::vector<WriteStage> stages_;  ///< by stage
  std::vector<FinalFile> finals_;
  std::vector<std::string> roots_;
};

/// What a worker needs to make one block.
struct BlockWork {
  uint64_t final_index = 0;
  OutputPlace place;
  OutputPacking packing = OutputPacking::kPlain;
  int level = 0;
  uint64_t plain_offset = 0;  ///< in the plain file; where it goes if it is not packed
  std::string head;           ///< bytes of the header in this block
  std::vector<PartRange> ranges;

  void encode(ByteWriter& writer) const;
  static BlockWork decode(ByteReader& reader);
};

/// Block `block` of the file. REQUIRES: Outputs::finish was called.
BlockWork block_work(const Outputs& outputs, uint64_t final_index, uint64_t block);

}  // namespace shardmill
