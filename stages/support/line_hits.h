// The lines of a text that hold a fixed text.
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string_view>

#include "stages/support/literal_search.h"

namespace shardmill {

/// Whether a line holds the text if and only if it stands in the line's bytes, line end included.
inline bool is_within_lines(std::string_view literal) {
  return literal.find_first_of("\r\n") == std::string_view::npos;
}

/// A shorter text may stand in a line many times.
inline constexpr size_t kRareTextMin = 3;

/// So many at a time.
inline constexpr size_t kLineHits = 128;

/// Calls visit(std::span<const LineHit>) with the lines of `text` that hold the literal, up to
/// kLineHits at a time, from front to back, without looking for the ends of others.
/// REQUIRES: is_within_lines, and the literal is not empty.
template <typename Visit>
void for_lines_with(const LiteralSearch& literal, std::string_view text, Visit&& visit) {
  std::array<LineHit, kLineHits> lines;
  for (size_t at = 0;; at = lines.back().end + 1) {
    const size_t count = literal.find_lines(text, at, lines.data(), lines.size());
    if (count > 0) visit(std::span<const LineHit>(lines.data(), count));
    if (count < lines.size()) return;
  }
}

}  // namespace shardmill
