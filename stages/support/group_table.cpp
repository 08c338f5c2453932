#include "stages/support/group_table.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <numeric>
#include <utility>

#include "pipeline/base/check.h"
#include "stages/support/group_cells.h"
#include "stages/support/short_text.h"

namespace shardmill {

using namespace group_cells;

namespace {

constexpr size_t kFirstSlots = 64;
constexpr size_t kNearSlots = 4096;   // 32 KiB: nothing is fetched ahead
constexpr size_t kWideSlots = 32768;  // tables with fewer slots are at most a quarter full

constexpr size_t kExpectedMost = 65536;  // groups: 1 MiB of slots

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
