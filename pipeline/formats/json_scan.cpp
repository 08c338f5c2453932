#include "pipeline/formats/json_scan.h"

#include <array>
#include <bit>
#include <cstring>
#include <vector>

#include "pipeline/base/message.h"
#include "pipeline/base/text.h"

namespace shardmill {

namespace {

constexpr std::string_view kWordEnds = " \t\n\r,:[]{}\"";

bool is_digit(char byte) {
  return byte >= '0' && byte <= '9';
}

bool is_whitespace(char byte) {
  return byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r';
}

constexpr uint64_t kOnes = 0x0101010101010101;
constexpr uint64_t kHighBits = 0x80 * kOnes;

/// How many of eight bytes stand before the first one that ends a string or needs a look: a quote,
/// a backslash, a control character, or none of ASCII. May be fewer.
size_t plain_bytes(const char* bytes) {
  uint64_t text = 0;
  std::memcpy(&text, bytes, sizeof text);
  const uint64_t quotes = text ^ '"' * kOnes;
  const uint64_t backslashes = text ^ '\\' * kOnes;
  const uint64_t special =
      (text | (text - 0x20 * kOnes) | (quotes - kOnes) | (backslashes - kOnes)) & kHighBits;
  if (special == 0) return sizeof text;
  // A byte may take one from the next, so the marks are right up to the first one.
  return static_cast<size_t>(std::countr_zero(special)) / 8;
}

constexpr uint32_t kNoCodeUnit = 0x10000;

/// By byte: its value as a hex digit, kNoCodeUnit for none.
constexpr auto kHexDigits = [] {
  std::array<uint32_t, 256> values = {};
  values.fill(kNoCodeUnit);
  for (uint32_t i = 0; i < 10; ++i) values['0' + i] = i;
  for (uint32_t i = 0; i < 6; ++i) values['a' + i] = values['A' + i] = 10 + i;
  return values;
}();

// The code unit of the \uXXXX at `position`, kNoCodeUnit if there is none.
uint32_t code_unit(std::string_view text, size_t position) {
  if (position + 6 > text.size() || text[position] != '\\' || text[position + 1] != 'u') {
    return kNoCodeUnit;
  }
  const auto digit = [&](size_t i) {
    return kHexDigits[static_cast<unsigned char>(text[position + i])];
  };
  const uint32_t high = digit(2) << 4 | digit(3);
  const uint32_t low = digit(4) << 4 | digit(5);
  return (high | low) < 0x100 ? high << 8 | low : kNoCodeUnit;
}

bool is_high_surrogate(uint32_t unit) {
  return unit >= 0xD800 && unit < 0xDC00;
}
bool is_low_surrogate(uint32_t unit) {
  return unit >= 0xDC00 && unit < 0xE000;
}

char* put_utf8(char* to, uint32_t code_point) {
  const auto byte = [](uint32_t bits) { return static_cast<char>(static_cast<uint8_t>(bits)); };
  if (code_point < 0x80) {
    *to++ = byte(code_point);
  } else if (code_point < 0x800) {
    *to++ = byte(0xC0 | code_point >> 6);
    *to++ = byte(0x80 | (code_point & 0x3F));
  } else if (code_point < 0x10000) {
    *to++ = byte(0xE0 | code_point >> 12);
    *to++ = byte(0x80 | (code_point >> 6 & 0x3F));
    *to++ = byte(0x80 | (code_point & 0x3F));
  } else {
    *to++ = byte(0xF0 | code_point >> 18);
    *to++ = byte(0x80 | (code_point >> 12 & 0x3F));
    *to++ = byte(0x80 | (code_point >> 6 & 0x3F));
    *to++ = byte(0x80 | (code_point & 0x3F));
  }
  return to;
}

bool is_short_escape(char letter) {
  switch (letter) {
    case '"':
    case '\\':
    case '/':
    case 'b':
    case 'f':
    case 'n':
    case 'r':
    case 't':
      return true;
    default:
      return false;
  }
}

char short_escape(char letter) {
  switch (letter) {
    case 'b':
      return '\b';
    case 'f':
      return '\f';
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    default:
      return letter;  // " \ /
  }
}

// One scan. Every step returns false after noting the mistake.
class Scan {
 public:
  Scan(std::string_view text, JsonEvents* events) : text_(text), events_(events) {}

  std::optional<JsonMistake> run() {
    if (value() && rest()) return std::nullopt;
    return std::move(mistake_);
  }

