// What the fuzz targets share. Each is given bytes, and must neither crash nor disagree with a
// second opinion.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace shardmill {

inline void require(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "fuzz target: %s\n", what);
  std::abort();
}

/// The first bytes choose how the rest is read.
class Choices {
 public:
  Choices(const uint8_t* data, size_t size) : bytes_(reinterpret_cast<const char*>(data), size) {}

  unsigned below(unsigned bound) {
    if (bytes_.empty()) return 0;
    const auto byte = static_cast<unsigned char>(bytes_.front());
    bytes_.remove_prefix(1);
    return byte % bound;
  }
  std::string_view rest() const { return bytes_; }

 private:
  std::string_view bytes_;
};

}  // namespace shardmill

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);
