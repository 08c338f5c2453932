// A TOML document as a plain tree that keeps lines and the order of the file. The only door to the
// TOML library. Pure functions, any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pipeline/base/status.h"
#include "pipeline/core/options.h"

namespace shardmill {

enum class TomlKind : uint8_t { kText, kInt, kFloat, kBool, kTime, kArray, kTable };

/// "a text", "a list", "a table", ...: for messages.
std::string_view toml_kind_name(TomlKind kind);

struct TomlEntry;

/// One value. Only the members that belong to `kind` are in use.
struct TomlNode {
  TomlKind kind = TomlKind::kTable;
  std::string text;  ///< kText; kTime: ISO 8601; set by --set: what was written, for every scalar
  int64_t integer = 0;
  double number = 0;
  bool flag = false;
  std::vector<TomlNode> items;     ///< kArray
  std::vector<TomlEntry> entries;  ///< kTable, in the order of the file
  int line = 0;                    ///< from 1; negative: the (-line)th --set; 0: not from a file
  bool from_setting = false;       ///< given by --set on the command line

  const TomlNode* find(std::string_view key) const;
  TomlNode* find(std::string_view key);
};

struct TomlEntry {
  std::string key;
  int line = 0;  ///< of the key
  TomlNode value;
};

/// Parses a whole document. A syntax error gives one problem with line and column and an empty
/// table.
TomlNode parse_toml(std::string_view text, std::string_view place, Problems& problems);

/// Replaces or adds values: "input.unit_bytes" = "1MiB", "stage.0.k" = "5". A value that is TOML is
/// taken as that, anything else as text. Problems carry the negative number of the setting as line.
void apply_settings(TomlNode& root,
                    const std::vector<std::pair<std::string, std::string>>& settings,
                    Problems& problems);

/// The tree as TOML again: the same bytes for the same tree, and parsing them gives the same tree.
std::string toml_text(const TomlNode& root);

/// A text as a TOML basic string, with its quotes.
std::string toml_quoted(std::string_view text);

/// A value as JSON without spaces, keys sorted by bytes: the form in which expected and found
/// values are compared. An empty table stands for null, which TOML does not have.
std::string toml_json(const TomlNode& node);

/// The same for the TOML text of one value. kUsage if it is none.
Result<std::string> toml_value_json(std::string_view value);

}  // namespace shardmill
