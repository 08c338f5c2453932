// What the workers of a rank did when: samples taken while they work, in bounded memory.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/report/description.h"

namespace shardmill {

/// One look at a rank. Everything counts from when its workers could begin.
struct WorkSample {
  uint64_t disk_bytes = 0;
  uint64_t records = 0;      ///< likewise, units at work included
  uint64_t table_bytes = 0;  ///< memory of tables now
  uint64_t rss_bytes = 0;    ///< memory of the process now
  unsigned workers_of_line = 1;
  std::vector<std::vector<uint64_t>> spent;  ///< by line, see WorkClock::read
};

/// Takes samples at first every 5 ms, or as often as it is asked. Whenever kSamplesMost are there
/// it forgets every second one and takes half as many from then on, so that the whole run is always
/// covered evenly. Used by the communicating thread of a rank.
class Timeline {
 public:
  static constexpr size_t kSamplesMost = 96;

  /// `look` gives the current figures; it is called for every sample. `seconds` gives the time
  /// since the timeline began.
  explicit Timeline(std::function<WorkSample()> look,
                    std::function<double()> seconds = seconds_from_now());

  /// Call often; takes a sample when it is time to.
  void tick();
  /// Takes a last sample. A line is a worker, or all workers of the rank.
  RankTimeline finish();

  static std::function<double()> seconds_from_now();

 private:
  struct Taken {
    double seconds = 0;  ///< since the timeline began
    WorkSample sample;
  };

  void take(double seconds);

  std::function<WorkSample()> look_;
  std::function<double()> seconds_;
  double interval_seconds_ = 0.005;
  std::vector<Taken> taken_;
};

/// Between ranks. A timeline that was not encoded by this program comes back empty.
std::string encode_timeline(const RankTimeline& timeline);
RankTimeline decode_timeline(std::string_view bytes);

}  // namespace shardmill
