// The lines of a text that hold a fixed text.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "stages/support/literal_search.h"

namespace shardmill {

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

/// Whether a line holds the text if and only if it stands in the line's bytes, line end included.
inline bool is_within_lines(std::string_view literal) {
  return literal.find_first_of("\r\n") == std::string_view::npos;
}

/// A shorter text may stand in a line many times.
inline constexpr size_t kRareTextMin = 3;

/// Calls visit(LineHit) for each line of `text` that holds the literal, from front to back, without
/// looking for the ends of others. REQUIRES: is_within_lines, and the literal is not empty.
template <typename Visit>
void for_each_line_with(const LiteralSearch& literal, std::string_view text, Visit&& visit) {
  std::array<uint32_t, 256> hits;
  const size_t room = literal.size() < kRareTextMin ? 1 : hits.size();
  size_t at = 0;  // where a line begins
  while (at < text.size()) {
    const size_t count = literal.find_some(text, at, hits.data(), room);
    for (size_t i = 0; i < count; ++i) {
      if (hits[i] < at) continue;  // a line that was visited
      LineHit line = {.begin = at, .hit = hits[i]};
      const void* const before = ::memrchr(text.data() + at, '\n', line.hit - at);
      if (before != nullptr) {
        line.begin = static_cast<size_t>(static_cast<const char*>(before) - text.data()) + 1;
      }
      const size_t behind = line.hit + literal.size();
      const void* const newline = std::memchr(text.data() + behind, '\n', text.size() - behind);
      line.end = newline == nullptr
                     ? text.size()
                     : static_cast<size_t>(static_cast<const char*>(newline) - text.data());
      visit(line);
      at = line.end + 1;
    }
    if (count < room) return;
  }
}

}  // namespace shardmill
