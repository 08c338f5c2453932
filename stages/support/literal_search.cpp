#include "stages/support/literal_search.h"

#include <algorithm>
#include <bit>
#include <type_traits>

#include "pipeline/base/simd.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "stages/support/literal_search.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"

#ifndef SHARDMILL_LITERAL_SEARCH_COMMON
#define SHARDMILL_LITERAL_SEARCH_COMMON
namespace shardmill {
namespace literal_search {

inline char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}
inline char upper(char c) {
  return c >= 'a' && c <= 'z' ? static_cast<char>(c - ('a' - 'A')) : c;
}

inline bool equal(const char* text, const LiteralSearch::Needle& needle) {
  if (!needle.ignore_case) return equal_bytes(text, needle.bytes, needle.size);
  for (size_t i = 0; i < needle.size; ++i) {
    if (lower(text[i]) != needle.bytes[i]) return false;
  }
  return true;
}

inline size_t find_plain(std::string_view text, size_t from, const LiteralSearch::Needle& needle) {
  if (needle.ignore_case) {
    for (; from + needle.size <= text.size(); ++from) {
      if (equal(text.data() + from, needle)) return from;
    }
    return LiteralSearch::kNone;
  }
  const size_t at = text.find(std::string_view(needle.bytes, needle.size), from);
  return at == std::string_view::npos ? LiteralSearch::kNone : at;
}

}  // namespace literal_search
}  // namespace shardmill
#endif

