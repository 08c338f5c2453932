#include "pipeline/base/span_log.h"

#include <algorithm>

#include "pipeline/base/check.h"
#include "pipeline/base/work_clock.h"

namespace shardmill {

namespace {

constexpr uint64_t kShortestWaitNs = 1000;  ///< less is no wait but the way to the next unit

}  // namespace

SpanLog::SpanLog(size_t capacity, uint64_t begin_ns)
    : capacity_(std::max<size_t>(capacity, 16)), resting_since_ns_(begin_ns) {
  kept_.reserve(capacity_);  // spans end in destructors, which must not fail
}

void SpanLog::open(size_t activity, uint64_t about, uint64_t now_ns) {
  if (open_.empty()) {
    ++unit_;
    wait_until(now_ns);
  } else if (activity == WorkClock::kParsing) {
    ++chunk_;
  }
  open_.push_back({.span = {.begin_ns = now_ns,
                            .about = about,
                            .activity = static_cast<uint32_t>(activity),
                            .depth = static_cast<uint32_t>(open_.size())},
                   .unit = unit_,
                   .chunk = chunk_});
}

void SpanLog::close(uint64_t now_ns) {
  SHARDMILL_CHECK(!open_.empty());
  Entry entry = open_.back();
  open_.pop_back();
  entry.span.end_ns = now_ns;
  keep(entry);
  if (open_.empty()) resting_since_ns_ = now_ns;
}

void SpanLog::finish(uint64_t now_ns) {
  SHARDMILL_CHECK(open_.empty());
  ++unit_;
  wait_until(now_ns);
}

void SpanLog::wait_until(uint64_t now_ns) {
  if (now_ns < resting_since_ns_ + kShortestWaitNs) return;
  keep({.span = {.begin_ns = resting_since_ns_,
                 .end_ns = now_ns,
                 .about = WorkClock::kAboutNothing,
                 .activity = WorkClock::kWaiting},
        .unit = unit_,
        .chunk = chunk_});
}

bool SpanLog::is_wanted(const Entry& entry) const {
  if (entry.unit % unit_stride_ != 0) return false;
  return entry.span.depth == 0 || entry.chunk % chunk_stride_ == 0;
}

void SpanLog::keep(const Entry& entry) {
  ++seen_;
  if (!is_wanted(entry)) return;
  if (kept_.size() == capacity_) thin();
  if (is_wanted(entry) && kept_.size() < capacity_) kept_.push_back(entry);
}

/// Until half of the room is free, so that it is seldom done.
void SpanLog::thin() {
  while (kept_.size() > capacity_ / 2) {
    const auto outermost = static_cast<size_t>(std::count_if(
        kept_.begin(), kept_.end(), [](const Entry& entry) { return entry.span.depth == 0; }));
    (outermost > capacity_ / 4 ? unit_stride_ : chunk_stride_) *= 2;
    std::erase_if(kept_, [this](const Entry& entry) { return !is_wanted(entry); });
  }
}

SpanLog::Kept SpanLog::take() {
  Kept out = {
      .left_out = seen_ - kept_.size(), .unit_stride = unit_stride_, .chunk_stride = chunk_stride_};
  for (const Entry& entry : kept_) out.spans.push_back(entry.span);
  kept_.clear();
  std::sort(out.spans.begin(), out.spans.end(), [](const WorkedSpan& a, const WorkedSpan& b) {
    return a.begin_ns != b.begin_ns ? a.begin_ns < b.begin_ns : a.depth < b.depth;
  });
  return out;
}

}  // namespace shardmill
