#include "pipeline/formats/json_fields.h"

#include <limits>

#include "pipeline/formats/numbers.h"

namespace shardmill {

namespace {

constexpr std::string_view kWhitespace = " \t\n\r";

JsonMistake no_object(std::string_view record, size_t begin) {
  return {.position = begin,
          .found = record[begin] == '[' ? "an array" : "a value that is no object",
          .expected = "one object"};
}

}  // namespace

JsonFields::JsonFields(const JsonPaths& paths)
    : paths_(paths), visited_(paths.size()), found_(paths.size()) {}

std::optional<JsonMistake> JsonFields::read(std::string_view record) {
  ++record_;
  next_ = JsonPaths::kRoot;
  levels_.clear();
  keys_.clear();
  if (auto mistake = scan_json(record, this)) return mistake;
  const size_t begin = record.find_first_not_of(kWhitespace);
  if (record[begin] != '{') return no_object(record, begin);
  return std::nullopt;
}

const JsonValue* JsonFields::value(size_t path) const {
  for (const int32_t node : paths_.fits(path)) {
    const Found& found = found_[static_cast<size_t>(node)];
    if (found.record == record_) return &found.value;
  }
  return nullptr;
}

void JsonFields::key(std::string_view text, bool escaped) {
  const int32_t members = levels_.back().members;
  next_ = JsonPaths::kNone;
  if (members == JsonPaths::kNone) return;
  next_ = paths_.child(members, escaped ? unescape_json(text, keys_) : text);
  if (next_ == JsonPaths::kNone) return;
  uint64_t& visited = visited_[static_cast<size_t>(next_)];
  if (visited == record_) forget_below(next_);
  visited = record_;
}

// A key that comes again replaces all that was found under it.
void JsonFields::forget_below(int32_t node) {
  for (int32_t below = node; below < paths_.node(node).subtree_end; ++below) {
    found_[static_cast<size_t>(below)].record = 0;
  }
}

void JsonFields::scalar(const JsonValue& value) {
  note(next_, value);
}

void JsonFields::open(JsonKind kind) {
  levels_.push_back(
      {.members = kind == JsonKind::kObject ? next_ : JsonPaths::kNone, .itself = next_});
  next_ = JsonPaths::kNone;
}

void JsonFields::close(const JsonValue& value) {
  note(levels_.back().itself, value);
  levels_.pop_back();
  next_ = JsonPaths::kNone;
}

void JsonFields::note(int32_t node, const JsonValue& value) {
  if (node == JsonPaths::kNone || paths_.node(node).column == JsonPaths::kNone) return;
  found_[static_cast<size_t>(node)] = {.record = record_, .value = value};
}

bool json_to_int(const JsonValue& value, int64_t& number) {
  return value.kind == JsonKind::kNumber && parse_int(value.text, number);
}

// parse_float knows more ways to write a number than JSON; the token is sound JSON already.
bool json_to_float(const JsonValue& value, double& number) {
  if (value.kind == JsonKind::kNumber) return parse_float(value.text, number);
  if (value.kind != JsonKind::kString) return false;
  if (value.text == "NaN") {
    number = std::numeric_limits<double>::quiet_NaN();
  } else if (value.text == "Infinity") {
    number = std::numeric_limits<double>::infinity();
  } else if (value.text == "-Infinity") {
    number = -std::numeric_limits<double>::infinity();
  } else {
    return false;
  }
  return true;
}

bool json_to_bool(const JsonValue& value, bool& truth) {
  truth = value.kind == JsonKind::kTrue;
  return truth || value.kind == JsonKind::kFalse;
}

bool json_to_time(const JsonValue& value, int64_t& nanoseconds) {
  if (value.kind != JsonKind::kString) return false;
  Arena arena;
  return parse_time(json_to_text(value, arena), nanoseconds);
}

std::string_view json_to_text(const JsonValue& value, Arena& arena) {
  return value.escaped ? unescape_json(value.text, arena) : value.text;
}

}  // namespace shardmill
