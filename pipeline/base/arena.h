// Memory for many small texts that live and die together.
#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

namespace shardmill {

/// Hands out bytes that stay where they are until `clear` or destruction. One owner, one thread.
class Arena {
 public:
  /// `size` bytes, uninitialised, unaligned. A size of 0 gives a pointer that may not be read.
  char* allocate(size_t size) {
    if (size > left_) grow(size);
    char* bytes = next_;
    next_ += size;
    left_ -= size;
    return bytes;
  }

  std::string_view copy(std::string_view text) {
    if (text.empty()) return {"", 0};
    char* bytes = allocate(text.size());
    std::memcpy(bytes, text.data(), text.size());
    return {bytes, text.size()};
  }

  /// Forgets everything, keeping the newest block for reuse.
  void clear() {
    if (blocks_.size() > 1) {
      std::swap(blocks_.front(), blocks_.back());
      blocks_.resize(1);
    }
    held_ = blocks_.empty() ? 0 : blocks_[0].size;
    next_ = blocks_.empty() ? nullptr : blocks_[0].bytes.get();
    left_ = held_;
  }

  /// Bytes taken from the system.
  size_t memory_bytes() const { return held_; }

 private:
  struct Block {
    std::unique_ptr<char[]> bytes;
    size_t size = 0;
  };

  void grow(size_t size) {
    constexpr size_t kSmallest = 4096;
    constexpr size_t kLargest = 1 << 20;
    size_t block = blocks_.empty() ? kSmallest : blocks_.back().size * 2;
    block = block > kLargest ? kLargest : block;
    block = block < size ? size : block;
    blocks_.push_back({std::make_unique_for_overwrite<char[]>(block), block});
    next_ = blocks_.back().bytes.get();
    left_ = block;
    held_ += block;
  }

  std::vector<Block> blocks_;
  char* next_ = nullptr;
  size_t left_ = 0;
  size_t held_ = 0;
};

}  // namespace shardmill
