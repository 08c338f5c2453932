// The columns of a job's CSV files and their types, from samples.
#pragma once

#include "inputs/support/csv_format.h"
#include "pipeline/core/input.h"

namespace shardmill {

/// Columns: the union of the headers of `files.headers` in first-seen order (or `columns`), then
/// those that only `types` names. Types: `types`, else what every value of the column in the first
/// `type_bytes` of `files.types` is: int, float, bool or time (ISO 8601), else text. Null values say
/// nothing; a column of nulls is text. Numbers with a leading zero ("007") are text, and so are
/// integers beyond 64 bits, since a number would lose digits. Files that are bad or empty are
/// passed over. Problems: names in `columns` that no file has.
Result<InputSchema> infer_csv(const CsvFormat& format, const ReadLimits& limits,
                              const SampleFiles& files, const Options& options, Problems& problems);

}  // namespace shardmill
