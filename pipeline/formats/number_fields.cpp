#include "pipeline/formats/number_fields.h"

#include <algorithm>
#include <cstring>
#include <string_view>

#include "pipeline/base/check.h"
#include "pipeline/base/simd.h"
#include "pipeline/formats/numbers.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "pipeline/formats/number_fields.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace shardmill {
namespace HWY_NAMESPACE {
namespace {

#if HWY_TARGET == HWY_SCALAR

uint8_t parse_float_fields_simd(const char* text, const FieldSpan* fields, size_t count,
                                double* values, uint8_t* kinds) {
  return parse_float_fields_scalar(text, fields, count, values, kinds);
}

uint8_t parse_int_fields_simd(const char* text, const FieldSpan* fields, size_t count,
                              int64_t* values, uint8_t* kinds) {
  return parse_int_fields_scalar(text, fields, count, values, kinds);
}

#else

namespace hn = hwy::HWY_NAMESPACE;

// A lane takes a field as two words of 8 digits, right-aligned in 16 bytes: what stands in front of
// a shorter field counts as zeros. Memory order: the lowest byte of a word is its first digit.
//
//   "-193.18"   head ........  tail .0193.18   ->   tail ..019318, 2 decimals, negative
//
// The point is taken out by moving what is in front of it up by a byte. Digits are numbers below
// 2^53 then, so that one division by an exact power of ten gives the nearest double.

using Words = hn::CappedTag<uint64_t, 8>;
using Word = hn::Vec<Words>;
using Doubles = hn::Rebind<double, Words>;
constexpr size_t kLanesMax = 8;
constexpr uint64_t kTooLong = ~uint64_t{31};  // as a size it is negative, so no digits are left
constexpr uint64_t kZeros = 0x3030303030303030u;
constexpr uint64_t kOnes = 0x0101010101010101u;

HWY_ALIGN_MAX constexpr double kPowersOfTen[16] = {1e0, 1e1, 1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                                   1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};

/// The bytes of the fields of one call, fetched before any vector looks at them.
struct Fetched {
  static constexpr size_t kRoom = kNumberFields + kLanesMax;
  HWY_ALIGN_MAX uint64_t first[kRoom];  ///< the first 8 bytes of a field
  HWY_ALIGN_MAX uint64_t last[kRoom];   ///< the last 8 of those of 9 to 16, once it is asked for
  HWY_ALIGN_MAX uint64_t sizes[kRoom];  ///< 0 to 16; kTooLong for fields that no lane can take
};

/// Eight bytes from each of some places in a text.
HWY_INLINE Word fetch_words(const char* text, Word places) {
  const Words d;
#if HWY_TARGET <= HWY_AVX3
  return hn::GatherOffset(d, reinterpret_cast<const uint64_t*>(text),
                          hn::BitCast(hn::RebindToSigned<Words>(), places));
#else  // one by one is faster
  HWY_ALIGN_MAX uint64_t words[kLanesMax];
  hn::Store(places, d, words);
  for (size_t i = 0; i < hn::Lanes(d); ++i)
    std::memcpy(&words[i], text + words[i], sizeof words[i]);
  return hn::Load(d, words);
#endif
}

/// Fetches a vector of fields to place `at`; all ones where one has 9 to 16 bytes.
HWY_INLINE Word fetch_step(const char* text, const FieldSpan* fields, size_t at, Fetched& fetched) {
  static_assert(sizeof(FieldSpan) == sizeof(uint64_t));
  const Words d;
  const Word one = hn::Set(d, 1);
  // As words: the end is above the beginning.
  const Word span = hn::LoadU(d, reinterpret_cast<const uint64_t*>(fields));
  const Word begin = hn::And(span, hn::Set(d, 0xffffffffu));
  const Word end = hn::ShiftRight<32>(span);
  const Word size = hn::Sub(end, begin);
  const Word eights = hn::ShiftRight<3>(hn::Sub(size, one));
  const auto is_long = hn::Eq(eights, one);
  const auto fits = hn::Eq(hn::ShiftRight<1>(eights), hn::Zero(d));
  const Word other = hn::IfThenElseZero(hn::Ne(size, hn::Zero(d)), hn::Set(d, kTooLong));
  hn::Store(hn::IfThenElse(fits, size, other), d, fetched.sizes + at);
  hn::Store(fetch_words(text, begin), d, fetched.first + at);
  const Word long_lanes = hn::VecFromMask(d, is_long);
  hn::Store(hn::IfThenElse(is_long, hn::Sub(end, hn::Set(d, 8)), begin), d, fetched.last + at);
  return long_lanes;
}

/// True if some field has 9 to 16 bytes.
HWY_INLINE bool fetch(const char* text, const FieldSpan* fields, size_t count, Fetched& fetched) {
  const Words d;
  const size_t lanes = hn::Lanes(d);
  Word any_long = hn::Zero(d);
  size_t at = 0;
  for (; at + lanes <= count; at += lanes) {
    any_long = hn::Or(any_long, fetch_step(text, fields + at, at, fetched));
  }
  if (at < count) {
    FieldSpan rest[kLanesMax];
    std::fill_n(rest, lanes, fields[at]);
    std::copy(fields + at, fields + count, rest);
    any_long = hn::Or(any_long, fetch_step(text, rest, at, fetched));
  }
  if (HWY_LIKELY(hn::AllTrue(d, hn::Eq(any_long, hn::Zero(d))))) return false;
  for (at = 0; at < count; at += lanes) {
    hn::Store(fetch_words(text, hn::Load(d, fetched.last + at)), d, fetched.last + at);
  }
  return true;
}

/// Eight digits, one a byte, as a number. In each step a multiplication adds a half of each lane,
/// times what it counts, to the other half: 2561 is 10 * 2^8 + 1.
HWY_INLINE Word digits_value(Word digits) {
  const Words d;
  const hn::Repartition<uint16_t, Words> d16;
  const hn::Repartition<uint32_t, Words> d32;
  const auto twos =
      hn::ShiftRight<8>(hn::Mul(hn::BitCast(d16, digits), hn::Set(d16, 10 * 256 + 1)));
  const auto fours =
      hn::ShiftRight<16>(hn::Mul(hn::BitCast(d32, twos), hn::Set(d32, 100 * 65536 + 1)));
  return hn::Add(hn::BitCast(d, hn::MulEven(fours, hn::Set(d32, 10000))),
                 hn::ShiftRight<32>(hn::BitCast(d, fours)));
}

/// 10^decimals; below 8, or 16 if kLong.
template <bool kLong>
HWY_INLINE hn::Vec<Doubles> power_of_ten(Word decimals) {
  const Doubles df;
#if HWY_TARGET <= HWY_AVX3
  const Words d;
  const Word low = hn::And(decimals, hn::Set(d, 7));
  const auto index = hn::IndicesFromVec(df, low);
  const auto small = hn::TableLookupLanes(hn::Load(df, kPowersOfTen), index);
  if constexpr (!kLong) return small;
  const auto large = hn::TableLookupLanes(hn::Load(df, kPowersOfTen + 8), index);
  return hn::IfThenElse(hn::RebindMask(df, hn::Eq(low, decimals)), small, large);
#else
  return hn::GatherIndex(df, kPowersOfTen, hn::BitCast(hn::RebindToSigned<Words>(), decimals));
#endif
}

/// Below 2^52.
HWY_INLINE hn::Vec<Doubles> to_doubles(Word value) {
  const Doubles df;
  const Words d;
  const auto magic = hn::Set(df, 4503599627370496.0);
  return hn::Sub(hn::BitCast(df, hn::Or(value, hn::BitCast(d, magic))), magic);
}

/// The points of a word of digits, the bytes before the first one (all bytes if there is none) and
/// those behind it.
struct Point {
  Word all, before, behind;
};

HWY_INLINE Point find_point(Word digits) {
  const Words d;
  const hn::Repartition<uint8_t, Words> d8;
  Point point;
  point.all =
      hn::BitCast(d, hn::VecFromMask(d8, hn::Eq(hn::BitCast(d8, digits), hn::Set(d8, '.' ^ '0'))));
  point.before = hn::AndNot(point.all, hn::Sub(point.all, hn::Set(d, 1)));
  point.behind = hn::ShiftLeft<8>(hn::Not(point.before));
  return point;
}

HWY_INLINE Word count_bytes(Word mask) {
  const Words d;
  const hn::Repartition<uint8_t, Words> d8;
  return hn::BitCast(d, hn::SumsOf8(hn::BitCast(d8, hn::And(mask, hn::Set(d, kOnes)))));
}

/// Shifts by 64 or more are those of fields that are empty or too long, whatever they hold.
HWY_INLINE Word within_word(Word shifts) {
  return hn::And(shifts, hn::Set(Words(), 63));
}

/// What a step of lanes makes of its fields. `sign` has the top bit of negative ones; `odd` are
/// neither plain decimals nor empty.
struct Decimals {
  Word head, tail, decimals, sign;
  hn::Mask<Words> empty, odd;
};

template <bool kLong, bool kHasPoint>
HWY_INLINE Decimals take_step(const Fetched& fetched, size_t at) {
  const Words d;
  const hn::Repartition<uint8_t, Words> d8;
  const Word zero = hn::Zero(d);
  const Word zeros = hn::Set(d, kZeros);
  const Word low_byte = hn::Set(d, 0xff);
  Word size = hn::Load(d, fetched.sizes + at);
  Word first = hn::Load(d, fetched.first + at);
  const auto empty = hn::Eq(size, zero);

  const Word sign_byte = hn::And(first, low_byte);
  const auto minus = hn::Eq(sign_byte, hn::Set(d, '-'));
  const auto is_signed = hn::Or(minus, hn::Eq(sign_byte, hn::Set(d, '+')));
  first = hn::IfThenElse(is_signed, hn::Or(hn::AndNot(low_byte, first), hn::Set(d, '0')), first);
  first = hn::Xor(first, zeros);

  Decimals out;
  out.empty = empty;
  out.sign = hn::IfThenElseZero(minus, hn::Set(d, uint64_t{1} << 63));
  const Word bits = hn::ShiftLeft<3>(size);
  if constexpr (kLong) {
    const auto is_long = hn::Gt(hn::BitCast(hn::RebindToSigned<Words>(), size),
                                hn::Set(hn::RebindToSigned<Words>(), 8));
    const Word long_lanes = hn::BitCast(d, hn::VecFromMask(hn::RebindToSigned<Words>(), is_long));
    const Word all = hn::Add(hn::Set(d, 64), hn::And(long_lanes, hn::Set(d, 64)));
    const Word shifted = first << within_word(hn::Sub(all, bits));
    const Word last = hn::Xor(hn::Load(d, fetched.last + at), zeros);
    out.tail = hn::Or(hn::And(long_lanes, last), hn::AndNot(long_lanes, shifted));
    out.head = hn::And(long_lanes, shifted);
  } else {
    out.tail = first << within_word(hn::Sub(hn::Set(d, 64), bits));
    out.head = zero;
  }

  out.decimals = zero;
  if constexpr (kHasPoint) {
    const Point point = find_point(out.tail);
    const Word before = hn::And(out.tail, point.before);
    auto has_point = hn::Ne(point.all, zero);
    const Word tail = hn::Or(hn::ShiftLeft<8>(before), hn::And(out.tail, point.behind));
    out.decimals = count_bytes(point.behind);
    if constexpr (kLong) {
      const Point early = find_point(out.head);
      const auto has_early = hn::Ne(early.all, zero);
      const Word early_head = hn::Or(hn::ShiftLeft<8>(hn::And(out.head, early.before)),
                                     hn::And(out.head, early.behind));
      // A second point, in the tail, stays there and is no digit.
      const Word moved_tail = hn::Or(tail, hn::ShiftRight<56>(out.head));
      const Word moved_head = hn::ShiftLeft<8>(out.head);
      out.tail =
          hn::IfThenElse(has_early, out.tail, hn::IfThenElse(has_point, moved_tail, out.tail));
      out.decimals = hn::IfThenElse(has_early, hn::Add(count_bytes(early.behind), hn::Set(d, 8)),
                                    out.decimals);
      out.head =
          hn::IfThenElse(has_early, early_head, hn::IfThenElse(has_point, moved_head, out.head));
      has_point = hn::Or(has_point, has_early);
    } else {
      out.tail = hn::IfThenElse(has_point, tail, out.tail);
    }
    size = hn::Sub(size, hn::IfThenElseZero(has_point, hn::Set(d, 1)));
  }
  size = hn::Sub(size, hn::IfThenElseZero(is_signed, hn::Set(d, 1)));  // now the number of digits

  const auto nines = hn::Set(d8, 9);
  Word above_nine = hn::BitCast(d, hn::SaturatedSub(hn::BitCast(d8, out.tail), nines));
  if constexpr (kLong) {
    above_nine =
        hn::Or(above_nine, hn::BitCast(d, hn::SaturatedSub(hn::BitCast(d8, out.head), nines)));
  }
  const hn::RebindToSigned<Words> di;
  const auto no_digit = hn::RebindMask(d, hn::Lt(hn::BitCast(di, size), hn::Set(di, 1)));
  out.odd = hn::AndNot(empty, hn::Or(hn::Ne(above_nine, zero), no_digit));
  out.tail = digits_value(out.tail);
  if constexpr (kLong) out.head = digits_value(out.head);
  return out;
}

struct FloatStep {
  using Value = double;

