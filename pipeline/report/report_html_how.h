// How a run went, for report.html: layout, balance over the ranks, where time and memory went.
#pragma once

#include <string>

#include "pipeline/report/description.h"

namespace shardmill {

/// A JSON object. Of very many ranks some are shown one by one, and all of them in groups.
std::string page_how_it_ran(const RunDescription& run);

}  // namespace shardmill
