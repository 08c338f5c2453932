#include "pipeline/base/work_clock.h"

#include <chrono>

#include "pipeline/base/check.h"
#include "pipeline/base/span_log.h"

namespace shardmill {

uint64_t WorkClock::now_ns() {
  return static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(
                                   std::chrono::steady_clock::now().time_since_epoch())
                                   .count());
}

WorkClock::WorkClock(size_t stages)
    : count_(kFirstStage + stages),
      spent_(std::make_unique<std::atomic<uint64_t>[]>(count_)),
      since_(now_ns()) {}

uint64_t WorkClock::turn_to(size_t activity) {
  SHARDMILL_CHECK(activity < count_);
  const uint64_t now = now_ns();
  const size_t before = now_.load(std::memory_order_relaxed);
  const uint64_t since = since_.load(std::memory_order_relaxed);
  spent_[before].store(spent_[before].load(std::memory_order_relaxed) + (now - since),
                       std::memory_order_relaxed);
  now_.store(activity, std::memory_order_relaxed);
  since_.store(now, std::memory_order_relaxed);
  return now;
}

size_t WorkClock::open(size_t activity, uint64_t about) {
  const size_t before = now_.load(std::memory_order_relaxed);
  const uint64_t now = turn_to(activity);
  if (log_ != nullptr) log_->open(activity, about, now);
  return before;
}

void WorkClock::close(size_t before) {
  const uint64_t now = turn_to(before);
  if (log_ != nullptr) log_->close(now);
}

std::vector<uint64_t> WorkClock::read() const {
  std::vector<uint64_t> spent(count_);
  for (size_t i = 0; i < count_; ++i) spent[i] = spent_[i].load(std::memory_order_relaxed);
  const uint64_t since = since_.load(std::memory_order_relaxed);
  const uint64_t now = now_ns();
  if (now > since) spent[now_.load(std::memory_order_relaxed)] += now - since;
  return spent;
}

}  // namespace shardmill
