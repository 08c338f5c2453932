// A job over one small file in memory, in one thread: for job tests, stage examples and
// documentation. No communicator, no run directory.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "pipeline/base/status.h"
#include "pipeline/core/stage.h"
#include "pipeline/core/table.h"
#include "pipeline/plan/job.h"

namespace shardmill {

struct InMemoryReject {
  uint64_t offset = 0;
  std::string reason;
};

struct InMemoryRun {
  std::vector<std::string> columns;  ///< that the last stage passes on
  /// What the last stage passed on, as canonical JSON objects: keys sorted, no spaces, nulls left
  /// out.
  std::vector<std::string> records;
  std::vector<Table> tables;      ///< in stage order, with names and stages set
  std::vector<StageBooks> books;  ///< by stage
  uint64_t records_read = 0;
  std::vector<InMemoryReject> rejects;  ///< of the input and of stages, in order of reading
  std::vector<std::string> bad_values;  ///< "column: value"
};

/// Reads `content` as the one input of `job` and runs all stages over it. What write stages write
/// is thrown away. If the job names no format, the extensions of its paths decide. A file that a
/// stage names is read unless `files` has its content. Mistakes that show in the columns are
/// collected in `problems` (then the Status is kUsage).
Result<InMemoryRun> run_in_memory(Job job, const std::string& content, Problems& problems,
                                  const TestFiles& files = {});

/// Rows of a table as canonical JSON: a list of lists, as a [[test]] expects them.
std::string table_rows_json(const Table& table);

/// What differs between a [[test]] and what its job did, a line each; empty if it passes.
std::vector<std::string> compare_with_test(const JobTest& test, const InMemoryRun& run);

/// `lines` as the content of a file.
std::string joined_lines(const std::vector<std::string>& lines);

}  // namespace shardmill