HWY_BEFORE_NAMESPACE();
namespace shardmill {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

#include "pipeline/base/mask_bits.inl"

/// Positions of a block at which a byte of the needle fits.
template <class D>
HWY_INLINE hn::Mask<D> fits(D d, const uint8_t* text, hn::Vec<D> low, hn::Vec<D> high, bool fold) {
  const auto bytes = hn::LoadU(d, text);
  const auto is_low = hn::Eq(bytes, low);
  return fold ? hn::Or(is_low, hn::Eq(bytes, high)) : is_low;
}

/// Calls take(offset) for each occurrence until it gives false. REQUIRES: text.size() >= max(first,
/// second) + Lanes(d), from + needle.size <= text.size().
template <class D, class Take>
HWY_INLINE void find_in_blocks(D d, std::string_view text, size_t from,
                               const LiteralSearch::Needle& needle, Take&& take) {
  using literal_search::upper;
  const size_t lanes = hn::Lanes(d);
  const auto* bytes = reinterpret_cast<const uint8_t*>(text.data());
  const char one = needle.bytes[needle.first];
  const char two = needle.bytes[needle.second];
  const auto one_low = hn::Set(d, static_cast<uint8_t>(one));
  const auto two_low = hn::Set(d, static_cast<uint8_t>(two));
  const auto one_high = hn::Set(d, static_cast<uint8_t>(upper(one)));
  const auto two_high = hn::Set(d, static_cast<uint8_t>(upper(two)));
  const bool fold = needle.ignore_case;
  const size_t reach = (needle.first > needle.second ? needle.first : needle.second) + lanes;
  const size_t last = text.size() - needle.size;
  const auto hits_in = [&](size_t block) HWY_ATTR {
    return hn::And(fits(d, bytes + block + needle.first, one_low, one_high, fold),
                   fits(d, bytes + block + needle.second, two_low, two_high, fold));
  };
  // False once `take` wants no more. Positions in front of `least` were looked at before.
  const auto take_hits = [&](hn::Mask<D> hits, size_t block, size_t least) HWY_ATTR {
    if (hn::AllFalse(d, hits)) return true;
    uint64_t bits = 0;
    hn::StoreMaskBits(d, hits, reinterpret_cast<uint8_t*>(&bits));
    for (; bits != 0; bits &= bits - 1) {
      const size_t candidate = block + static_cast<size_t>(__builtin_ctzll(bits));
      if (candidate > last) break;
      if (candidate < least || !literal_search::equal(text.data() + candidate, needle)) continue;
      if (!take(candidate)) return false;
    }
    return true;
  };
  size_t at = from;
  for (; at + 3 * lanes + reach <= text.size(); at += 4 * lanes) {
    const auto first = hits_in(at), second = hits_in(at + lanes);
    const auto third = hits_in(at + 2 * lanes), fourth = hits_in(at + 3 * lanes);
    if (hn::AllFalse(d, hn::Or(hn::Or(first, second), hn::Or(third, fourth)))) continue;
    if (!take_hits(first, at, at) || !take_hits(second, at + lanes, at) ||
        !take_hits(third, at + 2 * lanes, at) || !take_hits(fourth, at + 3 * lanes, at)) {
      return;
    }
  }
  for (; at <= last; at += lanes) {
    // The last block is moved back so that it ends with the text; it looks at some positions twice.
    const size_t block = at + reach <= text.size() ? at : text.size() - reach;
    if (!take_hits(hits_in(block), block, at)) return;
  }
}

template <class Take>
HWY_INLINE void find_each(std::string_view text, size_t from, const LiteralSearch::Needle& needle,
                          Take&& take) {
  const hn::CappedTag<uint8_t, 64> wide;
  const hn::CappedTag<uint8_t, 16> narrow;
  const size_t far = needle.first > needle.second ? needle.first : needle.second;
  if (text.size() >= far + hn::Lanes(wide)) return find_in_blocks(wide, text, from, needle, take);
  if (text.size() >= far + hn::Lanes(narrow)) {
    return find_in_blocks(narrow, text, from, needle, take);
  }
  for (; from + needle.size <= text.size(); ++from) {
    from = literal_search::find_plain(text, from, needle);
    if (from == LiteralSearch::kNone || !take(from)) return;
  }
}

size_t find_literal(std::string_view text, size_t from, const LiteralSearch::Needle& needle) {
  size_t found = LiteralSearch::kNone;
  find_each(text, from, needle, [&](size_t at) {
    found = at;
    return false;
  });
  return found;
}

HWY_INLINE uint64_t newline_bits(const hn::CappedTag<uint8_t, 64> d, std::string_view text,
                                 size_t at) {
  const auto* const bytes = reinterpret_cast<const uint8_t*>(text.data());
  return mask_bits(d, hn::Eq(hn::LoadU(d, bytes + at), hn::Set(d, '\n')));
}

/// Where the line begins that `at` is in: behind the last newline, not before `least`.
HWY_INLINE size_t line_begin(std::string_view text, size_t least, size_t at) {
  const hn::CappedTag<uint8_t, 64> d;
  while (at > least) {
    if (at < hn::Lanes(d)) {
      while (at > least && text[at - 1] != '\n') --at;
      return at;
    }
    at -= hn::Lanes(d);
    const uint64_t bits = newline_bits(d, text, at);
    if (bits != 0) return std::max(at + static_cast<size_t>(std::bit_width(bits)), least);
  }
  return least;
}

/// The first newline at `at` or behind, or the end of the text.
HWY_INLINE size_t line_end(std::string_view text, size_t at) {
  const hn::CappedTag<uint8_t, 64> d;
  for (; at + hn::Lanes(d) <= text.size(); at += hn::Lanes(d)) {
    const uint64_t bits = newline_bits(d, text, at);
    if (bits != 0) return at + static_cast<size_t>(std::countr_zero(bits));
  }
  while (at < text.size() && text[at] != '\n') ++at;
  return at;
}

size_t find_lines_with(std::string_view text, size_t from, const LiteralSearch::Needle& needle,
                       LineHit* lines, size_t room) {
  size_t count = 0;
  size_t next = from;  // where the line behind the last one begins
  find_each(text, from, needle, [&](size_t hit) HWY_ATTR {
    if (hit < next) return true;
    lines[count] = {
        .begin = line_begin(text, next, hit), .end = line_end(text, hit + needle.size), .hit = hit};
    next = lines[count].end + 1;
    return ++count < room;
  });
  return count;
}

}  // namespace HWY_NAMESPACE
}  // namespace shardmill
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace shardmill {

HWY_EXPORT(find_literal);
HWY_EXPORT(find_lines_with);

namespace {

/// How often a byte is met in logs, tables and prose: smaller is rarer. Only speed depends on it.
int frequency(char byte) {
  static constexpr std::string_view kCommon = " etaoinsrhldcu=0123pm/-:.,fgwyb456789\"v_k";
  const size_t at = kCommon.find(literal_search::lower(byte));
  const bool is_upper = byte >= 'A' && byte <= 'Z';
  if (at == std::string_view::npos) return 0;
  return static_cast<int>(kCommon.size() - at) / (is_upper ? 4 : 1);
}

}  // namespace

LiteralSearch::LiteralSearch(std::string_view needle, bool ignore_case)
    : needle_(needle), ignore_case_(ignore_case), scalar_(simd_limited_to_scalar()) {
  if (ignore_case_) {
    for (char& c : needle_) c = literal_search::lower(c);
  }
  // A needle of any length is told apart by two bytes near each other: a wide gap would leave
  // shorter texts to the slow path.
  const size_t reach = needle_.size() < 16 ? needle_.size() : 16;
  for (size_t i = 1; i < reach; ++i) {
    if (frequency(needle_[i]) < frequency(needle_[first_])) first_ = i;
  }
  second_ = first_ == 0 && reach > 1 ? 1 : 0;
  for (size_t i = 0; i < reach; ++i) {
    if (i != first_ && frequency(needle_[i]) < frequency(needle_[second_])) second_ = i;
  }
}

LiteralSearch::Needle LiteralSearch::needle() const {
  return {.bytes = needle_.data(),
          .size = needle_.size(),
          .ignore_case = ignore_case_,
          .first = first_,
          .second = second_};
}

size_t LiteralSearch::find(std::string_view text, size_t from) const {
  if (text.size() < needle_.size() || from > text.size() - needle_.size()) return kNone;
  if (needle_.empty()) return from;
  if (scalar_) return find_scalar(text, from);
  return HWY_DYNAMIC_DISPATCH(find_literal)(text, from, needle());
}

size_t LiteralSearch::find_lines(std::string_view text, size_t from, LineHit* lines,
                                 size_t room) const {
  if (scalar_) return find_lines_scalar(text, from, lines, room);
  if (text.size() < needle_.size() || from > text.size() - needle_.size()) return 0;
  return HWY_DYNAMIC_DISPATCH(find_lines_with)(text, from, needle(), lines, room);
}

size_t LiteralSearch::find_lines_scalar(std::string_view text, size_t from, LineHit* lines,
                                        size_t room) const {
  size_t count = 0;
  for (size_t next = from; count < room; ++count) {
    const size_t hit = find_scalar(text, next);
    if (hit == kNone) break;
    const size_t before = text.substr(next, hit - next).rfind('\n');
    const size_t end = std::min(text.find('\n', hit), text.size());
    lines[count] = {.begin = before == std::string_view::npos ? next : next + before + 1,
                    .end = end,
                    .hit = hit};
    next = end + 1;
  }
  return count;
}

size_t LiteralSearch::find_scalar(std::string_view text, size_t from) const {
  if (text.size() < needle_.size() || from > text.size() - needle_.size()) return kNone;
  return literal_search::find_plain(text, from, needle());
}

bool LiteralSearch::starts(std::string_view text) const {
  return text.size() >= needle_.size() &&
         (needle_.empty() || literal_search::equal(text.data(), needle()));
}

}  // namespace shardmill
#endif
