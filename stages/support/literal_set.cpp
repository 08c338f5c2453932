#include "stages/support/literal_set.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <span>

namespace shardmill {

namespace {

static_assert(std::endian::native == std::endian::little, "keys hold the first byte lowest");

constexpr uint64_t kMultiplier = 0x9E3779B97F4A7C15;
constexpr uint64_t kCaseBits = 0x2020202020202020;
/// Windows further inside of a literal are not considered.
constexpr size_t kWindowsMax = 32;
/// Longer runs of literals are searched by halving.
constexpr uint32_t kShortRun = 4;

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

/// Eight bytes from `at`, with zeros behind the end.
uint64_t load(std::string_view bytes, size_t at) {
  uint64_t word = 0;
  std::memcpy(&word, bytes.data() + at, std::min<size_t>(8, bytes.size() - at));
  return word;
}

uint64_t load_8(const char* bytes) {
  uint64_t word = 0;
  std::memcpy(&word, bytes, 8);
  return word;
}

/// The first `size` bytes of a word (all eight if there are more), the others made zero.
uint64_t first_bytes(uint64_t word, size_t size) {
  return size >= 8 ? word : word & ((uint64_t{1} << 8 * size) - 1);
}

uint64_t hash_of(uint64_t key) {
  return key * kMultiplier;
}

/// How often a byte is met in logs, tables and prose, in some unit. Only speed depends on it.
double frequency(unsigned char byte) {
  static constexpr std::string_view kCommon = " etaoinsrhldcu=0123pm/-:.,fgwyb456789\"v_k";
  const size_t at = kCommon.find(lower(static_cast<char>(byte)));
  const double common =
      at == std::string_view::npos ? 0.25 : static_cast<double>(kCommon.size() - at) / 8;
  return byte >= 'A' && byte <= 'Z' ? common / 8 : common;
}

struct Shape {
  unsigned window_bytes = 0;
  unsigned stride = 1;
};

/// Longer windows are met more seldom, wider strides look at fewer: both need longer literals.
Shape shape_for(size_t shortest) {
  if (shortest >= 11) return {.window_bytes = 8, .stride = 4};
  if (shortest >= 6) {
    return {.window_bytes = static_cast<unsigned>(std::min<size_t>(8, shortest - 1)), .stride = 2};
  }
  return {.window_bytes = static_cast<unsigned>(shortest), .stride = 1};
}

unsigned bits_for(size_t count) {
  return static_cast<unsigned>(std::bit_width(count));
}

}  // namespace

/// Makes one pass.
class LiteralSet::Builder {
 public:
  Builder(const std::vector<std::string>& literals, std::vector<uint32_t> chosen, bool ignore_case)
      : literals_(literals), chosen_(std::move(chosen)), ignore_case_(ignore_case) {
    size_t shortest = std::numeric_limits<size_t>::max();
    for (const uint32_t literal : chosen_) shortest = std::min(shortest, literals_[literal].size());
    const Shape shape = shape_for(shortest);
    pass_.window_bytes = shape.window_bytes;
    pass_.stride = shape.stride;
    pass_.fold = ignore_case_ ? kCaseBits << (64 - 8 * pass_.window_bytes) : 0;
  }

  Pass build() {
    count_windows();
    std::vector<std::pair<uint64_t, Entry>> keyed;
    keyed.reserve(chosen_.size() * pass_.stride);
    for (const uint32_t literal : chosen_) {
      const size_t best = best_window(literals_[literal]);
      for (size_t offset = best; offset < best + pass_.stride; ++offset) {
        keyed.emplace_back(key(literals_[literal], offset), entry(literal, offset));
      }
    }
    std::sort(keyed.begin(), keyed.end(),
              [this](const auto& a, const auto& b) { return is_before(a, b); });
    fill(keyed);
    return std::move(pass_);
  }

 private:
  uint64_t key(std::string_view text, size_t offset) const {
    return (load(text, offset) << (64 - 8 * pass_.window_bytes)) | pass_.fold;
  }

  Entry entry(uint32_t literal, size_t offset) const {
    const std::string_view text = literals_[literal];
    const uint64_t fold = ignore_case_ ? kCaseBits : 0;
    return {.head = first_bytes(load(text, 0) | fold, text.size()),
            .literal = literal,
            .offset = static_cast<uint32_t>(offset)};
  }

  /// Places at which the windows of a literal may begin.
  size_t places(std::string_view text) const {
    return std::min(kWindowsMax, text.size() - pass_.window_bytes - pass_.stride + 2);
  }

