// results.json read back, for commands that look at finished runs.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pipeline/base/status.h"
#include "pipeline/core/table.h"

namespace shardmill {

struct ReadStage {
  std::string use;
  uint64_t records_in = 0;
  uint64_t records_out = 0;
  uint64_t rejected = 0;
  uint64_t made = 0;
  std::vector<std::pair<std::string, uint64_t>> dropped;   ///< by reason, in the file's order
  std::vector<std::pair<std::string, uint64_t>> counters;  ///< by name, in the file's order

  uint64_t dropped_sum() const;
};

/// A table as far as results.json shows it.
struct ReadTable {
  std::string name;
  size_t stage = 0;
  uint64_t row_count = 0;  ///< all rows, shown or not
  size_t key_columns = 0;  ///< so many of the first columns tell the rows apart; 0: none do
  std::vector<TableColumn> columns;

  size_t shown_rows() const { return columns.empty() ? 0 : columns[0].size(); }
};

struct ReadResults {
  std::string job;
  uint64_t files = 0;
  uint64_t bytes = 0;
  uint64_t records = 0;
  uint64_t bad_records = 0;
  uint64_t bad_files = 0;
  std::vector<ReadStage> stages;
  std::vector<ReadTable> tables;
  std::vector<std::pair<std::string, uint64_t>> bad_values;  ///< by column
};

/// Larger files are refused: reading one takes several times its size.
inline constexpr uint64_t kResultsBytesMax = uint64_t{1} << 30;

/// Parses the text of a results.json. kFailed, saying what is missing or wrong, unless every member
/// that ReadResults has is there with its kind, and every row has a value of the right type for
/// each column. Text that is not UTF-8 comes back as its bytes. Pure; any thread.
Result<ReadResults> read_results(std::string_view text);

}  // namespace shardmill
