#include "pipeline/core/column.h"

#include <algorithm>
#include <array>
#include <utility>

namespace shardmill {

namespace {

constexpr std::array<std::pair<Type, std::string_view>, 5> kTypeNames = {{
    {Type::kText, "text"},
    {Type::kInt, "int"},
    {Type::kFloat, "float"},
    {Type::kBool, "bool"},
    {Type::kTime, "time"},
}};

}  // namespace

std::string_view type_name(Type type) {
  return kTypeNames[static_cast<size_t>(type)].second;
}

std::optional<Type> type_from_name(std::string_view name) {
  for (const auto& [type, text] : kTypeNames) {
    if (text == name) return type;
  }
  return std::nullopt;
}

void Column::prepare(Type new_type, size_t rows) {
  type = new_type;
  has_nulls = false;
  switch (type) {
    case Type::kText:
      grow_to(text, rows);
      break;
    case Type::kInt:
    case Type::kTime:
      grow_to(ints, rows);
      break;
    case Type::kFloat:
      grow_to(floats, rows);
      break;
    case Type::kBool:
      grow_to(bools, rows);
      break;
  }
  grow_to(null, rows);
}

void Column::set_null(size_t row) {
  if (!has_nulls) {
    has_nulls = true;
    std::fill(null.begin(), null.end(), uint8_t{0});
  }
  null[row] = 1;
}

const SchemaColumn* Schema::find(std::string_view name) const {
  const auto at = std::find_if(columns.begin(), columns.end(),
                               [&](const SchemaColumn& column) { return column.name == name; });
  return at == columns.end() ? nullptr : &*at;
}

std::vector<std::string> Schema::names() const {
  std::vector<std::string> names;
  names.reserve(columns.size());
  for (const SchemaColumn& column : columns) names.push_back(column.name);
  return names;
}

}  // namespace shardmill
