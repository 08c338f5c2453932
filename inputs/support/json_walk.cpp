#include "inputs/support/json_walk.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "inputs/support/text_kernels.h"

namespace shardmill {

namespace {

bool is_whitespace(char byte) {
  return byte == ' ' || byte == '\n' || byte == '\r' || byte == '\t';
}

// The first byte, in memory, that is not zero.
[[gnu::always_inline]] inline size_t first_byte(uint64_t bytes) {
  const int bits = std::endian::native == std::endian::little ? std::countr_zero(bytes)
                                                              : std::countl_zero(bytes);
  return static_cast<size_t>(bits) / 8;
}

// Behind the digits at `at`. Eight bytes at once, because the lengths of numbers cannot be
// foreseen. The text ends with a newline, and eight bytes behind it may be read.
[[gnu::always_inline]] inline const char* skip_digits(const char* at) {
  constexpr uint64_t kZeros = 0x3030303030303030;
  constexpr uint64_t kToHighBit = 0x7676767676767676;  // added to 10 or more: sets the high bit
  constexpr uint64_t kHighBits = 0x8080808080808080;
  while (true) {
    uint64_t bytes = 0;
    std::memcpy(&bytes, at, sizeof bytes);
    const uint64_t values = bytes ^ kZeros;  // of digits: 0 to 9
    const uint64_t others = (((values & ~kHighBits) + kToHighBit) | values) & kHighBits;
    if (others != 0) return at + first_byte(others);
    at += sizeof bytes;
  }
}

// Behind the number at `at`; nullptr if there is none. The text ends with a newline, so that no
// end needs to be looked for.
[[gnu::always_inline]] inline const char* skip_number(const char* at) {
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

// Behind the word at `at`; nullptr if it is none. Without branches between the words, which come
// unforeseen.
[[gnu::always_inline]] inline const char* skip_word(const char* at, JsonKind& kind) {
  const bool is_true = std::memcmp(at, "true", 4) == 0;
  const bool is_null = std::memcmp(at, "null", 4) == 0;
  const bool is_false = (std::memcmp(at + 1, "alse", 4) == 0) & (*at == 'f');
  kind = is_true ? JsonKind::kTrue : is_false ? JsonKind::kFalse : JsonKind::kNull;
  return (is_true | is_null | is_false) ? at + 4 + (is_false ? 1 : 0) : nullptr;
}

}  // namespace

JsonWalker::JsonWalker(const JsonPaths& paths, JsonColumns& columns)
    : paths_(paths),
      columns_(columns),
      visited_(paths.size()),
      levels_(std::make_unique<Level[]>(kJsonDepthMax)),
      begins_(std::make_unique<uint32_t[]>(kJsonDepthMax)) {}

bool JsonWalker::begin(std::string_view text) {
  if (!index_.build(text)) return false;
  text_ = text;
  at_ = index_.positions();
  const size_t room = text.size() + kMarkSlack + 1;
  if (backslash_room_ < room) {
    // Uninitialised: pages that are never written take no memory.
    backslashes_ = std::make_unique_for_overwrite<uint32_t[]>(room);
    backslash_room_ = room;
  }
  const size_t count = find_bytes(text, '\\', backslashes_.get());
  backslashes_[count] = static_cast<uint32_t>(text.size());
  backslash_ = backslashes_.get();
  return true;
}

JsonWalker::Outcome JsonWalker::next(size_t line_end) {
  if (*at_ >= line_end) return Outcome::kBlank;
  const uint32_t* at = at_;
  if (follow_any(at, line_end)) {
    at_ = at;
    return Outcome::kRecord;
  }
  ++record_;
  at = at_;
  const uint32_t* const backslash = backslash_;
  const bool learns = patience_ >= 0;
  const bool is_sound = learns ? walk<true>(at, line_end) : walk<false>(at, line_end);
  if (is_sound && *at >= line_end && at[-1] < line_end) {
    if (learns && oldest_make().end(at)) newest_make_ = (newest_make_ + 1) % makes_.size();
    at_ = at;
    return Outcome::kRecord;
  }
  if (learns) oldest_make().forget();
  // A broken record may have led into the next line.
  backslash_ = backslash;
  while (*at_ < line_end) ++at_;
  while (*backslash_ < line_end) ++backslash_;
  return Outcome::kUnsure;
}

// Of the string that ends at `end`. Every backslash before it was in a string that was checked.
bool JsonWalker::escapes_are_sound(size_t end) {
  while (*backslash_ < end) {
    const size_t length = json_escape_length(text_.substr(0, end), *backslash_);
    if (length == 0) return false;
    const size_t after = *backslash_ + length;
    while (*backslash_ < after) ++backslash_;
  }
  return true;
}

JsonTemplate& JsonWalker::oldest_make() {
  return makes_[(newest_make_ + 1) % makes_.size()];
}

// Whether the record is of one of the makes that came last. If not, its columns are as before.
bool JsonWalker::follow_any(const uint32_t*& at, size_t line_end) {
  constexpr int kPatience = 64;
  constexpr int kMissCosts = 4;
  constexpr int kPause = 1000;
  if (patience_ < 0) {
    if (++patience_ < 0) return false;
    patience_ = kPatience / 4;
  }
  const uint32_t* const first = at;
  const uint32_t* const backslash = backslash_;
  for (size_t age = 0; age < makes_.size(); ++age) {
    const size_t number = (newest_make_ + makes_.size() - age) % makes_.size();
    const JsonTemplate& make = makes_[number];
    if (make.steps().empty()) continue;
    if (follow(make, at) && *at >= line_end && at[-1] < line_end) {
      patience_ = std::min(patience_ + 1, kPatience);
      if (age > 0) std::swap(makes_[number], makes_[newest_make_]);
      return true;
    }
    at = first;
    backslash_ = backslash;
    columns_.undo_record();
  }
  patience_ -= kMissCosts;
  if (patience_ < 0) patience_ = -kPause;
  return false;
}

// The string at *at. It ends with the last byte before the next position that is not whitespace.
[[gnu::always_inline]] inline bool JsonWalker::string(const uint32_t* at, JsonValue& value) {
  const size_t begin = at[0] + size_t{1};
  size_t end = at[1] - size_t{1};
  while (is_whitespace(text_[end])) --end;
  if (end < begin || text_[end] != '"') return false;
  value = {
      .kind = JsonKind::kString, .escaped = false, .text = {text_.data() + begin, end - begin}};
  if (*backslash_ >= end) [[likely]]
    return true;
  value.escaped = true;
  return escapes_are_sound(end);
}

[[gnu::always_inline]] inline bool JsonWalker::scalar(const uint32_t* at, JsonValue& value) {
  const char* const begin = text_.data() + *at;
  if (*begin == '"') return string(at, value);
  const char* end = nullptr;
  if (*begin <= '9') {
    value.kind = JsonKind::kNumber;
    end = skip_number(begin);
  } else {
    end = skip_word(begin, value.kind);
  }
  if (end == nullptr) return false;
  value.escaped = false;
  value.text = {begin, static_cast<size_t>(end - begin)};
  return end == text_.data() + at[1] || is_whitespace(*end);
}

// The node of the member `key`; false if the key came before in this record.
[[gnu::always_inline]] inline bool JsonWalker::enter(std::string_view key, bool escaped,
                                                     int32_t members, int32_t& node) {
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

[[gnu::always_inline]] inline int32_t JsonWalker::column_of(int32_t node) const {
  return node == JsonPaths::kNone ? JsonPaths::kNone : paths_.node(node).column;
}

[[gnu::always_inline]] inline bool JsonWalker::note(int32_t column, const JsonValue& value) {
  return column == JsonPaths::kNone || columns_.set(static_cast<size_t>(column), value);
}

bool JsonWalker::follow(const JsonTemplate& make, const uint32_t*& at) {
  const char* const text = text_.data();
  JsonValue value;
  for (const JsonTemplate::Step& step : make.steps()) {
    if (*at + size_t{step.size} > text_.size() || !make.stands_at(text + *at, step)) return false;
    at += step.positions;
    switch (step.kind) {
      case JsonTemplate::Kind::kValue:
        if (!scalar(at, value) || !note(step.column, value)) return false;
        ++at;
        break;
      case JsonTemplate::Kind::kBeginContainer:
        begins_[step.number] = *at;
        break;
      case JsonTemplate::Kind::kEndContainer: {
        const uint32_t begin = begins_[step.number];
        value = {.kind = step.container,
                 .escaped = false,
                 .text = {text + begin, at[-1] + size_t{1} - begin}};
        if (!note(step.column, value)) return false;
        break;
      }
      case JsonTemplate::Kind::kEnd:
        break;
    }
  }
  return true;
}

// One object, from its brace to its brace. Behind the last position stands a newline, which fits
// nowhere, so `at` never runs past it.
template <bool kLearn>
bool JsonWalker::walk(const uint32_t*& at, size_t line_end) {
  JsonTemplate& make = oldest_make();
  if constexpr (kLearn) make.begin(text_, at);
  const char* const text = text_.data();
  if (text[*at] != '{') return false;
  Level* level = levels_.get() - 1;
  Level* const last_level = levels_.get() + kJsonDepthMax - 1;
  const auto depth = [this](const Level* of) { return static_cast<uint32_t>(of - levels_.get()); };
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
      if constexpr (kLearn) {
        if (column_of(node) != JsonPaths::kNone) make.open_container(at, depth(level));
      }
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
      if (!scalar(at, value) || !note(column, value)) return false;
      if constexpr (kLearn) make.value(at, column);
      ++at;
    }
    // Behind a value, or at the closing bracket of an empty container.
    while (text[*at] != ',') {
      if (text[*at] != (level->is_object ? '}' : ']')) return false;
      value = {.kind = level->is_object ? JsonKind::kObject : JsonKind::kArray,
               .escaped = false,
               .text = {text + level->begin, *at + size_t{1} - level->begin}};
      const int32_t column = column_of(level->itself);
      if (!note(column, value)) return false;
      if constexpr (kLearn) {
        if (column != JsonPaths::kNone) {
          make.close_container(at, depth(level), value.kind, column);
        }
      }
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
