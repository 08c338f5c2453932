// A JSON text as a tree, for files that are looked at as a whole: reports, not records.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/formats/json_scan.h"

namespace shardmill {

struct JsonMember;

/// One value. Views point into the text that was parsed, which must outlive it.
struct JsonNode {
  JsonValue value;
  std::vector<JsonNode> items;      ///< kArray
  std::vector<JsonMember> members;  ///< kObject, in order

  /// The member `name`; nullptr if there is none or this is no object.
  const JsonNode* find(std::string_view name) const;
  /// Its text; empty if this is no string.
  std::string text() const;
  /// Bytes as our own writers have them: a string, or {"base64": string} where they are not UTF-8.
  /// Nothing if this is neither.
  std::optional<std::string> bytes() const;
  /// Its value; nothing if this is no whole number from 0 to 2^64-1.
  std::optional<uint64_t> whole() const;
};

struct JsonMember {
  std::string name;
  JsonNode node;
};

/// Containers within one another beyond this are a mistake.
inline constexpr size_t kJsonTreeDepthMax = 64;

/// Parses one JSON value. Any thread. Memory: about 100 bytes a value.
std::optional<JsonMistake> parse_json_tree(std::string_view text, JsonNode& root);

}  // namespace shardmill
