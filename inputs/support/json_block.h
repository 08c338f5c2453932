// Many records of one make at once: the kernel under the fast way through JSON lines.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

#include "inputs/support/json_marks.h"
#include "inputs/support/json_scalar.h"
#include "inputs/support/json_template.h"
#include "pipeline/formats/json_scan.h"
#include "pipeline/formats/number_fields.h"

namespace shardmill {

/// Records of a marked text (json_marks.h), a bit of a word for each.
struct JsonBlock {
  static constexpr size_t kRecords = 64;
  /// Without its newline, in the text.
  struct Line {
    size_t begin;
    size_t end;
  };

  /// A line by its number, and where in the text it begins.
  struct LineStart {
    size_t line = 0;
    size_t at = 0;
  };

  /// Takes up to kRecords of the lines from this one on that are not blank. Returns the line behind
  /// them. REQUIRES: the marks are those of `text`.
  LineStart hold(const JsonMarks& marks, LineStart from);

  std::string_view text;
  const uint64_t* quotes = nullptr;  ///< of JsonMarks
  size_t count = 0;
  std::array<uint32_t, kRecords> begin;  ///< of each record, behind whitespace
  std::array<uint32_t, kRecords> end;    ///< of its line, without carriage return and newline
  std::array<Line, kRecords> lines;      ///< of each record, if `hold` took it
};

/// Where the records that matched a make have their wanted parts, by record.
struct JsonSpans {
  template <typename T>
  using ByRecord = std::array<T, JsonBlock::kRecords>;

  std::vector<ByRecord<FieldSpan>> values;  ///< the sources of values: strings with their quotes
  std::vector<ByRecord<uint32_t>> starts;   ///< beginnings of literals
  ByRecord<FieldSpan> unwanted;             ///< room for what nobody wants
  ByRecord<uint32_t> no_starts;             ///< likewise
};

/// Which of the `candidates` are of this make and sound, given that they have no control
/// characters but whitespace behind them, are UTF-8, and that all backslashes in them begin sound
/// escapes. Goes through all records step by step (a literal and the value behind it), so that what
/// is looked for stays in registers and the records, which depend on nothing, overlap. About 18 ns
/// for a record of 167 bytes with nine values (Zen 5), bound by instructions. Any thread.
/// REQUIRES: kTextPadding bytes behind the text may be read; the records are lines of the text
/// with a newline.
uint64_t match_json_block(const JsonBlock& block, const JsonTemplate& make, uint64_t candidates,
                          JsonSpans& spans);
/// The plain version that match_json_block must equal.
uint64_t match_json_block_scalar(const JsonBlock& block, const JsonTemplate& make,
                                 uint64_t candidates, JsonSpans& spans);

/// By record, the commas outside its strings: all records of a make have as many. About 5 ns for a
/// record of 167 bytes. Any thread.
/// REQUIRES: as match_json_block.
void count_json_commas(const JsonBlock& block, JsonSpans::ByRecord<uint32_t>& counts);
/// The plain version that count_json_commas must equal.
void count_json_commas_scalar(const JsonBlock& block, JsonSpans::ByRecord<uint32_t>& counts);

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
