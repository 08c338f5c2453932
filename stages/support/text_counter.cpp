#include "stages/support/text_counter.h"

#include <algorithm>

#include "stages/support/short_text.h"

namespace shardmill {

namespace {

constexpr size_t kBlock = GroupTable::kBlockRows;
constexpr size_t kCacheLine = 64;
constexpr unsigned kFirstPlaceBits = 10;
constexpr unsigned kPlaceBitsMax = 17;
static_assert((sizeof(uint64_t) * 4 + sizeof(uint32_t)) << kPlaceBitsMax <= TextCounter::kBytesMax);

/// Two words that no entry has: of texts that are too long or empty.
constexpr uint64_t kNowhere = ~uint64_t{0};

void* next_cache_line(void* memory) {
  const auto address = reinterpret_cast<uintptr_t>(memory);
  return static_cast<char*>(memory) + (kCacheLine - address % kCacheLine);
}

// Internal only: never reaches a result.
uint64_t hash_of(const uint64_t* words) {
  const uint64_t mixed = words[0] * 0x9E3779B97F4A7C15u + words[1] * 0xA0761D6478BD642Fu;
  return mixed ^ mixed << 20;
}

}  // namespace

TextCounter::TextCounter()
    : memory_(heap_zeroed((sizeof(Entry) << kPlaceBitsMax) + kCacheLine)),
      entries_(static_cast<Entry*>(next_cache_line(memory_.get()))),
      place_bits_(kFirstPlaceBits),
      words_(2 * kBlock),
      places_(kBlock),
      others_(kBlock),
      rows_(kBlock),
      groups_(kBlock) {}

void TextCounter::add(const Column& column, size_t rows, GroupTable& table) {
  for (size_t first = 0; first < rows; first += kBlock) {
    const size_t others = count_known(column, first, std::min(kBlock, rows - first));
    if (others > 0) count_others(column, others, table);
    // Those that were here come again.
    if (used_.size() * 2 > size_t{1} << place_bits_ && place_bits_ < kPlaceBitsMax) {
      flush(table);
      ++place_bits_;
    }
  }
}

// Counts the rows of a block whose text is here; returns how many others there are.
size_t TextCounter::count_known(const Column& column, size_t first, size_t count) {
  const std::string_view* const texts = column.text.data() + first;
  uint64_t* words = words_.data();
  const unsigned shift = 64 - place_bits_;
  for (size_t i = 0; i < count; ++i, words += 2) {
    if (texts[i].size() - 1 < kShortTextBytes) [[likely]] {
      short_text_words(texts[i].data(), texts[i].size(), words);
    } else {
      words[0] = words[1] = kNowhere;
    }
    places_[i] = static_cast<uint32_t>(hash_of(words) >> shift);
    __builtin_prefetch(&entries_[places_[i]], 1);
  }
  words = words_.data();
  size_t others = 0;
  for (size_t i = 0; i < count; ++i, words += 2) {
    Entry& entry = entries_[places_[i]];
    const bool is_here = ((entry.words[0] ^ words[0]) | (entry.words[1] ^ words[1])) == 0;
    entry.count += is_here ? 1 : 0;
    others_[others] = static_cast<uint32_t>(i);
    rows_[others] = static_cast<uint32_t>(first + i);
    others += is_here ? 0 : 1;
  }
  return others;
}

void TextCounter::count_others(const Column& column, size_t others, GroupTable& table) {
  const Column* const keys[] = {&column};
  table.find_or_add(keys, {.list = rows_.data(), .count = others}, scratch_, groups_.data());
  const StateWords counts = table.state();
  for (size_t i = 0; i < others; ++i) {
    ++*counts.at(groups_[i]);
    offer_place(others_[i], groups_[i], counts);
  }
}

// To a text that is not here: it gets its place if the one that has it was not met since another
// wanted it last.
void TextCounter::offer_place(size_t i, uint32_t group, StateWords counts) {
  const uint64_t* const words = words_.data() + 2 * i;
  if (words[1] == kNowhere) return;
  Entry& entry = entries_[places_[i]];
  if (entry.words[1] == 0) {
    used_.push_back(places_[i]);
  } else if (entry.count_before != static_cast<uint32_t>(entry.count)) {
    entry.count_before = static_cast<uint32_t>(entry.count);
    return;
  } else {
    *counts.at(entry.group) += entry.count;
  }
  entry = {.words = {words[0], words[1]}, .count = 0, .group = group, .count_before = 0};
}

void TextCounter::flush(GroupTable& table) {
  const StateWords counts = table.state();
  for (const uint32_t place : used_) {
    const Entry& entry = entries_[place];
    *counts.at(entry.group) += entry.count;
  }
  clear();
}

void TextCounter::clear() {
  for (const uint32_t place : used_) entries_[place] = {};
  used_.clear();
}

}  // namespace shardmill
