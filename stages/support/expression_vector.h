// Values on their way through an expression: blocks of rows as dense arrays.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "pipeline/core/column.h"

namespace shardmill {

/// Rows that are computed at a time: small enough that all arrays of an expression stay in the
/// first caches, and that its memory is bounded whatever a chunk holds.
inline constexpr size_t kBlockRows = 1024;

/// The values of one node for the rows of a block, or one value for all of them.
///
/// Where a row is null its value is valid but without meaning: "" for text, 0 for bool (which the
/// logic relies on), anything for numbers.
struct Vector {
  Type type = Type::kBool;
  bool is_constant = false;  ///< only index 0 is there
  const std::string_view* text = nullptr;
  const int64_t* ints = nullptr;
  const double* floats = nullptr;
  const uint8_t* bools = nullptr;
  const uint8_t* null = nullptr;  ///< nullptr: no row is null
};

/// Arrays for one Vector, kBlockRows long where they are in use.
struct Buffer {
  std::vector<std::string_view> text;
  std::vector<int64_t> ints;
  std::vector<double> floats;
  std::vector<uint8_t> bools;
  std::vector<uint8_t> null;
};

/// Buffers that are used again and again. One worker's.
class BufferPool {
 public:
  std::unique_ptr<Buffer> take() {
    if (free_.empty()) return std::make_unique<Buffer>();
    std::unique_ptr<Buffer> buffer = std::move(free_.back());
    free_.pop_back();
    return buffer;
  }
  void give(std::unique_ptr<Buffer> buffer) { free_.push_back(std::move(buffer)); }

 private:
  std::vector<std::unique_ptr<Buffer>> free_;
};

/// A Vector with the buffer that it lives in, if it does not live in a column.
class Value {
 public:
  explicit Value(const Vector& borrowed) : vector_(borrowed) {}
  /// Room for a block of `type`, no row null.
  Value(Type type, BufferPool& pool) : pool_(&pool), buffer_(pool.take()) {
    vector_.type = type;
    switch (type) {
      case Type::kText:
        buffer_->text.resize(kBlockRows);
        vector_.text = buffer_->text.data();
        break;
      case Type::kInt:
      case Type::kTime:
        buffer_->ints.resize(kBlockRows);
        vector_.ints = buffer_->ints.data();
        break;
      case Type::kFloat:
        buffer_->floats.resize(kBlockRows);
        vector_.floats = buffer_->floats.data();
        break;
      case Type::kBool:
        buffer_->bools.resize(kBlockRows);
        vector_.bools = buffer_->bools.data();
        break;
    }
  }
  ~Value() {
    if (buffer_ != nullptr) pool_->give(std::move(buffer_));
  }
  Value(Value&& other) noexcept = default;
  Value& operator=(Value&& other) noexcept {
    std::swap(vector_, other.vector_);
    std::swap(pool_, other.pool_);
    std::swap(buffer_, other.buffer_);
    return *this;
  }

  const Vector& vector() const { return vector_; }
  bool is_owned() const { return buffer_ != nullptr; }

  /// For writing. REQUIRES: is_owned(), the type fits.
  std::string_view* text() { return buffer_->text.data(); }
  int64_t* ints() { return buffer_->ints.data(); }
  double* floats() { return buffer_->floats.data(); }
  uint8_t* bools() { return buffer_->bools.data(); }

  /// The null marks for writing, all 0 if there were none before. REQUIRES: is_owned().
  uint8_t* nulls() {
    if (vector_.null == nullptr) {
      buffer_->null.assign(kBlockRows, 0);
      vector_.null = buffer_->null.data();
    }
    return buffer_->null.data();
  }
  /// Marks null the rows that `null` marks (nullptr: none).
  void add_nulls(const uint8_t* null, size_t rows) {
    if (null == nullptr) return;
    uint8_t* own = nulls();
    for (size_t i = 0; i < rows; ++i) own[i] |= null[i];
  }

 private:
  Vector vector_;
  BufferPool* pool_ = nullptr;
  std::unique_ptr<Buffer> buffer_;
};

}  // namespace shardmill