 private:
  struct Level {
    JsonKind kind;
    size_t begin;
  };

  bool wrong(size_t position, std::string found, std::string expected) {
    mistake_ = {.position = position, .found = std::move(found), .expected = std::move(expected)};
    return false;
  }

  // What stands at `position` instead of what should.
  bool unexpected(size_t position, std::string expected) {
    if (position >= text_.size()) return wrong(position, "the end", std::move(expected));
    const size_t length = utf8_length(text_.substr(position));
    return wrong(position, quoted(text_.substr(position, length == 0 ? 1 : length)),
                 std::move(expected));
  }

  void skip_whitespace() {
    while (at_ < text_.size() && is_whitespace(text_[at_])) ++at_;
  }

  bool at(char byte) const { return at_ < text_.size() && text_[at_] == byte; }

  bool rest() {
    skip_whitespace();
    return at_ == text_.size() || unexpected(at_, "nothing behind the value");
  }

  // One value with all that is in it.
  bool value() {
    bool needs_value = true;
    while (true) {
      skip_whitespace();
      if (needs_value ? !begin_value(needs_value) : !after_value(needs_value)) return false;
      if (!needs_value && levels_.empty()) return true;
    }
  }

  // A scalar, or the start of a container; `needs_value` says whether a value follows.
  bool begin_value(bool& needs_value) {
    if (at('{') || at('[')) return open(needs_value);
    needs_value = false;
    if (at('"')) {
      JsonValue value = {.kind = JsonKind::kString};
      if (!string(value.text, value.escaped)) return false;
      if (events_ != nullptr) events_->scalar(value);
      return true;
    }
    return at_ < text_.size() && (text_[at_] == '-' || is_digit(text_[at_])) ? number() : word();
  }

  bool open(bool& needs_value) {
    if (levels_.size() == kJsonDepthMax) {
      return wrong(at_, "nesting deeper than " + with_separators(kJsonDepthMax) + " levels", "");
    }
    const JsonKind kind = text_[at_] == '{' ? JsonKind::kObject : JsonKind::kArray;
    levels_.push_back({.kind = kind, .begin = at_});
    if (events_ != nullptr) events_->open(kind);
    ++at_;
    skip_whitespace();
    needs_value = !at(kind == JsonKind::kObject ? '}' : ']');
    if (!needs_value) {
      close();
      return true;
    }
    return kind == JsonKind::kArray || key("a key in quotes or \"}\"");
  }

  void close() {
    const Level level = levels_.back();
    levels_.pop_back();
    ++at_;
    if (events_ == nullptr) return;
    events_->close({.kind = level.kind, .text = text_.substr(level.begin, at_ - level.begin)});
  }

  // A comma and what it announces, or the end of the container.
  bool after_value(bool& needs_value) {
    const bool in_object = levels_.back().kind == JsonKind::kObject;
    if (at(in_object ? '}' : ']')) {
      close();
      return true;
    }
    if (!at(',')) return unexpected(at_, in_object ? "\",\" or \"}\"" : "\",\" or \"]\"");
    ++at_;
    needs_value = true;
    if (!in_object) return true;
    skip_whitespace();
    return key("a key in quotes");
  }

  bool key(const char* expected) {
    if (!at('"')) return unexpected(at_, expected);
    std::string_view text;
    bool is_escaped = false;
    if (!string(text, is_escaped)) return false;
    if (events_ != nullptr) events_->key(text, is_escaped);
    skip_whitespace();
    if (!at(':')) return unexpected(at_, "\":\"");
    ++at_;
    return true;
  }

  bool string(std::string_view& text, bool& is_escaped) {
    const size_t begin = ++at_;
    while (at_ < text_.size() && text_[at_] != '"') {
      const size_t plain =
          text_.size() - at_ >= sizeof(uint64_t) ? plain_bytes(text_.data() + at_) : 0;
      at_ += plain;
      if (plain == 0 && !character(is_escaped)) return false;
    }
    if (at_ == text_.size()) return unexpected(at_, "the closing quote of a string");
    text = text_.substr(begin, at_ - begin);
    ++at_;
    return true;
  }

  bool character(bool& is_escaped) {
    const auto byte = static_cast<unsigned char>(text_[at_]);
    if (byte == '\\') {
      const size_t length = json_escape_length(text_, at_);
      if (length == 0) return bad_escape();
      is_escaped = true;
      at_ += length;
    } else if (byte < 0x20) {
      return wrong(at_, "control character " + quoted(text_.substr(at_, 1)) + " in a string",
                   "an escape such as \\n or \\u0000");
    } else if (byte < 0x80) {
      ++at_;
    } else {
      const size_t length = utf8_length(text_.substr(at_));
      if (length == 0) return wrong(at_, "byte " + quoted(text_.substr(at_, 1)), "UTF-8");
      at_ += length;
    }
    return true;
  }

