// The report of `shardmill profile`: a paragraph for each column. Pure; any thread.
#pragma once

#include <string>

#include "pipeline/report/description.h"

namespace shardmill {

/// What the profile stage of `run` found, for people. Ends with a newline.
std::string profile_text(const RunDescription& run);

}  // namespace shardmill
