// attempts.jsonl: how often a run was begun, where, and how each attempt ended. A line is appended
// when an attempt begins, when it knows its ranks, and when it ends; one without an end was killed.
// It says how the run went and nothing of what was found. Rank 0 only; the run directory's lock is
// held by who writes.
//
//   {"attempts_of": "00f3..."}       the run's identity: with another one the list begins anew
//   {"attempt": 2, "begun": "...Z", "units_before": 12, "slurm_job": "7"}
//   {"attempt": 2, "ranks": 6, "threads": 2, "hosts": 3, "host_names": ["n1", "n2", "n3"]}
//   {"attempt": 2, "ended": "...Z", "how": "stopped", "reason": "signal USR1", "units": 20}
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/base/status.h"
#include "pipeline/report/description.h"
#include "pipeline/run/run_lock.h"

namespace shardmill {

inline constexpr std::string_view kAttemptsName = "attempts.jsonl";

/// What an attempt knows when it begins.
struct AttemptBegin {
  uint64_t identity = 0;      ///< see run_identity
  uint64_t least_number = 1;  ///< what the checkpoints tell of attempts before
  uint64_t units_before = 0;  ///< that count from earlier attempts
  std::string begun;          ///< UTC
  std::string last_started;   ///< what status.json says of an attempt before: when it began,
  std::string last_sign;      ///< and when it told how far it was; or empty
  std::string slurm_job;      ///< empty outside of one
};

/// One thread.
class AttemptLog {
 public:
  /// Nothing is written.
  AttemptLog() = default;
  /// Goes on with the list of the folder if it is of the same run, and begins one otherwise. Of
  /// very many attempts the first and the last stay. Errors: see disk_error.
  static Result<AttemptLog> begin(const std::string& run_dir, const AttemptBegin& begin,
                                  const LockKey& lock);

  /// `hosts` by rank; `threads` of a rank. Durable; that it cannot be told stops no run.
  void set_layout(const std::vector<std::string>& hosts, unsigned threads);
  /// `status` is how the attempt went, `stopped_by` for whose wish (empty: for none), `units` how
  /// many it has done. For reports that are written at the end: the log does not tell it yet.
  void end(const std::string& ended, const Status& status, const std::string& stopped_by,
           uint64_t units);
  /// Tells the end, if there is one; likewise.
  void write_end();

  /// From the first one; numbers that are missing were taken away. The last is this one.
  const std::vector<AttemptResult>& attempts() const { return attempts_; }

 private:
  enum class Durably : bool { kNo, kYes };
  Status append(const std::string& line, Durably durably);

  std::string path_;
  LockKey lock_;
  bool is_torn_ = false;  ///< the last line is not whole
  std::vector<AttemptResult> attempts_;
};

/// The list of a run directory; empty if there is none. The end of an attempt that has another one
/// behind it is known; of the last it may be missing (`how` is empty): it is at work, or gone.
std::vector<AttemptResult> read_attempts(const std::string& run_dir);

/// True if the file is such a list, and not one of the user's of that name.
bool is_attempt_log(const std::string& path);

}  // namespace shardmill
