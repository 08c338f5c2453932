#include "stages/support/new_columns.h"

#include <fmt/format.h>

#include <algorithm>

#include "pipeline/base/text.h"

namespace shardmill {

void check_new_types(const Options& options, const std::vector<std::string>& names,
                     std::string_view what, Problems& problems) {
  for (const auto& [name, type] : options.map("types")) {
    if (std::find(names.begin(), names.end(), name) == names.end()) {
      const auto near = near_match(name, names);
      problems.add(options.line("types"),
                   {.place = {},
                    .found = fmt::format("types names {}, which is no {}", quoted(name), what),
                    .expected = "one of " + listed(names),
                    .fix = near ? fmt::format("did you mean {}?", quoted(*near)) : ""});
    }
    if (!type_from_name(type)) {
      problems.add(options.line("types"),
                   {.place = {},
                    .found = fmt::format("type {} of {}", quoted(type), quoted(name)),
                    .expected = "text, int, float, bool or time",
                    .fix = {}});
    }
  }
}

Type new_type_of(const Options& options, std::string_view name) {
  for (const auto& [column, type] : options.map("types")) {
    if (column == name) return type_from_name(type).value_or(Type::kText);
  }
  return Type::kText;
}

}  // namespace shardmill
