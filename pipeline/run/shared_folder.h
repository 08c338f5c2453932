// Whether all ranks work in one run directory: hosts need not mount what rank 0 sees.
#pragma once

#include <string>

#include "pipeline/base/status.h"
#include "pipeline/run/checkpoint.h"

namespace shardmill {

/// kFailed if this rank does not see what rank 0 has made (the lock with its token; without a run
/// directory the folder of the parts), or may not write there. What is not there is looked for
/// again for `patience_seconds`: network file systems may show a new folder late. The message has
/// no place.
Status check_folder_is_shared(const CheckpointPlan& checkpoints, const std::string& parts_dir,
                              double patience_seconds = 5);

}  // namespace shardmill
