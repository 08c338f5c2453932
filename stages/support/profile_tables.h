// From what `profile` counted to its tables. Pure; any thread.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "pipeline/core/table.h"
#include "stages/support/column_profile.h"
#include "stages/support/record_sample.h"

namespace shardmill {

struct ProfileTableSettings {
  size_t frequent = 5;  ///< values of each column in "most frequent"
  size_t bins = 10;     ///< of each histogram, about
};

/// Six tables, rows in the order of `names`: one without a name with a row for each column, then
/// "numbers", "times", "texts", "most frequent" and "histogram". Tables without rows are left out.
/// REQUIRES: the columns are finished, and the sample has their types.
std::vector<Table> profile_tables(const std::vector<std::string>& names,
                                  const std::vector<ColumnProfile>& columns,
                                  const RecordSample& sample, const ProfileTableSettings& settings);

}  // namespace shardmill
