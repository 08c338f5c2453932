// Which fields of a record become columns.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace shardmill {

/// The paths of wanted columns as a tree of keys. The path `user.country` fits the member `country`
/// in the object `user`, and a member `user.country`: a key may hold dots itself.
///
///   columns a.b, a.c, d          (root) -- "a" -- "b"  column 0
///                                  |   \     `--- "c"  column 1
///                                  |    "a.b"          column 0
///                                  |`-- "a.c"          column 1
///                                   `-- "d"            column 2
///
/// Where a record has several members that fit a column, the one with the longest first key counts,
/// of those the one with the longest second key, and so on. Of equal keys in one object the last
/// counts. Paths of more than kSplitsMax keys fit all their keys one by one, or one key with all
/// the dots. Immutable; any thread.
class JsonPaths {
 public:
  static constexpr int32_t kNone = -1;
  static constexpr int32_t kRoot = 0;
  static constexpr size_t kSplitsMax = 6;

  struct Node {
    int32_t column = kNone;    ///< whose value this is
    int32_t subtree_end = 0;   ///< the nodes below this one are those after it, up to here
    uint64_t key_lengths = 0;  ///< bit n: some child's key has n bytes; bit 63: 63 or more
    uint32_t first_child = 0;  ///< into children_
    uint32_t child_count = 0;
  };

  /// `names` of the columns, all different.
  explicit JsonPaths(const std::vector<std::string>& names);

  const Node& node(int32_t at) const { return nodes_[static_cast<size_t>(at)]; }
  size_t size() const { return nodes_.size(); }
  size_t column_count() const { return fits_.size(); }

  /// The child of `at` by the unescaped key; kNone if no column is there.
  int32_t child(int32_t at, std::string_view key) const {
    const Node& parent = node(at);
    if ((parent.key_lengths >> (key.size() < 63 ? key.size() : 63) & 1) == 0) return kNone;
    return find(parent, key);
  }

  /// The nodes that hold the column's value, the one that counts first.
  const std::vector<int32_t>& fits(size_t column) const { return fits_[column]; }

 private:
  struct Child {
    std::string key;
    int32_t node;
  };

  int32_t find(const Node& parent, std::string_view key) const;

  std::vector<Node> nodes_;      ///< in pre-order
  std::vector<Child> children_;  ///< of one node: by length, then bytes
  std::vector<std::vector<int32_t>> fits_;
};

}  // namespace shardmill
