// A small world to try the engine in: files in memory, a line format that can be made to fail or to
// assume wrongly, and a stage that keeps an exact tally of what it saw.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "pipeline/plan/plan.h"
#include "pipeline/report/description.h"

namespace shardmill {

/// Lines. "#..." is rejected by the reader; the stage drops lines of less than 3 bytes, rejects
/// "?...", fails at "!fail" and runs out of memory at "!throw".
struct DoubleFile {
  std::string content;
  bool cannot_open = false;
  uint64_t fails_at = UINT64_MAX;  ///< reading ends here with kBadFile
};

struct DoubleWorld {
  std::map<std::string, DoubleFile> files;
  uint64_t unit_bytes = 0;  ///< 0: whole files
  uint64_t bundle_files = 1;
  uint64_t chunk_bytes = 64;
  /// Cuts are confirmed by the range before. A reader takes the first byte of its range for the
  /// start of a record, which is wrong nearly always.
  bool assumes = false;
  unsigned longest_delay_us = 0;  ///< random pauses between chunks
  uint64_t table_bytes = 1000;    ///< that the stage says its table holds
  JobRun run;
};

/// What the stage saw, as a sum over its records: equal tallies, equal multisets.
struct Tally {
  uint64_t records = 0;
  uint64_t hash_sum = 0;
  friend bool operator==(const Tally&, const Tally&) = default;
};

/// A plan over the world, which must outlive it.
Plan plan_for(const DoubleWorld& world);

struct DoubleRun {
  Status status;                 ///< rank 0's
  std::vector<Status> statuses;  ///< of all ranks
  RunDescription description;
  Tally tally;
  uint64_t redone_units = 0;
};

/// Deals, reads and merges over `ranks` x `threads`, without a run directory.
DoubleRun run_doubles(const DoubleWorld& world, int ranks, unsigned threads);

/// What a plain loop over all lines gives.
Tally expected_tally(const DoubleWorld& world);

}  // namespace shardmill
