#include "pipeline/formats/json_tree.h"

#include <charconv>

namespace shardmill {

namespace {

std::string text_of(std::string_view text, bool escaped) {
  if (!escaped) return std::string(text);
  Arena arena;
  return std::string(unescape_json(text, arena));
}

bool decode_base64(std::string_view text, std::string& bytes) {
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  while (text.ends_with('=')) text.remove_suffix(1);
  uint32_t bits = 0;
  int held = 0;
  for (const char c : text) {
    const size_t digit = kDigits.find(c);
    if (digit == std::string_view::npos) return false;
    bits = (bits << 6 | static_cast<uint32_t>(digit)) & 0xfff;
    held += 6;
    if (held < 8) continue;
    held -= 8;
    bytes += static_cast<char>(bits >> held & 0xff);
  }
  return true;
}

/// Hangs what a scan meets below `root`. The children of an open container are not moved while it
/// is open, since only the innermost one grows.
class Builder final : public JsonEvents {
 public:
  explicit Builder(JsonNode& root) : root_(root) {}

  bool is_too_deep() const { return too_deep_; }

  void key(std::string_view text, bool escaped) override {
    if (!too_deep_) key_ = text_of(text, escaped);
  }
  void scalar(const JsonValue& value) override {
    if (!too_deep_) add().value = value;
  }
  void open(JsonKind kind) override {
    too_deep_ = too_deep_ || path_.size() >= kJsonTreeDepthMax;
    if (too_deep_) return;
    JsonNode& node = add();
    node.value.kind = kind;
    path_.push_back(&node);
  }
  void close(const JsonValue& value) override {
    if (too_deep_) return;
    path_.back()->value = value;
    path_.pop_back();
  }

 private:
  JsonNode& add() {
    if (path_.empty()) return root_;
    JsonNode& parent = *path_.back();
    if (parent.value.kind == JsonKind::kArray) return parent.items.emplace_back();
    parent.members.push_back({.name = std::move(key_), .node = {}});
    return parent.members.back().node;
  }

  JsonNode& root_;
  std::vector<JsonNode*> path_;
  std::string key_;
  bool too_deep_ = false;
};

}  // namespace

const JsonNode* JsonNode::find(std::string_view name) const {
  for (const auto& [key, node] : members) {
    if (key == name) return &node;
  }
  return nullptr;
}

std::string JsonNode::text() const {
  return value.kind == JsonKind::kString ? text_of(value.text, value.escaped) : std::string();
}

std::optional<std::string> JsonNode::bytes() const {
  if (value.kind == JsonKind::kString) return text();
  const JsonNode* base64 = find("base64");
  std::string bytes;
  if (base64 == nullptr || !decode_base64(base64->text(), bytes)) return std::nullopt;
  return bytes;
}

std::optional<uint64_t> JsonNode::whole() const {
  uint64_t number = 0;
  const char* end = value.text.data() + value.text.size();
  const auto parsed = std::from_chars(value.text.data(), end, number);
  const bool is_whole =
      value.kind == JsonKind::kNumber && parsed.ec == std::errc() && parsed.ptr == end;
  return is_whole ? std::optional(number) : std::nullopt;
}

std::optional<JsonMistake> parse_json_tree(std::string_view text, JsonNode& root) {
  root = {};
  Builder builder(root);
  const std::optional<JsonMistake> mistake = scan_json(text, &builder);
  if (mistake || !builder.is_too_deep()) return mistake;
  return JsonMistake{.position = 0,
                     .found = "more than " + std::to_string(kJsonTreeDepthMax) +
                              " objects and arrays within one another",
                     .expected = "fewer"};
}

}  // namespace shardmill
