#include "stages/support/value_counter.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>
#include <vector>

#include "pipeline/base/check.h"
#include "pipeline/base/heap.h"
#include "stages/support/short_text.h"

namespace shardmill {

namespace {

constexpr size_t kBlock = GroupTable::kBlockRows;
constexpr size_t kCacheLine = 64;
constexpr unsigned kFirstPlaceBits = 7;
/// Blocks that go past the places after one whose values mostly had none.
constexpr unsigned kSkippedBlocks = 63;
/// Counts have 32 bits.
constexpr uint64_t kRowsMax = uint64_t{1} << 31;
/// All words of a text that has no place; no text with one has them.
constexpr uint64_t kNoShortText = ~uint64_t{0};

/// A value and how often it was met since it came here or was handed over.
template <size_t kWords>
struct alignas(kWords == 1 ? 16 : 32) Entry {
  uint64_t words[kWords];
  uint32_t count;         ///< 0: the place is free, the value only remembered
  uint32_t count_before;  ///< when another value wanted this place last
};

struct Free {
  void operator()(void* memory) const { heap_free(memory); }
};
using Memory = std::unique_ptr<void, Free>;

void* next_cache_line(void* memory) {
  const auto address = reinterpret_cast<uintptr_t>(memory);
  return static_cast<char*>(memory) + (kCacheLine - address % kCacheLine);
}

// Internal only: never reaches a result.
template <size_t kWords>
inline uint64_t hash_of(const uint64_t* words) {
  if constexpr (kWords == 1) {
    return (words[0] ^ words[0] >> 32) * 0x9E3779B97F4A7C15u;
  } else {
    const uint64_t mixed = words[0] * 0x9E3779B97F4A7C15u + words[1] * 0xA0761D6478BD642Fu;
    return mixed ^ mixed << 20;
  }
}

/// 0 if the values are the same, else 1. Arithmetic, so that no compiler makes a branch of it: that
/// would often be guessed wrong.
template <size_t kWords>
inline uint32_t differ(const uint64_t* a, const uint64_t* b) {
  uint64_t difference = 0;
  for (size_t word = 0; word < kWords; ++word) difference |= a[word] ^ b[word];
  return static_cast<uint32_t>((difference | (uint64_t{0} - difference)) >> 63);
}

/// The texts of a column as words, as far as they fit: up to 7 bytes in one word, for columns of
/// codes and single words, or up to 15 in two.
template <size_t kTextWords>
struct Texts {
  static constexpr size_t kWords = kTextWords;
  static constexpr size_t kBytes = kWords == 1 ? 7 : kShortTextBytes;
  const std::string_view* texts;

  explicit Texts(const Column& column) : texts(column.text.data()) {}
  SHARDMILL_READS_PAST_END void words_of(size_t row, uint64_t* words) const {
    const std::string_view text = texts[row];
    if (text.size() > kBytes) [[unlikely]] {
      words[0] = words[kWords - 1] = kNoShortText;
    } else if constexpr (kWords == 1) {
      words[0] = narrow_text_word(text.data(), text.size());
    } else {
      short_text_words(text.data(), text.size(), words);
    }
  }
  static bool has_place(const uint64_t* words) { return words[kWords - 1] != kNoShortText; }
  static void store(const uint64_t* words, Column& column, size_t row) {
    column.text[row] = {reinterpret_cast<const char*>(words),
                        static_cast<size_t>(words[kWords - 1] >> kShortTextKindShift)};
  }
  static void copy(const Column& from, size_t row, Column& to, size_t to_row) {
    to.text[to_row] = from.text[row];
  }
};

/// The values of another list of a column, each in a word. Equal words are equal values (the table
/// knows of others, like -0 and +0).
template <typename T, std::vector<T> Column::*kList>
struct Scalars {
  static constexpr size_t kWords = 1;
  const T* values;

  explicit Scalars(const Column& column) : values((column.*kList).data()) {}
  void words_of(size_t row, uint64_t* words) const {
    words[0] = 0;
    std::memcpy(words, &values[row], sizeof(T));
  }
  static bool has_place(const uint64_t*) { return true; }
  static void store(const uint64_t* words, Column& column, size_t row) {
    std::memcpy(&(column.*kList)[row], words, sizeof(T));
  }
  static void copy(const Column& from, size_t row, Column& to, size_t to_row) {
    (to.*kList)[to_row] = (from.*kList)[row];
  }
};

/// Each value has two places, side by side in one cache line.
template <typename Values>
class Counter final : public ValueCounter {
 public:
  Counter(Type type, size_t bytes_max)
      : type_(type),
        place_bits_max_(static_cast<unsigned>(std::bit_width(bytes_max / sizeof(Place))) - 1) {
    SHARDMILL_CHECK(place_bits_max_ >= kFirstPlaceBits);
  }

