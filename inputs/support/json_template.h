// The make of a record: what its neighbours most likely have in common with it.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "inputs/support/json_scan.h"

namespace shardmill {

/// One sound record as steps: bytes that every record of the same make has, and places where values
/// stand.
///
///   {"id":7,"user":{"name":"x"},"tags":[1,2]}
///   ------- +++++++++++++++++   ......... . ..     kBytes: compared as they are, whitespace too
///          v                 vvv         v v       kValue: any scalar
///
/// A record that passes all steps is sound, because its bytes between values are those of a sound
/// record, and its wanted members are at the same places. The bytes start where the index has a
/// position, so they lie outside strings in both records, and the index has as many positions in
/// them. One worker.
class JsonTemplate {
 public:
  enum class Kind : uint8_t {
    kBytes,      ///< `size` bytes at `begin`, with `count` positions
    kValue,      ///< a scalar for column `count`, or for none
    kBegin,      ///< the next position begins container number `count`
    kContainer,  ///< container number `begin`, of kind `size`, ends behind the last position: a
                 ///< value for column `count`
  };
  struct Step {
    Kind kind = Kind::kBytes;
    int32_t count = 0;
    uint32_t begin = 0;
    uint32_t size = 0;
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
    bytes_up_to(at);
    steps_.push_back({.kind = Kind::kValue, .count = column});
    open_ = at + 1;
  }
  /// The container at `at` is number `number` of those that are open.
  void open_container(const uint32_t* at, size_t number) {
    bytes_up_to(at);
    steps_.push_back({.kind = Kind::kBegin, .count = static_cast<int32_t>(number)});
  }
  /// The container that ends at `at` is of `column`.
  void close_container(const uint32_t* at, size_t number, JsonKind kind, int32_t column) {
    bytes_up_to(at + 1);
    steps_.push_back({.kind = Kind::kContainer,
                      .count = column,
                      .begin = static_cast<uint32_t>(number),
                      .size = static_cast<uint32_t>(kind)});
  }
  /// The record ends with the bracket before `at`. False, with no steps, if this make is not worth
  /// keeping.
  bool end(const uint32_t* at) {
    bytes_up_to(at);
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

  // The bytes from the first position that no step covers to the bracket, comma or colon before
  // `end`.
  void bytes_up_to(const uint32_t* end) {
    if (open_ == end || !is_usable()) return;
    const size_t begin = *open_;
    const size_t size = end[-1] + size_t{1} - begin;
    steps_.push_back({.kind = Kind::kBytes,
                      .count = static_cast<int32_t>(end - open_),
                      .begin = static_cast<uint32_t>(bytes_.size()),
                      .size = static_cast<uint32_t>(size)});
    bytes_ += text_.substr(begin, size);
    open_ = end;
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
