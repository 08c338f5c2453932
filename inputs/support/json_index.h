// Where the tokens of JSON text begin, by simdjson's first stage.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

namespace shardmill {

/// Positions of `{ } [ ] : ,`, of the opening quote of each string, and of the first byte of each
/// other run of bytes that are not whitespace, outside strings. So behind the last byte of a token
/// only whitespace stands before the next position. One worker.
class JsonIndex {
 public:
  /// Texts that are longer are not indexed, to bound memory: four bytes for each of theirs.
  static constexpr size_t kBytesMax = 1 << 20;

  JsonIndex();
  ~JsonIndex();
  JsonIndex(const JsonIndex&) = delete;
  JsonIndex& operator=(const JsonIndex&) = delete;

  /// False if there is no fast way here: the processor has none, or SHARDMILL_SIMD forbids it.
  bool available() const { return state_ != nullptr; }

  /// Indexes `text`, one or several lines, the last with its newline. False if some line has no
  /// sound strings: bytes that are not UTF-8, a control character (also a newline) in a string, a
  /// string that does not end; also if the text is longer than kBytesMax. If true, no string
  /// reaches over a newline, so each line's tokens are what they would be alone. About 4 GB/s.
  /// REQUIRES: available().
  bool build(std::string_view text);

  /// Whether `text` is UTF-8; 30 GB/s and more if it is ASCII.
  /// REQUIRES: available().
  bool is_utf8(std::string_view text) const;

  /// The positions, followed by two that point to the text's last byte, the newline.
  /// REQUIRES: build was called and gave true.
  const uint32_t* positions() const { return positions_; }
  size_t count() const { return count_; }  ///< without those two

 private:
  struct State;
  std::unique_ptr<State> state_;
  const uint32_t* positions_ = nullptr;
  size_t count_ = 0;
};

}  // namespace shardmill
