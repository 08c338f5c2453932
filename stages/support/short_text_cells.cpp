#include "stages/support/short_text_cells.h"

#include "pipeline/base/simd.h"
#include "stages/support/short_text.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "stages/support/short_text_cells.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace shardmill {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

#if HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX3

/// By the length of a text: it, where the words hold it.
struct Lengths {
  alignas(16) uint64_t words[kShortTextBytes + 1][2] = {};
  constexpr Lengths() {
    for (size_t size = 0; size <= kShortTextBytes; ++size) {
      words[size][1] = uint64_t{size} << kShortTextKindShift;
    }
  }
};
constexpr Lengths kLengths;
alignas(16) constexpr uint64_t kFactors[2] = {0x9E3779B97F4A7C15u, 0xA0761D6478BD642Fu};

void short_text_cells_fast(const std::string_view* texts, size_t count, ShortTextCell* cells,
                           uint64_t* hashes) {
  const hn::FixedTag<uint8_t, 16> d8;
  const hn::FixedTag<uint64_t, 2> d64;
  const auto factors = hn::Load(d64, kFactors);
  for (size_t i = 0; i < count; ++i) {
    const std::string_view text = texts[i];
    auto words = hn::Set(d64, kNoShortText);
    if (HWY_LIKELY(text.size() <= kShortTextBytes)) {
      // What the mask leaves out is not read: the text may end where memory does.
      const auto* const bytes = reinterpret_cast<const uint8_t*>(text.data());
      const auto own = hn::MaskedLoad(hn::FirstN(d8, text.size()), d8, bytes);
      words = hn::Or(hn::BitCast(d64, own), hn::Load(d64, kLengths.words[text.size()]));
    }
    hn::Store(words, d64, cells[i].words);
    const auto products = hn::Mul(words, factors);
    const uint64_t mixed = hn::GetLane(hn::Add(products, hn::Reverse(d64, products)));
    hashes[i] = mixed ^ mixed << 20;
  }
}

#else

void short_text_cells_fast(const std::string_view* texts, size_t count, ShortTextCell* cells,
                           uint64_t* hashes) {
  short_text_cells_scalar(texts, count, cells, hashes);
}

#endif

}  // namespace HWY_NAMESPACE
}  // namespace shardmill
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace shardmill {

HWY_EXPORT(short_text_cells_fast);

void short_text_cells(const std::string_view* texts, size_t count, ShortTextCell* cells,
                      uint64_t* hashes) {
  if (simd_limited_to_scalar()) return short_text_cells_scalar(texts, count, cells, hashes);
  return HWY_DYNAMIC_DISPATCH(short_text_cells_fast)(texts, count, cells, hashes);
}

SHARDMILL_READS_PAST_END void short_text_cells_scalar(const std::string_view* texts, size_t count,
                                                      ShortTextCell* cells, uint64_t* hashes) {
  for (size_t i = 0; i < count; ++i) {
    uint64_t* const words = cells[i].words;
    if (texts[i].size() <= kShortTextBytes) [[likely]] {
      short_text_words(texts[i].data(), texts[i].size(), words);
    } else {
      words[0] = words[1] = kNoShortText;
    }
    hashes[i] = hash_short_text(words);
  }
}

}  // namespace shardmill
#endif
