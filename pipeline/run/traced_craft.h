// A craft whose items show in a trace.
#pragma once

#include <cstddef>
#include <memory>

#include "pipeline/base/span_log.h"
#include "pipeline/run/worker.h"

namespace shardmill {

/// `craft`, whose items are spans of `activity` in the log when they are performed, and of
/// WorkClock::kCommitting when they commit. `craft` itself if there is no log.
std::unique_ptr<Craft> with_spans(std::unique_ptr<Craft> craft, SpanLog* log, size_t activity);

}  // namespace shardmill
