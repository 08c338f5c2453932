// Where the groups of a pattern lie in each of several lines of a text.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "pipeline/formats/number_fields.h"

namespace shardmill {

/// What matching some lines of one text has found. One owner; keeps its memory.
struct LineGroups {
  /// Most lines at a time: what is known of them stays in the first cache.
  static constexpr size_t kLines = 128;
  enum class Found : uint8_t { kNo, kYes, kLimit };

  /// By line.
  std::array<Found, kLines> found;
  /// Of the text, where found is kYes; a group that took no part begins behind its end.
  const FieldSpan* of(size_t group) const { return spans.data() + group * kLines; }
  FieldSpan* of(size_t group) { return spans.data() + group * kLines; }

  std::vector<FieldSpan> spans;  ///< by group, then by line; those of group 0 are not set
  bool some_took_no_part = false;
};

}  // namespace shardmill
