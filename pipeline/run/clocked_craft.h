// A craft whose items are told to the worker's clock.
#pragma once

#include <cstddef>
#include <memory>

#include "pipeline/base/work_clock.h"
#include "pipeline/run/worker.h"

namespace shardmill {

/// `craft`; the clock's hand points at `activity` while its items are performed and commit. `craft`
/// itself if there is no clock.
std::unique_ptr<Craft> with_clock(std::unique_ptr<Craft> craft, WorkClock* clock, size_t activity);

}  // namespace shardmill
