// Where the bits of a word are, as a list: what kernels over 64 bytes at a time share. To be
// included in HWY_NAMESPACE, behind Highway's headers: it is compiled anew for each target. With
// HWY_WANT_AVX3_DL defined before those, bytes are compressed where the processor can.

#if HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX3_DL

/// Writes base + the position of each set bit, and up to 32 further entries. One compression of
/// bytes gives positions in the block, which are then widened 16 at a time. `kStep`: at most that
/// many are written without asking, a little more than a block usually has, since a mispredicted
/// branch costs more than some positions too many.
template <size_t kStep>
HWY_INLINE void write_positions(uint64_t bits, uint32_t base, uint32_t* out) {
  namespace hn = hwy::HWY_NAMESPACE;
  const hn::CappedTag<uint8_t, 64> d8;
  const hn::CappedTag<uint32_t, 16> d32;
  const hn::Rebind<uint8_t, decltype(d32)> d8_part;
  const auto widened = [&](hn::Vec<decltype(d8_part)> places) HWY_ATTR {
    return hn::Add(hn::PromoteTo(d32, places), hn::Set(d32, base));
  };
  const auto mask = hn::LoadMaskBits(d8, reinterpret_cast<const uint8_t*>(&bits));
  const auto places = hn::Compress(hn::Iota(d8, 0), mask);
  const auto low = hn::LowerHalf(places);
  hn::StoreU(widened(hn::LowerHalf(low)), d32, out);
  size_t done = hn::Lanes(d32);
  if (kStep > hn::Lanes(d32)) {
    hn::StoreU(widened(hn::UpperHalf(d8_part, low)), d32, out + done);
    done += hn::Lanes(d32);
  }
  const auto count = static_cast<size_t>(__builtin_popcountll(bits));
  if (HWY_LIKELY(count <= done)) return;
  HWY_ALIGN_MAX uint8_t rest[64];
  hn::Store(places, d8, rest);
  for (; done < count; done += hn::Lanes(d32)) {
    hn::StoreU(widened(hn::Load(d8_part, rest + done)), d32, out + done);
  }
}

#else

/// Writes base + the position of each set bit, and up to kStep further entries: `kStep` at a time
/// without asking. (Faster than compressing vectors of 32-bit positions.)
template <size_t kStep>
HWY_INLINE void write_positions(uint64_t bits, uint32_t base, uint32_t* out) {
  constexpr uint64_t kGuard = uint64_t{1} << 63;  // ctz of 0 is undefined
  const auto count = static_cast<size_t>(__builtin_popcountll(bits));
  for (size_t done = 0; done < count; done += kStep) {
    for (size_t i = 0; i < kStep; ++i) {
      out[done + i] = base + static_cast<uint32_t>(__builtin_ctzll(bits | kGuard));
      bits &= bits - 1;
    }
  }
}

#endif
