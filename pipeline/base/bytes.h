// Little-endian, canonical encoding of small structures: messages between ranks, partials,
// checkpoints. A reader trusts nothing: it never reads past its end, and a length larger than what
// is left is an error.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <string>
#include <string_view>

namespace shardmill {

using Int128 = __int128;
using UInt128 = unsigned __int128;

/// Appends values to a string, or hands them on in pieces. Not thread-safe.
class ByteWriter {
 public:
  /// Takes pieces of the bytes, in order.
  using Sink = std::function<void(std::string_view piece)>;
  static constexpr size_t kPieceBytes = 256 << 10;

  ByteWriter() = default;
  /// Holds about one piece, whatever is written. The last one is handed on by `flush`.
  explicit ByteWriter(Sink sink) : sink_(std::move(sink)), most_(kPieceBytes) {}

  void u8(uint8_t value) {
    bytes_.push_back(static_cast<char>(value));
    if (bytes_.size() >= most_) [[unlikely]]
      flush();
  }
  void u32(uint32_t value) { raw(&value, sizeof value); }
  void u64(uint64_t value) { raw(&value, sizeof value); }
  void i64(int64_t value) { raw(&value, sizeof value); }
  void f64(double value) { raw(&value, sizeof value); }
  void i128(Int128 value) { raw(&value, sizeof value); }
  /// LEB128, 1 to 10 bytes: for counts and sizes that are usually small.
  void varint(uint64_t value);
  /// A varint length, then the bytes.
  void text(std::string_view value);
  void raw(const void* data, size_t size) {
    bytes_.append(static_cast<const char*>(data), size);
    if (bytes_.size() >= most_) [[unlikely]]
      flush();
  }
  /// REQUIRES: made with a sink.
  void flush() {
    sink_(bytes_);
    bytes_.clear();
  }

  const std::string& bytes() const { return bytes_; }
  std::string take() { return std::move(bytes_); }
  size_t size() const { return bytes_.size(); }

 private:
  std::string bytes_;
  Sink sink_;
  size_t most_ = SIZE_MAX;
};

/// Bytes that come in pieces. One thread.
class ByteSupply {
 public:
  virtual ~ByteSupply() = default;
  /// Appends the next piece to `out`; false if there is none, because of the end or of an error
  /// that whoever made the supply knows.
  virtual bool more(std::string& out) = 0;
  /// At least as many as will still come; for checks of counts.
  virtual uint64_t left() const = 0;
};

/// Reads what a ByteWriter wrote. After the first value that does not fit, `failed()` stays true
/// and every further value is zero or empty: check once, at the end, but check every count before
/// allocating by it
/// (`count_fits`). The bytes must outlive the reader and the views it hands out; views into a
/// supply hold until the next value is read.
class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes) : rest_(bytes) {}
  /// Holds a piece and the value that is being read. `supply` must outlive the reader.
  explicit ByteReader(ByteSupply& supply) : supply_(&supply) {}
  ByteReader(const ByteReader&) = delete;
  ByteReader& operator=(const ByteReader&) = delete;

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
  bool done() { return !failed_ && rest_.empty() && !refill(1); }
  /// Without those of a supply.
  size_t remaining() const { return rest_.size(); }

 private:
  template <typename T>
  T fixed() {
    T value{};
    const std::string_view bytes = raw(sizeof(T));
    if (bytes.size() == sizeof(T)) std::memcpy(&value, bytes.data(), sizeof(T));
    return value;
  }

  /// False if so many bytes will not come.
  bool refill(size_t size);

  std::string_view rest_;
  bool failed_ = false;
  ByteSupply* supply_ = nullptr;
  std::string held_;  ///< of the supply; `rest_` is its end
};

}  // namespace shardmill
