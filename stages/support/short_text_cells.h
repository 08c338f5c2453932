// Many short texts at once as words (short_text.h) and hashes. Pure functions, any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace shardmill {

/// Both words of a text over kShortTextBytes: no other text has them.
inline constexpr uint64_t kNoShortText = ~uint64_t{0};

struct alignas(16) ShortTextCell {
  uint64_t words[2];
};

/// Never reaches a result: what is looked up by it is compared.
inline uint64_t hash_short_text(const uint64_t* words) {
  const uint64_t mixed = words[0] * 0x9E3779B97F4A7C15u + words[1] * 0xA0761D6478BD642Fu;
  return mixed ^ mixed << 20;
}

/// Writes the words of each text and their hash_short_text. About 1.2 ns a text where the processor
/// loads by masks (AVX-512), 2 ns elsewhere; bound by the instructions.
void short_text_cells(const std::string_view* texts, size_t count, ShortTextCell* cells,
                      uint64_t* hashes);
/// The plain version that short_text_cells must equal.
void short_text_cells_scalar(const std::string_view* texts, size_t count, ShortTextCell* cells,
                             uint64_t* hashes);

}  // namespace shardmill
