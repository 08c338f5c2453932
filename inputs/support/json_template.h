// The make of a record: what its neighbours most likely have in common with it.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/formats/json_scan.h"

namespace shardmill {

/// One sound record as steps: bytes that every record of the same make has, and what stands behind
/// them.
///
///   {"id":7,"user":{"name":"x"},"tags":[1,2]}
///   ------ -----------------   --------- - --   bytes: compared as they are
///         v                 vvv         v v     any scalar
///
/// A record that passes all steps is sound, because its bytes between values are those of a sound
/// record, and its wanted members are at the same places. The bytes start where the index has a
/// position and end with a bracket, comma or colon, so they lie outside strings in both records,
/// and the index has as many positions in them. One worker.
class JsonTemplate {
 public:
  enum class Kind : uint8_t {
    kValue,           ///< a scalar for `column`, or for none
    kBeginContainer,  ///< the next position begins container number `number`
    kEndContainer,    ///< container number `number` is complete: a value for `column`
    kEnd,             ///< of the record
  };
  struct Step {
    uint32_t begin = 0;  ///< of its bytes
    uint32_t size = 0;
    uint32_t positions = 0;  ///< of the index that lie in its bytes
    Kind kind = Kind::kEnd;
    JsonKind container = JsonKind::kObject;
    int32_t column = 0;
    uint32_t number = 0;
  };
  /// Longer makes are not kept: they would be of little use in a cache.
  static constexpr size_t kStepsMax = 512;
  static constexpr size_t kBytesMax = 8 << 10;

  /// Starts to learn the record whose positions start at `first`.
  void begin(std::string_view text, const uint32_t* first) {
    text_ = text;
    open_ = first;
    steps_.clear();
    bytes_.clear();
  }
  /// The scalar at `at` is of `column`.
  void value(const uint32_t* at, int32_t column) {
    add({.kind = Kind::kValue, .column = column}, at);
    open_ = at + 1;
  }
  /// The container at `at` is number `number` of those that are open.
  void open_container(const uint32_t* at, uint32_t number) {
    add({.kind = Kind::kBeginContainer, .number = number}, at);
  }
  /// The container whose bracket is at `at` is of `column`.
  void close_container(const uint32_t* at, uint32_t number, JsonKind kind, int32_t column) {
    add({.kind = Kind::kEndContainer, .container = kind, .column = column, .number = number},
        at + 1);
  }
  /// The record ends with the bracket before `at`. False, with no steps, if this make is not worth
  /// keeping.
  bool end(const uint32_t* at) {
    add({.kind = Kind::kEnd}, at);
    if (is_usable()) return true;
    forget();
    return false;
  }
  /// Back to no steps, for instance because the record was not sound.
  void forget() { steps_.clear(); }

  const std::vector<Step>& steps() const { return steps_; }
  /// Whether the step's bytes stand at `at`. REQUIRES: so many bytes may be read there.
  bool stands_at(const char* at, const Step& step) const {
    return equal_bytes(at, bytes_.data() + step.begin, step.size);
  }

 private:
  bool is_usable() const { return steps_.size() <= kStepsMax && bytes_.size() <= kBytesMax; }

  // The step, behind the bytes from the first position that no step covers to the bracket, comma or
  // colon before `end`.
  void add(Step step, const uint32_t* end) {
    if (!is_usable()) return;
    if (open_ != end) {
      step.begin = static_cast<uint32_t>(bytes_.size());
      step.size = end[-1] + 1 - *open_;
      step.positions = static_cast<uint32_t>(end - open_);
      bytes_ += text_.substr(*open_, step.size);
      open_ = end;
    }
    steps_.push_back(step);
  }

  static bool equal_bytes(const char* a, const char* b, size_t size) {
    if (size < sizeof(uint64_t)) {
      for (size_t i = 0; i < size; ++i) {
        if (a[i] != b[i]) return false;
      }
      return true;
    }
    const size_t last = size - sizeof(uint64_t);
    for (size_t i = 0; i < last; i += sizeof(uint64_t)) {
      if (word(a + i) != word(b + i)) return false;
    }
    return word(a + last) == word(b + last);
  }
  static uint64_t word(const char* at) {
    uint64_t bits = 0;
    std::memcpy(&bits, at, sizeof(bits));
    return bits;
  }

  std::string_view text_;           ///< while learning
  const uint32_t* open_ = nullptr;  ///< while learning: the first position that no step covers
  std::vector<Step> steps_;
  std::string bytes_;
};

}  // namespace shardmill