  static bool parse(std::string_view field, double& value) { return parse_float(field, value); }

  template <bool kLong>
  static HWY_INLINE hn::Mask<Words> take(const Fetched& fetched, size_t at, double* values) {
    const Words d;
    const Doubles df;
    const Decimals step = take_step<kLong, true>(fetched, at);
    auto odd = step.odd;
    auto digits = to_doubles(step.tail);
    if constexpr (kLong) {
      digits = hn::Add(hn::Mul(to_doubles(step.head), hn::Set(df, 1e8)), digits);
      const auto exact = hn::Lt(digits, hn::Set(df, 9007199254740992.0));
      odd = hn::Or(odd, hn::AndNot(step.empty, hn::Not(hn::RebindMask(d, exact))));
    }
    const auto quotient = hn::Div(digits, power_of_ten<kLong>(step.decimals));
    const auto value = hn::Or(hn::BitCast(d, quotient), step.sign);
    hn::StoreU(hn::BitCast(df, hn::IfThenZeroElse(step.empty, value)), df, values);
    return odd;
  }
};

struct IntStep {
  using Value = int64_t;

  static bool parse(std::string_view field, int64_t& value) { return parse_int(field, value); }

  template <bool kLong>
  static HWY_INLINE hn::Mask<Words> take(const Fetched& fetched, size_t at, int64_t* values) {
    const Words d;
    const hn::Repartition<uint32_t, Words> d32;
    const hn::RebindToSigned<Words> di;
    const Decimals step = take_step<kLong, false>(fetched, at);
    Word value = step.tail;
    if constexpr (kLong) {
      const auto scaled =
          hn::MulEven(hn::BitCast(d32, step.head), hn::Set(d32, uint32_t{100'000'000}));
      value = hn::Add(hn::BitCast(d, scaled), value);
    }
    const auto negative = hn::Ne(step.sign, hn::Zero(d));
    value = hn::IfThenElse(negative, hn::Sub(hn::Zero(d), value), value);
    hn::StoreU(hn::BitCast(di, hn::IfThenZeroElse(step.empty, value)), di, values);
    return step.odd;
  }
};

/// Parses the lanes that a step could not take, one by one.
template <typename Step>
HWY_NOINLINE uint8_t take_odd(const char* text, const FieldSpan* fields, size_t count,
                              const uint64_t* odd, typename Step::Value* values, uint8_t* kinds) {
  uint8_t all_kinds = 0;
  for (size_t i = 0; i < count; ++i) {
    if (odd[i] == 0) continue;
    const size_t size = fields[i].end - fields[i].begin;
    if (Step::parse({text + fields[i].begin, size}, values[i])) continue;
    kinds[i] = kOddField;
    all_kinds = kOddField;
  }
  return all_kinds;
}

template <typename Step, bool kLong>
HWY_INLINE uint8_t take_all(const char* text, const FieldSpan* fields, size_t count,
                            const Fetched& fetched, typename Step::Value* values, uint8_t* kinds) {
  const Words d;
  const size_t lanes = hn::Lanes(d);
  uint8_t all_kinds = 0;
  for (size_t at = 0; at < count; at += lanes) {
    const size_t some = std::min(lanes, count - at);
    HWY_ALIGN_MAX typename Step::Value rest[kLanesMax];
    const auto odd = Step::template take<kLong>(fetched, at, some == lanes ? values + at : rest);
    if (some < lanes) std::copy_n(rest, some, values + at);
    if (HWY_LIKELY(hn::AllFalse(d, odd))) continue;
    HWY_ALIGN_MAX uint64_t odd_lanes[kLanesMax];
    hn::Store(hn::VecFromMask(d, odd), d, odd_lanes);
    all_kinds |= take_odd<Step>(text, fields + at, some, odd_lanes, values + at, kinds + at);
  }
  return all_kinds;
}

/// Marks the empty fields, and only them.
HWY_INLINE uint8_t mark_empty(const FieldSpan* fields, size_t count, uint8_t* kinds) {
  uint8_t any = 0;
  for (size_t i = 0; i < count; ++i) {
    kinds[i] = fields[i].begin == fields[i].end ? kEmptyField : 0;
    any |= kinds[i];
  }
  return any;
}

template <typename Step>
HWY_INLINE uint8_t parse_fields(const char* text, const FieldSpan* fields, size_t count,
                                typename Step::Value* values, uint8_t* kinds) {
  SHARDMILL_CHECK(count <= kNumberFields);
  Fetched fetched;
  const bool any_long = fetch(text, fields, count, fetched);
  const uint8_t any_empty = mark_empty(fields, count, kinds);
  const uint8_t others = any_long
                             ? take_all<Step, true>(text, fields, count, fetched, values, kinds)
                             : take_all<Step, false>(text, fields, count, fetched, values, kinds);
  return any_empty | others;
}

uint8_t parse_float_fields_simd(const char* text, const FieldSpan* fields, size_t count,
                                double* values, uint8_t* kinds) {
  return parse_fields<FloatStep>(text, fields, count, values, kinds);
}

uint8_t parse_int_fields_simd(const char* text, const FieldSpan* fields, size_t count,
                              int64_t* values, uint8_t* kinds) {
  return parse_fields<IntStep>(text, fields, count, values, kinds);
}

#endif

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace shardmill
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace shardmill {

HWY_EXPORT(parse_float_fields_simd);
HWY_EXPORT(parse_int_fields_simd);

uint8_t parse_float_fields(const char* text, const FieldSpan* fields, size_t count, double* values,
                           uint8_t* kinds) {
  if (simd_limited_to_scalar())
    return parse_float_fields_scalar(text, fields, count, values, kinds);
  return HWY_DYNAMIC_DISPATCH(parse_float_fields_simd)(text, fields, count, values, kinds);
}

uint8_t parse_int_fields(const char* text, const FieldSpan* fields, size_t count, int64_t* values,
                         uint8_t* kinds) {
  if (simd_limited_to_scalar()) return parse_int_fields_scalar(text, fields, count, values, kinds);
  return HWY_DYNAMIC_DISPATCH(parse_int_fields_simd)(text, fields, count, values, kinds);
}

namespace {

template <typename Value, typename Parse>
uint8_t parse_each(const char* text, const FieldSpan* fields, size_t count, Value* values,
                   uint8_t* kinds, Parse&& parse) {
  uint8_t all_kinds = 0;
  for (size_t i = 0; i < count; ++i) {
    const std::string_view field(text + fields[i].begin, fields[i].end - fields[i].begin);
    const bool good = parse(field, values[i]);
    if (field.empty()) values[i] = 0;
    kinds[i] = good ? 0 : field.empty() ? kEmptyField : kOddField;
    all_kinds |= kinds[i];
  }
  return all_kinds;
}

}  // namespace

uint8_t parse_float_fields_scalar(const char* text, const FieldSpan* fields, size_t count,
                                  double* values, uint8_t* kinds) {
  return parse_each<double>(
      text, fields, count, values, kinds,
      [](std::string_view field, double& value) { return parse_float(field, value); });
}

uint8_t parse_int_fields_scalar(const char* text, const FieldSpan* fields, size_t count,
                                int64_t* values, uint8_t* kinds) {
  return parse_each<int64_t>(
      text, fields, count, values, kinds,
      [](std::string_view field, int64_t& value) { return parse_int(field, value); });
}

}  // namespace shardmill
#endif
