#include "pipeline/run/memory_budget.h"

#include <fmt/format.h>

#include "pipeline/base/heap.h"
#include "pipeline/base/message.h"
#include "pipeline/base/quantity.h"
#include "pipeline/base/text.h"

namespace shardmill {

MemoryBudget::MemoryBudget(const MemoryPlan& plan, const BoundJob& job)
    : plan_(plan), job_(job), stages_(std::make_unique<OfStage[]>(job.stages.size())) {}

void MemoryBudget::hold_heap() const {
  return_freed_blocks(plan_.share.bytes);
  limit_heap(plan_.heap_bytes_most(resident_bytes(), heap_bytes()));
}

uint64_t MemoryBudget::table_bytes() const {
  uint64_t bytes = 0;
  for (size_t i = 0; i < job_.stages.size(); ++i) {
    bytes += stages_[i].bytes.load(std::memory_order_relaxed);
  }
  return bytes;
}

bool MemoryBudget::is_exceeded() const {
  return table_bytes() > plan_.table_bytes();
}

bool MemoryBudget::is_process_too_large() const {
  return resident_bytes() > plan_.share.bytes;
}

/// `stage 1 (group "by key") holds 12.0 MiB for 1,000,000 entries`; empty if no table is large.
std::string MemoryBudget::largest_stage() const {
  size_t largest = 0;
  uint64_t most = 0;
  for (size_t i = 0; i < job_.stages.size(); ++i) {
    const uint64_t bytes = stages_[i].bytes.load(std::memory_order_relaxed);
    if (bytes > most) largest = i;
    most = std::max(most, bytes);
  }
  if (most == 0) return {};
  const PipelineStage& stage = job_.stages[largest];
  const uint64_t entries = stages_[largest].entries.load(std::memory_order_relaxed);
  const std::string name = stage.name == stage.spec->name ? "" : " " + quoted(stage.name);
  return fmt::format("stage {} ({}{}) holds {} for {}", largest, stage.spec->name, name,
                     format_bytes(most),
                     entries == 1 ? "1 entry" : with_separators(entries) + " entries");
}

Status MemoryBudget::stopped(const std::string& place, const std::string& found) const {
  const std::string stage = largest_stage();
  std::string what = found;
  if (what.empty()) what = "the tables of all threads take " + format_bytes(table_bytes());
  if (!stage.empty()) what += ", " + stage;
  return Status::stopped(
      Message{.place = place,
              .found = what,
              .expected = fmt::format("at most {} for tables of {} of memory ({})",
                                      format_bytes(plan_.table_bytes()),
                                      format_bytes(plan_.share.bytes), plan_.share.source),
              .fix = "run the same command with more memory, for instance --memory " +
                     plan_.next_memory() + ", and it goes on from here"}
          .text());
}

TableMemory::TableMemory(MemoryBudget& budget)
    : budget_(budget), held_(budget.job_.stages.size()) {}

void TableMemory::set(const std::vector<std::unique_ptr<Partial>>& partials) {
  for (size_t i = 0; i < held_.size(); ++i) {
    if (i >= partials.size() || partials[i] == nullptr) {
      set(i, {});
    } else {
      set(i, {.bytes = partials[i]->memory_bytes(), .entries = partials[i]->entries()});
    }
  }
}

void TableMemory::clear() {
  for (size_t i = 0; i < held_.size(); ++i) set(i, {});
}

void TableMemory::set(size_t stage, Held now) {
  Held& held = held_[stage];
  if (now.bytes == held.bytes && now.entries == held.entries) return;
  MemoryBudget::OfStage& sum = budget_.stages_[stage];  // wraps where it shrinks
  sum.bytes.fetch_add(now.bytes - held.bytes, std::memory_order_relaxed);
  sum.entries.fetch_add(now.entries - held.entries, std::memory_order_relaxed);
  held = now;
}

}  // namespace shardmill
