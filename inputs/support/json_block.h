// Many records of one make at once: the kernel under the fast way through JSON lines.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "inputs/support/json_scalar.h"
#include "inputs/support/json_template.h"
#include "pipeline/formats/json_scan.h"

namespace shardmill {

/// Records of an indexed text, a bit of a word for each.
struct JsonBlock {
  static constexpr size_t kRecords = 64;

  std::string_view text;
  size_t count = 0;
  std::array<const uint32_t*, kRecords> first;  ///< each record's positions in the index
  std::array<uint32_t, kRecords> positions;     ///< and how many there are
};

/// Which of the `candidates` are of this make and sound, given that the index found the strings of
/// the text sound and all backslashes in it begin sound escapes. Goes through all records literal
/// by literal and value by value, without branches on what they hold: about 17 ns for a record of
/// 167 bytes with nine values (Zen 5), bound by instructions. Any thread.
/// REQUIRES: candidates have as many positions as the make; kTextPadding bytes behind the text may
/// be read.
uint64_t match_json_block(const JsonBlock& block, const JsonTemplate& make, uint64_t candidates);
/// The plain version that match_json_block must equal.
uint64_t match_json_block_scalar(const JsonBlock& block, const JsonTemplate& make,
                                 uint64_t candidates);

/// Whether some byte is a backslash. Eight bytes behind the text may be read.
inline bool has_backslash(const char* at, size_t size) {
  constexpr uint64_t kBackslashes = 0x5c5c5c5c5c5c5c5c;
  constexpr uint64_t kOnes = 0x0101010101010101;
  constexpr uint64_t kHighBits = 0x8080808080808080;
  for (const char* const end = at + size; at < end; at += sizeof(uint64_t)) {
    uint64_t bytes = 0;
    std::memcpy(&bytes, at, sizeof bytes);
    const uint64_t others = bytes ^ kBackslashes;
    if (((others - kOnes) & ~others & kHighBits) == 0) [[likely]]
      continue;
    return std::memchr(at, '\\', static_cast<size_t>(end - at)) != nullptr;
  }
  return false;
}

/// The bytes of a value of a record that matched.
inline std::string_view matched_source(const char* text, const uint32_t* first,
                                       const JsonTemplate::Value& value) {
  const uint32_t* const at = first + value.position;
  return {text + at[0], at[1] - value.space - at[0]};
}

/// A sound scalar by its source. Whether a string has escapes is looked for.
inline JsonValue scalar_of_source(std::string_view source, bool may_have_escapes) {
  if (source[0] == '"') {
    const std::string_view text = source.substr(1, source.size() - 2);
    const bool escaped = may_have_escapes && has_backslash(text.data(), text.size());
    return {.kind = JsonKind::kString, .escaped = escaped, .text = text};
  }
  JsonKind kind = JsonKind::kNumber;
  if (source[0] > '9') (void)skip_json_word(source.data(), kind);
  return {.kind = kind, .text = source};
}

}  // namespace shardmill
