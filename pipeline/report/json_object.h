// One-line JSON objects and arrays, members in the order in which they are added.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/core/table.h"

namespace shardmill {

struct RunSeconds;

/// `{"a": 1, "b": "x"}`. Keys are not checked for being unique. One thread.
class JsonObject {
 public:
  JsonObject& text(std::string_view key, std::string_view value);
  JsonObject& integer(std::string_view key, uint64_t value);
  JsonObject& number(std::string_view key, double value);
  /// `json` is a JSON value already.
  JsonObject& json(std::string_view key, std::string_view json);
  bool empty() const { return members_.empty(); }
  std::string str() const { return "{" + members_ + "}"; }

 private:
  void key(std::string_view key);
  std::string members_;
};

std::string json_text(std::string_view value);
std::string seconds_json(const RunSeconds& seconds);
/// `[a, b]` from JSON values.
std::string json_array(const std::vector<std::string>& items);
/// The same with each item on a line of its own, `indent` spaces in; `[]` if there is none.
std::string json_lines(const std::vector<std::string>& items, size_t indent);

/// The value of a table's column in `row`: null, a number, a text, true or false; times as ISO
/// text. Integers keep all their digits, also beyond 64 bits.
/// REQUIRES: row < column.size().
void append_json_value(std::string& out, const TableColumn& column, size_t row);

}  // namespace shardmill
