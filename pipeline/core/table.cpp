#include "pipeline/core/table.h"

#include "pipeline/base/check.h"

namespace shardmill {

void TableColumn::add_null() {
  switch (type) {
    case Type::kText:
      text.emplace_back();
      break;
    case Type::kInt:
    case Type::kTime:
      ints.push_back(0);
      break;
    case Type::kFloat:
      floats.push_back(0);
      break;
    case Type::kBool:
      bools.push_back(0);
      break;
  }
  null.push_back(1);
}

void TableColumn::add_text(std::string_view value) {
  SHARDMILL_CHECK(type == Type::kText);
  text.emplace_back(value);
  null.push_back(0);
}

void TableColumn::add_int(Int128 value) {
  SHARDMILL_CHECK(type == Type::kInt || type == Type::kTime);
  ints.push_back(value);
  null.push_back(0);
}

void TableColumn::add_float(double value) {
  SHARDMILL_CHECK(type == Type::kFloat);
  floats.push_back(value);
  null.push_back(0);
}

void TableColumn::add_bool(bool value) {
  SHARDMILL_CHECK(type == Type::kBool);
  bools.push_back(value ? 1 : 0);
  null.push_back(0);
}

std::string table_name(const std::string& stage, const std::string& table) {
  return table.empty() ? stage : stage + ": " + table;
}

}  // namespace shardmill
