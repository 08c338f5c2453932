// The folder that a run leaves behind. Rank 0 only; one thread.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "pipeline/plan/plan.h"
#include "pipeline/report/description.h"
#include "pipeline/run/output_file.h"
#include "pipeline/run/progress.h"

namespace shardmill {

class RunDir {
 public:
  /// Makes the folder, or takes one that is there: what an unfinished run left is cleared away, a
  /// finished one only with `fresh`. kUsage: it holds something else, a finished run, or a run that
  /// is at work. With an empty `path` nothing is kept: parts, if `outputs` asks for them, go to a
  /// folder beside the first output's, which is removed at the end.
  static Result<RunDir> open(const std::string& path, bool fresh, const std::string& parts_beside);

  RunDir() = default;
  RunDir(RunDir&& other) noexcept { *this = std::move(other); }
  RunDir& operator=(RunDir&& other) noexcept;
  ~RunDir();

  bool is_kept() const { return !path_.empty(); }
  const std::string& path() const { return path_; }
  const std::string& parts_dir() const { return parts_dir_; }

  /// job.toml, manifest.tsv and schema.json: what is run, on what.
  Status write_inputs(const Plan& plan) const;
  /// status.json, replaced. `state`: "running", "finished" or "failed".
  void write_status(std::string_view state, const Heartbeat& sum, const Plan& plan,
                    double elapsed_seconds) const;
  /// How it ran: run.json, files.tsv, bad_records.jsonl, report.txt.
  Status write_books(const RunDescription& run) const;
  /// What was found: results.json and results.h5; then checksums.xxh3 over everything and over
  /// `outputs` (name and checksum), which makes the run a finished one.
  Status write_results(const RunDescription& run,
                       const std::vector<std::pair<std::string, uint64_t>>& outputs) const;
  void remove_parts();

 private:
  Status write(const std::string& name, const std::string& content) const;

  std::string path_;
  std::string parts_dir_;
  FileHandle lock_;
};

/// Makes folders, and those above them, that are not there.
Status make_folders(const std::vector<std::string>& paths);

std::string manifest_tsv(const Manifest& manifest);
std::string schema_json(const PlanMessage& message);

}  // namespace shardmill
