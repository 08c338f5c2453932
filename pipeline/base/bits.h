// The set bits of a word.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

namespace shardmill {

/// Calls visit(index) for each set bit, ascending.
template <typename Visit>
inline void for_each_bit(uint64_t bits, Visit&& visit) {
  for (; bits != 0; bits &= bits - 1) visit(static_cast<size_t>(std::countr_zero(bits)));
}

}  // namespace shardmill
