#include "stages/support/text_key.h"

#include <cstring>

#include "pipeline/base/hash.h"
#include "pipeline/base/text.h"

namespace shardmill {

namespace {

/// Without a character at the end that lost some of its bytes.
std::string_view without_cut_character(std::string_view text) {
  for (size_t back = 1; back <= 3 && back <= text.size(); ++back) {
    const unsigned char byte = static_cast<unsigned char>(text[text.size() - back]);
    if (byte < 0x80) break;
    if (byte < 0xc0) continue;  // inside a character
    if (utf8_length(text.substr(text.size() - back)) == 0) text.remove_suffix(back);
    break;
  }
  return text;
}

}  // namespace

std::string long_text_key(std::string_view text) {
  const uint64_t tail[2] = {hash64(text), text.size()};
  std::string key(text.substr(0, kWholeTextBytes));
  key.append(reinterpret_cast<const char*>(tail), sizeof tail);
  return key;
}

uint64_t text_hash(std::string_view text) {
  return hash64(text);
}

uint64_t key_hash(std::string_view key) {
  if (!is_long_text_key(key)) return hash64(key);
  uint64_t hash = 0;
  std::memcpy(&hash, key.data() + kWholeTextBytes, sizeof hash);
  return hash;
}

std::string shown_text(std::string_view key) {
  if (!is_long_text_key(key)) return std::string(key);
  return shown_start(key.substr(0, kWholeTextBytes));
}

std::string shown_start(std::string_view start) {
  return std::string(without_cut_character(start)) + "...";
}

}  // namespace shardmill
