// Every summarising stage of the registry, bound to its own examples, with the state that each
// example leaves. A new stage takes part without a line here.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "pipeline/plan/plan.h"

namespace shardmill {

struct StageState {
  std::unique_ptr<BoundJob> job;
  std::string totals;  ///< encoded: what the example's records add up to
};

/// All of them, made once. Aborts if an example does not run.
const std::vector<StageState>& stage_states();

}  // namespace shardmill