  /// Counts are by hash: windows that share one only look more common than they are.
  void count_windows() {
    counts_shift_ = 64 - std::clamp(bits_for(chosen_.size() * 16), 8u, 20u);
    counts_.assign(size_t{1} << (64 - counts_shift_), 0);
    for (const uint32_t literal : chosen_) {
      const std::string_view text = literals_[literal];
      const size_t windows = places(text) + pass_.stride - 1;
      for (size_t at = 0; at < windows; ++at) ++counts_[hash_of(key(text, at)) >> counts_shift_];
    }
  }

  /// The first of the `stride` windows next to each other that cost the least: the text holds them
  /// seldom, and few literals have to be compared then.
  size_t best_window(std::string_view text) const {
    size_t best = 0;
    double best_cost = std::numeric_limits<double>::max();
    for (size_t at = 0; at < places(text); ++at) {
      double cost = 0;
      for (size_t i = at; i < at + pass_.stride; ++i) cost += window_cost(text, i);
      if (cost < best_cost) {
        best = at;
        best_cost = cost;
      }
    }
    return best;
  }

  double window_cost(std::string_view text, size_t at) const {
    double cost = counts_[hash_of(key(text, at)) >> counts_shift_];
    for (const char c : text.substr(at, pass_.window_bytes)) {
      cost *= frequency(static_cast<unsigned char>(c));
    }
    return cost;
  }

  bool is_before(const std::pair<uint64_t, Entry>& a, const std::pair<uint64_t, Entry>& b) const {
    if (a.first != b.first) return a.first < b.first;
    if (a.second.offset != b.second.offset) return a.second.offset < b.second.offset;
    const std::string& one = literals_[a.second.literal];
    const std::string& two = literals_[b.second.literal];
    if (one.size() != two.size()) return one.size() < two.size();
    const int order = one.compare(two);
    return order != 0 ? order < 0 : a.second.literal < b.second.literal;
  }

  void fill(const std::vector<std::pair<uint64_t, Entry>>& keyed) {
    // One bit in 64 to 128 is set, while the set stays within the second-level cache.
    const unsigned bits = std::clamp(bits_for(keyed.size() * 64), 6u, 22u);
    const unsigned slots = bits_for(keyed.size() * 2);
    pass_.bits_shift = 64 - bits;
    pass_.slots_shift = 64 - slots;
    pass_.bits.assign((size_t{1} << bits) / 64, 0);
    pass_.slots.assign(size_t{1} << slots, {});
    for (const auto& [key, entry] : keyed) {
      const uint64_t bit = hash_of(key) >> pass_.bits_shift;
      pass_.bits[bit / 64] |= uint64_t{1} << bit % 64;
      Slot& slot = slot_for(key);
      if (slot.count == 0)
        slot = {.key = key, .first = static_cast<uint32_t>(pass_.entries.size())};
      slot.count += 1;
      pass_.entries.push_back(entry);
    }
    for (const Slot& slot : pass_.slots) mark_runs({pass_.entries.data() + slot.first, slot.count});
  }

  Slot& slot_for(uint64_t key) {
    size_t at = hash_of(key) >> pass_.slots_shift;
    while (pass_.slots[at].count != 0 && pass_.slots[at].key != key) {
      at = (at + 1) & (pass_.slots.size() - 1);
    }
    return pass_.slots[at];
  }

  void mark_runs(std::span<Entry> entries) const {
    for (size_t first = 0, i = 0; i < entries.size(); ++i) {
      const bool is_same =
          entries[i].offset == entries[first].offset &&
          literals_[entries[i].literal].size() == literals_[entries[first].literal].size();
      if (!is_same) first = i;
      entries[first].run += 1;
    }
  }

