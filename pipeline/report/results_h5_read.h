// The tables of a results.h5, read back.
#pragma once

#include <string>
#include <vector>

#include "pipeline/base/status.h"
#include "pipeline/report/results_read.h"

namespace shardmill {

/// Gives `tables`, which are those of the results.json beside, all their rows instead of the first
/// ones. Texts that HDF5 cannot hold (not UTF-8, or with NUL) come as the {"base64":"..."} that
/// stands for them. kFailed, naming the file, if something is not there as results.json says.
/// REQUIRES: the file is as the run left it: the library does not stand what others damaged.
Status read_results_h5(const std::string& path, std::vector<ReadTable>& tables);

}  // namespace shardmill
