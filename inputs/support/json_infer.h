// The columns of JSON lines, from samples.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "inputs/support/json_template.h"
#include "pipeline/core/input.h"
#include "pipeline/formats/json_scan.h"
#include "pipeline/formats/number_fields.h"

namespace shardmill {

/// Collects the paths of all values that are no objects, in the order in which they are first seen,
/// and what kinds of values stand there. Members of objects within arrays are no columns.
/// Deterministic; one thread at a time.
class JsonShape : private JsonEvents {
 public:
  /// Further paths are no columns unless the job names them in `types`.
  static constexpr size_t kColumnsMax = 10'000;

  /// One record; one that is broken or no object changes nothing. If `make` is given it becomes
  /// what this record is of, its columns the numbers of paths; no make if nothing was changed, or
  /// if it is not worth keeping.
  void add(std::string_view record, JsonTemplate* make = nullptr);
  /// Sound scalars of `text` that stand at a path, by its number, in these records of a block.
  void add_scalars(size_t path, uint64_t records, const char* text, const FieldSpan* spans);
  /// What `later` has seen, after all that was seen here.
  void add(const JsonShape& later);
  /// int: whole numbers within 64 bits; float: those and other numbers; bool: true and false; time:
  /// strings that are all ISO 8601; text: everything else. Nulls fit all.
  std::vector<InputColumn> columns() const;

 private:
  static constexpr int32_t kNoPath = -1;  ///< as JsonPaths::kNone

  struct Path {
    std::string name;
    unsigned seen = 0;  ///< bits of what was seen there
  };
  struct Leaf {
    size_t name_begin;
    size_t name_size;
    unsigned seen;
    int32_t path = kNoPath;
  };
  struct Scalar {
    JsonValue value;
    size_t leaf;  ///< kNoLeaf within arrays
  };
  static constexpr size_t kNoLeaf = ~size_t{0};

  void key(std::string_view text, bool escaped) override;
  void scalar(const JsonValue& value) override;
  void open(JsonKind kind) override;
  void close(const JsonValue& value) override;
  void note(unsigned seen);
  int32_t see(std::string_view name, unsigned seen);
  void learn(std::string_view record, JsonTemplate& make) const;

  std::vector<Path> paths_;
  size_t expected_ = 0;  ///< in paths_: what stands behind the last one in most records
  std::unordered_map<std::string, size_t> places_;  ///< in paths_; never iterated
  // Of the record that is being read:
  std::vector<size_t> prefixes_;  ///< by open object: bytes of its own path with the dot
  std::string path_;              ///< of the value that comes next
  size_t arrays_ = 0;             ///< open ones; within them nothing is noted
  std::string names_;
  std::vector<Leaf> leaves_;
  bool is_learned_ = false;
  std::vector<Scalar> scalars_;  ///< if it is learned: all, or too many for a make
  const char* end_ = nullptr;    ///< behind the object or array that ended last
};

}  // namespace shardmill
