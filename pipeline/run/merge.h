// What committed units add up to, and how it comes together: workers, then ranks. Exact in any
// order and grouping, so that the layout never shows.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "pipeline/plan/plan.h"
#include "pipeline/run/protocol.h"
#include "pipeline/run/rejects.h"

namespace shardmill {

/// The sum of some units: one unit's, a worker's, a rank's, the run's. One owner, one thread.
struct Totals {
  explicit Totals(const BoundJob& job);

  std::vector<std::unique_ptr<Partial>> partials;  ///< by stage; nullptr if it has none (yet)
  std::vector<StageBooks> books;                   ///< by stage
  Rejects rejects;

  /// Empty states for the stages that make them.
  void make_partials(const BoundJob& job);
  void merge(Totals&& other);
  uint64_t memory_bytes() const;  ///< of the partials

  /// Needs little memory beside the writer's: partials are written piece by piece.
  void encode(ByteWriter& writer) const;
  /// kFailed if the bytes are not the totals of this job.
  static Result<Totals> decode(const BoundJob& job, std::string_view bytes);
  /// Adds encoded totals, holding one stage of them at a time, up to the reader's end. After an
  /// error these totals count no longer.
  Status merge_encoded(const BoundJob& job, ByteReader& reader);
};

/// The sum of all workers' totals, by this rank's threads. REQUIRES: at least one.
Result<Totals> merge_workers(std::vector<Totals> workers, unsigned threads,
                             const std::string& place);

/// Collective. The sum over all ranks, at rank 0; the others return what is left. A rank that comes
/// with a failure, or fails on the way, makes rank 0 return it: nobody waits in vain.
Result<Totals> merge_ranks(Inbox& inbox, const BoundJob& job, Result<Totals> own,
                           const std::string& place);

}  // namespace shardmill
