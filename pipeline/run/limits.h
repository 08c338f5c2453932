// What the workers of a rank share while they work: limits, counted without locks.
#pragma once

#include <atomic>
#include <cstdint>

namespace shardmill {

/// Memory that the tables of a rank may take together. Thread-safe.
class MemoryBudget {
 public:
  /// `most` bytes; 0: no limit.
  explicit MemoryBudget(uint64_t most) : most_(most) {}

  uint64_t most() const { return most_; }
  uint64_t used() const { return used_.load(std::memory_order_relaxed); }
  bool is_exceeded() const { return most_ > 0 && used() > most_; }

 private:
  friend class MemoryShare;
  uint64_t most_;
  std::atomic<uint64_t> used_ = 0;
};

/// One owner's part of a budget, given back at its end.
class MemoryShare {
 public:
  explicit MemoryShare(MemoryBudget& budget) : budget_(budget) {}
  ~MemoryShare() { set(0); }
  MemoryShare(const MemoryShare&) = delete;
  MemoryShare& operator=(const MemoryShare&) = delete;

  void set(uint64_t bytes) {
    if (bytes == held_) return;
    budget_.used_.fetch_add(bytes - held_, std::memory_order_relaxed);  // wraps where it shrinks
    held_ = bytes;
  }

 private:
  MemoryBudget& budget_;
  uint64_t held_ = 0;
};

/// `--limit N`: the first N records in canonical order. Units then come one at a time, in order, so
/// that this has one user at a time (the mailbox orders them).
struct RecordLimit {
  bool on = false;
  uint64_t left = 0;
};

}  // namespace shardmill
