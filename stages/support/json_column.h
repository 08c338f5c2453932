// Values of JSON as values of columns.
#pragma once

#include <cstddef>

#include "pipeline/base/arena.h"
#include "pipeline/core/column.h"
#include "pipeline/formats/json_fields.h"

namespace shardmill {

/// Writes `value` to `row` of `column`, unescaping text into `arena` if need be; false if it is not
/// of the column's type. REQUIRES: the column is prepared for more than `row` rows.
bool read_json_value(const JsonValue& value, Column& column, size_t row, Arena& arena);

}  // namespace shardmill
