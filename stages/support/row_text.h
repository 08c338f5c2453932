// Rows of a batch as text of the output formats: the same bytes on every machine.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/core/batch.h"
#include "pipeline/core/bind.h"

namespace shardmill {

enum class RowFormat : uint8_t { kTxt, kCsv, kTsv, kJsonl };

/// "txt", "csv", "tsv", "jsonl": also the file extension.
std::string_view row_format_name(RowFormat format);

struct RowColumn {
  std::string name;
  ColumnRef ref;
};

/// How rows of these columns are written, each with its "\n":
///
///          null            text                    float           time        bool
///   jsonl  null            "..." or {"base64":""}  1.0, "NaN"      "ISO 8601"  true
///   csv    (nothing)       quoted where needed     1, nan, inf     ISO 8601    true
///   tsv    the same with tabs
///   txt    (nothing)       the bytes as they are   as csv
///
/// A JSON row has all keys in column order; the name `user.country` is one key with a dot, which is
/// read back as the same column. A CSV row of one column that is null is "" in quotes, since an
/// empty line is no record. Immutable; any thread.
class RowText {
 public:
  /// REQUIRES: exactly one column for kTxt.
  RowText(RowFormat format, std::vector<RowColumn> columns);

  /// The line at the start of a file; empty for formats without one.
  const std::string& header() const { return header_; }
  /// REQUIRES: `row` is one of the batch's rows.
  void append_row(const Batch& batch, size_t row, std::string& out) const;

 private:
  void append_json(const Batch& batch, size_t row, std::string& out) const;
  void append_fields(const Batch& batch, size_t row, std::string& out) const;

  RowFormat format_;
  std::vector<RowColumn> columns_;
  std::vector<std::string> before_;  ///< what stands before each value
  std::string header_;
};

}  // namespace shardmill
