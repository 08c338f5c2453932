#include "stages/support/time_totals.h"

#include <algorithm>
#include <utility>

#include "pipeline/base/check.h"

namespace shardmill {

namespace {

constexpr uint64_t kRoom = 2 * TimeTotals::kStretches;

uint64_t distance(int64_t low, int64_t high) {
  return static_cast<uint64_t>(high) - static_cast<uint64_t>(low);
}

unsigned level_for(int64_t low, int64_t high) {
  unsigned level = 0;
  while (distance(low >> level, high >> level) >= TimeTotals::kStretches) ++level;
  return level;
}

}  // namespace

/// Moves the counts so that all times between the extremes have a place.
void TimeTotals::make_room(int64_t low, int64_t high) {
  const unsigned level = level_for(low, high);
  const uint64_t used = distance(low >> level, high >> level) + 1;
  const int64_t base =
      static_cast<int64_t>(static_cast<uint64_t>(low >> level) - (kRoom - used) / 2);
  std::vector<uint64_t> counts(kRoom, 0);
  for (size_t i = 0; i < counts_.size(); ++i) {
    if (counts_[i] == 0) continue;
    const int64_t stretch = static_cast<int64_t>(static_cast<uint64_t>(base_) + i);
    const int64_t wider = stretch >> (level - level_);
    counts[static_cast<uint64_t>(wider) - static_cast<uint64_t>(base)] += counts_[i];
  }
  level_ = level;
  base_ = base;
  counts_ = std::move(counts);
}

void TimeTotals::add(const int64_t* times, size_t count) {
  if (count == 0) return;
  int64_t low = times[0];
  int64_t high = times[0];
  for (size_t i = 0; i < count; ++i) {
    low = std::min(low, times[i]);
    high = std::max(high, times[i]);
  }
  min_ = count_ == 0 ? low : std::min(min_, low);
  max_ = count_ == 0 ? high : std::max(max_, high);
  if (!covers(low) || !covers(high)) make_room(min_, max_);
  Int128 sum = 0;
  for (size_t i = 0; i < count; ++i) {
    sum += times[i];
    ++counts_[place_of(times[i])];
  }
  sum_ += sum;
  count_ += count;
}

void TimeTotals::add_times(int64_t time, uint64_t times) {
  if (times == 0) return;
  add(&time, 1);
  counts_[place_of(time)] += times - 1;
  sum_ += Int128{time} * static_cast<Int128>(times - 1);
  count_ += times - 1;
}

void TimeTotals::merge(const TimeTotals& other) {
  if (other.count_ == 0) return;
  if (count_ == 0) {
    *this = other;
    return;
  }
  min_ = std::min(min_, other.min_);
  max_ = std::max(max_, other.max_);
  const bool too_fine = level_ < level_for(min_, max_);
  if (too_fine || !covers(min_) || !covers(max_)) make_room(min_, max_);
  const Canonical theirs = other.canonical();  // of fewer times, so not coarser than level_
  for (size_t i = 0; i < theirs.counts.size(); ++i) {
    const int64_t stretch = static_cast<int64_t>(static_cast<uint64_t>(theirs.first) + i);
    const uint64_t wider = static_cast<uint64_t>(stretch >> (level_ - theirs.level));
    counts_[wider - static_cast<uint64_t>(base_)] += theirs.counts[i];
  }
  sum_ += other.sum_;
  count_ += other.count_;
}

TimeTotals::Canonical TimeTotals::canonical() const {
  Canonical out;
  if (count_ == 0) return out;
  out.level = level_for(min_, max_);
  out.first = min_ >> out.level;
  out.counts.assign(distance(out.first, max_ >> out.level) + 1, 0);
  for (size_t i = place_of(min_); i <= place_of(max_); ++i) {
    const int64_t stretch = static_cast<int64_t>(static_cast<uint64_t>(base_) + i);
    out.counts[distance(out.first, stretch >> (out.level - level_))] += counts_[i];
  }
  return out;
}

int64_t TimeTotals::middle_of(int64_t stretch, unsigned level) const {
  const Int128 half = level == 0 ? 0 : Int128{1} << (level - 1);
  const Int128 middle = Int128{stretch} * (Int128{1} << level) + half;
  return static_cast<int64_t>(std::clamp<Int128>(middle, min_, max_));
}

int64_t TimeTotals::mean() const {
  SHARDMILL_CHECK(count_ > 0);
  const Int128 doubled = 2 * sum_ + static_cast<Int128>(count_);
  const Int128 divisor = 2 * static_cast<Int128>(count_);
  const Int128 quotient = doubled / divisor;
  return static_cast<int64_t>(doubled % divisor < 0 ? quotient - 1 : quotient);
}

int64_t TimeTotals::time_at(uint64_t rank) const {
  uint64_t passed = 0;
  for (const Stretch& stretch : stretches()) {
    passed += stretch.count;
    if (passed >= rank) return stretch.middle;
  }
  check_failed("rank <= count()", __FILE__, __LINE__);
}

std::vector<TimeTotals::Stretch> TimeTotals::stretches() const {
  const Canonical all = canonical();
  std::vector<Stretch> out;
  for (size_t i = 0; i < all.counts.size(); ++i) {
    if (all.counts[i] == 0) continue;
    const int64_t stretch = static_cast<int64_t>(static_cast<uint64_t>(all.first) + i);
    out.push_back({.middle = middle_of(stretch, all.level), .count = all.counts[i]});
  }
  return out;
}

void TimeTotals::encode(ByteWriter& writer) const {
  writer.varint(count_);
  if (count_ == 0) return;
  writer.i64(min_);
  writer.i64(max_);
  writer.i128(sum_);
  for (const uint64_t count : canonical().counts) writer.varint(count);
}

TimeTotals TimeTotals::decode(ByteReader& reader) {
  TimeTotals totals;
  totals.count_ = reader.varint();
  if (totals.count_ == 0 || reader.failed()) return {};
  totals.min_ = reader.i64();
  totals.max_ = reader.i64();
  totals.sum_ = reader.i128();
  if (totals.min_ > totals.max_) reader.fail();
  if (reader.failed()) return {};
  totals.make_room(totals.min_, totals.max_);
  uint64_t found = 0;
  for (size_t i = totals.place_of(totals.min_); i <= totals.place_of(totals.max_); ++i) {
    totals.counts_[i] = reader.varint();
    found += totals.counts_[i];
  }
  if (found != totals.count_) reader.fail();
  if (reader.failed()) return {};
  return totals;
}

}  // namespace shardmill
