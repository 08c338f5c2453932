// The books of a run: what became of every file and every record, and whether it adds up. Pure
// functions of what units and totals say; rank 0 only.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "pipeline/plan/plan.h"
#include "pipeline/report/description.h"
#include "pipeline/run/merge.h"

namespace shardmill {

/// What all units said, by unit; units that were never dealt (--limit) are empty.
using UnitBooks = std::vector<std::vector<SliceBooks>>;

/// A line for each file of the manifest, in its order, and for what was named or found but is no
/// input (outcome "bad", at its place by path).
std::vector<FileResult> file_results(const Plan& plan, const UnitBooks& units);

/// The kept rejects with the number of each record in its file.
std::vector<BadRecord> bad_records(const Plan& plan, const UnitBooks& units,
                                   const Rejects& rejects);

std::vector<BadValueCount> bad_value_counts(const Rejects& rejects);
std::vector<StageResult> stage_results(const BoundJob& job, const Totals& totals);

/// Where the books do not balance, a line each; empty is good. Every record that was read is passed
/// on, dropped by a reason or rejected, stage by stage; slices of a cut file add up to the file.
std::vector<std::string> check_balance(const Plan& plan, const UnitBooks& units,
                                       const Totals& totals);

}  // namespace shardmill
