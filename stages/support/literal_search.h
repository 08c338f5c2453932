// Finds one fixed text in other texts.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace shardmill {

/// std::memcmp(a, b, size) == 0 without its call, which takes longer than comparing a short text.
inline bool equal_bytes(const char* a, const char* b, size_t size) {
  const auto differ = [&](auto part, size_t at) {
    auto other = part;
    std::memcpy(&part, a + at, sizeof part);
    std::memcpy(&other, b + at, sizeof part);
    return part != other;
  };
  if (size >= sizeof(uint64_t)) {
    constexpr size_t kPart = sizeof(uint64_t);
    if (differ(uint64_t{}, 0) || differ(uint64_t{}, size - kPart)) return false;
    return size <= 2 * kPart || std::memcmp(a + kPart, b + kPart, size - 2 * kPart) == 0;
  }
  if (size >= sizeof(uint32_t)) {
    return !differ(uint32_t{}, 0) && !differ(uint32_t{}, size - sizeof(uint32_t));
  }
  for (size_t i = 0; i < size; ++i) {
    if (a[i] != b[i]) return false;
  }
  return true;
}

/// A line of a text, and where something first stands in it.
struct LineHit {
  size_t begin = 0;
  size_t end = 0;  ///< at its "\n", or the end of the text
  size_t hit = 0;

  /// Without the line end; a CR at the end of a text without a newline is the line's own.
  std::string_view content(std::string_view text) const {
    const bool has_cr = end < text.size() && end > begin && text[end - 1] == '\r';
    return text.substr(begin, end - begin - (has_cr ? 1 : 0));
  }
};

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
  /// Writes the first `room` lines of `text` at `from` or behind that hold the needle, each once
  /// with its first occurrence, and returns how many. Newlines are looked for around occurrences
  /// only. REQUIRES: the needle is not empty and has no newline; a line begins at `from`.
  size_t find_lines(std::string_view text, size_t from, LineHit* lines, size_t room) const;
  /// The plain version that `find` must equal.
  size_t find_scalar(std::string_view text, size_t from = 0) const;
  /// The plain version that `find_lines` must equal.
  size_t find_lines_scalar(std::string_view text, size_t from, LineHit* lines, size_t room) const;
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
  Needle needle() const;

  std::string needle_;
  bool ignore_case_ = false;
  bool scalar_ = false;
  size_t first_ = 0;
  size_t second_ = 0;
};

}  // namespace shardmill
