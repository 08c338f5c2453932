#include "stages/support/group_table.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>
#include <optional>
#include <utility>

#include "pipeline/base/check.h"
#include "pipeline/base/hash.h"
#include "stages/support/short_text.h"

namespace shardmill {

namespace {

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
constexpr unsigned kKindShift = kShortTextKindShift;
constexpr uint64_t kLong = uint64_t{0xff} << kKindShift;
constexpr uint64_t kNull = uint64_t{0xfe} << kKindShift;
constexpr uint64_t kNarrowNull = (uint64_t{1} << 63) + 1;  // as an int or a float a very odd one
constexpr size_t kNarrowTextBytes = 8;
constexpr uint8_t kNarrowFirstByte = 2;  // and above: so no text is kNarrowNull
constexpr uint64_t kAddressMask = (uint64_t{1} << kKindShift) - 1;
constexpr size_t kFirstSlots = 64;
constexpr size_t kNearSlots = 4096;   // 32 KiB: nothing is fetched ahead
constexpr size_t kWideSlots = 32768;  // tables with fewer slots are at most a quarter full

constexpr size_t kExpectedMost = 65536;  // groups: 1 MiB of slots

constexpr uint64_t kHashStart = 0x9E3779B97F4A7C15u;
constexpr uint64_t kHashFirst = 0xA0761D6478BD642Fu;
constexpr uint64_t kHashSecond = 0xE7037ED1A0B428DBu;

bool is_long(uint64_t second) {
  return (second >> kKindShift) == 0xff;
}

/// Internal only: never reaches a result.
uint64_t mix(uint64_t hash, uint64_t first, uint64_t second) {
  const uint64_t a = first ^ hash ^ kHashFirst;
  const uint64_t b = second ^ kHashSecond;
  // The lower half is multiplied apart: compilers leave a product of which both halves are used in
  // memory, which costs more.
  return (a * b) ^ static_cast<uint64_t>((static_cast<UInt128>(a) * b) >> 64);
}

uint64_t long_cell(const void* view) {
  const uint64_t address = reinterpret_cast<uintptr_t>(view);
  SHARDMILL_CHECK(address <= kAddressMask);
  return kLong | address;
}

std::string_view long_text(uint64_t second) {
  std::string_view view;
  std::memcpy(static_cast<void*>(&view), reinterpret_cast<const void*>(second & kAddressMask),
              sizeof view);
  return view;
}

uint64_t float_bits(double value) {
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
[[gnu::noinline]] uint64_t odd_text_cell(const std::string_view& text, uint64_t* cell) {
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

void fill_text_cells(const Column& column, const RowBlock& block, size_t words, uint64_t* cells,
                     uint64_t* hashes) {
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

bool may_begin_narrow_text(uint64_t first_byte) {
  return (first_byte & 0xff) >= kNarrowFirstByte;
}

/// A text that may be empty, too long, or at the end of a page.
[[gnu::noinline]] NarrowText odd_narrow_text(std::string_view text) {
  NarrowText narrow{.cell = 0, .fits = text.empty()};
  if (text.empty() || text.size() > kNarrowTextBytes) return narrow;
  std::memcpy(reinterpret_cast<char*>(&narrow.cell + 1) - text.size(), text.data(), text.size());
  narrow.fits = may_begin_narrow_text(static_cast<uint8_t>(text[0]));
  return narrow;
}

/// From 1 to 8 bytes that are in one page with those behind the first one.
inline bool is_plain_narrow_text(const char* bytes, size_t size) {
  constexpr uintptr_t kPage = 4096;
  return size - 1 < kNarrowTextBytes &&
         (reinterpret_cast<uintptr_t>(bytes) & (kPage - 1)) <= kPage - kNarrowTextBytes;
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

size_t narrow_text_size(uint64_t cell) {
  return kNarrowTextBytes - static_cast<size_t>(std::countr_zero(cell)) / 8;
}

/// Writes a narrow cell as one of two words.
void widen_cell(uint64_t narrow, Type type, uint64_t* cell) {
  const bool is_null = narrow == kNarrowNull;
  const size_t size = narrow_text_size(narrow);
  const bool is_text = type == Type::kText && !is_null && size > 0;
  cell[0] = is_null ? 0 : is_text ? narrow >> (8 * (kNarrowTextBytes - size)) : narrow;
  cell[1] = is_null ? kNull : is_text ? uint64_t{size} << kKindShift : 0;
}

uint64_t hash_of_narrow(const uint64_t* cells, size_t keys) {
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
bool fill_narrow_cells_of(const Column& column, const RowBlock& block, size_t words,
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

void fill_cells_of(const Column& column, const RowBlock& block, size_t words, uint64_t* cells,
                   uint64_t* hashes) {
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

bool is_crowded(size_t groups, size_t slots) {
  return groups * (slots < kWideSlots ? 4 : 2) > slots;
}

uint32_t tag_of(uint64_t hash) {
  return static_cast<uint32_t>(hash >> 32);
}

/// The group plus 1 in that of the first two slots of a tag that has the tag; 2^32 or more if
/// neither has, and 0 may be a free slot. What has another tag is larger, so no branch is needed,
/// which would often be guessed wrong.
inline uint64_t near_candidate(const uint64_t* slots, size_t mask, uint64_t tag) {
  return std::min(slots[tag & mask] ^ tag << 32, slots[(tag + 1) & mask] ^ tag << 32);
}

template <typename T>
int three_way(T a, T b) {
  return a < b ? -1 : a > b ? 1 : 0;
}

/// By bytes, then by length. The cells of two short texts, which end with zeros and the length, are
/// in order as numbers whose first byte counts most.
int compare_short_texts(const uint64_t* a, const uint64_t* b) {
  const size_t word = a[0] == b[0] ? 1 : 0;
  return three_way(__builtin_bswap64(a[word]), __builtin_bswap64(b[word]));
}

/// The same of narrow cells, once their bytes stand in front.
int compare_narrow_texts(uint64_t a, uint64_t b) {
  const size_t a_size = narrow_text_size(a);
  const size_t b_size = narrow_text_size(b);
  const auto in_front = [](uint64_t cell, size_t size) {
    return size == 0 ? 0 : __builtin_bswap64(cell >> (8 * (kNarrowTextBytes - size)));
  };
  const int order = three_way(in_front(a, a_size), in_front(b, b_size));
  return order != 0 ? order : three_way(a_size, b_size);
}

int compare_floats(double a, double b) {
  if (std::isnan(a) || std::isnan(b)) return three_way(std::isnan(a), std::isnan(b));
  return three_way(a, b);
}

}  // namespace

GroupTable::GroupTable(std::vector<Type> key_types, size_t state_words)
    : key_types_(std::move(key_types)), state_words_(state_words) {
  lay_out(true);
  reserve_record();
  if (key_types_.empty()) {
    add_group(nullptr);
  } else {
    slots_.reset(static_cast<uint64_t*>(heap_zeroed(kFirstSlots * sizeof(uint64_t))));
    slot_count_ = kFirstSlots;
  }
}

void GroupTable::lay_out(bool narrow) {
  is_narrow_ = narrow;
  state_at_ = (narrow ? 1 : 2) * key_types_.size();
  stride_ = std::max<size_t>(1, state_at_ + state_words_);
}

// In place, from the last record on: each word goes to where only words were that have gone.
void GroupTable::widen() {
  const size_t keys = key_types_.size();
  const size_t narrow_stride = stride_;
  const size_t words = record_capacity_ * (2 * keys + state_words_);
  grow_records(words);
  lay_out(false);
  for (size_t group = size_; group-- > 0;) {
    const uint64_t* const from = records_.get() + group * narrow_stride;
    uint64_t* const to = record(static_cast<uint32_t>(group));
    std::copy_backward(from + keys, from + keys + state_words_, to + state_at_ + state_words_);
    for (size_t key = keys; key-- > 0;) widen_cell(from[key], key_types_[key], to + 2 * key);
  }
  std::fill_n(slots_.get(), slot_count_, 0);
  for (uint32_t group = 0; group < size_; ++group) {
    place(static_cast<uint64_t>(tag_of(hash_of(record(group)))) << 32 | (group + 1));
  }
}

uint64_t GroupTable::hash_of(const uint64_t* cells) const {
  if (is_narrow_) return hash_of_narrow(cells, state_at_);
  uint64_t hash = kHashStart;
  for (size_t word = 0; word < state_at_; word += 2) {
    hash = mix(hash, cells[word], is_long(cells[word + 1]) ? kLong : cells[word + 1]);
  }
  return hash;
}

void GroupTable::expect(size_t groups) {
  groups = std::min(groups, kExpectedMost);
  if (key_types_.empty() || size_ > 0 || !is_crowded(groups, slot_count_)) return;
  while (is_crowded(groups, slot_count_)) slot_count_ *= 2;
  slots_.reset(static_cast<uint64_t*>(heap_zeroed(slot_count_ * sizeof(uint64_t))));
  if (groups > record_capacity_) make_records(groups);
}

void GroupTable::find_or_add(std::span<const Column* const> keys, const RowBlock& block,
                             KeyScratch& scratch, uint32_t* groups) {
  SHARDMILL_CHECK(keys.size() == key_types_.size() && block.count <= kBlockRows);
  for (size_t key = 0; key < keys.size(); ++key) {
    SHARDMILL_CHECK(keys[key]->type == key_types_[key]);
  }
  if (is_narrow_ && find_narrow(keys, block, scratch, groups)) return;
  if (is_narrow_) widen();
  find_wide(keys, block, scratch, groups);
}

/// False if a key of the block cannot be narrow; some of its rows may have been added then.
bool GroupTable::find_narrow(std::span<const Column* const> keys, const RowBlock& block,
                             KeyScratch& scratch, uint32_t* groups) {
  const auto text = plain_texts<1>(keys, block);
  if (text && slot_count_ <= kNearSlots) {
    return probe_near_narrow_texts((*text)[0], block.count, groups) == block.count;
  }
  scratch.make_room(kBlockRows, state_at_);
  uint64_t* const cells = scratch.cells.data();
  uint64_t* const hashes = scratch.hashes.data();
  const auto fetch = [slots = slots_.get(), mask = slot_count_ - 1](uint64_t hash) {
    __builtin_prefetch(&slots[tag_of(hash) & mask]);
  };
  bool all = true;
  if (text) {
    all = fill_plain_narrow_texts<1>(*text, block.count, cells, hashes, fetch);
  } else if (const auto texts = plain_texts<2>(keys, block)) {
    all = fill_plain_narrow_texts<2>(*texts, block.count, cells, hashes, fetch);
  } else {
    for (size_t key = 0; key < keys.size(); ++key) {
      all &= fill_narrow_cells_of(*keys[key], block, state_at_, cells + key);
    }
    for (size_t i = 0; i < block.count && !keys.empty(); ++i) {
      hashes[i] = hash_of_narrow(cells + i * state_at_, state_at_);
      fetch(hashes[i]);
    }
  }
  if (all) probe_any(scratch, block.count, groups);
  return all;
}

void GroupTable::find_wide(std::span<const Column* const> keys, const RowBlock& block,
                           KeyScratch& scratch, uint32_t* groups) {
  const auto text = plain_texts<1>(keys, block);
  if (text && slot_count_ <= kNearSlots) return probe_near_texts((*text)[0], block.count, groups);
  scratch.make_room(kBlockRows, state_at_);
  uint64_t* const cells = scratch.cells.data();
  uint64_t* const hashes = scratch.hashes.data();
  const auto fetch = [slots = slots_.get(), mask = slot_count_ - 1](uint64_t hash) {
    __builtin_prefetch(&slots[tag_of(hash) & mask]);
  };
  if (text) {
    fill_plain_texts<1>(*text, block.count, cells, hashes, fetch);
  } else if (const auto texts = plain_texts<2>(keys, block)) {
    fill_plain_texts<2>(*texts, block.count, cells, hashes, fetch);
  } else {
    std::fill_n(hashes, block.count, kHashStart);
    for (size_t key = 0; key < keys.size(); ++key) {
      fill_cells_of(*keys[key], block, state_at_, cells + 2 * key, hashes);
    }
    for (size_t i = 0; i < block.count && !keys.empty(); ++i) fetch(hashes[i]);
  }
  probe_any(scratch, block.count, groups);
}

void GroupTable::find_or_add(const GroupTable& other, size_t first, size_t count,
                             KeyScratch& scratch, uint32_t* groups) {
  SHARDMILL_CHECK(other.key_types_ == key_types_ && count <= kBlockRows);
  if (is_narrow_ && !other.is_narrow_) widen();
  scratch.make_room(kBlockRows, state_at_);
  for (size_t i = 0; i < count; ++i) {
    const uint64_t* const from = other.record(static_cast<uint32_t>(first + i));
    uint64_t* const cells = scratch.cells.data() + i * state_at_;
    if (other.is_narrow_ == is_narrow_) {
      std::copy_n(from, state_at_, cells);
    } else {
      for (size_t key = 0; key < key_types_.size(); ++key) {
        widen_cell(from[key], key_types_[key], cells + 2 * key);
      }
    }
    scratch.hashes[i] = hash_of(cells);
  }
  probe_any(scratch, count, groups);
}

void GroupTable::probe_any(KeyScratch& scratch, size_t count, uint32_t* groups) {
  switch (state_at_) {
    case 0:
      std::fill_n(groups, count, 0);
      break;
    case 1:
      probe<1>(scratch, count, groups);
      break;
    case 2:
      probe<2>(scratch, count, groups);
      break;
    case 4:
      probe<4>(scratch, count, groups);
      break;
    default:
      probe<0>(scratch, count, groups);
      break;
  }
}

/// kWords of the key; 0: as many as the table has.
template <size_t kWords>
inline bool GroupTable::same_key(const uint64_t* record, const uint64_t* cells) const {
  const size_t words = kWords == 0 ? state_at_ : kWords;
  uint64_t difference = 0;
  for (size_t word = 0; word < words; ++word) difference |= record[word] ^ cells[word];
  if (difference == 0) [[likely]]
    return true;
  if (is_narrow_) return false;
  for (size_t word = 0; word < words; word += 2) {
    if (record[word] != cells[word]) return false;
    if (record[word + 1] == cells[word + 1]) continue;
    if (!is_long(record[word + 1]) || !is_long(cells[word + 1])) return false;
    if (long_text(record[word + 1]) != long_text(cells[word + 1])) return false;
  }
  return true;
}

void KeyScratch::make_room(size_t rows, size_t words) {
  cells.resize(rows * words);
  hashes.resize(rows);
  candidates.resize(rows);
}

template <size_t kWords>
void GroupTable::probe(KeyScratch& scratch, size_t count, uint32_t* groups) {
  const size_t words = kWords == 0 ? state_at_ : kWords;
  const uint64_t* const hashes = scratch.hashes.data();
  const uint64_t* cells = scratch.cells.data();
  const bool is_near = slot_count_ <= kNearSlots;
  uint32_t* const candidates = scratch.candidates.data();
  if (!is_near) find_candidates(hashes, count, candidates);
  for (size_t i = 0; i < count; ++i, cells += words) {
    const uint32_t candidate = is_near ? candidate_of(tag_of(hashes[i])) : candidates[i];
    if (candidate != 0 && same_key<kWords>(record(candidate - 1), cells)) [[likely]] {
      groups[i] = candidate - 1;
    } else {
      groups[i] = find_or_add_one<kWords>(cells, tag_of(hashes[i]));
    }
  }
}

namespace {

/// How probe_known_texts takes a text: false if that takes a closer look.
struct NarrowTexts {
  static constexpr size_t kWords = 1;

  SHARDMILL_READS_PAST_END static bool take(const std::string_view& text, uint64_t* cell) {
    if (!is_plain_narrow_text(text.data(), text.size())) [[unlikely]]
      return false;
    const NarrowText narrow = plain_narrow_text(text.data(), text.size());
    *cell = narrow.cell;
    return narrow.fits;
  }
  static uint64_t hash(const uint64_t* cell) { return hash_of_narrow(cell, 1); }
};

struct WideTexts {
  static constexpr size_t kWords = 2;

  SHARDMILL_READS_PAST_END static bool take(const std::string_view& text, uint64_t* cell) {
    if (!is_plain_short_text(text)) [[unlikely]]
      return false;
    plain_short_text_words(text.data(), text.size(), cell);
    return true;
  }
  static uint64_t hash(const uint64_t* cell) { return mix(kHashStart, cell[0], cell[1]); }
};

}  // namespace

/// From text to group in one pass, without leaving cells and hashes in memory.
SHARDMILL_READS_PAST_END void GroupTable::probe_near_texts(const std::string_view* texts,
                                                           size_t count, uint32_t* groups) {
  for (size_t i = 0; i < count;) {
    i = probe_known_texts<WideTexts>(texts, i, count, groups);
    if (i == count) return;
    uint64_t cell[2];
    const uint64_t hash = add_text_cell(kHashStart, texts[i], cell);
    groups[i++] = find_or_add_one<2>(cell, tag_of(hash));
  }
}

/// The same up to the first text that cannot be narrow; where that is.
SHARDMILL_READS_PAST_END size_t GroupTable::probe_near_narrow_texts(const std::string_view* texts,
                                                                    size_t count,
                                                                    uint32_t* groups) {
  for (size_t i = 0; i < count; ++i) {
    i = probe_known_texts<NarrowTexts>(texts, i, count, groups);
    if (i == count) return i;
    const NarrowText narrow = narrow_text(texts[i]);
    if (!narrow.fits) return i;
    groups[i] = find_or_add_one<1>(&narrow.cell, tag_of(hash_of_narrow(&narrow.cell, 1)));
  }
  return count;
}

/// Goes on to the first text that is not found at once. The table does not change meanwhile.
template <typename Texts>
SHARDMILL_READS_PAST_END size_t GroupTable::probe_known_texts(const std::string_view* texts,
                                                              size_t i, size_t count,
                                                              uint32_t* groups) const {
  const size_t mask = slot_count_ - 1;
  const uint64_t* const slots = slots_.get();
  const uint64_t* const records = records_.get();
  const size_t stride = stride_;
  for (; i < count; ++i) {
    uint64_t cell[Texts::kWords];
    if (!Texts::take(texts[i], cell)) [[unlikely]]
      return i;
    const uint64_t tag = tag_of(Texts::hash(cell));
    const uint64_t candidate = near_candidate(slots, mask, tag);
    if (candidate - 1 >= 0xffffffff) [[unlikely]]  // 0: free, and a tag of zeros
      return i;
    const uint64_t group = candidate - 1;
    const uint64_t* const record = records + group * stride;
    uint64_t difference = 0;
    for (size_t word = 0; word < Texts::kWords; ++word) difference |= record[word] ^ cell[word];
    if (difference != 0) [[unlikely]]
      return i;
    groups[i] = static_cast<uint32_t>(group);
  }
  return count;
}

/// The first group of a tag plus 1, or 0 if there is none.
inline uint32_t GroupTable::candidate_of(uint64_t tag) const {
  const size_t mask = slot_count_ - 1;
  const uint64_t* const slots = slots_.get();
  const uint64_t candidate = near_candidate(slots, mask, tag);
  if (candidate >> 32 == 0) [[likely]]
    return static_cast<uint32_t>(candidate);
  size_t at = (tag + 1) & mask;
  while (slots[at] != 0 && (slots[at] >> 32) != tag) at = (at + 1) & mask;
  return static_cast<uint32_t>(slots[at]);
}

/// The candidates of a block, with their records on the way.
void GroupTable::find_candidates(const uint64_t* hashes, size_t count, uint32_t* candidates) const {
  const uint64_t* const records = records_.get();
  const size_t stride = stride_;
  for (size_t i = 0; i < count; ++i) {
    const uint64_t candidate = candidate_of(tag_of(hashes[i]));
    candidates[i] = static_cast<uint32_t>(candidate);
    const uint64_t* const found = records + (candidate - (candidate != 0)) * stride;
    __builtin_prefetch(found, 1);
    __builtin_prefetch(found + stride - 1, 1);
  }
}

template <size_t kWords>
uint32_t GroupTable::find_or_add_one(const uint64_t* cells, uint32_t tag) {
  const size_t mask = slot_count_ - 1;
  size_t at = tag & mask;
  for (; slots_[at] != 0; at = (at + 1) & mask) {
    if (static_cast<uint32_t>(slots_[at] >> 32) != tag) continue;
    const uint32_t group = static_cast<uint32_t>(slots_[at]) - 1;
    if (same_key<kWords>(record(group), cells)) return group;
  }
  reserve_record();
  const uint32_t group = add_group(cells);
  slots_[at] = (static_cast<uint64_t>(tag) << 32) | (group + 1);
  if (is_crowded(size_, slot_count_)) grow_slots();
  return group;
}

void GroupTable::reserve_record() {
  if (size_ < record_capacity_) return;
  make_records(
      record_capacity_ == 0 ? 16 : record_capacity_ + std::max<size_t>(record_capacity_ / 2, 16));
}

void GroupTable::make_records(size_t capacity) {
  grow_records(capacity * stride_);
  record_capacity_ = capacity;
}

void GroupTable::grow_records(size_t words) {
  void* const memory = heap_grow(records_.get(), words * sizeof(uint64_t));
  (void)records_.release();
  records_.reset(static_cast<uint64_t*>(memory));
}

/// REQUIRES: room for a record.
uint32_t GroupTable::add_group(const uint64_t* cells) {
  SHARDMILL_CHECK(size_ < std::numeric_limits<uint32_t>::max() - 1);
  const uint32_t group = static_cast<uint32_t>(size_++);
  uint64_t* const to = record(group);
  std::fill_n(to + state_at_, stride_ - state_at_, 0);
  std::copy_n(cells, state_at_, to);
  for (size_t word = 0; word < state_at_ && !is_narrow_; word += 2) {
    if (!is_long(cells[word + 1])) continue;
    const std::string_view text = long_text(cells[word + 1]);
    char* const kept = texts_.allocate(sizeof(std::string_view) + text.size());
    const std::string_view view(kept + sizeof(std::string_view), text.size());
    std::memcpy(kept, static_cast<const void*>(&view), sizeof view);
    std::memcpy(kept + sizeof view, text.data(), text.size());
    to[word + 1] = long_cell(kept);
  }
  return group;
}

/// REQUIRES: a free slot. The place of a slot follows from its tag, so no record is looked at.
void GroupTable::place(uint64_t slot) {
  const size_t mask = slot_count_ - 1;
  size_t at = static_cast<uint32_t>(slot >> 32) & mask;
  while (slots_[at] != 0) at = (at + 1) & mask;
  slots_[at] = slot;
}

// In place: with twice as many slots each one stays in its run of taken slots, or goes to the upper
// half. Taken out one by one from the start of a run on, a slot finds its new place at or before
// the old one, never behind a slot that has not been moved yet. The run that goes over the end is
// the exception: what it has at the front waits until all others are placed.
void GroupTable::grow_slots() {
  const size_t old = slot_count_;
  void* const grown = heap_grow(slots_.get(), 2 * old * sizeof(uint64_t));
  (void)slots_.release();
  slots_.reset(static_cast<uint64_t*>(grown));
  slot_count_ = 2 * old;
  std::fill_n(slots_.get() + old, old, 0);
  size_t start = 0;
  while (slots_[start] != 0) ++start;
  const std::vector<uint64_t> front(slots_.get(), slots_.get() + start);
  std::fill_n(slots_.get(), start, 0);
  for (size_t at = start; at < old; ++at) {
    if (slots_[at] != 0) place(std::exchange(slots_[at], 0));
  }
  for (const uint64_t slot : front) place(slot);
}

bool GroupTable::is_null(uint32_t group, size_t key) const {
  const uint64_t* const found = cell(group, key);
  return is_narrow_ ? *found == kNarrowNull : found[1] == kNull;
}

std::string_view GroupTable::text(uint32_t group, size_t key) const {
  const uint64_t* const found = cell(group, key);
  const char* const bytes = reinterpret_cast<const char*>(found);
  if (is_narrow_) {
    const size_t size = narrow_text_size(*found);
    return {bytes + (kNarrowTextBytes - size), size};
  }
  if (is_long(found[1])) return long_text(found[1]);
  return {bytes, static_cast<size_t>(found[1] >> kKindShift)};
}

int64_t GroupTable::integer(uint32_t group, size_t key) const {
  return static_cast<int64_t>(*cell(group, key));
}

double GroupTable::number(uint32_t group, size_t key) const {
  return std::bit_cast<double>(*cell(group, key));
}

int GroupTable::compare_texts(uint32_t a, uint32_t b, size_t key) const {
  const uint64_t* const cell_a = cell(a, key);
  const uint64_t* const cell_b = cell(b, key);
  if (is_narrow_) return compare_narrow_texts(*cell_a, *cell_b);
  if (is_long(cell_a[1]) || is_long(cell_b[1])) return text(a, key).compare(text(b, key));
  return compare_short_texts(cell_a, cell_b);
}

int GroupTable::compare(uint32_t a, uint32_t b) const {
  for (size_t key = 0; key < key_types_.size(); ++key) {
    const bool a_null = is_null(a, key);
    const bool b_null = is_null(b, key);
    if (a_null && b_null) continue;
    if (a_null || b_null) return a_null ? 1 : -1;
    int order = 0;
    switch (key_types_[key]) {
      case Type::kText:
        order = compare_texts(a, b, key);
        break;
      case Type::kFloat:
        order = compare_floats(number(a, key), number(b, key));
        break;
      case Type::kInt:
      case Type::kBool:
      case Type::kTime:
        order = three_way(integer(a, key), integer(b, key));
        break;
    }
    if (order != 0) return order;
  }
  return 0;
}

std::vector<uint32_t> GroupTable::sorted() const {
  std::vector<uint32_t> order(size_);
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) { return compare(a, b) < 0; });
  return order;
}

size_t GroupTable::memory_bytes() const {
  return sizeof *this + record_capacity_ * stride_ * sizeof(uint64_t) +
         slot_count_ * sizeof(uint64_t) + texts_.memory_bytes();
}

}  // namespace shardmill
