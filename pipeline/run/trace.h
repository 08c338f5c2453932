// What `--trace FILE` writes: what every rank and worker did when, in the JSON that
// chrome://tracing and Perfetto read. Spans are only kept when it is asked for, and boundedly many.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/base/span_log.h"
#include "pipeline/base/status.h"
#include "pipeline/plan/plan.h"

namespace shardmill {

/// What the communicating thread of a rank was at. Nanoseconds of its host's monotonic clock.
struct TraceStep {
  std::string name;
  uint64_t begin_ns = 0;
  uint64_t end_ns = 0;
};

/// One rank's part of a trace.
struct RankTrace {
  std::string host;
  double start_up_seconds = 0;  ///< from its process's start until its workers could begin
  uint64_t work_begin_ns = 0;   ///< when they could, on the clock of all times of this rank
  std::vector<TraceStep> steps;
  std::vector<SpanLog::Kept> workers;  ///< empty: another rank's stand for these

  std::string encode() const;
  /// A text that was not encoded by this program gives an empty trace.
  static RankTrace decode(std::string_view bytes);
};

/// Of a whole run: ranks together keep at most about this many spans.
inline constexpr uint64_t kTraceSpansMost = 400'000;

/// Spans that each worker of a rank may keep; 0 for ranks that tell nothing of their workers, where
/// a run has very many. Pure.
size_t trace_capacity(int rank, int ranks, unsigned threads);

/// Gathers a rank's part. The communicating thread's; each log is its worker's while they work.
class RankTracer {
 public:
  struct Setup {
    double start_up_seconds = 0;
    unsigned workers = 0;
    size_t capacity = 0;  ///< spans of a worker; 0: they keep none
  };

  /// Work begins now.
  explicit RankTracer(const Setup& setup);

  /// nullptr if the workers keep none.
  SpanLog* log(unsigned worker) { return logs_.empty() ? nullptr : &logs_[worker]; }
  /// Ends the step before.
  void begin_step(std::string name);
  /// Ends the last step. REQUIRES: no worker is at work.
  RankTrace take(const std::string& host);

 private:
  RankTrace trace_;
  std::deque<SpanLog> logs_;
};

/// Whether a trace may be written there, before anything runs. kUsage: its folder is missing, or
/// something stands there that is no trace.
Status check_trace_path(const std::string& path);

/// Times are microseconds since the first process began; ranks meet when work begins, so that is
/// the same moment for all. Errors: see disk_error.
Status write_trace(const std::string& path, const Plan& plan, const std::vector<RankTrace>& ranks);

}  // namespace shardmill
