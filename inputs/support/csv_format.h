// What the job says about its CSV files.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "inputs/support/text_kernels.h"
#include "pipeline/core/column.h"
#include "pipeline/core/options.h"

namespace shardmill {

/// The options of [input] for CSV. Immutable; any thread.
struct CsvFormat {
  std::optional<char> delimiter;  ///< unset: by the file's extension
  char quote = '"';
  bool has_quote = true;
  bool header = true;
  std::vector<std::string> columns;
  std::vector<std::string> null_values;
  std::vector<std::pair<std::string, Type>> types;

  /// The structure bytes of the file at `path`: a tab separates fields in .tsv (below any
  /// compression's extension), a comma elsewhere, unless `delimiter` is given.
  CsvBytes bytes_of(std::string_view path) const;
  /// What write stages and the engine take as the job's dialect.
  CsvBytes bytes() const { return bytes_of({}); }

  std::optional<Type> type_of(std::string_view column) const;
  bool is_null(std::string_view value) const;
};

/// The declared fields of [input] for CSV.
std::vector<FieldSpec> csv_fields();

/// REQUIRES: check_csv found no problem.
CsvFormat csv_format(const Options& options);

/// Finds mistakes in the options.
void check_csv(const Options& options, Problems& problems);

}  // namespace shardmill
