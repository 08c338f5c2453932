// One switch for all kernels: the fast version by run-time dispatch, or the plain scalar one beside
// it.
#pragma once

namespace shardmill {

/// True if kernels must take their scalar version. Decided once, from the environment variable
/// SHARDMILL_SIMD ("scalar" or "auto"), so that tests can repeat a run without SIMD. Any thread.
bool simd_limited_to_scalar();

}  // namespace shardmill
