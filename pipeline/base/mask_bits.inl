// What kernels over 64 bytes at a time share. To be included in HWY_NAMESPACE, behind Highway's
// headers: it is compiled anew for each target.

/// The bits of a mask of bytes of `d`, at most 64 of them, the first byte lowest.
template <typename Bytes, typename Mask>
HWY_INLINE uint64_t mask_bits(Bytes d, Mask mask) {
#if HWY_TARGET == HWY_SCALAR || HWY_HAVE_SCALABLE
  uint64_t bits = 0;
#else
  // As wide as the mask: a narrower store before a wider load would wait for memory.
  constexpr size_t kLanes = hwy::HWY_NAMESPACE::MaxLanes(Bytes());
  std::conditional_t<kLanes == 64, uint64_t, std::conditional_t<kLanes == 32, uint32_t, uint16_t> >
      bits = 0;
#endif
  hwy::HWY_NAMESPACE::StoreMaskBits(d, mask, reinterpret_cast<uint8_t*>(&bits));
  return bits;
}
