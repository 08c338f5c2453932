// Columns of a batch from the structure of a CSV chunk.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "inputs/support/chunk_reader.h"
#include "inputs/support/csv_chunks.h"
#include "inputs/support/csv_format.h"
#include "pipeline/core/batch.h"
#include "pipeline/core/column.h"

namespace shardmill {

/// A wanted column of the job in one file.
struct CsvColumn {
  std::string name;
  Type type = Type::kText;
  size_t slot = 0;
  std::optional<size_t> field;  ///< unset: this file does not have it, so all values are null
};

/// Fills batch.columns[column.slot] for all rows of `chunk`.
///
/// An unquoted empty field is null, and so are the format's null_values. A field that does not
/// parse as its column's type becomes null and is reported as a bad value, unless it is empty (`""`
/// in a column of numbers). Text with doubled quotes goes to the batch's arena; all other text is a
/// view into the chunk.
void fill_csv_column(const CsvChunk& chunk, const CsvColumn& column, const CsvFormat& format,
                     RejectCounter& rejects, Batch& batch);

/// One field as it stands in the chunk, quotes included, without a CR at the row's end.
std::string_view raw_csv_field(const CsvChunk& chunk, size_t row, size_t field);

}  // namespace shardmill
