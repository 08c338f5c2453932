#include "stages/support/aggregate_state.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "pipeline/base/check.h"
#include "pipeline/base/hash.h"
#include "stages/support/aggregate_state_inner.h"
#include "stages/support/aggregate_sums.h"
#include "stages/support/ordered_word.h"

namespace shardmill {

// ---- words

void WordState::encode(StateWords words, std::span<const uint32_t> groups,
                       ByteWriter& writer) const {
  for (const uint32_t group : groups) writer.raw(words.at(group), words_ * sizeof(uint64_t));
}

void WordState::decode(StateWords words, size_t groups, ByteReader& reader) {
  for (uint32_t group = 0; group < groups; ++group) {
    for (size_t word = 0; word < words_; ++word) words.at(group)[word] = reader.u64();
  }
}

// ---- smallest and largest

namespace {

template <bool kLargest, typename T>
uint64_t extreme_word(T value) {
  const uint64_t word = ordered_word(value);
  return kLargest ? word : ~word;
}

template <bool kLargest, typename T>
void add_extremes(const T* values, const uint32_t* groups, size_t count, StateWords words) {
  for (size_t i = 0; i < count; ++i) {
    uint64_t word = extreme_word<kLargest>(values[i]);
    if constexpr (std::is_floating_point_v<T>) word = std::isnan(values[i]) ? 0 : word;
    uint64_t* const best = words.at(groups[i]);
    *best = std::max(*best, word);
  }
}

/// The best of the values, as far as there is one that is better than `worst`; several at a time.
template <bool kLargest, typename T>
T extreme_of(const T* values, size_t count, T worst) {
  constexpr size_t kAtOnce = 8;
  const auto better = [](T a, T b) { return (kLargest ? a > b : a < b) ? a : b; };  // b if a is NaN
  std::array<T, kAtOnce> best;
  best.fill(worst);
  size_t at = 0;
  for (; at + kAtOnce <= count; at += kAtOnce) {
    for (size_t k = 0; k < kAtOnce; ++k) best[k] = better(values[at + k], best[k]);
  }
  for (; at < count; ++at) best[0] = better(values[at], best[0]);
  for (size_t k = 1; k < kAtOnce; ++k) best[0] = better(best[k], best[0]);
  return best[0];
}

template <bool kLargest, typename T>
void add_extremes(const T* values, const ValueBlock& block, StateWords words) {
  using Limits = std::numeric_limits<T>;
  constexpr T kWorst = std::is_floating_point_v<T>
                           ? (kLargest ? -Limits::infinity() : Limits::infinity())
                           : (kLargest ? Limits::min() : Limits::max());
  const T best = block.one_group ? extreme_of<kLargest>(values, block.count, kWorst) : kWorst;
  // Nothing better than the worst: the worst itself, or NaN alone.
  if (best == kWorst) return add_extremes<kLargest>(values, block.groups, block.count, words);
  uint64_t* const word = words.at(block.groups[0]);
  *word = std::max(*word, extreme_word<kLargest>(best));
}

}  // namespace

void NumberExtremes::add(const ValueBlock& values, StateWords words) {
  if (floats_) {
    largest_ ? add_extremes<true>(values.floats, values, words)
             : add_extremes<false>(values.floats, values, words);
  } else {
    largest_ ? add_extremes<true>(values.ints, values, words)
             : add_extremes<false>(values.ints, values, words);
  }
}

int64_t NumberExtremes::whole(const uint64_t* words) const {
  return static_cast<int64_t>((largest_ ? words[0] : ~words[0]) ^ kSignBit);
}

double NumberExtremes::number(const uint64_t* words) const {
  const uint64_t word = largest_ ? words[0] : ~words[0];
  return std::bit_cast<double>((word & kSignBit) != 0 ? word ^ kSignBit : ~word);
}

void NumberExtremes::merge(StateWords words, AggregateState&, StateWords others,
                           const GroupMapping& mapping) {
  for_each_mapped(mapping, [&](uint32_t here, uint32_t there) {
    *words.at(here) = std::max(*words.at(here), *others.at(there));
  });
}

// ---- first and last text

void TextExtremes::make_room(size_t groups) {
  grow_ahead_to(texts_, groups);
}

void TextExtremes::offer(uint32_t group, uint64_t* words, std::string_view text) {
  std::string& best = texts_[group];
  if (words[0] != 0 && (largest_ ? text <= best : text >= best)) return;
  constexpr size_t kInside = sizeof(std::string) / 2;
  long_bytes_ -= best.capacity() >= kInside ? best.capacity() : 0;
  best.assign(text);
  long_bytes_ += best.capacity() >= kInside ? best.capacity() : 0;
  words[0] = 1;
}

void TextExtremes::add(const ValueBlock& values, StateWords words) {
  for (size_t i = 0; i < values.count; ++i) {
    offer(values.groups[i], words.at(values.groups[i]), values.texts[i]);
  }
}

void TextExtremes::merge(StateWords words, AggregateState& other, StateWords others,
                         const GroupMapping& mapping) {
  const TextExtremes& from = static_cast<TextExtremes&>(other);
  for_each_mapped(mapping, [&](uint32_t here, uint32_t there) {
    if (*others.at(there) != 0) offer(here, words.at(here), from.texts_[there]);
  });
}

void TextExtremes::encode(StateWords words, std::span<const uint32_t> groups,
                          ByteWriter& writer) const {
  for (const uint32_t group : groups) {
    const bool has_text = *words.at(group) != 0;
    writer.u8(has_text ? 1 : 0);
    if (has_text) writer.text(texts_[group]);
  }
}

void TextExtremes::decode(StateWords words, size_t groups, ByteReader& reader) {
  for (uint32_t group = 0; group < groups && !reader.failed(); ++group) {
    const uint8_t has_text = reader.u8();
    if (has_text > 1) reader.fail();
    if (has_text == 1) offer(group, words.at(group), reader.text());
  }
}

size_t TextExtremes::held_bytes() const {
  return texts_.capacity() * sizeof(std::string) + long_bytes_;
}

// ---- quantiles

void Quantiles::make_room(size_t groups) {
  grow_ahead_to(sketches_, groups);
}

void Quantiles::add(const ValueBlock& values, StateWords) {
  constexpr uint32_t kNone = ~uint32_t{0};
  buckets_.resize(std::max(buckets_.size(), values.count));
  for (size_t i = 0; i < values.count; ++i) {
    const double value =
        values.floats != nullptr ? values.floats[i] : static_cast<double>(values.ints[i]);
    buckets_[i] = std::isnan(value) ? kNone : QuantileSketch::bucket_of(value);
    __builtin_prefetch(&sketches_[values.groups[i]], 1);
  }
  for (size_t i = 0; i < values.count; ++i) sketches_[values.groups[i]].prefetch(buckets_[i]);
  for (size_t i = 0; i < values.count; ++i) {
    if (buckets_[i] == kNone) continue;
    QuantileSketch& sketch = sketches_[values.groups[i]];
    const size_t before = sketch.held_bytes();
    sketch.add(buckets_[i]);
    sketch_bytes_ += sketch.held_bytes() - before;
  }
}

void Quantiles::merge(StateWords, AggregateState& other, StateWords, const GroupMapping& mapping) {
  Quantiles& from = static_cast<Quantiles&>(other);
  for_each_mapped(mapping, [&](uint32_t here, uint32_t there) {
    QuantileSketch& sketch = sketches_[here];
    const size_t before = sketch.held_bytes();
    if (before == 0) {
      sketch = std::move(from.sketches_[there]);
    } else {
      sketch.merge(from.sketches_[there]);
    }
    sketch_bytes_ += sketch.held_bytes() - before;
  });
}

void Quantiles::encode(StateWords, std::span<const uint32_t> groups, ByteWriter& writer) const {
  for (const uint32_t group : groups) sketches_[group].encode(writer);
}

void Quantiles::decode(StateWords, size_t groups, ByteReader& reader) {
  for (uint32_t group = 0; group < groups && !reader.failed(); ++group) {
    sketches_[group] = QuantileSketch::decode(reader);
    sketch_bytes_ += sketches_[group].held_bytes();
  }
}

size_t Quantiles::held_bytes() const {
  return sketches_.capacity() * sizeof(QuantileSketch) + sketch_bytes_;
}

// ---- distinct values

namespace {

uint64_t hash_of(const void* value) {
  return hash64({static_cast<const char*>(value), sizeof(uint64_t)});
}

uint64_t hash_of_float(double value) {
  const double one_form =
      std::isnan(value) ? std::numeric_limits<double>::quiet_NaN() : value + 0.0;
  return hash_of(&one_form);
}

}  // namespace

void Distincts::make_room(size_t groups) {
  grow_ahead_to(sets_, groups);
}

void Distincts::add_to(uint32_t group, uint64_t hash) {
  DistinctSet& set = sets_[group];
  const size_t before = set.held_bytes();
  set.add(hash, limit_);
  set_bytes_ += set.held_bytes() - before;
}

void Distincts::add(const ValueBlock& values, StateWords) {
  for (size_t i = 0; i < values.count; ++i) {
    const uint64_t hash = values.texts != nullptr    ? hash64(values.texts[i])
                          : values.floats != nullptr ? hash_of_float(values.floats[i])
                                                     : hash_of(&values.ints[i]);
    add_to(values.groups[i], hash);
  }
}

void Distincts::merge(StateWords, AggregateState& other, StateWords, const GroupMapping& mapping) {
  Distincts& from = static_cast<Distincts&>(other);
  for_each_mapped(mapping, [&](uint32_t here, uint32_t there) {
    DistinctSet& set = sets_[here];
    const size_t before = set.held_bytes();
    if (before == 0) {
      set = std::move(from.sets_[there]);
    } else {
      set.merge(from.sets_[there], limit_);
    }
    set_bytes_ += set.held_bytes() - before;
  });
}

void Distincts::encode(StateWords, std::span<const uint32_t> groups, ByteWriter& writer) const {
  for (const uint32_t group : groups) sets_[group].encode(writer);
}

void Distincts::decode(StateWords, size_t groups, ByteReader& reader) {
  for (uint32_t group = 0; group < groups && !reader.failed(); ++group) {
    sets_[group] = DistinctSet::decode(reader, limit_);
    set_bytes_ += sets_[group].held_bytes();
  }
}

size_t Distincts::held_bytes() const {
  return sets_.capacity() * sizeof(DistinctSet) + set_bytes_;
}

// ---- making them

std::unique_ptr<AggregateState> make_aggregate_state(StateKind kind, Type type,
                                                     uint32_t distinct_limit) {
  const bool floats = type == Type::kFloat;
  const bool largest = kind == StateKind::kMax;
  switch (kind) {
    case StateKind::kSum:
      if (floats) return std::make_unique<FloatSums>();
      return std::make_unique<IntSums>();
    case StateKind::kSquares:
      if (floats) return std::make_unique<FloatSquares>();
      return std::make_unique<IntSquares>();
    case StateKind::kMin:
    case StateKind::kMax:
      if (type == Type::kText) return std::make_unique<TextExtremes>(largest);
      return std::make_unique<NumberExtremes>(largest, floats);
    case StateKind::kQuantiles:
      return std::make_unique<Quantiles>();
    case StateKind::kDistinct:
      return std::make_unique<Distincts>(distinct_limit);
  }
  check_failed("a known state kind", __FILE__, __LINE__);
}

}  // namespace shardmill