  const std::vector<std::string>& literals_;
  const std::vector<uint32_t> chosen_;
  const bool ignore_case_;
  Pass pass_;
  unsigned counts_shift_ = 0;
  std::vector<uint32_t> counts_;
};

LiteralSet::LiteralSet(const std::vector<std::string_view>& literals, bool ignore_case)
    : ignore_case_(ignore_case), literals_(literals.begin(), literals.end()) {
  constexpr size_t kLong = 4;
  std::vector<uint32_t> by_size[kLong + 1];
  for (size_t i = 0; i < literals_.size(); ++i) {
    if (ignore_case_) {
      for (char& c : literals_[i]) c = lower(c);
    }
    by_size[std::min(literals_[i].size(), kLong)].push_back(static_cast<uint32_t>(i));
  }
  for (size_t size = 1; size <= kLong; ++size) {
    if (by_size[size].empty()) continue;
    passes_.push_back(Builder(literals_, std::move(by_size[size]), ignore_case_).build());
  }
}

void LiteralSet::scan(std::string_view bytes, Visitor& visitor) const {
  for (const Pass& pass : passes_) scan_pass(pass, bytes, visitor);
}

/// The first position, from `at` on in steps of the stride, whose window may be one of the pass.
template <unsigned kStride>
size_t LiteralSet::next_candidate(const Pass& pass, std::string_view bytes, size_t at) {
  // Bytes behind the window are shifted out of the product.
  const uint64_t multiplier = kMultiplier << (64 - 8 * pass.window_bytes);
  const uint64_t fold = pass.fold == 0 ? 0 : kCaseBits;
  const unsigned shift = pass.bits_shift;
  const uint64_t* bits = pass.bits.data();
  const char* const text = bytes.data();
  const auto is_candidate = [&](uint64_t word) {
    const uint64_t bit = (word | fold) * multiplier >> shift;
    return (bits[bit / 64] >> bit % 64 & 1) != 0;
  };
  const size_t fast_end = bytes.size() < 8 + 3 * kStride ? 0 : bytes.size() - 7 - 3 * kStride;
  for (; at < fast_end; at += 4 * kStride) {
    if (is_candidate(load_8(text + at))) return at;
    if (is_candidate(load_8(text + at + kStride))) return at + kStride;
    if (is_candidate(load_8(text + at + 2 * kStride))) return at + 2 * kStride;
    if (is_candidate(load_8(text + at + 3 * kStride))) return at + 3 * kStride;
  }
  for (; at + pass.window_bytes <= bytes.size(); at += kStride) {
    if (is_candidate(load(bytes, at))) return at;
  }
  return bytes.size();
}

void LiteralSet::scan_pass(const Pass& pass, std::string_view bytes, Visitor& visitor) const {
  const auto next = pass.stride == 4   ? next_candidate<4>
                    : pass.stride == 2 ? next_candidate<2>
                                       : next_candidate<1>;
  size_t at = next(pass, bytes, 0);
  while (at < bytes.size()) {
    // After a jump the windows are looked at in another rhythm: any will do, since a literal has
    // `stride` windows next to each other.
    at = next(pass, bytes, std::max(at + pass.stride, check(pass, bytes, at, visitor)));
  }
}

/// Compares the literals that have the window at `at`; returns what the visitor wants.
size_t LiteralSet::check(const Pass& pass, std::string_view bytes, size_t at,
                         Visitor& visitor) const {
  const uint64_t key = load(bytes, at) << (64 - 8 * pass.window_bytes) | pass.fold;
  size_t place = hash_of(key) >> pass.slots_shift;
  while (pass.slots[place].count != 0 && pass.slots[place].key != key) {
    place = (place + 1) & (pass.slots.size() - 1);
  }
  const Slot& slot = pass.slots[place];
  size_t wanted = 0;
  const Entry* const end = pass.entries.data() + slot.first + slot.count;
  for (const Entry* run = end - slot.count; run != end; run += run->run) {
    // Compared without a sum or difference that could go round.
    if (run->offset > at || at - run->offset < wanted) continue;
    const size_t begin = at - run->offset;
    if (literals_[run->literal].size() > bytes.size() - begin) continue;
    wanted = std::max(wanted, check_run(run, bytes, begin, visitor));
  }
  return wanted;
}

/// Literals of one size, in order, that would begin at `begin`.
size_t LiteralSet::check_run(const Entry* entries, std::string_view bytes, size_t begin,
                             Visitor& visitor) const {
  const char* text = bytes.data() + begin;
  const Entry* end = entries + entries->run;
  const size_t size = literals_[entries->literal].size();
  const uint64_t head = first_bytes(load(bytes, begin) | (ignore_case_ ? kCaseBits : 0), size);
  if (entries->run > kShortRun) {
    entries = std::partition_point(entries, end, [&](const Entry& entry) {
      return compare(literals_[entry.literal], text) < 0;
    });
  }
  const bool is_sorted_out = entries != end && end - entries > kShortRun;
  size_t wanted = 0;
  for (; entries != end && wanted <= begin; ++entries) {
    const bool is_equal = entries->head == head && compare(literals_[entries->literal], text) == 0;
    if (is_equal) {
      wanted = std::max(wanted, visitor.found(begin, entries->literal));
    } else if (is_sorted_out) {
      break;
    }
  }
  return wanted;
}

/// The order of a literal and as many bytes of the text, in lower case if case is ignored.
int LiteralSet::compare(std::string_view literal, const char* text) const {
  if (!ignore_case_) return std::memcmp(literal.data(), text, literal.size());
  for (size_t i = 0; i < literal.size(); ++i) {
    const int order =
        static_cast<unsigned char>(literal[i]) - static_cast<unsigned char>(lower(text[i]));
    if (order != 0) return order;
  }
  return 0;
}

}  // namespace shardmill
