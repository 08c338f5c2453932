// status.json: how far a run is, for those who watch it from outside. Rank 0 replaces it every few
// seconds; what it says last stays in the run directory.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/run/progress.h"

namespace shardmill {

/// What is told of a rank.
struct RankStatus {
  std::string host;
  uint64_t threads = 0;
  uint64_t units = 0;  ///< of this attempt, like all that follows
  uint64_t disk_bytes = 0;
  uint64_t records = 0;
  double seconds_unheard = 0;             ///< since its last heartbeat
  std::vector<WorkerPlace> workers = {};  ///< that have stood still longest
};

struct RunStatus {
  std::string state = "running";  ///< or "finished", "stopped", "failed"
  std::string reason;             ///< why it stopped or failed: the message that it ended with
  std::string job;
  std::string started;  ///< this attempt, UTC
  std::string updated;  ///< UTC
  double elapsed_seconds = 0;
  uint64_t attempt = 1;
  uint64_t units_done = 0;  ///< of all attempts, like all that follows
  uint64_t units = 0;
  uint64_t disk_bytes = 0;
  uint64_t disk_bytes_total = 0;
  uint64_t disk_bytes_before = 0;  ///< by earlier attempts
  uint64_t disk_bytes_read = 0;    ///< with what was read in vain until now
  uint64_t bytes_done_again = 0;
  uint64_t records = 0;
  uint64_t bad_records = 0;
  Step step = {};  ///< while it runs and all units are done
  std::vector<RankStatus> ranks;
  std::vector<std::string> stalls;  ///< a message for each worker that has stood still too long

  Pace pace() const;
  uint64_t threads() const;  ///< of all ranks
  /// The file's text.
  std::string json() const;
};

/// Nothing if the text is none of ours; members that are missing are zero.
std::optional<RunStatus> parse_run_status(std::string_view text);

/// RUN-DIR/status.json; nothing if it cannot be read.
std::optional<RunStatus> read_run_status(const std::string& run_dir);

/// The file on several lines for people: bar, speed, ranks, stalls. Safe on a terminal. Pure.
std::string run_status_text(const RunStatus& status);

}  // namespace shardmill
