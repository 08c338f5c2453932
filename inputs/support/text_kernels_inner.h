// Shared by the plain and the fast kernels.
#pragma once

#include "inputs/support/text_kernels.h"

namespace shardmill {

struct CsvRange {
  size_t begin = 0;
  size_t end = 0;
};

/// Marks the bytes of `range` of `text`, one by one, adding to `marks`.
CsvState mark_csv_bytes(std::string_view text, CsvRange range, CsvBytes bytes, CsvState state,
                        CsvMarks& marks);

}  // namespace shardmill
