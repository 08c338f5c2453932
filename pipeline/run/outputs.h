// What the write stages leave: which files, of which parts, cut how. Pure functions of the plan and
// of what the units wrote, never of the layout.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "pipeline/plan/plan.h"
#include "pipeline/run/cut_rows.h"
#include "pipeline/run/dealer.h"
#include "pipeline/run/final_file.h"
#include "pipeline/run/output_file.h"
#include "pipeline/run/unit_report.h"

namespace shardmill {

/// `path` with the number of a part, five digits or more, in the place of its kPartMark.
std::string numbered_path(std::string_view path, uint64_t number);

/// What is dealt in the phases that write: one block of a big file, or some small files whole.
struct BlockItem {
  uint64_t first_final = 0;
  uint64_t final_count = 1;
  uint64_t block = 0;
  ChainLinks links;  ///< blocks of a packed file: where one ends, the next begins
};

/// Real paths that are taken, for files whose names are known only while units come in.
class OutputNames {
 public:
  struct Taken {
    std::string shown;
    std::optional<size_t> stage;  ///< nothing: an input
  };
  /// kUsage if an output would be an input, another output, or the folder of one.
  Status add(const std::string& path, Taken taken);

 private:
  struct FoldersFirst {
    bool operator()(const std::string& a, const std::string& b) const;
  };
  std::map<std::string, Taken, FoldersFirst> taken_;
};

class Outputs {
 public:
  Outputs() = default;
  /// Names all files that are known before the work. kUsage: two stages that write to one file, an
  /// output that is an input or another output's folder, or an input whose path does not fit below
  /// the output folder. `run_dir` is where `output/` is; `token` makes temporary names.
  static Result<Outputs> plan(const Plan& plan, const std::string& run_dir,
                              const std::string& token);

  /// Units may come in any order; their ranges are put in order by `finish`. kFailed: more files
  /// than max_files, a value whose file is another output or an input, or a report that cannot be.
  Status add_unit(const UnitReport& report, uint64_t unit);
  /// All files, their names and sizes are known now, in the order of stages and then of inputs or
  /// names. `leave_out(file index)`: inputs without a file of their own (bad ones). Reads lengths
  /// of rows where files are cut into numbered parts. kFailed: what `plan` refuses, found only now.
  Status finish(const Manifest& manifest, const std::string& parts_dir,
                const std::function<bool(uint64_t file)>& leave_out);

  const std::string& token() const { return token_; }
  /// After a failure, or before the files are written again: takes temporary files away.
  void remove_temporaries() const;

  std::vector<BlockItem> block_items() const;
  /// Bundles of whole files, for sealing.
  std::vector<BlockItem> file_items() const;
  std::vector<FinalFile>& finals() { return finals_; }
  const std::vector<FinalFile>& finals() const { return finals_; }
  /// Folders that must be there: one for each stage that writes.
  const std::vector<std::string>& roots() const { return roots_; }
  const OutputSpec& spec(const FinalFile& file) const { return *stages_[file.stage].spec; }
  /// Whether the HDF5 library, which does one thing at a time, must write many values itself.
  /// REQUIRES: finish was called.
  bool takes_library_long(const FinalFile& file) const;
  /// REQUIRES: a file of kHdf5; finish was called.
  Hdf5OutputShape shape(const FinalFile& file) const;

 private:
  struct WriteStage {
    const OutputSpec* spec = nullptr;  ///< nullptr: this stage does not write
    std::string root;                  ///< OutputPlace::root of its files
    std::string prefix;                ///< of their paths below it: "output/", or "" if absolute
    std::string folder;                ///< behind that, "" or with a slash at the end
    std::string shown;                 ///< what reports say for `root`, with a slash at the end
    uint64_t first_final = 0;
    std::unordered_map<std::string, uint64_t> by_name = {};  ///< kByColumn: index in finals_
    /// @name So far; with them too many files are seen early.
    /// @{
    uint64_t files = 0;
    uint64_t rows = 0;
    uint64_t bytes = 0;
    uint64_t longest_row = 0;
    /// @}
    std::vector<ColumnTotals> columns = {};  ///< kHdf5: of all rows
    std::shared_ptr<const Hdf5OutputShape> shape =
        {};  ///< kHdf5, but for chunk_rows; known at the end

    uint64_t files_at_least() const;
  };

  Status add_stage(const Plan& plan, size_t stage, const std::string& run_dir);
  Status add_final(size_t stage, const std::string& name);
  Status check_file_limits() const;
  Result<uint64_t> final_of(WriteStage& stage, const UnitReport& report, const WrittenPart& part,
                            uint64_t file);
  Result<uint64_t> final_by_name(WriteStage& stage, const std::string& name);
  Status add_part(WriteStage& stage, const UnitReport& report, const WrittenPart& part,
                  uint64_t unit);
  std::vector<uint64_t> final_order() const;
  Hdf5OutputShape shape_of(const WriteStage& stage) const;
  Status finish_shards(const WriteStage& stage, const std::string& parts_dir,
                       std::vector<FinalFile>& kept);
  Status finish_file(FinalFile file, const std::string& parts_dir, std::vector<FinalFile>& kept);
  Status check_names(const Manifest& manifest, bool before_work) const;
  /// With all symlinks followed.
  std::string real_name(const FinalFile& file) const;
  void know_names(const Manifest& manifest);
  Status check_new_name(const FinalFile& file);

  std::string token_;
  std::string job_name_;
  std::string inputs_hash_;
  std::vector<WriteStage> stages_;  ///< by stage
  std::vector<FinalFile> finals_;
  std::vector<std::string> roots_;
  OutputNames names_;  ///< of outputs and inputs, if values make names too
  std::map<std::string, std::string> real_roots_;
};

}  // namespace shardmill
