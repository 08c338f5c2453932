// What changed between the results of two finished runs. Pure; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "pipeline/report/files_read.h"
#include "pipeline/report/results_read.h"
#include "pipeline/report/table_diff.h"

namespace shardmill {

/// One of the two runs, as read from its directory.
struct FinishedRun {
  std::string place;         ///< the run directory, as given
  std::string results_text;  ///< results.json, byte for byte
  ReadResults results;
  uint64_t results_h5 = 0;  ///< XXH3 of results.h5, and so on
  uint64_t job = 0;
  uint64_t schema = 0;
  FileSums files;
  std::vector<std::pair<std::string, uint64_t>> outputs;  ///< name and XXH3
};

/// A number that differs; 0 where one of the runs does not have it.
struct CountChange {
  std::string name;
  uint64_t before = 0;
  uint64_t after = 0;
};

/// Something that both runs have, or one of them: its place in each.
struct Pair {
  std::optional<size_t> before;
  std::optional<size_t> after;

  bool is_in_both() const { return before && after; }
};

struct FileChange {
  Pair at;  ///< in `files.lines`
  std::vector<CountChange> counts;
  bool has_other_outcome = false;
};

struct StageChange {
  Pair at;
  std::vector<CountChange> counts;
};

struct TableChange {
  Pair at;
  TableDiff rows;
  bool has_other_row_count = false;
};

struct OutputChange {
  Pair at;
};

/// Only what differs; empty lists are good.
struct RunDiff {
  /// Why the rest may differ; no results by themselves.
  bool has_other_job = false;
  bool has_other_schema = false;
  std::vector<FileChange> files;

  std::vector<CountChange> inputs;
  std::vector<CountChange> bad_values;  ///< by column
  std::vector<StageChange> stages;
  std::vector<TableChange> tables;
  std::vector<OutputChange> outputs;
  /// results.json differs in bytes, the job's name left aside, though nothing above does.
  bool only_other_bytes = false;
  /// Nothing above differs, but results.h5 does and not all rows of its tables were compared.
  bool only_other_rows = false;

  /// Whether the results are the same.
  bool is_same() const;
};

/// True if results.json does not hold all rows of all tables, and those in results.h5 may differ.
bool has_more_rows(const FinishedRun& before, const FinishedRun& after);

/// Stages belong together from the front and from the back of the jobs as long as they are of one
/// kind; tables, files and outputs if they have one name.
RunDiff diff_runs(const FinishedRun& before, const FinishedRun& after);

/// The differences for people. At most `rows_shown` rows of a table, and as many files, outputs.
/// Ends with a line that sums up.
std::string diff_text(const FinishedRun& before, const FinishedRun& after, const RunDiff& diff,
                      size_t rows_shown);

}  // namespace shardmill
