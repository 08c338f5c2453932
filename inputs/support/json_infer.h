// The columns of JSON lines, from samples.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "pipeline/core/input.h"
#include "pipeline/formats/json_scan.h"

namespace shardmill {

/// Collects the paths of all values that are no objects, in the order in which they are first seen,
/// and what kinds of values stand there. Members of objects within arrays are no columns.
/// Deterministic; one thread at a time.
class JsonShape : private JsonEvents {
 public:
  /// Further paths are no columns unless the job names them in `types`.
  static constexpr size_t kColumnsMax = 10'000;

  /// One record; one that is broken or no object changes nothing.
  void add(std::string_view record);
  /// What `later` has seen, after all that was seen here.
  void add(const JsonShape& later);
  /// int: whole numbers within 64 bits; float: those and other numbers; bool: true and false; time:
  /// strings that are all ISO 8601; text: everything else. Nulls fit all.
  std::vector<InputColumn> columns() const;

 private:
  struct Path {
    std::string name;
    unsigned seen = 0;  ///< bits of what was seen there
  };
  struct Leaf {
    size_t name_begin;
    size_t name_size;
    unsigned seen;
  };

  void key(std::string_view text, bool escaped) override;
  void scalar(const JsonValue& value) override;
  void open(JsonKind kind) override;
  void close(const JsonValue& value) override;
  void note(unsigned seen);
  void see(std::string_view name, unsigned seen);

  std::vector<Path> paths_;
  size_t expected_ = 0;  ///< in paths_: what stands behind the last one in most records
  std::unordered_map<std::string, size_t> places_;  ///< in paths_; never iterated
  // Of the record that is being read:
  std::vector<size_t> prefixes_;  ///< by open object: bytes of its own path with the dot
  std::string path_;              ///< of the value that comes next
  size_t arrays_ = 0;             ///< open ones; within them nothing is noted
  std::string names_;
  std::vector<Leaf> leaves_;
};

}  // namespace shardmill
