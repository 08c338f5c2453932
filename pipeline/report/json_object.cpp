#include "pipeline/report/json_object.h"

#include <limits>

#include "pipeline/formats/json_text.h"
#include "pipeline/formats/numbers.h"
#include "pipeline/report/description.h"

namespace shardmill {

namespace {

void append_json_time(std::string& out, Int128 nanoseconds) {
  const bool is_time = nanoseconds >= std::numeric_limits<int64_t>::min() &&
                       nanoseconds <= std::numeric_limits<int64_t>::max();
  if (!is_time) return append_int128(out, nanoseconds);  // a sum of times is no time any more
  out += '"';
  append_time(out, static_cast<int64_t>(nanoseconds));
  out += '"';
}

std::string joined(const std::vector<std::string>& items, std::string_view separator) {
  std::string out;
  for (size_t i = 0; i < items.size(); ++i) {
    if (i > 0) out += separator;
    out += items[i];
  }
  return out;
}

}  // namespace

void JsonObject::key(std::string_view key) {
  if (!members_.empty()) members_ += ", ";
  append_json_key(members_, key);
  members_ += ": ";
}

JsonObject& JsonObject::text(std::string_view name, std::string_view value) {
  key(name);
  append_json_text(members_, value);
  return *this;
}

JsonObject& JsonObject::integer(std::string_view name, uint64_t value) {
  key(name);
  members_ += std::to_string(value);
  return *this;
}

JsonObject& JsonObject::number(std::string_view name, double value) {
  key(name);
  append_json_float(members_, value);
  return *this;
}

JsonObject& JsonObject::json(std::string_view name, std::string_view json) {
  key(name);
  members_ += json;
  return *this;
}

std::string json_text(std::string_view value) {
  std::string out;
  append_json_text(out, value);
  return out;
}

std::string seconds_json(const RunSeconds& seconds) {
  return JsonObject()
      .number("total", seconds.total)
      .number("plan", seconds.plan)
      .number("work", seconds.work)
      .number("merge", seconds.merge)
      .str();
}

std::string json_array(const std::vector<std::string>& items) {
  return "[" + joined(items, ", ") + "]";
}

std::string json_lines(const std::vector<std::string>& items, size_t indent) {
  if (items.empty()) return "[]";
  const std::string margin(indent, ' ');
  return "[\n" + margin + joined(items, ",\n" + margin) + "]";
}

void append_json_value(std::string& out, const TableColumn& column, size_t row) {
  if (column.null[row] != 0) {
    out += "null";
    return;
  }
  switch (column.type) {
    case Type::kText:
      return append_json_text(out, column.text[row]);
    case Type::kInt:
      return append_int128(out, column.ints[row]);
    case Type::kTime:
      return append_json_time(out, column.ints[row]);
    case Type::kFloat:
      return append_json_float(out, column.floats[row]);
    case Type::kBool:
      out += column.bools[row] != 0 ? "true" : "false";
      return;
  }
}

}  // namespace shardmill
