// How far a run is: what ranks tell once a second, and what rank 0 makes of it.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <utility>
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
  /// The next slice of the unit; `begin`: where in its file.
  void begin_file(const std::string& path, uint64_t begin);
  /// Read so far of the slice, and records since the worker was idle.
  void move_to(uint64_t disk_bytes, uint64_t records);
  void idle();  ///< between items
  /// @}

  struct Reading {
    std::string path;          ///< empty: idle
    uint64_t offset = 0;       ///< on disk, in the file
    uint64_t bytes = 0;        ///< read of the unit
    double seconds_still = 0;  ///< since the last chunk
  };
  Reading read() const;
  /// Read of the unit.
  uint64_t records() const { return records_.load(std::memory_order_relaxed); }

 private:
  void touch() { moved_ = Clock::now().time_since_epoch().count(); }

  mutable std::mutex mutex_;
  std::string path_;
  uint64_t begin_ = 0;
  uint64_t bytes_before_ = 0;  ///< of the unit's slices before
  std::atomic<uint64_t> bytes_ = 0;
  std::atomic<uint64_t> records_ = 0;
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

/// Where a worker is.
struct WorkerPlace {
  std::string path;
  uint64_t offset = 0;       ///< on disk
  double seconds_still = 0;  ///< without a chunk
};

/// What one rank has done so far, with the workers that have stood still longest.
struct Heartbeat {
  static constexpr size_t kWorkersMost = 4;  ///< a heartbeat stays small

  uint64_t units = 0;
  uint64_t disk_bytes = 0;
  uint64_t records = 0;
  uint64_t rejected = 0;
  uint64_t threads = 0;                   ///< workers of the rank
  std::vector<WorkerPlace> workers = {};  ///< the longest still first

  /// Keeps the worker if it is among those that have stood still longest.
  void see(WorkerPlace worker);
  void add_counts(const Heartbeat& other);
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
  Heartbeat before = {};           ///< what earlier attempts have done
  unsigned width = 80;             ///< of the terminal, columns
};

/// What all ranks do once every unit is done, and how far they are: `items` is 0 if nobody counts.
struct Step {
  std::string name = {};  ///< "write outputs"
  uint64_t done = 0;
  uint64_t items = 0;

  /// "write outputs: 120 of 340 (35 %)".
  std::string text() const;
};

/// What rank 0 knows of a rank.
struct RankNews {
  Heartbeat heartbeat;
  double seconds_unheard = 0;  ///< since that heartbeat, or since the start
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
  /// The same after the phase of work.
  void tick(const Step& step);
  /// Takes the live line away.
  void end();
  /// Of all attempts.
  Heartbeat sum() const;
  std::vector<RankNews> ranks() const;
  /// A message for each worker, and each rank, that has stood still for too long.
  std::vector<std::string> stalls() const;
  double elapsed_seconds() const { return seconds_since(start_); }

 private:
  void warn_of_stalls();
  bool is_time_for_a_line();
  void show(const std::string& text);
  std::string line() const;
  std::string live_line() const;

  const Clock::time_point start_ = Clock::now();  ///< before what begins with it
  ProgressSetup setup_;
  std::vector<Heartbeat> ranks_;
  std::vector<Clock::time_point> heard_;             ///< by rank
  std::set<std::pair<size_t, std::string>> warned_;  ///< rank and file; "" for the rank itself
  double next_look_ = 0;
  double next_line_ = 0;
  bool line_shown_ = false;
};

/// How far and how fast.
struct Pace {
  uint64_t disk_bytes = 0;  ///< done, of all attempts
  uint64_t disk_bytes_total = 0;
  uint64_t disk_bytes_before = 0;  ///< done by earlier attempts
  double elapsed_seconds = 0;      ///< of this attempt

  double bytes_per_second() const;
  /// Until all is read, if it goes on like this; nothing if that cannot be told.
  std::optional<double> seconds_left() const;
};

/// `read 1.20 GiB of 4.00 GiB (30.0 %), 512 MB/s, 5.8 s left, 3 bad records`. Pure.
std::string progress_line(const Pace& pace, uint64_t bad_records);
/// `ranks ▇▇▅▇`: what each rank has read, as a share of what the foremost one has; with more than
/// `cells` ranks, means of neighbours. Pure.
std::string balance_text(const std::vector<Heartbeat>& ranks, size_t cells);
/// `rank 3 (node7): no progress for 312 s at byte 1,024 of "x", expected a chunk within 300 s;
/// ...`.
std::string stall_warning(size_t rank, const std::string& host, const WorkerPlace& worker,
                          double stall_warning_seconds);
/// `rank 3 (node7): nothing heard for 312 s, expected a heartbeat every second; ...`.
std::string silence_warning(size_t rank, const std::string& host, double seconds);

}  // namespace shardmill
