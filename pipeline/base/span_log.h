// What a worker did when, span by span, in bounded memory: what a trace is made of.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace shardmill {

/// Spans of a log nest: each lies within the one that was open when it began.
struct WorkedSpan {
  uint64_t begin_ns = 0;  ///< of the monotonic clock
  uint64_t end_ns = 0;
  uint64_t about = 0;     ///< the number of a unit, or WorkClock::kAboutNothing
  uint32_t activity = 0;  ///< see WorkClock::Activity
  uint32_t depth = 0;     ///< 0: within no other
};

/// One worker's. Between its outermost spans it waits: that becomes a span, too.
///
/// When `capacity` spans are there it forgets chunks evenly over the whole time (every second one,
/// then every second of those that are left), and units likewise if they alone are too many: so a
/// trace of any run shows all of it, and what it shows of a unit or chunk is whole. What is open
/// meanwhile is never forgotten.
class SpanLog {
 public:
  /// `begin_ns`: when the worker began to wait for its first unit.
  SpanLog(size_t capacity, uint64_t begin_ns);

  void open(size_t activity, uint64_t about, uint64_t now_ns);
  void close(uint64_t now_ns);
  /// The last wait ends here. REQUIRES: no span is open.
  void finish(uint64_t now_ns);

  struct Kept {
    std::vector<WorkedSpan> spans;  ///< by their begin, the outer one first
    uint64_t left_out = 0;          ///< spans that were forgotten
    uint64_t unit_stride = 1;       ///< every so many outermost spans are there
    uint64_t chunk_stride = 1;      ///< in those, every so many chunks are there
  };
  Kept take();

 private:
  struct Entry {
    WorkedSpan span;
    uint64_t unit = 0;   ///< number of the outermost span
    uint64_t chunk = 0;  ///< counted over all units
  };

  bool is_wanted(const Entry& entry) const;
  void keep(const Entry& entry);
  void thin();
  void wait_until(uint64_t now_ns);

  size_t capacity_;
  uint64_t resting_since_ns_;
  uint64_t unit_ = 0;  ///< the first one is 1, so that a stride may leave out all of them
  uint64_t chunk_ = 1;
  uint64_t unit_stride_ = 1;
  uint64_t chunk_stride_ = 1;
  uint64_t seen_ = 0;
  std::vector<Entry> open_;
  std::vector<Entry> kept_;
};

}  // namespace shardmill
