// Copies of chosen rows of a column.
#pragma once

#include <cstdint>
#include <span>

#include "pipeline/base/arena.h"
#include "pipeline/core/column.h"

namespace shardmill {

/// Makes `to` the values of `from` at `rows`, in this order. Text is copied into `arena`, or left
/// where it is if that is nullptr.
void copy_rows(const Column& from, std::span<const uint32_t> rows, Column& to, Arena* arena);

}  // namespace shardmill
