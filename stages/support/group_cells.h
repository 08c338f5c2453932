// The keys of a GroupTable as words: how each value becomes a cell, and how cells are hashed and
// compared. Known to the table alone.
//
// While all keys can be so, each is a narrow cell of one word:
//   number       the value's bits
//   text <= 8    its bytes at the end, the first of them above 1; zeros in front
//   null         kNarrowNull, which is no other key's cell
// From the first other key on, each is a cell of two words:
//   number       the value's bits                  0
//   text <= 15   bytes 0-7                         bytes 8-14, and the length in the top byte
//   text > 15    its hash                          0xff in the top byte, address of a string_view
//   null         0                                 0xfe in the top byte
// Two cells are equal if both words are, or if both are long texts with one hash and equal bytes.
#pragma once

#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <optional>
#include <span>
#include <string_view>

#include "pipeline/base/check.h"
#include "pipeline/base/hash.h"
#include "pipeline/core/column.h"
#include "stages/support/group_table.h"
#include "stages/support/short_text.h"

namespace shardmill::group_cells {

constexpr unsigned kKindShift = kShortTextKindShift;
constexpr uint64_t kLong = uint64_t{0xff} << kKindShift;
constexpr uint64_t kNull = uint64_t{0xfe} << kKindShift;
constexpr uint64_t kNarrowNull = (uint64_t{1} << 63) + 1;  // as an int or a float a very odd one
constexpr size_t kNarrowTextBytes = 8;
constexpr uint8_t kNarrowFirstByte = 2;  // and above: so no text is kNarrowNull
constexpr uint64_t kAddressMask = (uint64_t{1} << kKindShift) - 1;

constexpr uint64_t kHashStart = 0x9E3779B97F4A7C15u;
constexpr uint64_t kHashFirst = 0xA0761D6478BD642Fu;
constexpr uint64_t kHashSecond = 0xE7037ED1A0B428DBu;

inline bool is_long(uint64_t second) {
  return (second >> kKindShift) == 0xff;
}

/// Internal only: never reaches a result.
inline uint64_t mix(uint64_t hash, uint64_t first, uint64_t second) {
  const uint64_t a = first ^ hash ^ kHashFirst;
  const uint64_t b = second ^ kHashSecond;
  // The lower half is multiplied apart: compilers leave a product of which both halves are used in
  // memory, which costs more.
  return (a * b) ^ static_cast<uint64_t>((static_cast<UInt128>(a) * b) >> 64);
}

inline uint64_t long_cell(const void* view) {
  const uint64_t address = reinterpret_cast<uintptr_t>(view);
  SHARDMILL_CHECK(address <= kAddressMask);
  return kLong | address;
}

inline std::string_view long_text(uint64_t second) {
  std::string_view view;
  std::memcpy(static_cast<void*>(&view), reinterpret_cast<const void*>(second & kAddressMask),
              sizeof view);
  return view;
}

inline uint64_t float_bits(double value) {
  return std::isnan(value) ? std::bit_cast<uint64_t>(std::numeric_limits<double>::quiet_NaN())
                           : std::bit_cast<uint64_t>(value + 0.0);
}

/// Fills one key's cells of a block and takes them into the hashes. `make(row, cell)` writes the
/// cell of a value.
template <typename Make>
inline void fill_cells(const Column& column, const RowBlock& block, size_t words, uint64_t* cells,
                       uint64_t* hashes, Make&& make) {
  for (size_t i = 0; i < block.count; ++i, cells += words) {
    const size_t row = block.row(i);
    if (column.has_nulls && column.null[row] != 0) {
      cells[0] = 0;
      cells[1] = kNull;
    } else {
      make(row, cells);
    }
    hashes[i] = mix(hashes[i], cells[0], is_long(cells[1]) ? kLong : cells[1]);
  }
}

/// The cell of a text that may be empty, long, or at the end of a page; what is hashed of its
/// second word.
[[gnu::noinline]] inline uint64_t odd_text_cell(const std::string_view& text, uint64_t* cell) {
  if (text.size() <= kShortTextBytes) {
    short_text_words(text.data(), text.size(), cell);
    return cell[1];
  }
  cell[0] = hash64(text);
  cell[1] = long_cell(&text);
  return kLong;
}

/// Takes a text as a key's cell into a hash.
SHARDMILL_READS_PAST_END inline uint64_t add_text_cell(uint64_t hash, const std::string_view& text,
                                                       uint64_t* cell) {
  if (is_plain_short_text(text)) [[likely]] {
    plain_short_text_words(text.data(), text.size(), cell);
    return mix(hash, cell[0], cell[1]);
  }
  const uint64_t second = odd_text_cell(text, cell);
  return mix(hash, cell[0], second);
}

inline void fill_text_cells(const Column& column, const RowBlock& block, size_t words,
                            uint64_t* cells, uint64_t* hashes) {
  for (size_t i = 0; i < block.count; ++i, cells += words) {
    const size_t row = block.row(i);
    if (column.is_null(row)) {
      cells[0] = 0;
      cells[1] = kNull;
      hashes[i] = mix(hashes[i], 0, kNull);
    } else {
      hashes[i] = add_text_cell(hashes[i], column.text[row], cells);
    }
  }
}

/// A text as a narrow cell, and whether it can be one.
struct NarrowText {
  uint64_t cell;
  bool fits;
};

inline bool may_begin_narrow_text(uint64_t first_byte) {
  return (first_byte & 0xff) >= kNarrowFirstByte;
}

/// A text that may be empty, too long, or at the end of a page.
[[gnu::noinline]] inline NarrowText odd_narrow_text(std::string_view text) {
  NarrowText narrow{.cell = 0, .fits = text.empty()};
  if (text.empty() || text.size() > kNarrowTextBytes) return narrow;
  std::memcpy(reinterpret_cast<char*>(&narrow.cell + 1) - text.size(), text.data(), text.size());
  narrow.fits = may_begin_narrow_text(static_cast<uint8_t>(text[0]));
  return narrow;
}

/// From 1 to 8 bytes that are in one page with those behind the first one.
inline bool is_plain_narrow_text(const char* bytes, size_t size) {
  return size - 1 < kNarrowTextBytes && are_in_one_page(bytes, kNarrowTextBytes);
}

SHARDMILL_READS_PAST_END inline NarrowText plain_narrow_text(const char* bytes, size_t size) {
  const uint64_t word = *reinterpret_cast<const UnalignedWord*>(bytes);
  return {.cell = word << (8 * (kNarrowTextBytes - size)), .fits = may_begin_narrow_text(word)};
}

SHARDMILL_READS_PAST_END inline NarrowText narrow_text(const std::string_view& text) {
  if (is_plain_narrow_text(text.data(), text.size())) [[likely]] {
    return plain_narrow_text(text.data(), text.size());
  }
  return odd_narrow_text({text.data(), text.size()});
}

inline size_t narrow_text_size(uint64_t cell) {
  return kNarrowTextBytes - static_cast<size_t>(std::countr_zero(cell)) / 8;
}

/// Writes a narrow cell as one of two words.
inline void widen_cell(uint64_t narrow, Type type, uint64_t* cell) {
  const bool is_null = narrow == kNarrowNull;
  const size_t size = narrow_text_size(narrow);
  const bool is_text = type == Type::kText && !is_null && size > 0;
  cell[0] = is_null ? 0 : is_text ? narrow >> (8 * (kNarrowTextBytes - size)) : narrow;
  cell[1] = is_null ? kNull : is_text ? uint64_t{size} << kKindShift : 0;
}

inline uint64_t hash_of_narrow(const uint64_t* cells, size_t keys) {
  uint64_t hash = kHashStart;
  size_t key = 0;
  for (; key + 2 <= keys; key += 2) hash = mix(hash, cells[key], cells[key + 1]);
  return key < keys ? mix(hash, cells[key], 0) : hash;
}

/// `make(row, cell)` writes the cell of a value, or gives false if it cannot be narrow.
template <typename Make>
inline bool fill_narrow_cells(const Column& column, const RowBlock& block, size_t words,
                              uint64_t* cells, Make&& make) {
  bool all = true;
  for (size_t i = 0; i < block.count; ++i, cells += words) {
    const size_t row = block.row(i);
    if (column.is_null(row)) {
      *cells = kNarrowNull;
    } else {
      all &= make(row, cells);
    }
  }
  return all;
}

/// False if a key of the block cannot be narrow.
inline bool fill_narrow_cells_of(const Column& column, const RowBlock& block, size_t words,
                                 uint64_t* cells) {
  const auto whole = [](uint64_t word, uint64_t* cell) {
    *cell = word;
    return word != kNarrowNull;
  };
  switch (column.type) {
    case Type::kText:
      return fill_narrow_cells(column, block, words, cells, [&](size_t row, uint64_t* cell) {
        const NarrowText narrow = narrow_text(column.text[row]);
        *cell = narrow.cell;
        return narrow.fits;
      });
    case Type::kInt:
    case Type::kTime:
      return fill_narrow_cells(column, block, words, cells, [&](size_t row, uint64_t* cell) {
        return whole(static_cast<uint64_t>(column.ints[row]), cell);
      });
    case Type::kFloat:
      return fill_narrow_cells(column, block, words, cells, [&](size_t row, uint64_t* cell) {
        return whole(float_bits(column.floats[row]), cell);
      });
    case Type::kBool:
      return fill_narrow_cells(column, block, words, cells, [&](size_t row, uint64_t* cell) {
        return whole(column.bools[row], cell);
      });
  }
  return false;
}

inline void fill_cells_of(const Column& column, const RowBlock& block, size_t words,
                          uint64_t* cells, uint64_t* hashes) {
  switch (column.type) {
    case Type::kText:
      fill_text_cells(column, block, words, cells, hashes);
      break;
    case Type::kInt:
    case Type::kTime:
      fill_cells(column, block, words, cells, hashes, [&](size_t row, uint64_t* cell) {
        cell[0] = static_cast<uint64_t>(column.ints[row]);
        cell[1] = 0;
      });
      break;
    case Type::kFloat:
      fill_cells(column, block, words, cells, hashes, [&](size_t row, uint64_t* cell) {
        cell[0] = float_bits(column.floats[row]);
        cell[1] = 0;
      });
      break;
    case Type::kBool:
      fill_cells(column, block, words, cells, hashes, [&](size_t row, uint64_t* cell) {
        cell[0] = column.bools[row];
        cell[1] = 0;
      });
      break;
  }
}

/// Texts of rows that follow each other, none of them null.
template <size_t kKeys>
using PlainTexts = std::array<const std::string_view*, kKeys>;

/// Nothing unless all keys of the block are such texts.
template <size_t kKeys>
std::optional<PlainTexts<kKeys>> plain_texts(std::span<const Column* const> keys,
                                             const RowBlock& block) {
  if (keys.size() != kKeys || block.list != nullptr) return std::nullopt;
  PlainTexts<kKeys> texts = {};
  for (size_t key = 0; key < kKeys; ++key) {
    if (keys[key]->type != Type::kText || keys[key]->has_nulls) return std::nullopt;
    texts[key] = keys[key]->text.data() + block.first;
  }
  return texts;
}

/// Cells and hashes of all keys at once. `fetch(hash)` may fetch what the hash leads to.
template <size_t kKeys, typename Fetch>
void fill_plain_texts(const PlainTexts<kKeys>& texts, size_t count, uint64_t* cells,
                      uint64_t* hashes, Fetch&& fetch) {
  for (size_t i = 0; i < count; ++i) {
    uint64_t hash = kHashStart;
    for (size_t key = 0; key < kKeys; ++key, cells += 2) {
      hash = add_text_cell(hash, texts[key][i], cells);
    }
    hashes[i] = hash;
    fetch(hash);
  }
}

/// The same with narrow cells; false if a text cannot be one.
template <size_t kKeys, typename Fetch>
bool fill_plain_narrow_texts(const PlainTexts<kKeys>& texts, size_t count, uint64_t* cells,
                             uint64_t* hashes, Fetch&& fetch) {
  bool all = true;
  for (size_t i = 0; i < count; ++i, cells += kKeys) {
    uint64_t row[kKeys];
    for (size_t key = 0; key < kKeys; ++key) {
      const NarrowText narrow = narrow_text(texts[key][i]);
      all &= narrow.fits;
      row[key] = cells[key] = narrow.cell;
    }
    hashes[i] = hash_of_narrow(row, kKeys);
    fetch(hashes[i]);
  }
  return all;
}

template <typename T>
int three_way(T a, T b) {
  return a < b ? -1 : a > b ? 1 : 0;
}

/// By bytes, then by length. The cells of two short texts, which end with zeros and the length, are
/// in order as numbers whose first byte counts most.
inline int compare_short_texts(const uint64_t* a, const uint64_t* b) {
  const size_t word = a[0] == b[0] ? 1 : 0;
  return three_way(__builtin_bswap64(a[word]), __builtin_bswap64(b[word]));
}

/// The same of narrow cells, once their bytes stand in front.
inline int compare_narrow_texts(uint64_t a, uint64_t b) {
  const size_t a_size = narrow_text_size(a);
  const size_t b_size = narrow_text_size(b);
  const auto in_front = [](uint64_t cell, size_t size) {
    return size == 0 ? 0 : __builtin_bswap64(cell >> (8 * (kNarrowTextBytes - size)));
  };
  const int order = three_way(in_front(a, a_size), in_front(b, b_size));
  return order != 0 ? order : three_way(a_size, b_size);
}

/// NaN after all numbers.
inline int compare_floats(double a, double b) {
  if (std::isnan(a) || std::isnan(b)) return three_way(std::isnan(a), std::isnan(b));
  return three_way(a, b);
}

}  // namespace shardmill::group_cells