  void add(const Column& column, size_t rows, GroupTable& table, ValueScratch& scratch) override {
    if (rows_ + rows > kRowsMax) flush(table, scratch);
    rows_ += rows;
    if (places_ == nullptr) set_places(kFirstPlaceBits);
    use(scratch, table);
    const Values values(column);
    for (size_t first = 0; first < rows; first += kBlock) {
      const size_t count = std::min(kBlock, rows - first);
      if (skipped_blocks_ > 0) {
        --skipped_blocks_;
        count_in_table(column, first, count);
      } else {
        count_block(column, values, first, count);
      }
    }
    hand_over();
  }

  void flush(GroupTable& table, ValueScratch& scratch) override {
    if (rows_ == 0) return;
    use(scratch, table);
    size_t used = 0;
    for (Place* place = places_; place != places_end(); ++place) {
      if (place->count == 0) continue;
      ++used;
      hand(place->words, place->count);
      place->count = place->count_before = 0;
    }
    hand_over();
    rows_ = 0;
    taken_ = used;
    skipped_blocks_ = 0;
    // Going over all places must not cost more than what they save: files may be small.
    unsigned enough = kFirstPlaceBits;
    while (used * 16 > size_t{1} << enough && enough < place_bits_) ++enough;
    if (enough < place_bits_) set_places(enough);
  }

  void clear() override {
    if (rows_ == 0) return;
    for (Place* place = places_; place != places_end(); ++place) {
      place->count = place->count_before = 0;
    }
    rows_ = 0;
    taken_ = 0;
  }

 private:
  static constexpr size_t kWords = Values::kWords;
  using Place = Entry<kWords>;

  Place* places_end() { return places_ + (size_t{1} << place_bits_); }
  Place* place_of(const uint64_t* words) {
    return places_ + (hash_of<kWords>(words) >> (64 - place_bits_));
  }
  Place* other_place(Place* place) { return places_ + ((place - places_) ^ 1); }

  void use(ValueScratch& scratch, GroupTable& table) {
    scratch_ = &scratch;
    table_ = &table;
    scratch.values.prepare(type_, kBlock);
    grow_to(scratch.words, kBlock * kWords);
    grow_to(scratch.counts, kBlock);
    grow_to(scratch.others, kBlock);
    grow_to(scratch.groups, kBlock);
  }

  /// Forgets everything. Returns the memory of the places before.
  Memory set_places(unsigned bits) {
    Memory memory(heap_zeroed((sizeof(Place) << bits) + kCacheLine));
    std::swap(memory, memory_);
    places_ = static_cast<Place*>(next_cache_line(memory_.get()));
    place_bits_ = bits;
    taken_ = 0;
    return memory;
  }

  void count_block(const Column& column, const Values& values, size_t first, size_t count) {
    const size_t others = count_known(values, first, count);
    const size_t taken = taken_;
    for (size_t i = 0; i < others; ++i) find_place(column, values, first + scratch_->others[i]);
    const bool may_grow = place_bits_ < place_bits_max_;
    // Most values are new, and more room would not help: too many differ, or they are too long.
    if (others * 2 > kBlock && (!may_grow || taken_ == taken)) skipped_blocks_ = kSkippedBlocks;
    // A quarter of all places: with more, too many values would share them.
    if (may_grow && taken_ * 4 > size_t{1} << place_bits_) grow();
  }

  /// Counts the rows whose value is here; returns how many others there are.
  size_t count_known(const Values& values, size_t first, size_t count) {
    const unsigned shift = 64 - place_bits_;
    Place* const places = places_;
    uint32_t* const others_out = scratch_->others.data();
    size_t others = 0;
    uint64_t words[kBlock][kWords];
    size_t at[kBlock];
    for (size_t i = 0; i < count; ++i) {
      values.words_of(first + i, words[i]);
      at[i] = hash_of<kWords>(words[i]) >> shift;
      __builtin_prefetch(&places[at[i]], 1);
    }
    for (size_t i = 0; i < count; ++i) {
      Place& place = places[at[i] ^ differ<kWords>(places[at[i]].words, words[i])];
      const uint32_t is_other = differ<kWords>(place.words, words[i]);
      place.count += 1 - is_other;
      others_out[others] = static_cast<uint32_t>(i);
      others += is_other;
    }
    return others;
  }

  /// Counts a value that was not here, and gives it a place if one is free, or has a value that was
  /// not met since another wanted its place last.
  void find_place(const Column& column, const Values& values, size_t row) {
    uint64_t words[kWords];
    values.words_of(row, words);
    if (Values::has_place(words)) {
      Place* const first = place_of(words);
      Place* const second = other_place(first);
      for (Place* place : {first, second}) {
        if (differ<kWords>(place->words, words) != 0) continue;
        ++place->count;
        return;
      }
      Place& rarer = first->count <= second->count ? *first : *second;
      if (rarer.count == rarer.count_before) {
        if (rarer.count > 0) {
          hand(rarer.words, rarer.count);
        } else {
          ++taken_;
        }
        std::copy_n(words, kWords, rarer.words);
        rarer.count = 1;
        rarer.count_before = 0;
        return;
      }
      rarer.count_before = rarer.count;
    }
    Values::copy(column, row, scratch_->values, scratch_->rows);
    hand_counted(1);
  }

