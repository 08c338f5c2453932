// How much memory a rank may use, and what of it is spoken for before the first record is read.
//
//   memory of a rank = program and plan | fixed part of each worker | tables
//                                                                     ^ what is left
//
// The default is what the process may have, from the texts that Linux and Slurm give. Pure
// functions, any thread, except those that say so.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/base/status.h"

namespace shardmill {

struct BoundJob;
struct Plan;

/// @name What a rank may use.
/// @{

/// Memory with the reason for just so much.
struct RankMemory {
  uint64_t bytes = 0;  ///< of one rank
  /// "--memory", "80 % of the node's 24.0 GiB, 2 ranks", ...
  std::string source;

  /// "memory 9.60 GiB per rank (80 % of the node's 24.0 GiB, 2 ranks)".
  std::string text() const;
};

/// The whole content of a small file; nothing if there is none.
using ReadText = std::function<std::optional<std::string>(const std::string& path)>;

/// The smallest limit of the process's cgroup and those above it, bytes; version 2 (`memory.max`)
/// and version 1 (`memory.limit_in_bytes`). Nothing if none has one.
std::optional<uint64_t> cgroup_memory(const ReadText& read);

/// MemTotal of /proc/meminfo, bytes.
std::optional<uint64_t> node_memory(const ReadText& read);

/// What Slurm gives the job on this node, bytes: SLURM_MEM_PER_NODE, or SLURM_MEM_PER_CPU or
/// SLURM_MEM_PER_GPU times what the job has of them here. `text` says it as the user asked for it.
struct SlurmMemory {
  uint64_t bytes = 0;
  std::string text;
};
using ReadVariable = std::function<std::optional<std::string>(const std::string& name)>;
std::optional<SlurmMemory> slurm_memory(const ReadVariable& variable);

/// What is known of the memory of a node.
struct MemoryLimits {
  std::optional<uint64_t> cgroup;
  std::optional<SlurmMemory> slurm;
  std::optional<uint64_t> node;
};

/// The least of them for each of `ranks` ranks on the node. The reserve is 10 % of what was given
/// to the job alone, and 20 % of a whole node, whose system needs some.
RankMemory default_memory(const MemoryLimits& limits, unsigned ranks);

/// Of this process. Reads files and the environment.
MemoryLimits memory_limits();
/// `asked` bytes if that is not 0, else the default.
RankMemory memory_of_rank(uint64_t asked, unsigned ranks_of_node);
/// @}

/// @name What it is used for.
/// @{

/// One row of the plan of the memory.
struct MemoryRow {
  std::string what;
  uint64_t bytes = 0;
  std::string lower;  ///< the option that makes it smaller; empty if none does
};

struct MemoryPlan {
  RankMemory share;
  unsigned threads = 1;
  std::vector<MemoryRow> rows;  ///< of all workers of the rank together
  uint64_t outside_heap = 0;    ///< of the rows: what C libraries take while the rank works

  uint64_t fixed_bytes() const;
  /// What all tables of the rank may take together. An eighth of what is left is kept for sorting
  /// them and writing them down. 0 if the rest does not fit.
  uint64_t table_bytes() const;
  /// Most bytes of the heap (base/heap.h) for a process that has these in memory and on the heap
  /// now: room stays for what C libraries take. At least 1.
  uint64_t heap_bytes_most(uint64_t resident, uint64_t heap) const;
  /// What to try when this was not enough, as an argument: "512MiB".
  std::string next_memory() const;
  /// kUsage if less than 4 MiB are left for tables: names what is large and how to lower it.
  Status check() const;
  /// Lines for people, the first without a label.
  std::vector<std::string> lines() const;
};

/// `held_bytes`: what the process holds now that the job is bound (program, libraries, the job's
/// patterns and tables; on rank 0 the manifest too). `plan`: on rank 0, which keeps the books of
/// all files; nullptr elsewhere.
MemoryPlan plan_memory(const BoundJob& job, const Plan* plan, unsigned threads, RankMemory share,
                       uint64_t held_bytes);

/// Most memory of the decoder of a file of this name; 0 if it looks like a plain one.
uint64_t decoder_bytes_of(std::string_view path, uint64_t window_bytes_max);
/// @}

}  // namespace shardmill
