#include "pipeline/base/simd.h"

#include <cstdlib>
#include <string_view>

namespace shardmill {

bool simd_limited_to_scalar() {
  static const bool scalar = [] {
    const char* wanted = std::getenv("SHARDMILL_SIMD");
    return wanted != nullptr && std::string_view(wanted) == "scalar";
  }();
  return scalar;
}

}  // namespace shardmill
