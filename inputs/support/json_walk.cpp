#include "inputs/support/json_walk.h"

#include <cstring>

namespace shardmill {

namespace {

bool is_whitespace(char byte) {
  return byte == ' ' || byte == '\n' || byte == '\r' || byte == '\t';
}

bool is_digit(char byte) {
  return static_cast<unsigned char>(byte - '0') < 10;
}

const char* skip_digits(const char* at) {
  while (is_digit(*at)) ++at;
  return at;
}

// Behind the number at `at`; nullptr if there is none. The text ends with a newline, so that no
// end needs to be looked for.
const char* skip_number(const char* at) {
  if (*at == '-') ++at;
  const char* const whole = at;
  at = skip_digits(at);
  if (at == whole || (*whole == '0' && at > whole + 1)) return nullptr;
  if (*at == '.') {
    const char* const fraction = at + 1;
    at = skip_digits(fraction);
    if (at == fraction) return nullptr;
  }
  if (*at == 'e' || *at == 'E') {
    const char* const exponent = at + (at[1] == '+' || at[1] == '-' ? 2 : 1);
    at = skip_digits(exponent);
    if (at == exponent) return nullptr;
  }
  return at;
}

}  // namespace

JsonWalker::JsonWalker(const JsonPaths& paths, JsonColumns& columns)
    : paths_(paths),
      columns_(columns),
      visited_(paths.size()),
      levels_(std::make_unique<Level[]>(kJsonDepthMax)) {}

bool JsonWalker::begin(std::string_view text) {
  if (!index_.build(text)) return false;
  text_ = text;
  at_ = index_.positions();
  find_backslash(0);
  return true;
}

JsonWalker::Outcome JsonWalker::next(size_t line_end) {
  if (*at_ >= line_end) return Outcome::kBlank;
  ++record_;
  const uint32_t* at = at_;
  if (walk(at, line_end) && *at >= line_end && at[-1] < line_end) {
    at_ = at;
    return Outcome::kRecord;
  }
  while (*at_ < line_end) ++at_;
  find_backslash(line_end);
  return Outcome::kUnsure;
}

void JsonWalker::find_backslash(size_t from) {
  const void* at = std::memchr(text_.data() + from, '\\', text_.size() - from);
  backslash_ = at == nullptr ? text_.size()
                             : static_cast<size_t>(static_cast<const char*>(at) - text_.data());
}

// Of the string that ends at `end`. Every backslash before it was in a string that was checked.
bool JsonWalker::escapes_are_sound(size_t end) {
  while (backslash_ < end) {
    const size_t length = json_escape_length(text_.substr(0, end), backslash_);
    if (length == 0) return false;
    find_backslash(backslash_ + length);
  }
  return true;
}

// The string at *at. It ends with the last byte before the next position that is not whitespace.
[[gnu::always_inline]] inline bool JsonWalker::string(const uint32_t* at, JsonValue& value) {
  const size_t begin = at[0] + size_t{1};
  size_t end = at[1] - size_t{1};
  while (is_whitespace(text_[end])) --end;
  if (end < begin || text_[end] != '"') return false;
  value = {
      .kind = JsonKind::kString, .escaped = false, .text = {text_.data() + begin, end - begin}};
  if (backslash_ >= end) [[likely]]
    return true;
  value.escaped = true;
  return escapes_are_sound(end);
}

[[gnu::always_inline]] inline bool JsonWalker::scalar(const uint32_t* at, JsonValue& value) {
  const char* const begin = text_.data() + *at;
  const char* end = nullptr;
  switch (*begin) {
    case '"':
      return string(at, value);
    case 't':
      value.kind = JsonKind::kTrue;
      end = std::memcmp(begin, "true", 4) == 0 ? begin + 4 : nullptr;
      break;
    case 'f':
      value.kind = JsonKind::kFalse;
      end = std::memcmp(begin, "false", 5) == 0 ? begin + 5 : nullptr;
      break;
    case 'n':
      value.kind = JsonKind::kNull;
      end = std::memcmp(begin, "null", 4) == 0 ? begin + 4 : nullptr;
      break;
    default:
      value.kind = JsonKind::kNumber;
      end = skip_number(begin);
  }
  if (end == nullptr) return false;
  value.escaped = false;
  value.text = {begin, static_cast<size_t>(end - begin)};
  return end == text_.data() + at[1] || is_whitespace(*end);
}

// The node of the member `key`; false if the key came before in this record.
[[gnu::always_inline]] inline bool JsonWalker::enter(std::string_view key, bool escaped, int32_t members, int32_t& node) {
  node = JsonPaths::kNone;
  if (members == JsonPaths::kNone) return true;
  if (escaped) {
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

[[gnu::always_inline]] inline bool JsonWalker::note(int32_t node, const JsonValue& value) {
  if (node == JsonPaths::kNone) return true;
  const int32_t column = paths_.node(node).column;
  return column == JsonPaths::kNone || columns_.set(static_cast<size_t>(column), value);
}

// One object, from its brace to its brace. Behind the last position stands a newline, which fits
// nowhere, so `at` never runs past it.
bool JsonWalker::walk(const uint32_t*& at, size_t line_end) {
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
                  .begin = *at,
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
      if (!scalar(at, value) || !note(node, value)) return false;
      ++at;
    }
    // Behind a value, or at the closing bracket of an empty container.
    while (text[*at] != ',') {
      if (text[*at] != (level->is_object ? '}' : ']')) return false;
      value = {.kind = level->is_object ? JsonKind::kObject : JsonKind::kArray,
               .escaped = false,
               .text = {text + level->begin, *at + size_t{1} - level->begin}};
      if (!note(level->itself, value)) return false;
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
    if (!enter(value.text, value.escaped, level->members, node)) return false;
    at += 2;
  }
}

}  // namespace shardmill
