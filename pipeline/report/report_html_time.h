// When workers did what, for report.html: the samples of all ranks on one axis. Pure.
#pragma once

#include <string>

#include "pipeline/report/description.h"

namespace shardmill {

/// A JSON object: `seconds` (from the start of the first process to the end of the run), `ready`
/// (when work began), `work_end`, `rows_end` (the last that is known of the workers), `rows` (a
/// worker each, or neighbours together where there are very many), `columns` of equal length with
/// the rates of all ranks, and memory. Null without any sample.
std::string page_timeline(const RunDescription& run);

}  // namespace shardmill
