// The option `types` of stages that make columns: `{ status = "int", ms = "float" }`.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "pipeline/core/stage.h"

namespace shardmill {

/// Reports every entry of `types` that names none of the new columns or no type. `what` says what
/// the names are: "group of the pattern".
void check_new_types(const Options& options, const std::vector<std::string>& names,
                     std::string_view what, Problems& problems);

/// The type that `types` gives the column; text where it gives none.
Type new_type_of(const Options& options, std::string_view name);

}  // namespace shardmill
