// What a job asks for, as people read it in a report. Pure; any thread.
#pragma once

#include <vector>

#include "pipeline/plan/job.h"
#include "pipeline/report/description.h"

namespace shardmill {

/// The options of a stage that the job gives, in the order in which the stage declares them; not
/// those that have their defaults.
std::vector<AskedOption> asked_options(const JobStage& stage);

}  // namespace shardmill
