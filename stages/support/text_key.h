// What stands for a text where different texts are counted: itself, or for a long one its start,
// hash and size, so that memory does not follow the length of texts. Pure functions, any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace shardmill {

/// Texts up to this many bytes are their own key.
inline constexpr size_t kWholeTextBytes = 100;

inline bool needs_text_key(std::string_view text) {
  return text.size() > kWholeTextBytes;
}
/// REQUIRES: needs_text_key(text). Two different texts have one key with a chance of 2^-64.
std::string long_text_key(std::string_view text);

/// A hash whose value may reach results, the same for a text and its key.
uint64_t text_hash(std::string_view text);
uint64_t key_hash(std::string_view key);
/// True if the key stands for a long text.
inline bool is_long_text_key(std::string_view key) {
  return key.size() > kWholeTextBytes;
}
/// The text for people: of a long one shown_start of its start.
std::string shown_text(std::string_view key);
/// The start of a longer text, not cut inside a character, and "...".
std::string shown_start(std::string_view start);

}  // namespace shardmill
