// The memory of a rank while it runs: what tables hold, by stage, and the limit for all of it.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "pipeline/base/status.h"
#include "pipeline/plan/memory.h"
#include "pipeline/plan/plan.h"

namespace shardmill {

/// What the workers of a rank hold, counted without locks. Thread-safe.
class MemoryBudget {
 public:
  /// `job` must outlive the budget.
  MemoryBudget(const MemoryPlan& plan, const BoundJob& job);

  /// From now on what the process takes from the heap is held below the plan (see base/heap.h):
  /// what does not fit throws std::bad_alloc. The limit stays until another is set.
  void hold_heap() const;
  /// What all tables may hold.
  uint64_t most() const { return plan_.table_bytes(); }
  /// What all tables hold now. Any thread.
  uint64_t table_bytes() const;
  /// Tables hold more than is left for them.
  bool is_exceeded() const;
  /// The process has more in memory than it may have. Asks the system: a few microseconds.
  bool is_process_too_large() const;

  /// kStopped: what was found, where, which stage holds most, and how to go on. `place` is the
  /// rank; `found` what happened, "" for what `is_exceeded` says.
  Status stopped(const std::string& place, const std::string& found = {}) const;

 private:
  friend class TableMemory;
  struct OfStage {
    std::atomic<uint64_t> bytes = 0;
    std::atomic<uint64_t> entries = 0;
  };

  std::string largest_stage() const;

  const MemoryPlan plan_;
  const BoundJob& job_;
  std::unique_ptr<OfStage[]> stages_;
};

/// One owner's part of the tables, given back at its end. One thread.
class TableMemory {
 public:
  explicit TableMemory(MemoryBudget& budget);
  ~TableMemory() { clear(); }
  TableMemory(const TableMemory&) = delete;
  TableMemory& operator=(const TableMemory&) = delete;

  /// What these partials (by stage, nullptr where there is none) hold now.
  void set(const std::vector<std::unique_ptr<Partial>>& partials);
  void clear();

 private:
  struct Held {
    uint64_t bytes = 0;
    uint64_t entries = 0;
  };

  void set(size_t stage, Held now);

  MemoryBudget& budget_;
  std::vector<Held> held_;  ///< by stage
};

}  // namespace shardmill
