#include "stages/support/literal_set.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <utility>

namespace shardmill {

namespace {

constexpr uint64_t kMultiplier = 0x9E3779B97F4A7C15;
constexpr uint64_t kCaseBits = 0x2020202020202020;
/// Windows further inside of a literal are not considered.
constexpr size_t kWindowsMax = 32;
/// Longer runs of literals are searched by halving.
constexpr uint32_t kShortRun = 4;

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

/// Eight bytes from `at`, with zeros behind the end. REQUIRES: at <= bytes.size().
uint64_t load(std::string_view bytes, size_t at) {
  uint64_t word = 0;
  if (bytes.size() - at >= 8) {
    std::memcpy(&word, bytes.data() + at, 8);
  } else {
    std::memcpy(&word, bytes.data() + at, bytes.size() - at);
  }
  return word;
}

uint64_t load_8(const char* bytes) {
  uint64_t word = 0;
  std::memcpy(&word, bytes, 8);
  return word;
}

/// The bits of the first `size` bytes of a word, of all eight if there are more.
uint64_t mask_of(size_t size) {
  return size >= 8 ? ~uint64_t{0} : (uint64_t{1} << 8 * size) - 1;
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
  Builder(const std::vector<std::string>& literals, std::vector<uint32_t> chosen, uint64_t fold)
      : literals_(literals), chosen_(std::move(chosen)), fold_(fold) {
    size_t shortest = std::numeric_limits<size_t>::max();
    for (const uint32_t literal : chosen_) shortest = std::min(shortest, literals_[literal].size());
    const Shape shape = shape_for(shortest);
    pass_.window_bytes = shape.window_bytes;
    pass_.stride = shape.stride;
    // Bytes behind the window are shifted out of the product.
    pass_.multiplier = kMultiplier << (64 - 8 * shape.window_bytes);
  }

  Pass build() {
    count_windows();
    const size_t entries = chosen_.size() * pass_.stride;
    // One bit in 64 to 128 is set, while the set stays within the second-level cache.
    pass_.bits_shift = 64 - std::clamp(bits_for(entries * 64), 6u, 22u);
    pass_.bucket_shift = 64 - bits_for(entries * 2);
    std::vector<std::pair<uint64_t, Entry>> hashed;
    hashed.reserve(entries);
    for (const uint32_t literal : chosen_) {
      const size_t best = best_window(literals_[literal]);
      for (size_t offset = best; offset < best + pass_.stride; ++offset) {
        hashed.emplace_back(hash(literals_[literal], offset), entry(literal, offset));
      }
    }
    std::sort(hashed.begin(), hashed.end(),
              [this](const auto& a, const auto& b) { return is_before(a, b); });
    fill(hashed);
    return std::move(pass_);
  }

 private:
  uint64_t hash(std::string_view text, size_t offset) const {
    return (load(text, offset) | fold_) * pass_.multiplier;
  }

  Entry entry(uint32_t literal, size_t offset) const {
    const std::string_view text = literals_[literal];
    const uint64_t mask = mask_of(text.size());
    return {.head = (load(text, 0) | fold_) & mask,
            .head_mask = mask,
            .literal = literal,
            .size = static_cast<uint32_t>(text.size()),
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
      for (size_t at = 0; at < windows; ++at) ++counts_[hash(text, at) >> counts_shift_];
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
    double cost = counts_[hash(text, at) >> counts_shift_];
    for (const char c : text.substr(at, pass_.window_bytes)) {
      cost *= frequency(static_cast<unsigned char>(c));
    }
    return cost;
  }

  bool is_before(const std::pair<uint64_t, Entry>& a, const std::pair<uint64_t, Entry>& b) const {
    const uint64_t bucket_a = a.first >> pass_.bucket_shift;
    const uint64_t bucket_b = b.first >> pass_.bucket_shift;
    if (bucket_a != bucket_b) return bucket_a < bucket_b;
    if (a.second.offset != b.second.offset) return a.second.offset < b.second.offset;
    if (a.second.size != b.second.size) return a.second.size < b.second.size;
    const int order = literals_[a.second.literal].compare(literals_[b.second.literal]);
    return order != 0 ? order < 0 : a.second.literal < b.second.literal;
  }

  void fill(const std::vector<std::pair<uint64_t, Entry>>& hashed) {
    pass_.bits.assign((size_t{1} << (64 - pass_.bits_shift)) / 64, 0);
    pass_.starts.assign((size_t{1} << (64 - pass_.bucket_shift)) + 1, 0);
    for (const auto& [hash, entry] : hashed) {
      const uint64_t bit = hash >> pass_.bits_shift;
      pass_.bits[bit / 64] |= uint64_t{1} << bit % 64;
      pass_.starts[(hash >> pass_.bucket_shift) + 1] += 1;
      pass_.entries.push_back(entry);
    }
    for (size_t i = 1; i < pass_.starts.size(); ++i) {
      pass_.starts[i] += pass_.starts[i - 1];
      mark_runs(pass_.starts[i - 1], pass_.starts[i]);
    }
  }

  void mark_runs(size_t begin, size_t end) {
    std::vector<Entry>& entries = pass_.entries;
    for (size_t first = begin, i = begin; i < end; ++i) {
      const bool is_same =
          entries[i].offset == entries[first].offset && entries[i].size == entries[first].size;
      if (!is_same) first = i;
      entries[first].run += 1;
    }
  }

  const std::vector<std::string>& literals_;
  const std::vector<uint32_t> chosen_;
  const uint64_t fold_;
  Pass pass_;
  unsigned counts_shift_ = 0;
  std::vector<uint32_t> counts_;
};

LiteralSet::LiteralSet(const std::vector<std::string_view>& literals, bool ignore_case)
    : ignore_case_(ignore_case),
      fold_(ignore_case ? kCaseBits : 0),
      literals_(literals.begin(), literals.end()) {
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
    passes_.push_back(Builder(literals_, std::move(by_size[size]), fold_).build());
  }
}

void LiteralSet::scan(std::string_view bytes, Visitor& visitor) const {
  for (const Pass& pass : passes_) {
    switch (pass.stride) {
      case 4:
        scan_pass<4>(pass, bytes, visitor);
        break;
      case 2:
        scan_pass<2>(pass, bytes, visitor);
        break;
      default:
        scan_pass<1>(pass, bytes, visitor);
    }
  }
}

/// The first position, from `at` on in steps of the stride, whose window may be one of the pass.
template <unsigned kStride>
size_t LiteralSet::next_candidate(const Pass& pass, std::string_view bytes, size_t at) const {
  const uint64_t multiplier = pass.multiplier;
  const uint64_t fold = fold_;
  const unsigned shift = pass.bits_shift;
  const uint64_t* const bits = pass.bits.data();
  const char* const text = bytes.data();
  const auto is_candidate = [&](uint64_t word) {
    const uint64_t bit = (word | fold) * multiplier >> shift;
    return (bits[bit / 64] >> bit % 64 & 1) != 0;
  };
  constexpr size_t kReach = 8 + 3 * kStride;
  const size_t fast_end = bytes.size() < kReach ? 0 : bytes.size() - kReach + 1;
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

template <unsigned kStride>
void LiteralSet::scan_pass(const Pass& pass, std::string_view bytes, Visitor& visitor) const {
  size_t at = next_candidate<kStride>(pass, bytes, 0);
  while (at < bytes.size()) {
    // After a jump the windows are looked at in another rhythm: any will do, since a literal has
    // `stride` windows next to each other.
    const size_t wanted = check(pass, bytes, at, visitor);
    at = next_candidate<kStride>(pass, bytes, std::max(at + kStride, wanted));
  }
}

/// Compares the literals whose window may stand at `at`; returns what the visitor wants.
size_t LiteralSet::check(const Pass& pass, std::string_view bytes, size_t at,
                         Visitor& visitor) const {
  const size_t bucket = (load(bytes, at) | fold_) * pass.multiplier >> pass.bucket_shift;
  const Entry* entry = pass.entries.data() + pass.starts[bucket];
  const Entry* const end = pass.entries.data() + pass.starts[bucket + 1];
  size_t wanted = 0;
  while (entry != end && wanted <= at) {
    const bool is_long_run = entry->run > kShortRun;
    const Entry& first = *entry;
    entry += is_long_run ? first.run : 1;
    if (first.offset > at || at - first.offset < wanted) continue;
    const size_t begin = at - first.offset;
    if (is_long_run) {
      wanted = std::max(wanted, check_run(&first, bytes, begin, visitor));
    } else if (stands_at(first, bytes, begin)) {
      wanted = std::max(wanted, visitor.found(begin, first.literal));
    }
  }
  return wanted;
}

bool LiteralSet::stands_at(const Entry& entry, std::string_view bytes, size_t begin) const {
  const uint64_t head = (load(bytes, begin) | fold_) & entry.head_mask;
  if (head != entry.head || entry.size > bytes.size() - begin) return false;
  const bool is_all = entry.size <= 8 && !ignore_case_;
  return is_all || compare(literals_[entry.literal], bytes.data() + begin) == 0;
}

/// Many literals of one size, in order, that would begin at `begin`.
size_t LiteralSet::check_run(const Entry* entries, std::string_view bytes, size_t begin,
                             Visitor& visitor) const {
  if (entries->size > bytes.size() - begin) return 0;
  const char* const text = bytes.data() + begin;
  const Entry* const end = entries + entries->run;
  entries = std::partition_point(entries, end, [&](const Entry& entry) {
    return compare(literals_[entry.literal], text) < 0;
  });
  size_t wanted = 0;
  for (; entries != end && wanted <= begin && stands_at(*entries, bytes, begin); ++entries) {
    wanted = std::max(wanted, visitor.found(begin, entries->literal));
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
