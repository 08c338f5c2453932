#include "stages/support/row_copy.h"

#include <cstddef>
#include <vector>

namespace shardmill {

namespace {

template <typename T>
void copy(const std::vector<T>& from, std::span<const uint32_t> rows, std::vector<T>& to) {
  for (size_t i = 0; i < rows.size(); ++i) to[i] = from[rows[i]];
}

}  // namespace

void copy_rows(const Column& from, std::span<const uint32_t> rows, Column& to, Arena* arena) {
  to.prepare(from.type, rows.size());
  if (from.has_nulls) {
    to.has_nulls = true;
    copy(from.null, rows, to.null);
  }
  switch (from.type) {
    case Type::kText:
      for (size_t i = 0; i < rows.size(); ++i) {
        if (to.is_null(i)) continue;  // the text of a null may be anything
        to.text[i] = arena == nullptr ? from.text[rows[i]] : arena->copy(from.text[rows[i]]);
      }
      break;
    case Type::kInt:
    case Type::kTime:
      copy(from.ints, rows, to.ints);
      break;
    case Type::kFloat:
      copy(from.floats, rows, to.floats);
      break;
    case Type::kBool:
      copy(from.bools, rows, to.bools);
      break;
  }
}

}  // namespace shardmill
