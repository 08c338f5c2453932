#include "inputs/support/json_walk.h"

#include <algorithm>

#include "inputs/support/json_block.h"
#include "inputs/support/json_scalar.h"

namespace shardmill {

JsonWalker::JsonWalker(const JsonPaths& paths, JsonColumns& columns)
    : paths_(paths),
      columns_(columns),
      visited_(paths.size()),
      levels_(std::make_unique<Level[]>(kJsonDepthMax)) {}

bool JsonWalker::begin(std::string_view text) {
  text_ = text;
  return index_.build(text);
}

bool JsonWalker::walk(const uint32_t*& at, size_t line_end, JsonTemplate* make) {
  ++record_;
  const uint32_t* behind = at;
  const bool is_sound = make != nullptr ? walk_object<true>(behind, line_end, make)
                                        : walk_object<false>(behind, line_end, nullptr);
  if (is_sound && *behind >= line_end && behind[-1] < line_end) {
    if (make != nullptr) (void)make->end(behind[-1] + size_t{1}, columns_.size());
    at = behind;
    return true;
  }
  if (make != nullptr) make->forget();
  return false;
}

// The string at *at. It ends with the last byte before the next position that is not whitespace.
[[gnu::always_inline]] inline bool JsonWalker::string(const uint32_t* at, JsonValue& value) {
  const size_t begin = at[0] + size_t{1};
  size_t end = at[1] - size_t{1};
  while (is_json_whitespace(text_[end])) --end;
  if (end < begin || text_[end] != '"') return false;
  value = {
      .kind = JsonKind::kString, .escaped = false, .text = {text_.data() + begin, end - begin}};
  return true;
}

[[gnu::always_inline]] inline bool JsonWalker::scalar(const uint32_t* at, JsonValue& value) {
  const char* const begin = text_.data() + *at;
  if (*begin == '"') return string(at, value);
  const char* end = nullptr;
  if (*begin <= '9') {
    value.kind = JsonKind::kNumber;
    end = skip_json_number(begin);
  } else {
    end = skip_json_word(begin, value.kind);
  }
  if (end == nullptr) return false;
  value.escaped = false;
  value.text = {begin, static_cast<size_t>(end - begin)};
  return end == text_.data() + at[1] || is_json_whitespace(*end);
}

// The node of the member `key`; false if the key came before in this record.
[[gnu::always_inline]] inline bool JsonWalker::enter(std::string_view key, int32_t members,
                                                     int32_t& node) {
  node = JsonPaths::kNone;
  if (members == JsonPaths::kNone) return true;
  if (has_backslash(key.data(), key.size())) {
    keys_.clear();
    key = unescape_json(key, keys_);
  }
  node = paths_.child(members, key);
  if (node == JsonPaths::kNone) return true;
  uint64_t& visited = visited_[static_cast<size_t>(node)];
  if (visited == record_) return false;
  visited = record_;
  return true;
}

[[gnu::always_inline]] inline int32_t JsonWalker::column_of(int32_t node) const {
  return node == JsonPaths::kNone ? JsonPaths::kNone : paths_.node(node).column;
}

[[gnu::always_inline]] inline bool JsonWalker::note(int32_t column, const JsonValue& value) {
  return column == JsonPaths::kNone || columns_.set(static_cast<size_t>(column), value);
}

// Whether a string has escapes is of interest only if it is wanted.
[[gnu::always_inline]] inline bool JsonWalker::note_scalar(int32_t column, JsonValue& value) {
  if (column == JsonPaths::kNone) return true;
  if (value.kind == JsonKind::kString) {
    value.escaped = has_backslash(value.text.data(), value.text.size());
  }
  return columns_.set(static_cast<size_t>(column), value);
}

// One object, from its brace to its brace. Behind the last position stands a newline, which fits
// nowhere, so `at` never runs past it.
template <bool kLearn>
bool JsonWalker::walk_object(const uint32_t*& at, size_t line_end, JsonTemplate* make) {
  if constexpr (kLearn) make->begin(text_, *at);
  const char* const text = text_.data();
  if (text[*at] != '{') return false;
  Level* level = levels_.get() - 1;
  Level* const last_level = levels_.get() + kJsonDepthMax - 1;
  int32_t node = JsonPaths::kRoot;
  JsonValue value;
  while (true) {
    // A value begins at *at; it is `node`'s.
    const char first = text[*at];
    if (first == '{' || first == '[') {
      if (level == last_level) return false;
      const bool is_object = first == '{';
      *++level = {.members = is_object ? node : JsonPaths::kNone,
                  .itself = node,
                  .begin = at,
                  .is_object = is_object};
      ++at;
      if (text[*at] != (is_object ? '}' : ']')) {
        if (!is_object) {
          node = JsonPaths::kNone;
          continue;
        }
        goto member;
      }
    } else {
      const int32_t column = column_of(node);
      if (!scalar(at, value) || !note_scalar(column, value)) return false;
      if constexpr (kLearn) make->value(value, column);
      ++at;
    }
    // Behind a value, or at the closing bracket of an empty container.
    while (text[*at] != ',') {
      if (text[*at] != (level->is_object ? '}' : ']')) return false;
      value = {.kind = level->is_object ? JsonKind::kObject : JsonKind::kArray,
               .escaped = false,
               .text = {text + *level->begin, *at + size_t{1} - *level->begin}};
      const int32_t column = column_of(level->itself);
      if (!note(column, value)) return false;
      if constexpr (kLearn) make->container(value, column);
      ++at;
      if (level == levels_.get()) return true;
      --level;
    }
    // Of a broken record no more than its own line is gone through.
    if (*at >= line_end) return false;
    ++at;
    node = JsonPaths::kNone;
    if (!level->is_object) continue;
  member:
    if (text[*at] != '"' || text[at[1]] != ':' || !string(at, value)) return false;
    if (!enter(value.text, level->members, node)) return false;
    at += 2;
  }
}

}  // namespace shardmill
