// One switch for all kernels: the fast version by run-time dispatch, or the plain scalar one beside
// it.
#pragma once

#include <bit>

namespace shardmill {

// Kernels, and their plain versions, take eight bytes of a text as a word whose lowest byte is the
// first; what is encoded for other ranks and checkpoints (bytes.h) is copied as it lies in memory.
static_assert(std::endian::native == std::endian::little,
              "shardmill is for little-endian processors only");

/// True if kernels must take their scalar version. Decided once, from the environment variable
/// SHARDMILL_SIMD ("scalar" or "auto"), so that tests can repeat a run without SIMD. Any thread.
bool simd_limited_to_scalar();

}  // namespace shardmill