  bool bad_escape() {
    if (code_unit(text_, at_) != kNoCodeUnit) {
      return wrong(at_, "half of a surrogate pair, " + quoted(text_.substr(at_, 6)),
                   "both halves, or another character");
    }
    return wrong(at_, "escape " + quoted(text_.substr(at_, 2)),
                 "\\\", \\\\, \\/, \\b, \\f, \\n, \\r, \\t or \\u and four hex digits");
  }

  size_t skip_digits(size_t from) const {
    while (from < text_.size() && is_digit(text_[from])) ++from;
    return from;
  }

  bool number() {
    const size_t begin = at_;
    if (at('-')) ++at_;
    const size_t whole = at_;
    at_ = skip_digits(at_);
    if (at_ == whole) return unexpected(at_, "a digit");
    if (text_[whole] == '0' && at_ > whole + 1) {
      return unexpected(whole, "a number without leading zeros");
    }
    if (at('.') && !digits_behind(1)) return false;
    if (at('e') || at('E')) {
      const bool has_sign =
          at_ + 1 < text_.size() && (text_[at_ + 1] == '+' || text_[at_ + 1] == '-');
      if (!digits_behind(has_sign ? 2 : 1)) return false;
    }
    if (events_ != nullptr) {
      events_->scalar({.kind = JsonKind::kNumber, .text = text_.substr(begin, at_ - begin)});
    }
    return true;
  }

  bool digits_behind(size_t bytes) {
    const size_t begin = at_ + bytes;
    at_ = skip_digits(begin);
    return at_ > begin || unexpected(begin, "a digit");
  }

  bool word() {
    const size_t end = text_.find_first_of(kWordEnds, at_);
    const std::string_view text = text_.substr(at_, end - at_);
    JsonValue value = {.text = text};
    if (text == "true") {
      value.kind = JsonKind::kTrue;
    } else if (text == "false") {
      value.kind = JsonKind::kFalse;
    } else if (text != "null") {
      return text.empty() ? unexpected(at_, "a value") : wrong(at_, quoted(text, 20), "a value");
    }
    at_ += text.size();
    if (events_ != nullptr) events_->scalar(value);
    return true;
  }

  std::string_view text_;
  JsonEvents* events_;
  size_t at_ = 0;
  std::vector<Level> levels_;
  JsonMistake mistake_;
};

}  // namespace

std::string JsonMistake::text(std::string_view whole) const {
  std::string out = "at byte " + with_separators(position) + " of the ";
  out.append(whole).append(": found ").append(found);
  if (!expected.empty()) out += ", expected " + expected;
  return out;
}

std::optional<JsonMistake> scan_json(std::string_view text, JsonEvents* events) {
  return Scan(text, events).run();
}

size_t json_escape_length(std::string_view text, size_t position) {
  if (position + 1 >= text.size()) return 0;
  if (text[position + 1] != 'u') {
    return is_short_escape(text[position + 1]) ? 2 : 0;
  }
  const uint32_t unit = code_unit(text, position);
  if (unit == kNoCodeUnit || is_low_surrogate(unit)) return 0;
  if (!is_high_surrogate(unit)) return 6;
  return is_low_surrogate(code_unit(text, position + 6)) ? 12 : 0;
}

std::string_view unescape_json(std::string_view text, Arena& arena) {
  char* const begin = arena.allocate(text.size());  // an escape is never shorter than its text
  char* to = begin;
  size_t from = 0;
  while (from < text.size()) {
    if (text[from] != '\\') {
      *to++ = text[from++];
    } else if (text[from + 1] != 'u') {
      *to++ = short_escape(text[from + 1]);
      from += 2;
    } else {
      const uint32_t unit = code_unit(text, from);
      const bool is_pair = is_high_surrogate(unit);
      const uint32_t low = is_pair ? code_unit(text, from + 6) - 0xDC00 : 0;
      to = put_utf8(to, is_pair ? 0x10000 + ((unit - 0xD800) << 10) + low : unit);
      from += is_pair ? 12 : 6;
    }
  }
  return {begin, static_cast<size_t>(to - begin)};
}

}  // namespace shardmill
