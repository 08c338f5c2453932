#include "pipeline/formats/hdf5_text.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "pipeline/base/text.h"
#include "pipeline/formats/json_text.h"

namespace shardmill {

namespace {

constexpr uint64_t kOnes = 0x0101010101010101;

/// Whether any of 8 bytes is NUL or beyond ASCII.
bool is_odd(uint64_t word) {
  return (((word - kOnes) | word) & (kOnes << 7)) != 0;
}

uint64_t word_at(const char* text) {
  uint64_t word = 0;
  std::memcpy(&word, text, sizeof word);
  return word;
}

uint64_t half_at(const char* text) {
  uint32_t half = 0;
  std::memcpy(&half, text, sizeof half);
  return half;
}

/// ASCII without NUL.
bool is_simple(std::string_view text) {
  const size_t size = text.size();
  if (size < sizeof(uint64_t)) {
    if (size >= sizeof(uint32_t)) {
      return !is_odd(half_at(text.data()) | half_at(text.data() + size - sizeof(uint32_t)) << 32);
    }
    return std::all_of(text.begin(), text.end(),
                       [](char c) { return static_cast<signed char>(c) > 0; });
  }
  for (size_t i = 0; i + sizeof(uint64_t) <= size; i += sizeof(uint64_t)) {
    if (is_odd(word_at(text.data() + i))) return false;
  }
  return !is_odd(word_at(text.data() + size - sizeof(uint64_t)));
}

}  // namespace

bool is_storable_text(std::string_view text) {
  if (is_simple(text)) return true;
  return is_utf8(text) && text.find('\0') == std::string_view::npos;
}

std::string storable_text(std::string_view text) {
  if (is_storable_text(text)) return std::string(text);
  std::string out = "{\"base64\":\"";
  append_base64(out, text);
  return out + "\"}";
}

}  // namespace shardmill
