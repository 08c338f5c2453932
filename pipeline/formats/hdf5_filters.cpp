#include "pipeline/formats/hdf5_filters.h"

#include <libdeflate.h>

#include <cstring>
#include <utility>

#include "pipeline/base/text.h"

namespace shardmill {

namespace {

constexpr uint64_t kChecksumBytes = 4;

/// Of a size that the compiler knows, so that it interleaves whole vectors.
template <size_t kBytes>
void unshuffle_elements(const char* in, size_t elements, char* __restrict out) {
  for (size_t i = 0; i < elements; ++i) {
    for (size_t byte = 0; byte < kBytes; ++byte) out[i * kBytes + byte] = in[byte * elements + i];
  }
}

uint32_t big_endian_16(const unsigned char* bytes) {
  return (static_cast<uint32_t>(bytes[0]) << 8) | bytes[1];
}

uint32_t folded(uint32_t sum) {
  return (sum & 0xffff) + (sum >> 16);
}

/// Before 1.6.3 the library swapped the bytes of both halves on little-endian machines, and it
/// still reads such files.
uint32_t swapped_halves(uint32_t sum) {
  return ((sum & 0x00ff00ff) << 8) | ((sum & 0xff00ff00) >> 8);
}

Status check_sum(std::string_view& bytes) {
  if (bytes.size() < kChecksumBytes) {
    return Status::bad_file("a chunk of " + counted(bytes.size(), "byte") +
                            ", expected a checksum of 4");
  }
  uint32_t stored = 0;
  for (size_t i = kChecksumBytes; i-- > 0;) {
    stored = (stored << 8) | static_cast<unsigned char>(bytes[bytes.size() - kChecksumBytes + i]);
  }
  bytes.remove_suffix(kChecksumBytes);
  const uint32_t sum = hdf5_fletcher32(bytes);
  if (sum == stored || swapped_halves(sum) == stored) return {};
  return Status::bad_file(
      "a chunk with another checksum than was stored with it, expected the "
      "same; the file is damaged");
}

Status wrong_size(uint64_t found, uint64_t expected) {
  return Status::bad_file("a chunk of " + counted(found, "byte") + ", expected " +
                          counted(expected, "byte"));
}

}  // namespace

uint32_t hdf5_fletcher32(std::string_view bytes) {
  constexpr size_t kWordsBeforeOverflow = 360;
  const auto* at = reinterpret_cast<const unsigned char*>(bytes.data());
  size_t words = bytes.size() / 2;
  uint32_t sum1 = 0;
  uint32_t sum2 = 0;
  while (words > 0) {
    const size_t now = words < kWordsBeforeOverflow ? words : kWordsBeforeOverflow;
    words -= now;
    for (size_t i = 0; i < now; ++i, at += 2) {
      sum1 += big_endian_16(at);
      sum2 += sum1;
    }
    sum1 = folded(sum1);
    sum2 = folded(sum2);
  }
  if (bytes.size() % 2 != 0) {
    sum1 += static_cast<uint32_t>(*at) << 8;
    sum2 += sum1;
    sum1 = folded(sum1);
    sum2 = folded(sum2);
  }
  sum1 = folded(sum1);
  sum2 = folded(sum2);
  return (sum2 << 16) | sum1;
}

void hdf5_unshuffle_plainly(std::string_view shuffled, size_t element_bytes, char* out) {
  const size_t elements = shuffled.size() / element_bytes;
  for (size_t byte = 0; byte < element_bytes; ++byte) {
    for (size_t i = 0; i < elements; ++i) {
      out[i * element_bytes + byte] = shuffled[byte * elements + i];
    }
  }
  const size_t done = elements * element_bytes;
  std::memcpy(out + done, shuffled.data() + done, shuffled.size() - done);
}

void hdf5_unshuffle(std::string_view shuffled, size_t element_bytes, char* out) {
  const size_t elements = shuffled.size() / element_bytes;
  switch (element_bytes) {
    case 2:
      unshuffle_elements<2>(shuffled.data(), elements, out);
      break;
    case 4:
      unshuffle_elements<4>(shuffled.data(), elements, out);
      break;
    case 8:
      unshuffle_elements<8>(shuffled.data(), elements, out);
      break;
    default:
      return hdf5_unshuffle_plainly(shuffled, element_bytes, out);
  }
  const size_t done = elements * element_bytes;
  std::memcpy(out + done, shuffled.data() + done, shuffled.size() - done);
}

void Hdf5Unfilter::Release::operator()(libdeflate_decompressor* decompressor) const {
  libdeflate_free_decompressor(decompressor);
}

Hdf5Unfilter::Hdf5Unfilter(Form form)
    : form_(std::move(form)), decompressor_(libdeflate_alloc_decompressor()) {
  SHARDMILL_CHECK(decompressor_ != nullptr);
}

Hdf5Unfilter::~Hdf5Unfilter() = default;

uint64_t Hdf5Unfilter::stored_bytes_max() const {
  uint64_t bytes = form_.chunk_bytes;
  for (const Hdf5Filter filter : form_.filters) {
    if (filter == Hdf5Filter::kFletcher32) bytes += kChecksumBytes;
    if (filter == Hdf5Filter::kDeflate) bytes += bytes / 100 + 1024;
  }
  return bytes;
}

Status Hdf5Unfilter::inflate(std::string_view stored, uint64_t plain_bytes, char* out) {
  const libdeflate_result result = libdeflate_zlib_decompress(
      decompressor_.get(), stored.data(), stored.size(), out, plain_bytes, nullptr);
  if (result == LIBDEFLATE_SUCCESS) return {};
  if (result == LIBDEFLATE_BAD_DATA) {
    return Status::bad_file("a chunk with a damaged deflate stream, expected a sound one");
  }
  return Status::bad_file("a chunk that does not inflate to " + counted(plain_bytes, "byte") +
                          ", expected these");
}

/// How many bytes went into the filter.
uint64_t Hdf5Unfilter::bytes_before(size_t filter, uint32_t filter_mask) const {
  uint64_t bytes = form_.chunk_bytes;
  for (size_t i = 0; i < filter; ++i) {
    const bool is_used = ((filter_mask >> i) & 1) == 0;
    if (is_used && form_.filters[i] == Hdf5Filter::kFletcher32) bytes += kChecksumBytes;
  }
  return bytes;
}

/// `out` is nullptr if others come after it.
Status Hdf5Unfilter::undo_one(size_t filter, uint64_t bytes, std::string_view& now, char* out) {
  if (form_.filters[filter] == Hdf5Filter::kFletcher32) return check_sum(now);
  char* target = out;
  if (target == nullptr) {
    spare_.resize(bytes);
    target = spare_.data();
  }
  if (form_.filters[filter] == Hdf5Filter::kDeflate) {
    RETURN_IF_ERROR(inflate(now, bytes, target));
  } else {
    hdf5_unshuffle(now, form_.element_bytes, target);
  }
  now = {target, bytes};
  if (out == nullptr) std::swap(spare_, held_);
  return {};
}

Status Hdf5Unfilter::undo(std::string_view stored, uint32_t filter_mask, char* out) {
  std::string_view now = stored;
  for (size_t i = form_.filters.size(); i-- > 0;) {
    const uint32_t still_to_undo = ~filter_mask & ((uint32_t{1} << i) - 1);
    if (((filter_mask >> i) & 1) != 0) continue;
    const bool keeps_size = form_.filters[i] == Hdf5Filter::kShuffle;
    const uint64_t bytes = keeps_size ? now.size() : bytes_before(i, filter_mask);
    const bool is_last = still_to_undo == 0 && bytes == form_.chunk_bytes;
    RETURN_IF_ERROR(undo_one(i, bytes, now, is_last ? out : nullptr));
  }
  if (now.size() != form_.chunk_bytes) return wrong_size(now.size(), form_.chunk_bytes);
  if (now.data() != out) std::memcpy(out, now.data(), now.size());
  return {};
}

}  // namespace shardmill
