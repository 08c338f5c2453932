#include "inputs/support/json_extract.h"

namespace shardmill {

namespace {

constexpr std::string_view kWhitespace = " \t\n\r";

JsonMistake no_object(std::string_view record) {
  const size_t begin = record.find_first_not_of(kWhitespace);
  return {.position = begin,
          .found = record[begin] == '[' ? "an array" : "a value that is no object",
          .expected = "one object a line"};
}

}  // namespace

JsonExtractor::JsonExtractor(const JsonPaths& paths, JsonColumns& columns)
    : paths_(paths), columns_(columns), visited_(paths.size()), found_(paths.size()) {}

std::optional<JsonMistake> JsonExtractor::extract(std::string_view record) {
  ++record_;
  next_ = JsonPaths::kRoot;
  levels_.clear();
  keys_.clear();
  if (auto mistake = scan_json(record, this)) return mistake;
  if (record[record.find_first_not_of(kWhitespace)] != '{') return no_object(record);
  for (size_t column = 0; column < paths_.column_count(); ++column) {
    for (const int32_t node : paths_.fits(column)) {
      const Found& found = found_[static_cast<size_t>(node)];
      if (found.record != record_) continue;
      columns_.set(column, found.value);
      break;
    }
  }
  return std::nullopt;
}

void JsonExtractor::key(std::string_view text, bool escaped) {
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
void JsonExtractor::forget_below(int32_t node) {
  for (int32_t below = node; below < paths_.node(node).subtree_end; ++below) {
    found_[static_cast<size_t>(below)].record = 0;
  }
}

void JsonExtractor::scalar(const JsonValue& value) {
  note(next_, value);
}

void JsonExtractor::open(JsonKind kind) {
  levels_.push_back(
      {.members = kind == JsonKind::kObject ? next_ : JsonPaths::kNone, .itself = next_});
  next_ = JsonPaths::kNone;
}

void JsonExtractor::close(const JsonValue& value) {
  note(levels_.back().itself, value);
  levels_.pop_back();
  next_ = JsonPaths::kNone;
}

void JsonExtractor::note(int32_t node, const JsonValue& value) {
  if (node == JsonPaths::kNone || paths_.node(node).column == JsonPaths::kNone) return;
  found_[static_cast<size_t>(node)] = {.record = record_, .value = value};
}

}  // namespace shardmill
