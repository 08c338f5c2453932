// What changed between two runs, as a page like report.html.
#pragma once

#include <string>

#include "pipeline/report/run_diff.h"

namespace shardmill {

/// At most `rows_shown` rows of a table, and as many files and outputs; fewer where the page would
/// become larger than people open. Pure.
std::string diff_html(const FinishedRun& before, const FinishedRun& after, const RunDiff& diff,
                      size_t rows_shown);

}  // namespace shardmill
