#include "pipeline/base/simd.h"

#include <cstdint>
#include <cstdlib>
#include <string_view>

// When it is loaded, Highway's library measures for its own benchmarks how fine the processor's
// clock is: half of what a program with nothing to do takes. It asks for a function by its
// name, and the program's own comes first. Nothing else calls it.
namespace hwy::platform {
uint64_t TimerResolution() {
  return 1;
}
}  // namespace hwy::platform

namespace shardmill {

bool simd_limited_to_scalar() {
  static const bool scalar = [] {
    const char* wanted = std::getenv("SHARDMILL_SIMD");
    return wanted != nullptr && std::string_view(wanted) == "scalar";
  }();
  return scalar;
}

}  // namespace shardmill
