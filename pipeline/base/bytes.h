// Little-endian, canonical encoding of small structures: messages between ranks, partials,
// checkpoints. A reader trusts nothing: it never reads past its end, and a length larger than what
// is left is an error.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace shardmill {

using Int128 = __int128;
using UInt128 = unsigned __int128;

/// Appends values to a string. Not thread-safe.
class ByteWriter {
 public:
  void u8(uint8_t value) { bytes_.push_back(static_cast<char>(value)); }
  void u32(uint32_t value) { raw(&value, sizeof value); }
  void u64(uint64_t value) { raw(&value, sizeof value); }
  void i64(int64_t value) { raw(&value, sizeof value); }
  void f64(double value) { raw(&value, sizeof value); }
  void i128(Int128 value) { raw(&value, sizeof value); }
  /// LEB128, 1 to 10 bytes: for counts and sizes that are usually small.
  void varint(uint64_t value);
  /// A varint length, then the bytes.
  void text(std::string_view value);
  void raw(const void* data, size_t size) { bytes_.append(static_cast<const char*>(data), size); }

  const std::string& bytes() const { return bytes_; }
  std::string take() { return std::move(bytes_); }
  size_t size() const { return bytes_.size(); }

 private:
  std::string bytes_;
};

/// Reads what a ByteWriter wrote. After the first value that does not fit, `failed()` stays true
/// and every further value is zero or empty: check once, at the end, but check every count before
/// allocating by it
/// (`count_fits`). The bytes must outlive the reader and the views it hands out.
class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes) : rest_(bytes) {}

  uint8_t u8() { return fixed<uint8_t>(); }
  uint32_t u32() { return fixed<uint32_t>(); }
  uint64_t u64() { return fixed<uint64_t>(); }
  int64_t i64() { return fixed<int64_t>(); }
  double f64() { return fixed<double>(); }
  Int128 i128() { return fixed<Int128>(); }
  uint64_t varint();
  std::string_view text();
  std::string_view raw(size_t size);

  /// True if `count` items of at least `item_bytes` each can still follow; otherwise marks the
  /// reader failed.
  bool count_fits(uint64_t count, size_t item_bytes);
  bool failed() const { return failed_; }
  void fail() { failed_ = true; }
  /// True if everything was read and nothing failed.
  bool done() const { return !failed_ && rest_.empty(); }
  size_t remaining() const { return rest_.size(); }

 private:
  template <typename T>
  T fixed() {
    T value{};
    const std::string_view bytes = raw(sizeof(T));
    if (bytes.size() == sizeof(T)) std::memcpy(&value, bytes.data(), sizeof(T));
    return value;
  }

  std::string_view rest_;
  bool failed_ = false;
};

}  // namespace shardmill
