// The commented job file that `shardmill new PATH...` writes. Pure functions over what was seen of
// the files, any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pipeline/core/column.h"

namespace shardmill {

/// One column, as the first records show it.
struct SeenColumn {
  std::string name;  ///< any bytes
  Type type = Type::kText;
  uint64_t values = 0;
  uint64_t nulls = 0;
  uint64_t distinct = 0;
  std::string least;     ///< as text; empty if there is no value
  std::string greatest;  ///< the same
  std::string frequent;  ///< the most frequent value; empty if none is
  std::string middle;    ///< the median of a number, as text
};

/// What the files turned out to be.
struct SeenFiles {
  std::string job_name;
  std::vector<std::string> paths;  ///< as given; empty if `files_from` names them
  std::string files_from;
  std::vector<std::string> exclude;  ///< patterns
  std::string format;
  std::vector<std::pair<std::string, std::string>> dialect;  ///< more keys of [input], as TOML
  std::string files;                                         ///< "6 files, 29.3 KiB", for a comment
  std::vector<std::string> other;  ///< files of other formats, for a comment
  uint64_t records = 0;            ///< that were looked at
  uint64_t bad_records = 0;        ///< that were rejected beside them
  std::string bad_example;         ///< why one of them was, or why a file could not be read
  std::vector<SeenColumn> columns;
};

/// How far a draft goes; the next one is for files on which the one before does not plan.
enum class DraftStages : uint8_t { kSummary, kCount };

/// A job file that plans and runs on these files. Stages in comments do so too, once their signs
/// are taken away. REQUIRES: paths, exclude and files_from are UTF-8.
std::string draft_job(const SeenFiles& seen, DraftStages stages);

/// The name of a job over `path`, of letters, digits, "-", "_" and "." alone: "sales" for
/// "data/sales.csv.gz" and for "data/sales/*.csv"; "job" if nothing is left.
std::string job_name_of(std::string_view path);

/// A column as expressions and aggregates name it, in backquotes where needed.
std::string expression_column(std::string_view name);

}  // namespace shardmill
