// Finds one fixed text in other texts.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace shardmill {

/// A fixed text to look for, compared byte by byte; `ignore_case` takes ASCII letters of both cases
/// as equal and nothing else. Immutable, any thread.
///
/// Compares two bytes of the needle, the two that are rarest in usual text, at 16 to 64 positions
/// at a time, and the whole needle only where both fit. About 20 GB/s a thread in cache where hits
/// are rare.
class LiteralSearch {
 public:
  static constexpr size_t kNone = static_cast<size_t>(-1);

  /// An empty needle is found at the start of every text.
  explicit LiteralSearch(std::string_view needle, bool ignore_case = false);

  /// Offset of the first occurrence that starts at `from` or later, or kNone.
  size_t find(std::string_view text, size_t from = 0) const;
  /// The plain version that `find` must equal.
  size_t find_scalar(std::string_view text, size_t from = 0) const;
  /// True if the needle stands at the start of `text`.
  bool starts(std::string_view text) const;

  size_t size() const { return needle_.size(); }

  /// What a kernel needs; the bytes are lower case if `ignore_case`.
  struct Needle {
    const char* bytes = nullptr;
    size_t size = 0;
    bool ignore_case = false;
    size_t first = 0;  ///< offsets of the two bytes that are looked for
    size_t second = 0;
  };

 private:
  std::string needle_;
  bool ignore_case_ = false;
  bool scalar_ = false;
  size_t first_ = 0;
  size_t second_ = 0;
};

}  // namespace shardmill
