#include "stages/support/output_path.h"

#include <fmt/format.h>

#include <algorithm>

#include "pipeline/base/check.h"
#include "pipeline/base/hash.h"
#include "pipeline/base/text.h"
#include "pipeline/core/sink.h"

namespace shardmill {

namespace {

constexpr std::string_view kPartName = "part";
constexpr size_t kNameBytes = 255;  ///< of one name, on every file system in use
constexpr size_t kNumberBytes = 10;
constexpr size_t kHashBytes = 34;
/// A value has room for this much at least: some of its start, and its hash.
constexpr size_t kLeastValueBytes = 50;

bool is_letter_or_digit(char byte) {
  return (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') ||
         (byte >= 'A' && byte <= 'Z');
}

/// Can stand behind a value: not part of an escape, and not of a character of several bytes.
bool can_separate(char byte) {
  return !is_letter_or_digit(byte) && byte != '%' && static_cast<unsigned char>(byte) < 0x80;
}

std::string hash_text(std::string_view value) {
  const Hash128 hash = hash128(value);
  return fmt::format("{:016x}{:016x}", hash.high, hash.low);
}

/// Of the value itself or of the one that a key stands for.
std::string hash_of_value(std::string_view value) {
  if (value.size() <= kWholeValueBytes) return hash_text(value);
  return std::string(value.substr(kWholeValueBytes));
}

void append_escape(std::string& out, char byte) {
  out += fmt::format("%{:02X}", static_cast<unsigned char>(byte));
}

/// The first character of `value`, escaped where it must be; takes it away.
void append_character(std::string& out, std::string_view& value, bool is_first, char separator) {
  const size_t bytes = std::max<size_t>(utf8_length(value), 1);
  const char first = value[0];
  const auto code = static_cast<unsigned char>(first);
  const bool is_control = code < 0x20 || code == 0x7f;
  const bool is_invalid = bytes == 1 && code >= 0x80;
  const bool is_special = first == '/' || first == '%' || (first == '.' && is_first) ||
                          (separator != 0 && first == separator);
  if (is_control || is_invalid || is_special) {
    append_escape(out, first);
  } else {
    out += value.substr(0, bytes);
  }
  value.remove_prefix(bytes);
}

std::string escaped_value(std::string_view value, char separator, size_t most_bytes) {
  if (value.empty()) return "%empty";
  std::string out;
  size_t kept = 0;  // of `out`, if it does not fit
  std::string_view rest = value;
  while (!rest.empty() && out.size() <= most_bytes) {
    append_character(out, rest, rest.size() == value.size(), separator);
    if (out.size() + kHashBytes <= most_bytes) kept = out.size();
  }
  if (out.size() <= most_bytes) return out;
  return out.substr(0, kept) + "%~" + hash_of_value(value);
}

Message side_by_side(std::string_view path) {
  return {.found = "path " + quoted(path) + " with braces side by side in one name",
          .expected = "something between them that is no letter, digit or \"%\"",
          .fix = "put \"-\" or \"/\" between them"};
}

}  // namespace

std::string long_value_key(std::string_view value) {
  return std::string(value.substr(0, kWholeValueBytes)) + hash_text(value);
}

// "a/{b}.csv" as text, column, text.
bool OutputPath::split(std::string_view path, bool numbered, Pieces& pieces, Message& problem) {
  std::string_view rest = path;
  bool has_part = false;
  while (!rest.empty()) {
    const size_t open = std::min(rest.find_first_of("{}"), rest.size());
    if (open > 0)
      pieces.push_back({.kind = Kind::kText, .text = std::string(rest.substr(0, open))});
    if (open == rest.size()) break;
    const size_t close = rest.find_first_of("{}", open + 1);
    if (rest[open] == '}' || close == std::string_view::npos || rest[close] == '{' ||
        close == open + 1) {
      problem = {.found = "path " + quoted(path) + " with a brace that stands alone",
                 .expected = "names of columns in braces, as in \"by/{country}.csv\""};
      return false;
    }
    const std::string name(rest.substr(open + 1, close - open - 1));
    rest.remove_prefix(close + 1);
    const bool is_part = name == kPartName;
    if (is_part && (has_part || !numbered)) {
      problem = {.found = "path " + quoted(path) + (numbered ? " with two {part}" : " with {part}"),
                 .expected = numbered ? "one number in a path" : "max_records or max_bytes with it",
                 .fix = "{part} is the number of a part; a stage `select` can rename a column"};
      return false;
    }
    has_part = has_part || is_part;
    pieces.push_back({.kind = is_part ? Kind::kPart : Kind::kColumn, .text = name});
  }
  return true;
}

// Gives the columns of one name their separators and room.
bool OutputPath::limit_name(std::string_view path, Pieces& name, Message& problem) {
  size_t columns = 0;
  size_t other_bytes = 0;
  for (size_t i = 0; i < name.size(); ++i) {
    other_bytes += name[i].kind == Kind::kText ? name[i].text.size() : 0;
    other_bytes += name[i].kind == Kind::kPart ? kNumberBytes : 0;
    columns += name[i].kind == Kind::kColumn ? 1 : 0;
  }
  if (columns == 0) return true;
  bool column_follows = false;
  for (size_t i = name.size(); i-- > 0;) {
    Piece& piece = name[i];
    if (piece.kind == Kind::kText && piece.text.find('%') != std::string::npos) {
      problem = {.found = "path " + quoted(path) + " with \"%\" beside a column",
                 .expected = "none there, since it marks what is escaped in values"};
      return false;
    }
    if (piece.kind == Kind::kText) continue;
    const bool has_text_behind = i + 1 < name.size() && name[i + 1].kind == Kind::kText;
    const bool is_last = i + 1 == name.size() || (has_text_behind && i + 2 == name.size());
    if (!is_last && !(has_text_behind && can_separate(name[i + 1].text[0]))) {
      problem = side_by_side(path);
      return false;
    }
    if (column_follows) piece.separator = name[i + 1].text[0];
    column_follows = column_follows || piece.kind == Kind::kColumn;
    piece.most_bytes = other_bytes > kNameBytes ? 0 : (kNameBytes - other_bytes) / columns;
    if (piece.most_bytes < kLeastValueBytes) {
      problem = {.found = "path " + quoted(path) + " with a name that leaves little room",
                 .expected = fmt::format("at least {} of {} bytes for each column",
                                         kLeastValueBytes, kNameBytes),
                 .fix = "shorten the name, or put \"/\" between columns"};
      return false;
    }
  }
  return true;
}

// The pieces of each name between slashes.
std::vector<OutputPath::Pieces> OutputPath::split_names(const Pieces& all) {
  std::vector<Pieces> names(1);
  for (const Piece& piece : all) {
    if (piece.kind != Kind::kText) {
      names.back().push_back(piece);
      continue;
    }
    std::string_view rest = piece.text;
    for (;;) {
      const size_t slash = std::min(rest.find('/'), rest.size());
      if (slash > 0) {
        names.back().push_back({.kind = Kind::kText, .text = std::string(rest.substr(0, slash))});
      }
      if (slash == rest.size()) break;
      names.emplace_back();
      rest.remove_prefix(slash + 1);
    }
  }
  return names;
}

// "." and empty names are left out.
void OutputPath::append_name_of_path(const Pieces& name, bool has_columns) {
  const bool is_text = name.size() == 1 && name[0].kind == Kind::kText;
  if (name.empty() || (is_text && name[0].text == ".")) return;
  const bool varies = std::any_of(name.begin(), name.end(),
                                  [](const Piece& piece) { return piece.kind != Kind::kText; });
  const bool in_pattern = has_columns && (varies || !pieces_.empty());
  std::string& text = in_pattern ? pattern_ : folder_;
  if (!text.empty() && text.back() != '/') {
    text += '/';
    if (in_pattern) pieces_.push_back({.kind = Kind::kText, .text = "/"});
  }
  for (const Piece& piece : name) {
    if (piece.kind == Kind::kColumn) columns_.push_back(piece.text);
    text += piece.kind == Kind::kText     ? piece.text
            : piece.kind == Kind::kColumn ? "{" + piece.text + "}"
                                          : std::string(1, kPartMark);
    if (in_pattern) pieces_.push_back(piece);
  }
}

std::optional<OutputPath> OutputPath::parse(std::string_view path, std::string_view extension,
                                            bool numbered, Message& problem) {
  Pieces all;
  if (!split(path, numbered, all, problem)) return std::nullopt;
  const bool has_part = std::any_of(all.begin(), all.end(),
                                    [](const Piece& piece) { return piece.kind == Kind::kPart; });
  if (numbered && !has_part) {
    SHARDMILL_CHECK(!all.empty() && all.back().text.ends_with(extension));
    std::string& last = all.back().text;
    last.resize(last.size() - extension.size());
    last += '-';
    all.push_back({.kind = Kind::kPart});
    all.push_back({.kind = Kind::kText, .text = std::string(extension)});
  }
  const bool has_columns = std::any_of(
      all.begin(), all.end(), [](const Piece& piece) { return piece.kind == Kind::kColumn; });
  OutputPath made;
  if (path.starts_with('/')) made.folder_ = "/";
  for (Pieces& name : split_names(all)) {
    if (!limit_name(path, name, problem)) return std::nullopt;
    made.append_name_of_path(name, has_columns);
  }
  return made;
}

std::string OutputPath::name(std::span<const std::optional<std::string>> values) const {
  SHARDMILL_CHECK(values.size() == columns_.size());
  std::string out;
  size_t at = 0;
  for (const Piece& piece : pieces_) {
    switch (piece.kind) {
      case Kind::kText:
        out += piece.text;
        break;
      case Kind::kPart:
        out += kPartMark;
        break;
      case Kind::kColumn: {
        const std::optional<std::string>& value = values[at++];
        out += value ? escaped_value(*value, piece.separator, piece.most_bytes) : "%null";
        break;
      }
    }
  }
  return out;
}

}  // namespace shardmill