  void hand(const uint64_t* words, uint32_t count) {
    uint64_t* const kept = scratch_->words.data() + scratch_->rows * kWords;
    std::copy_n(words, kWords, kept);
    Values::store(kept, scratch_->values, scratch_->rows);
    hand_counted(count);
  }

  void hand_counted(uint32_t count) {
    scratch_->counts[scratch_->rows++] = count;
    if (scratch_->rows == kBlock) hand_over();
  }

  void hand_over() {
    find_groups(scratch_->values, 0, scratch_->rows);
    const StateWords counts = table_->state();
    for (size_t i = 0; i < scratch_->rows; ++i) {
      *counts.at(scratch_->groups[i]) += scratch_->counts[i];
    }
    scratch_->rows = 0;
  }

  void count_in_table(const Column& column, size_t first, size_t count) {
    find_groups(column, first, count);
    const StateWords counts = table_->state();
    for (size_t i = 0; i < count; ++i) ++*counts.at(scratch_->groups[i]);
  }

  void find_groups(const Column& column, size_t first, size_t count) {
    const Column* const keys[] = {&column};
    table_->find_or_add(keys, {.first = first, .count = count}, scratch_->keys,
                        scratch_->groups.data());
  }

  void grow() {
    const Place* const begin = places_;
    const Place* const end = places_end();
    const Memory memory = set_places(place_bits_ + 1);
    for (const Place* place = begin; place != end; ++place) {
      if (place->count == 0) continue;
      Place* to = place_of(place->words);
      if (to->count > 0) to = other_place(to);
      if (to->count > 0) {
        hand(place->words, place->count);
      } else {
        *to = *place;
        ++taken_;
      }
    }
  }

  Memory memory_;
  Place* places_ = nullptr;  ///< in it, neighbours in one cache line
  unsigned place_bits_ = 0;
  const Type type_;
  const unsigned place_bits_max_;
  size_t taken_ = 0;   ///< places that were free once
  uint64_t rows_ = 0;  ///< since the last flush
  unsigned skipped_blocks_ = 0;
  // Of the call at hand:
  ValueScratch* scratch_ = nullptr;
  GroupTable* table_ = nullptr;
};

/// Looks at the first texts to see what words they need; that only decides about speed.
class TextCounter final : public ValueCounter {
 public:
  explicit TextCounter(size_t bytes_max) : bytes_max_(bytes_max) {}

  void add(const Column& column, size_t rows, GroupTable& table, ValueScratch& scratch) override {
    if (rows == 0) return;
    if (counter_ == nullptr) counter_ = counter_for(column, rows);
    counter_->add(column, rows, table, scratch);
  }
  void flush(GroupTable& table, ValueScratch& scratch) override {
    if (counter_ != nullptr) counter_->flush(table, scratch);
  }
  void clear() override {
    if (counter_ != nullptr) counter_->clear();
  }

 private:
  std::unique_ptr<ValueCounter> counter_for(const Column& column, size_t rows) const {
    constexpr size_t kLookedAt = 1024;
    size_t are_short = 0;
    size_t are_narrow = 0;
    for (size_t row = 0; row < std::min(rows, kLookedAt); ++row) {
      are_short += column.text[row].size() <= Texts<2>::kBytes ? 1 : 0;
      are_narrow += column.text[row].size() <= Texts<1>::kBytes ? 1 : 0;
    }
    if (are_narrow * 8 >= are_short * 7) {
      return std::make_unique<Counter<Texts<1>>>(Type::kText, bytes_max_);
    }
    return std::make_unique<Counter<Texts<2>>>(Type::kText, bytes_max_);
  }

  const size_t bytes_max_;
  std::unique_ptr<ValueCounter> counter_;
};

}  // namespace

std::unique_ptr<ValueCounter> ValueCounter::make(Type type, size_t bytes_max) {
  switch (type) {
    case Type::kText:
      return std::make_unique<TextCounter>(bytes_max);
    case Type::kInt:
    case Type::kTime:
      return std::make_unique<Counter<Scalars<int64_t, &Column::ints>>>(type, bytes_max);
    case Type::kFloat:
      return std::make_unique<Counter<Scalars<double, &Column::floats>>>(type, bytes_max);
    case Type::kBool:
      break;
  }
  return std::make_unique<Counter<Scalars<uint8_t, &Column::bools>>>(type, bytes_max);
}

}  // namespace shardmill
