// The folder that a run leaves behind. Rank 0 only; one thread.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pipeline/plan/plan.h"
#include "pipeline/report/description.h"
#include "pipeline/run/output_file.h"
#include "pipeline/run/run_lock.h"
#include "pipeline/run/run_status.h"

namespace shardmill {

/// What `shardmill submit` puts into a run directory before there is a run: a folder with the batch
/// script. It outlives `--fresh`, for the job that starts over may be the one that writes its log.
inline constexpr std::string_view kSlurmFolder = "slurm";
inline constexpr std::string_view kBatchScript = "job.sbatch";

class RunDir {
 public:
  /// Makes the folder, or takes one that is there: what an unfinished run left is cleared away
  /// unless it can be gone on from (see attempt.h), a finished one only with `fresh`. kUsage: it
  /// holds something else, a finished run, or a run that is at work. With an empty `path` nothing
  /// is kept: parts, if `outputs` asks for them, go to a folder beside the first output's, which is
  /// removed at the end.
  static Result<RunDir> open(const std::string& path, bool fresh, const std::string& parts_beside);

  RunDir() = default;
  RunDir(RunDir&& other) noexcept { *this = std::move(other); }
  RunDir& operator=(RunDir&& other) noexcept;
  ~RunDir();

  bool is_kept() const { return !path_.empty(); }
  const std::string& path() const { return path_; }
  const std::string& parts_dir() const { return parts_dir_; }
  /// Of the folder's lock; an empty one if nothing is kept.
  LockKey lock_key() const { return lock_ == nullptr ? LockKey() : lock_->key(); }
  /// kFailed if another run has taken the folder over.
  Status check_lock() const { return lock_key().check(); }

  /// Makes folders, and those above them, that are not there; the run's own must be no symlink.
  Status make_output_folders(const std::vector<std::string>& paths) const;

  /// job.toml, manifest.tsv and schema.json: what is run, on what.
  Status write_inputs(const Plan& plan) const;
  /// status.json, replaced.
  void write_status(const RunStatus& status) const;
  /// How it ran: run.json, files.tsv, bad_records.jsonl, report.txt, report.html.
  Status write_books(const RunDescription& run) const;
  /// What was found: results.json and results.h5; then checksums.xxh3 over everything and over
  /// `outputs` (name and checksum), which makes the run a finished one. All of it is durable.
  Status write_results(const RunDescription& run,
                       const std::vector<std::pair<std::string, uint64_t>>& outputs) const;
  /// partial.json and report.txt of a run that stopped.
  Status write_partial(const RunDescription& run) const;
  /// Parts and checkpoints: the run is finished, or nothing can be gone on from.
  void remove_parts();
  /// Others may have the folder now.
  void release() { lock_.reset(); }

 private:
  Status write(const std::string& name, const std::string& content) const;
  /// `write` makes the file under its temporary name: it gets its own if it is whole.
  Status replace(const std::string& name, const std::function<Status()>& write) const;

  std::string path_;
  std::string parts_dir_;
  bool keeps_parts_ = false;  ///< at the end, for another attempt
  std::unique_ptr<RunLock> lock_;
};

/// What the first attempt at a run wrote into job.toml and manifest.tsv; empty if there are none.
std::string first_job(const std::string& run_dir);
std::string first_manifest(const std::string& run_dir);

/// Parts, checkpoints and lock of a finished run that was killed while it took them away.
void remove_leftovers(const std::string& run_dir);

std::string schema_json(const PlanMessage& message);

}  // namespace shardmill
