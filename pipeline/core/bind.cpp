#include "pipeline/core/bind.h"

#include <algorithm>

#include "pipeline/base/check.h"
#include "pipeline/base/text.h"

namespace shardmill {

namespace {

size_t add_slot(SlotPlan& plan, std::string_view name, Type type) {
  plan.slots.push_back({.name = std::string(name), .type = type, .used = false});
  return plan.slots.size() - 1;
}

Message no_such_column(std::string_view name, const Schema& schema) {
  const std::vector<std::string> names = schema.names();
  const auto near = near_match(name, names);
  return {.place = {},
          .found = "there is no column " + quoted(name) + " here",
          .expected = "one of " + listed(names),
          .fix = near ? "did you mean " + quoted(*near) + "?"
                      : "a column that the samples do not show must be named in input.types"};
}

std::string type_list(const std::vector<Type>& types) {
  std::string list;
  for (size_t i = 0; i < types.size(); ++i) {
    list += i == 0 ? "" : i + 1 == types.size() ? " or " : ", ";
    list += type_name(types[i]);
  }
  return list;
}

}  // namespace

std::optional<ColumnRef> Binder::use(std::string_view name, int line) {
  if (name == kFileColumn) {
    if (!slots_.file_slot) slots_.file_slot = add_slot(slots_, name, Type::kText);
    slots_.slots[*slots_.file_slot].used = true;
    return ColumnRef{.slot = *slots_.file_slot, .type = Type::kText};
  }
  if (name == kOffsetColumn) {
    if (!slots_.offset_slot) slots_.offset_slot = add_slot(slots_, name, Type::kInt);
    slots_.slots[*slots_.offset_slot].used = true;
    need_offsets();
    return ColumnRef{.slot = *slots_.offset_slot, .type = Type::kInt};
  }
  const SchemaColumn* column = schema_.find(name);
  if (column == nullptr) {
    problems_.add(line, no_such_column(name, schema_));
    return std::nullopt;
  }
  return use(*column);
}

ColumnRef Binder::use(const SchemaColumn& column) {
  slots_.slots[column.slot].used = true;
  return {.slot = column.slot, .type = column.type};
}

std::optional<ColumnRef> Binder::use(std::string_view name, int line,
                                     const std::vector<Type>& types) {
  const std::optional<ColumnRef> column = use(name, line);
  if (!column || std::find(types.begin(), types.end(), column->type) != types.end()) return column;
  problems_.add(
      line, {.place = {},
             .found = "column " + quoted(name) + " is " + std::string(type_name(column->type)),
             .expected = type_list(types),
             .fix = "set its type where it is made, for instance types = { " + std::string(name) +
                    " = \"" + std::string(type_name(types[0])) + "\" }"});
  return std::nullopt;
}

std::optional<Type> Binder::type_of(std::string_view name) const {
  if (name == kFileColumn) return Type::kText;
  if (name == kOffsetColumn) return Type::kInt;
  const SchemaColumn* column = schema_.find(name);
  return column == nullptr ? std::nullopt : std::optional<Type>(column->type);
}

std::optional<ColumnRef> Binder::create(std::string_view name, Type type, int line, bool replace) {
  const auto at = std::find_if(schema_.columns.begin(), schema_.columns.end(),
                               [&](const SchemaColumn& column) { return column.name == name; });
  const bool exists = at != schema_.columns.end();
  if (exists && !replace) {
    problems_.add(line, {.place = {},
                         .found = "column " + quoted(name) + " exists already",
                         .expected = "a new name",
                         .fix = "choose another name or set replace = true"});
    return std::nullopt;
  }
  touch_records();
  const size_t slot = add_slot(slots_, name, type);
  if (exists) {
    *at = {.name = std::string(name), .type = type, .slot = slot};
  } else {
    schema_.columns.push_back({.name = std::string(name), .type = type, .slot = slot});
  }
  return ColumnRef{.slot = slot, .type = type};
}

void Binder::remove(std::string_view name) {
  const auto at = std::find_if(schema_.columns.begin(), schema_.columns.end(),
                               [&](const SchemaColumn& column) { return column.name == name; });
  SHARDMILL_CHECK(at != schema_.columns.end());
  schema_.columns.erase(at);
  touch_records();
}

}  // namespace shardmill
