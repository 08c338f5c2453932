// Checking what a job file gives against declared fields. Pure functions, any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "pipeline/core/options.h"
#include "pipeline/plan/toml_tree.h"

namespace shardmill {

/// "text", "int", "bytes", ...: what a field takes, for documentation.
std::string field_kind_text(const FieldSpec& field);
/// "1 to 100", "at least 1.00 KiB": empty if the field has no bounds.
std::string field_bounds_text(const FieldSpec& field);

/// A declared table of the job file: `[input]`, `[run]`, one `[[stage]]`.
struct FieldTable {
  std::string label;                     ///< for messages: "[input]", "stage \"group\""
  std::vector<const FieldSpec*> fields;  ///< all that may be given
  std::string help;  ///< where to read more: "shardmill stages group"; not empty
};

/// The values of `table` as Options with defaults filled in. Unknown keys, values of another kind,
/// values out of bounds and missing required fields become problems. Texts given by --set that look
/// like numbers are made texts again in `table` where the field wants text.
/// REQUIRES: table.kind is kTable.
Options check_fields(TomlNode& table, const FieldTable& fields, Problems& problems);

/// The declared default as a value; a check fails if the declaration itself is wrong.
OptionValue default_value(const FieldSpec& field);

}  // namespace shardmill
