#include "pipeline/plan/memory.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>

#include "pipeline/base/message.h"
#include "pipeline/base/quantity.h"
#include "pipeline/base/text.h"
#include "pipeline/formats/numbers.h"
#include "pipeline/plan/cores.h"
#include "pipeline/plan/plan.h"

namespace shardmill {

namespace {

constexpr uint64_t kMiB = 1 << 20;
constexpr uint64_t kNoLimit = uint64_t{1} << 60;  ///< version 1 says "none" by a number near 2^63
constexpr uint64_t kTablesLeast = 4 * kMiB;
constexpr uint64_t kPercentOfNode = 80;
constexpr uint64_t kPercentOfJob = 90;
/// Columns, offsets and selections of short records take several times their bytes.
constexpr uint64_t kChunkTimes = 18;
constexpr uint64_t kSmallWindow = 10 * kMiB;  ///< see formats/codec.h
/// Stacks, messages between ranks, what the C library keeps of freed blocks.
constexpr uint64_t kRankBytes = 6 * kMiB;
constexpr uint64_t kWorkerBytes = 2 * kMiB;
/// On rank 0, beside the manifest: the books of a file or slice, and what a unit is to the dealer.
constexpr uint64_t kFileBookBytes = 400;
constexpr uint64_t kUnitBytes = 200;

std::optional<uint64_t> whole_number(std::string_view text) {
  int64_t value = 0;
  if (!parse_int(trimmed(text), value) || value < 0) return std::nullopt;
  return static_cast<uint64_t>(value);
}

std::optional<uint64_t> smaller(std::optional<uint64_t> a, std::optional<uint64_t> b) {
  if (a && b) return std::min(*a, *b);
  return a ? a : b;
}

/// The smallest number in `file` of the folders from `path` up to the root of the mount.
std::optional<uint64_t> smallest_up(const ReadText& read, const std::string& mount,
                                    std::string path, std::string_view file) {
  std::optional<uint64_t> smallest;
  for (;;) {
    if (path == "/") path.clear();
    const std::optional<std::string> text = read(mount + path + "/" + std::string(file));
    std::optional<uint64_t> limit = text ? whole_number(*text) : std::nullopt;
    if (limit && *limit >= kNoLimit) limit = std::nullopt;
    smallest = smaller(smallest, limit);
    if (path.empty()) return smallest;
    path.resize(path.rfind('/') == std::string::npos ? 0 : path.rfind('/'));
  }
}

std::optional<std::string> whole_file(const std::string& path) {
  std::ifstream in(path);
  if (!in) return std::nullopt;
  return std::string(std::istreambuf_iterator<char>(in), {});
}

/// Slurm counts in MiB.
std::optional<SlurmMemory> slurm_times(const ReadVariable& variable, const std::string& amount,
                                       const std::string& count, std::string_view of) {
  const std::optional<uint64_t> each = whole_number(variable(amount).value_or(""));
  const std::optional<uint64_t> times = whole_number(variable(count).value_or(""));
  if (!each || *each == 0 || *each >= kNoLimit / kMiB || !times || *times == 0 ||
      *times > 1'000'000)
    return std::nullopt;
  return SlurmMemory{
      .bytes = *each * kMiB * *times,
      .text = fmt::format("Slurm's {} for each of {} {}s", format_bytes(*each * kMiB), *times, of)};
}

/// Largest first, so that the message begins with what matters.
std::string largest_rows(const MemoryPlan& plan) {
  std::vector<const MemoryRow*> rows;
  for (const MemoryRow& row : plan.rows) rows.push_back(&row);
  std::stable_sort(rows.begin(), rows.end(),
                   [](const MemoryRow* a, const MemoryRow* b) { return a->bytes > b->bytes; });
  std::string text;
  for (size_t i = 0; i < std::min<size_t>(3, rows.size()); ++i) {
    text += (i == 0 ? "" : ", ") + format_bytes(rows[i]->bytes) + " for " + rows[i]->what;
  }
  return text;
}

/// "lower input.record_bytes_max", of those that are large, and the threads.
std::string ways_out(const MemoryPlan& plan, uint64_t needed) {
  std::string text = "raise memory to " + format_bytes(needed) + " or more";
  if (plan.threads > 1) text += ", use fewer threads (--threads)";
  for (const MemoryRow& row : plan.rows) {
    if (!row.lower.empty() && row.bytes * 8 > plan.share.bytes) text += ", lower " + row.lower;
  }
  return text;
}

}  // namespace

std::string RankMemory::text() const {
  return format_bytes(bytes) + " per rank (" + source + ")";
}

std::optional<uint64_t> cgroup_memory(const ReadText& read) {
  const std::string groups = read("/proc/self/cgroup").value_or("");
  const std::optional<uint64_t> v2 =
      smallest_up(read, "/sys/fs/cgroup", cgroup_path(groups, ""), "memory.max");
  const std::optional<uint64_t> v1 = smallest_up(
      read, "/sys/fs/cgroup/memory", cgroup_path(groups, "memory"), "memory.limit_in_bytes");
  return smaller(v2, v1);
}

std::optional<uint64_t> node_memory(const ReadText& read) {
  const std::string text = read("/proc/meminfo").value_or("");
  constexpr std::string_view kLabel = "MemTotal:";
  const size_t at = text.find(kLabel);
  if (at == std::string::npos) return std::nullopt;
  std::string_view rest = trimmed(std::string_view(text).substr(at + kLabel.size()));
  rest = rest.substr(0, rest.find_first_of(" \n"));
  const std::optional<uint64_t> kibibytes = whole_number(rest);
  if (!kibibytes || *kibibytes == 0 || *kibibytes > kNoLimit / 1024) return std::nullopt;
  return *kibibytes * 1024;
}

std::optional<SlurmMemory> slurm_memory(const ReadVariable& variable) {
  const std::optional<uint64_t> node = whole_number(variable("SLURM_MEM_PER_NODE").value_or(""));
  // 0 asks for all that there is.
  if (node && *node > 0 && *node < kNoLimit / kMiB) {
    return SlurmMemory{.bytes = *node * kMiB,
                       .text = "Slurm's " + format_bytes(*node * kMiB) + " for the node"};
  }
  if (auto cpus = slurm_times(variable, "SLURM_MEM_PER_CPU", "SLURM_CPUS_ON_NODE", "CPU")) {
    return cpus;
  }
  return slurm_times(variable, "SLURM_MEM_PER_GPU", "SLURM_GPUS_ON_NODE", "GPU");
}

RankMemory default_memory(const MemoryLimits& limits, unsigned ranks) {
  ranks = std::max(1u, ranks);
  RankMemory least;
  const auto consider = [&](uint64_t bytes, uint64_t percent, const std::string& what) {
    const uint64_t share = bytes / 100 * percent / ranks;
    if (least.bytes > 0 && share >= least.bytes) return;
    least = {.bytes = share,
             .source = fmt::format("{} % of {}{}", percent, what,
                                   ranks > 1 ? fmt::format(", {} ranks", ranks) : "")};
  };
  if (limits.node) {
    consider(*limits.node, kPercentOfNode, "the node's " + format_bytes(*limits.node));
  }
  if (limits.slurm) consider(limits.slurm->bytes, kPercentOfJob, limits.slurm->text);
  if (limits.cgroup) {
    consider(*limits.cgroup, kPercentOfJob, "the cgroup's " + format_bytes(*limits.cgroup));
  }
  if (least.bytes == 0) least = {.bytes = 1024 * kMiB, .source = "nothing is known of the node"};
  return least;
}

MemoryLimits memory_limits() {
  const auto variable = [](const std::string& name) -> std::optional<std::string> {
    const char* text = std::getenv(name.c_str());
    return text == nullptr ? std::nullopt : std::optional<std::string>(text);
  };
  return {.cgroup = cgroup_memory(whole_file),
          .slurm = slurm_memory(variable),
          .node = node_memory(whole_file)};
}

RankMemory memory_of_rank(uint64_t asked, unsigned ranks_of_node) {
  if (asked > 0) return {.bytes = asked, .source = "as asked"};
  return default_memory(memory_limits(), ranks_of_node);
}

uint64_t MemoryPlan::fixed_bytes() const {
  uint64_t sum = 0;
  for (const MemoryRow& row : rows) sum += row.bytes;
  return sum;
}

uint64_t MemoryPlan::table_bytes() const {
  const uint64_t fixed = fixed_bytes();
  const uint64_t left = share.bytes > fixed ? share.bytes - fixed : 0;
  return left - left / 8;
}

uint64_t MemoryPlan::heap_bytes_most(uint64_t resident, uint64_t heap) const {
  const uint64_t outside = outside_heap + (resident > heap ? resident - heap : 0);
  return share.bytes > outside ? share.bytes - outside : 1;
}

std::string MemoryPlan::next_memory() const {
  return fmt::format("{}MiB", share.bytes / kMiB * 2);
}

Status MemoryPlan::check() const {
  const uint64_t needed = fixed_bytes() + kTablesLeast;
  if (share.bytes >= needed) return {};
  return Status::usage(Message{.place = "memory",
                               .found = format_bytes(share.bytes) + " per rank (" + share.source +
                                        ") cannot hold what " + counted(threads, "worker") +
                                        " need beside tables: " + largest_rows(*this),
                               .expected = "at least " + format_bytes(needed),
                               .fix = ways_out(*this, needed)}
                           .text());
}

std::vector<std::string> MemoryPlan::lines() const {
  std::vector<std::string> lines = {share.text()};
  for (const MemoryRow& row : rows) {
    lines.push_back(fmt::format("{:>10}  {}", format_bytes(row.bytes), row.what));
  }
  const uint64_t tables = table_bytes();
  const uint64_t fixed = fixed_bytes();
  const uint64_t left = share.bytes > fixed ? share.bytes - fixed : 0;
  lines.push_back(fmt::format("{:>10}  sorting and saving tables", format_bytes(left - tables)));
  lines.push_back(fmt::format("{:>10}  tables", format_bytes(tables)));
  return lines;
}

uint64_t decoder_bytes_of(std::string_view path, uint64_t window_bytes_max) {
  for (const std::string_view end : {".zst", ".zstd", ".xz", ".lzma"}) {
    if (path.ends_with(end)) return window_bytes_max + kMiB;
  }
  for (const std::string_view end : {".gz", ".bgz", ".tgz", ".bz2", ".lz4"}) {
    if (path.ends_with(end)) return kSmallWindow;
  }
  return 0;
}

MemoryPlan plan_memory(const BoundJob& job, const Plan* plan, unsigned threads, RankMemory share,
                       uint64_t held_bytes) {
  MemoryPlan memory = {.share = std::move(share), .threads = threads, .rows = {}};
  const auto add = [&](std::string what, uint64_t bytes, std::string lower = {}) {
    memory.rows.push_back({.what = std::move(what), .bytes = bytes, .lower = std::move(lower)});
  };
  const auto add_for_workers = [&](const std::string& what, uint64_t each, std::string lower) {
    if (each == 0) return;
    add(threads == 1 ? what : fmt::format("{} x {}", threads, what), threads * each,
        std::move(lower));
  };
  const ReadLimits& limits = job.job.input.limits;
  memory.outside_heap = kRankBytes + threads * (kWorkerBytes + job.decoder_bytes);
  add("program, plan and list of files", held_bytes + kRankBytes);
  if (plan != nullptr) {
    const uint64_t books =
        plan->manifest.files.size() * kFileBookBytes + plan->units.size() * kUnitBytes;
    if (books >= kMiB) add("books of files and units", books);
  }
  add_for_workers("chunks and their columns", kChunkTimes * limits.chunk_bytes + kWorkerBytes,
                  "input.chunk_bytes");
  add_for_workers("one long record", limits.record_bytes_max, "input.record_bytes_max");
  uint64_t sinks = 0;
  uint64_t stages = 0;
  for (const PipelineStage& stage : job.stages) {
    if (stage.output) sinks += sink_memory_bytes(*stage.output);
    stages += stage.bound->worker_bytes();
  }
  add_for_workers("decompressor", job.decoder_bytes, "input.window_bytes_max");
  add_for_workers("rows to write", sinks, "");
  add_for_workers("programs and their lines", stages, "line_bytes_max of exec");
  return memory;
}

}  // namespace shardmill
