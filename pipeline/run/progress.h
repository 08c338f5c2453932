// How far a run is: what ranks tell once a second, and what rank 0 makes of it.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "pipeline/base/bytes.h"

namespace shardmill {

using Clock = std::chrono::steady_clock;
double seconds_since(Clock::time_point start);

/// What one worker is at. The worker writes after every chunk, the communicating thread reads.
class Gauge {
 public:
  /// @name The worker's.
  /// @{
  void begin_file(const std::string& path);
  void move_to(uint64_t disk_bytes);  ///< read so far of the current slice
  void idle();                        ///< between items
  /// @}

  struct Reading {
    std::string path;  ///< empty: idle
    uint64_t bytes = 0;
    double seconds_still = 0;  ///< since the last chunk
  };
  Reading read() const;

 private:
  void touch() { moved_ = Clock::now().time_since_epoch().count(); }

  mutable std::mutex mutex_;
  std::string path_;
  std::atomic<uint64_t> bytes_ = 0;
  std::atomic<int64_t> moved_ = 0;
};

/// What the workers of a rank have committed. Workers add, the communicating thread reads.
struct WorkCounters {
  std::atomic<uint64_t> units = 0;
  std::atomic<uint64_t> disk_bytes = 0;
  std::atomic<uint64_t> records = 0;
  std::atomic<uint64_t> rejected = 0;
  std::atomic<uint64_t> redone_units = 0;
  std::atomic<uint64_t> abandoned_bytes = 0;
  std::atomic<uint64_t> busy_ns = 0;
};

/// What one rank has done so far, with the file that has stood still longest.
struct Heartbeat {
  uint64_t units = 0;
  uint64_t disk_bytes = 0;
  uint64_t records = 0;
  uint64_t rejected = 0;
  std::string slowest_path;
  double slowest_seconds = 0;

  std::string encode() const;
  static std::optional<Heartbeat> decode(std::string_view bytes);
};

/// What rank 0 shows. `show` off: it still adds up, for status.json.
struct ProgressSetup {
  bool show = true;
  bool terminal = false;  ///< a live line; otherwise a line every 30 s
  uint64_t total_bytes = 0;
  uint64_t total_units = 0;
  double stall_warning_seconds = 300;
  std::vector<std::string> hosts;  ///< by rank
};

/// Rank 0's; one thread. Writes to standard error only.
class Progress {
 public:
  explicit Progress(ProgressSetup setup);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void update(int rank, Heartbeat heartbeat);
  /// Call often; prints when it is time to.
  void tick();
  /// Takes the live line away.
  void end();
  Heartbeat sum() const;
  double elapsed_seconds() const { return seconds_since(start_); }

 private:
  void warn_of_stalls(size_t rank);

  ProgressSetup setup_;
  std::vector<Heartbeat> ranks_;
  std::vector<std::string> warned_;  ///< by rank: the file that was named
  Clock::time_point start_ = Clock::now();
  double next_line_ = 0;
  bool line_shown_ = false;
};

/// `read 1.20 GiB of 4.00 GiB (30.0 %), 512 MB/s, 5.8 s left, 3 bad records`. Pure.
std::string progress_line(const Heartbeat& sum, uint64_t total_bytes, double elapsed_seconds);
/// `rank 3 (node7): no progress for 312 s, expected a chunk within 300 s; the file is "x", ...`.
std::string stall_warning(int rank, const std::string& host, const Heartbeat& heartbeat,
                          double stall_warning_seconds);

}  // namespace shardmill
