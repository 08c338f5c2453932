// What a committed unit tells rank 0: its books and how much it wrote.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "pipeline/base/status.h"
#include "pipeline/core/unit.h"
#include "pipeline/run/part_file.h"

namespace shardmill {

/// The note of a slice that was left out since `--limit` was reached before it.
inline constexpr std::string_view kNotReadNote = "not read";

struct UnitReport {
  std::vector<SliceBooks> slices;
  std::vector<WrittenPart> parts;  ///< by write stage

  std::string encode() const;
  static Result<UnitReport> decode(std::string_view bytes);
};

}  // namespace shardmill
