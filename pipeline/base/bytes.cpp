#include "pipeline/base/bytes.h"

namespace shardmill {

void ByteWriter::varint(uint64_t value) {
  while (value >= 0x80) {
    u8(static_cast<uint8_t>(value | 0x80));
    value >>= 7;
  }
  u8(static_cast<uint8_t>(value));
}

void ByteWriter::text(std::string_view value) {
  varint(value.size());
  raw(value.data(), value.size());
}

uint64_t ByteReader::varint() {
  uint64_t value = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    const uint8_t byte = u8();
    if (failed_) return 0;
    const bool last = (byte & 0x80) == 0;
    const bool overflows = shift == 63 && byte > 1;
    const bool padded = last && byte == 0 && shift > 0;  // not canonical
    if (overflows || padded) break;
    value |= static_cast<uint64_t>(byte & 0x7f) << shift;
    if (last) return value;
  }
  failed_ = true;
  return 0;
}

bool ByteReader::refill(size_t size) {
  if (supply_ == nullptr) return false;
  held_.erase(0, held_.size() - rest_.size());
  bool more = true;
  while (more && held_.size() < size) more = supply_->more(held_);
  rest_ = held_;
  return rest_.size() >= size;
}

std::string_view ByteReader::text() {
  const uint64_t size = varint();
  if (!count_fits(size, 1)) return {};
  return raw(size);
}

std::string_view ByteReader::raw(size_t size) {
  if (failed_ || (size > rest_.size() && !refill(size))) {
    failed_ = true;
    return {};
  }
  const std::string_view bytes = rest_.substr(0, size);
  rest_.remove_prefix(size);
  return bytes;
}

bool ByteReader::count_fits(uint64_t count, size_t item_bytes) {
  const uint64_t left = rest_.size() + (supply_ == nullptr ? 0 : supply_->left());
  if (!failed_ && count <= left / (item_bytes == 0 ? 1 : item_bytes)) return true;
  failed_ = true;
  return false;
}

}  // namespace shardmill
