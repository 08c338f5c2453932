// The plain JSON reader: decides byte by byte whether a text is one JSON value (RFC 8259, UTF-8),
// shows what is in it, and says what is wrong where. The fast reader (json_walk.h) hands over every
// record that is not plain sailing, and a test holds the two equal.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "pipeline/base/arena.h"

namespace shardmill {

/// Objects and arrays within one another, the outermost included.
inline constexpr size_t kJsonDepthMax = 1024;

enum class JsonKind : uint8_t { kNull, kTrue, kFalse, kNumber, kString, kArray, kObject };

/// A value as it stands in the source. `text` is the number, the word, the container from bracket
/// to bracket, or the bytes between a string's quotes.
struct JsonValue {
  JsonKind kind = JsonKind::kNull;
  bool escaped = false;  ///< a string with a backslash in it: unescape_json gives its text
  std::string_view text;

  /// The value's own bytes, with the quotes of a string.
  std::string_view source() const {
    return kind == JsonKind::kString ? std::string_view(text.data() - 1, text.size() + 2) : text;
  }
};

/// What a scan meets, in the order of the text. Of a text that turns out wrong, the part before the
/// mistake was shown. Every `open` of a sound text has its `close`.
class JsonEvents {
 public:
  virtual ~JsonEvents() = default;
  /// The key of the member whose value follows.
  virtual void key(std::string_view text, bool escaped) = 0;
  /// A value that is no container.
  virtual void scalar(const JsonValue& value) = 0;
  virtual void open(JsonKind kind) = 0;
  /// `value` is the whole container.
  virtual void close(const JsonValue& value) = 0;
};

struct JsonMistake {
  size_t position = 0;   ///< byte in the text, from 0
  std::string found;     ///< quoted, or described
  std::string expected;  ///< may be empty
  /// `at byte 7 of the record: found "}", expected a value`, with `whole` for "record".
  std::string text(std::string_view whole = "record") const;
};

/// Reads `text`, which must be one JSON value with whitespace around it. `events` may be nullptr.
/// Memory: a byte per level. Half of a surrogate pair in an escape is a mistake: it is no text.
/// About 0.9 GB/s.
std::optional<JsonMistake> scan_json(std::string_view text, JsonEvents* events);

/// Length of the escape at text[position], which is a backslash: 2, 6, or 12 for a surrogate pair;
/// 0 if it is none that RFC 8259 knows, or half of a pair.
size_t json_escape_length(std::string_view text, size_t position);

/// The text of a string, given the bytes between its quotes. REQUIRES: a scan found them sound.
std::string_view unescape_json(std::string_view text, Arena& arena);

}  // namespace shardmill
