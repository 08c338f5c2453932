#include "pipeline/run/mailbox.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "pipeline/base/check.h"

namespace shardmill {

void Mailbox::give(Deal deal) {
  const std::lock_guard lock(mutex_);
  if (drained_) return;
  deals_.push_back(std::move(deal));
  for_workers_.notify_all();
}

void Mailbox::drain() {
  const std::lock_guard lock(mutex_);
  drained_ = true;
  deals_.clear();
}

void Mailbox::answer(const VerdictFor& verdict) {
  const std::lock_guard lock(mutex_);
  const auto holder = std::find_if(held_.begin(), held_.end(),
                                   [&](const Held& held) { return held.item == verdict.item; });
  SHARDMILL_CHECK(holder != held_.end());
  holder->verdict = verdict.verdict;
  for_workers_.notify_all();
}

void Mailbox::close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
  for_workers_.notify_all();
}

bool Mailbox::keeps() const {
  const std::lock_guard lock(mutex_);
  return keeps_;
}

void Mailbox::stop(bool keep) {
  const std::lock_guard lock(mutex_);
  if (!stopped_) keeps_ = keep;
  stopped_ = true;
  for_workers_.notify_all();
}

std::vector<WorkerEvent> Mailbox::take_events() {
  const std::lock_guard lock(mutex_);
  return std::exchange(events_, {});
}

void Mailbox::wait_for_event(unsigned microseconds) {
  std::unique_lock lock(mutex_);
  for_thread_.wait_for(lock, std::chrono::microseconds(microseconds),
                       [&] { return !events_.empty() || left_; });
  left_ = false;
}

unsigned Mailbox::idle_workers() const {
  const std::lock_guard lock(mutex_);
  return idle_;
}

unsigned Mailbox::workers_gone() const {
  const std::lock_guard lock(mutex_);
  return gone_;
}

Mailbox::Next Mailbox::next(unsigned worker, bool may_take) {
  std::unique_lock lock(mutex_);
  Held& held = held_[worker];
  ++idle_;
  for_workers_.wait(lock, [&] {
    return stopped_ || held.verdict || (may_take && !deals_.empty()) || (closed_ && !held.item);
  });
  --idle_;
  if (stopped_) return {};
  if (held.verdict) {
    const Verdict verdict = *held.verdict;
    held = {};
    return verdict;
  }
  if (!may_take || deals_.empty()) return {};
  Deal deal = std::move(deals_.front());
  deals_.pop_front();
  return deal;
}

void Mailbox::post_prepared(unsigned worker, const Prepared& prepared) {
  const std::lock_guard lock(mutex_);
  SHARDMILL_CHECK(!held_[worker].item);
  held_[worker].item = prepared.item;
  events_.emplace_back(prepared);
  for_thread_.notify_one();
}

void Mailbox::post(WorkerEvent event) {
  const std::lock_guard lock(mutex_);
  events_.push_back(std::move(event));
  for_thread_.notify_one();
}

unsigned Mailbox::workers_keeping() const {
  const std::lock_guard lock(mutex_);
  return keeping_;
}

void Mailbox::begin_keeping() {
  const std::lock_guard lock(mutex_);
  ++keeping_;
}

void Mailbox::leave() {
  const std::lock_guard lock(mutex_);
  ++gone_;
  left_ = true;
  for_thread_.notify_one();
}

}  // namespace shardmill
