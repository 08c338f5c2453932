#include "pipeline/formats/json_paths.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <memory>
#include <utility>

#include "pipeline/formats/json_scan.h"

namespace shardmill {

namespace {

using Keys = std::vector<std::string_view>;

// By length, then bytes.
struct KeyOrder {
  bool operator()(std::string_view a, std::string_view b) const {
    return a.size() != b.size() ? a.size() < b.size() : a < b;
  }
};

// A node while the tree grows.
struct Growing {
  int32_t column = JsonPaths::kNone;
  int32_t number = 0;
  std::map<std::string, std::unique_ptr<Growing>, KeyOrder> children;
};

Keys split_at_dots(std::string_view path) {
  Keys keys;
  size_t begin = 0;
  for (size_t dot = path.find('.'); dot != std::string_view::npos; dot = path.find('.', begin)) {
    keys.push_back(path.substr(begin, dot - begin));
    begin = dot + 1;
  }
  keys.push_back(path.substr(begin));
  return keys;
}

// All ways to take `path` for keys, those with the longest first keys first.
std::vector<Keys> ways_to_split(std::string_view path) {
  const Keys parts = split_at_dots(path);
  if (parts.size() == 1) return {parts};
  if (parts.size() > kJsonDepthMax) return {{path}};
  if (parts.size() > JsonPaths::kSplitsMax) return {{path}, parts};
  std::vector<Keys> ways = {{path}};
  for (size_t first = parts.size() - 1; first > 0; --first) {
    const auto key_bytes = static_cast<size_t>(parts[first].data() - path.data()) - 1;
    for (const Keys& rest : ways_to_split(path.substr(key_bytes + 1))) {
      Keys way = {path.substr(0, key_bytes)};
      way.insert(way.end(), rest.begin(), rest.end());
      ways.push_back(std::move(way));
    }
  }
  return ways;
}

Growing* grow(Growing& root, const Keys& keys) {
  Growing* at = &root;
  for (const std::string_view key : keys) {
    std::unique_ptr<Growing>& next = at->children[std::string(key)];
    if (next == nullptr) next = std::make_unique<Growing>();
    at = next.get();
  }
  return at;
}

// With a stack of its own: a path may have a thousand keys.
std::vector<Growing*> number_in_pre_order(Growing& root) {
  std::vector<Growing*> order;
  std::vector<Growing*> waiting = {&root};
  while (!waiting.empty()) {
    Growing* const next = waiting.back();
    waiting.pop_back();
    next->number = static_cast<int32_t>(order.size());
    order.push_back(next);
    for (const auto& [key, child] : next->children) waiting.push_back(child.get());
  }
  return order;
}

}  // namespace

JsonPaths::JsonPaths(const std::vector<std::string>& names) : fits_(names.size()) {
  Growing root;
  std::vector<std::vector<const Growing*>> fits(names.size());
  for (size_t column = 0; column < names.size(); ++column) {
    for (const Keys& way : ways_to_split(names[column])) {
      Growing* leaf = grow(root, way);
      leaf->column = static_cast<int32_t>(column);
      fits[column].push_back(leaf);
    }
  }
  const std::vector<Growing*> order = number_in_pre_order(root);
  nodes_.resize(order.size());
  for (size_t i = order.size(); i-- > 0;) {
    Node& node = nodes_[i];
    node = {.column = order[i]->column,
            .subtree_end = static_cast<int32_t>(i) + 1,
            .first_child = static_cast<uint32_t>(children_.size()),
            .child_count = static_cast<uint32_t>(order[i]->children.size())};
    for (const auto& [key, child] : order[i]->children) {
      const Node& below = nodes_[static_cast<size_t>(child->number)];
      node.subtree_end = std::max(node.subtree_end, below.subtree_end);
      node.key_lengths |= uint64_t{1} << std::min<size_t>(key.size(), 63);
      children_.push_back({.key = key, .node = child->number});
    }
  }
  for (size_t column = 0; column < names.size(); ++column) {
    for (const Growing* leaf : fits[column]) fits_[column].push_back(leaf->number);
  }
}

int32_t JsonPaths::find(const Node& parent, std::string_view key) const {
  const Child* const begin = children_.data() + parent.first_child;
  const Child* const end = begin + parent.child_count;
  constexpr uint32_t kFew = 8;
  const Child* at = begin;
  if (parent.child_count > kFew) {
    at = std::lower_bound(begin, end, key, [](const Child& child, std::string_view wanted) {
      return KeyOrder{}(child.key, wanted);
    });
    return at != end && at->key == key ? at->node : kNone;
  }
  for (; at != end; ++at) {
    if (at->key.size() != key.size()) continue;
    if (key.empty()) return at->node;
    // Most keys of one length differ in the first byte: spares a call.
    if (at->key[0] == key[0] && std::memcmp(at->key.data(), key.data(), key.size()) == 0) {
      return at->node;
    }
  }
  return kNone;
}

}  // namespace shardmill
