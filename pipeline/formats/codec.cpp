#include "pipeline/formats/codec.h"

#include <bzlib.h>
#include <isa-l/igzip_lib.h>
#include <lz4frame.h>
#include <lzma.h>
#include <zstd.h>
#include <zstd_errors.h>

#include <algorithm>
#include <cstring>
#include <limits>

#include "pipeline/base/quantity.h"

namespace shardmill {

namespace {

constexpr std::string_view kGzipMagic = "\x1f\x8b\x08";
constexpr std::string_view kZstdMagic = "\x28\xb5\x2f\xfd";
constexpr std::string_view kLz4Magic = "\x04\x22\x4d\x18";
constexpr std::string_view kBzip2Magic = "BZh";
constexpr std::string_view kXzMagic = std::string_view(
    "\xfd"
    "7zXZ\0",
    6);

bool is_skippable_frame(std::string_view bytes) {
  return bytes.size() >= 4 && (static_cast<unsigned char>(bytes[0]) & 0xf0) == 0x50 &&
         bytes.substr(1, 3) == "\x2a\x4d\x18";
}

uint32_t as_u32(size_t size) {
  return static_cast<uint32_t>(std::min<size_t>(size, std::numeric_limits<uint32_t>::max()));
}

Status damaged(std::string_view what, std::string_view reason) {
  return Status::bad_file("the " + std::string(what) + " is damaged: " + std::string(reason));
}

Status no_memory(std::string_view what) {
  return Status::failed("no memory to decode a " + std::string(what) + "; run with fewer threads");
}

/// Of libzstd and liblz4, which lose what they made in a call that fails: feeds them so that no
/// call completes more than one block, since a block is given wholly or not at all. Both say how
/// many bytes they want: up to the end of the block (or header) at hand, and `next_header_bytes` of
/// what follows it.
std::string_view one_block(std::string_view input, size_t wanted, size_t next_header_bytes) {
  if (wanted > next_header_bytes) wanted -= next_header_bytes;
  return input.substr(0, std::max<size_t>(wanted, 1));
}

Status window_too_large(std::string_view what, size_t window_bytes_max) {
  return Status::bad_file("the " + std::string(what) + " needs a larger window, expected at most " +
                          format_bytes(window_bytes_max) + "; raise input.window_bytes_max");
}

class GzipCodec final : public Codec {
 public:
  Status start_member() override {
    isal_inflate_init(&state_);
    isal_gzip_header_init(&header_);
    is_in_header_ = true;
    state_.crc_flag = ISAL_GZIP_NO_HDR_VER;
    return {};
  }

  Result<bool> run(std::string_view& input, char*& output, size_t& capacity) override {
    if (outcome_ >= 0) outcome_ = inflate(input, output, capacity);
    if (outcome_ >= 0) return state_.block_state == ISAL_BLOCK_FINISH;
    // What ISA-L has decoded ahead of a damage is still in its own buffer.
    const auto ahead = static_cast<size_t>(state_.tmp_out_valid - state_.tmp_out_processed);
    const size_t size = std::min(ahead, capacity);
    std::memcpy(output, state_.tmp_out_buffer + state_.tmp_out_processed, size);
    state_.tmp_out_processed += static_cast<int32_t>(size);
    output += size;
    capacity -= size;
    if (size < ahead) return false;
    return damaged(member_name(), reason());
  }

  bool begins_member(std::string_view bytes) const override {
    return bytes.substr(0, 2) == kGzipMagic.substr(0, 2);
  }
  std::string_view member_name() const override { return "gzip member"; }

 private:
  int inflate(std::string_view& input, char*& output, size_t& capacity) {
    const uint32_t room = as_u32(capacity);
    const uint32_t given = as_u32(input.size());
    state_.next_in = reinterpret_cast<uint8_t*>(const_cast<char*>(input.data()));
    state_.avail_in = given;
    state_.next_out = reinterpret_cast<uint8_t*>(output);
    state_.avail_out = room;
    const int outcome = decode();
    input.remove_prefix(given - state_.avail_in);
    output += room - state_.avail_out;
    capacity -= room - state_.avail_out;
    return outcome;
  }

  /// isal_inflate forgets a header's flags when the header is cut by the end of the input, so the
  /// header is read apart.
  int decode() {
    if (!is_in_header_) return isal_inflate(&state_);
    const int outcome = isal_read_gzip_header(&state_, &header_);
    if (outcome != ISAL_DECOMP_OK) return outcome;
    // Who knows what a flag stands for that RFC 1952 reserves: perhaps for a field that follows.
    constexpr uint32_t kReservedFlags = 0xe0;
    if ((header_.flags & kReservedFlags) != 0) return ISAL_INVALID_WRAPPER;
    is_in_header_ = false;
    return isal_inflate(&state_);
  }

  std::string_view reason() const {
    switch (outcome_) {
      case ISAL_INCORRECT_CHECKSUM:
        return "its checksum or length does not match";
      case ISAL_INVALID_WRAPPER:
      case ISAL_UNSUPPORTED_METHOD:
        return "its header is not valid";
      case ISAL_INVALID_LOOKBACK:
        return "it refers to bytes before its start";
      default:
        return "a block is not valid";
    }
  }

  inflate_state state_{};  ///< isal_inflate_init leaves what resumes a header as it finds it
  isal_gzip_header header_{};
  bool is_in_header_ = true;
  int outcome_ = ISAL_DECOMP_OK;  ///< negative: damaged
};

class ZstdCodec final : public Codec {
 public:
  explicit ZstdCodec(size_t window_bytes_max)
      : stream_(ZSTD_createDStream(), ZSTD_freeDStream), window_bytes_max_(window_bytes_max) {
    SHARDMILL_CHECK(stream_ != nullptr);
    const ZSTD_bounds bounds = ZSTD_dParam_getBounds(ZSTD_d_windowLogMax);
    int log = bounds.lowerBound;
    while (log < bounds.upperBound && (size_t{2} << log) <= window_bytes_max) ++log;
    ZSTD_DCtx_setParameter(stream_.get(), ZSTD_d_windowLogMax, log);
  }

  Status start_member() override {
    ZSTD_DCtx_reset(stream_.get(), ZSTD_reset_session_only);
    wanted_ = 1;
    header_.clear();
    made_ = 0;
    return {};
  }

  Result<bool> run(std::string_view& input, char*& output, size_t& capacity) override {
    const std::string_view block = one_block(input, wanted_, kBlockHeaderBytes);
    ZSTD_inBuffer in = {block.data(), block.size(), 0};
    ZSTD_outBuffer out = {output, capacity, 0};
    const size_t hint = ZSTD_decompressStream(stream_.get(), &out, &in);
    header_ += block.substr(0, std::min(in.pos, kHeaderBytesMost - header_.size()));
    made_ += out.pos;
    input.remove_prefix(in.pos);
    output += out.pos;
    capacity -= out.pos;
    wanted_ = hint;
    if (hint == 0 && !has_the_size_of_its_header()) {
      return damaged(member_name(), "it has not the size that its header says");
    }
    if (ZSTD_isError(hint) == 0) return hint == 0;
    const ZSTD_ErrorCode error = ZSTD_getErrorCode(hint);
    if (error == ZSTD_error_memory_allocation) return no_memory(member_name());
    if (error == ZSTD_error_frameParameter_windowTooLarge) {
      return window_too_large(member_name(), window_bytes_max_);
    }
    return damaged(member_name(), ZSTD_getErrorName(hint));
  }

  bool begins_member(std::string_view bytes) const override {
    return bytes.substr(0, 4) == kZstdMagic || is_skippable_frame(bytes);
  }
  std::string_view member_name() const override { return "zstd frame"; }

 private:
  static constexpr size_t kBlockHeaderBytes = 3;
  static constexpr size_t kHeaderBytesMost = 18;

  /// The library looks itself, but not at frames that end with an empty block.
  bool has_the_size_of_its_header() const {
    const unsigned long long size = ZSTD_getFrameContentSize(header_.data(), header_.size());
    return size == ZSTD_CONTENTSIZE_UNKNOWN || size == ZSTD_CONTENTSIZE_ERROR || size == made_;
  }

  std::unique_ptr<ZSTD_DStream, decltype(&ZSTD_freeDStream)> stream_;
  size_t window_bytes_max_;
  size_t wanted_ = 1;   ///< bytes of input, as libzstd says
  std::string header_;  ///< the first bytes of the frame
  uint64_t made_ = 0;   ///< bytes of the frame
};

class Bzip2Codec final : public Codec {
 public:
  ~Bzip2Codec() override { end(); }

  Status start_member() override {
    end();
    stream_ = {};
    if (BZ2_bzDecompressInit(&stream_, 0, 0) != BZ_OK) return no_memory(member_name());
    is_open_ = true;
    return {};
  }

  Result<bool> run(std::string_view& input, char*& output, size_t& capacity) override {
    const uint32_t given = as_u32(input.size());
    const uint32_t room = as_u32(capacity);
    stream_.next_in = const_cast<char*>(input.data());
    stream_.avail_in = given;
    stream_.next_out = output;
    stream_.avail_out = room;
    const int outcome = BZ2_bzDecompress(&stream_);
    input.remove_prefix(given - stream_.avail_in);
    output += room - stream_.avail_out;
    capacity -= room - stream_.avail_out;
    if (outcome == BZ_STREAM_END) return true;
    if (outcome == BZ_OK) return false;
    if (outcome == BZ_MEM_ERROR) return no_memory(member_name());
    return damaged(member_name(), "a checksum or block is not valid");
  }

  bool begins_member(std::string_view bytes) const override {
    return bytes.substr(0, 3) == kBzip2Magic;
  }
  std::string_view member_name() const override { return "bzip2 stream"; }

 private:
  void end() {
    if (is_open_) BZ2_bzDecompressEnd(&stream_);
    is_open_ = false;
  }

  bz_stream stream_ = {};
  bool is_open_ = false;
};

class XzCodec final : public Codec {
 public:
  explicit XzCodec(size_t window_bytes_max) : window_bytes_max_(window_bytes_max) {}
  ~XzCodec() override { lzma_end(&stream_); }

  Status start_member() override {
    constexpr uint64_t kDecoderBytes = 1 << 20;  // what liblzma needs beside the dictionary
    const lzma_ret outcome =
        lzma_stream_decoder(&stream_, uint64_t{window_bytes_max_} + kDecoderBytes, 0);
    return outcome == LZMA_OK ? Status() : no_memory(member_name());
  }

  Result<bool> run(std::string_view& input, char*& output, size_t& capacity) override {
    stream_.next_in = reinterpret_cast<const uint8_t*>(input.data());
    stream_.avail_in = input.size();
    stream_.next_out = reinterpret_cast<uint8_t*>(output);
    stream_.avail_out = capacity;
    const lzma_ret outcome = lzma_code(&stream_, LZMA_RUN);
    input.remove_prefix(input.size() - stream_.avail_in);
    output += capacity - stream_.avail_out;
    capacity = stream_.avail_out;
    switch (outcome) {
      case LZMA_OK:
      case LZMA_BUF_ERROR:
        return false;
      case LZMA_STREAM_END:
        return true;
      case LZMA_MEMLIMIT_ERROR:
        return window_too_large(member_name(), window_bytes_max_);
      case LZMA_MEM_ERROR:
        return no_memory(member_name());
      default:
        return damaged(member_name(), "a header, block or checksum is not valid");
    }
  }

  bool begins_member(std::string_view bytes) const override {
    return bytes.substr(0, kXzMagic.size()) == kXzMagic;
  }
  std::string_view member_name() const override { return "xz stream"; }

 private:
  lzma_stream stream_ = LZMA_STREAM_INIT;
  size_t window_bytes_max_;
};

class Lz4Codec final : public Codec {
 public:
  Lz4Codec() {
    const size_t outcome = LZ4F_createDecompressionContext(&context_, LZ4F_VERSION);
    SHARDMILL_CHECK(LZ4F_isError(outcome) == 0);
  }
  ~Lz4Codec() override { LZ4F_freeDecompressionContext(context_); }
  Lz4Codec(const Lz4Codec&) = delete;
  Lz4Codec& operator=(const Lz4Codec&) = delete;

  Status start_member() override {
    LZ4F_resetDecompressionContext(context_);
    wanted_ = 1;
    return {};
  }

  Result<bool> run(std::string_view& input, char*& output, size_t& capacity) override {
    const std::string_view block = one_block(input, wanted_, kBlockTailBytes);
    size_t taken = block.size();
    size_t made = capacity;
    const size_t hint = LZ4F_decompress(context_, output, &made, block.data(), &taken, nullptr);
    if (LZ4F_isError(hint) != 0) return damaged(member_name(), LZ4F_getErrorName(hint));
    wanted_ = hint;
    input.remove_prefix(taken);
    output += made;
    capacity -= made;
    return hint == 0;
  }

  bool begins_member(std::string_view bytes) const override {
    return bytes.substr(0, 4) == kLz4Magic || is_skippable_frame(bytes);
  }
  std::string_view member_name() const override { return "lz4 frame"; }

 private:
  /// The next block's header, and the checksum of this one, which may come after its bytes went
  /// out.
  static constexpr size_t kBlockTailBytes = 8;

  LZ4F_dctx* context_ = nullptr;
  size_t wanted_ = 1;  ///< bytes of input, as liblz4 says
};

}  // namespace

Compression detect_compression(std::string_view first_bytes) {
  if (first_bytes.substr(0, 3) == kGzipMagic) return Compression::kGzip;
  if (first_bytes.substr(0, 4) == kZstdMagic || is_skippable_frame(first_bytes)) {
    return Compression::kZstd;
  }
  if (first_bytes.substr(0, 4) == kLz4Magic) return Compression::kLz4;
  if (first_bytes.substr(0, 6) == kXzMagic) return Compression::kXz;
  // "BZh1" could begin a text, so the block's or the stream end's own magic must follow.
  const std::string_view block = first_bytes.size() >= 6 ? first_bytes.substr(4, 2) : "";
  if (first_bytes.substr(0, 3) == kBzip2Magic && (block == "\x31\x41" || block == "\x17\x72")) {
    return Compression::kBzip2;
  }
  return Compression::kNone;
}

std::string_view compression_extension(Compression compression) {
  switch (compression) {
    case Compression::kNone:
      return "";
    case Compression::kGzip:
      return "gz";
    case Compression::kZstd:
      return "zst";
    case Compression::kBzip2:
      return "bz2";
    case Compression::kXz:
      return "xz";
    case Compression::kLz4:
      return "lz4";
  }
  SHARDMILL_CHECK(false);
}

std::unique_ptr<Codec> make_codec(Compression compression, size_t window_bytes_max) {
  switch (compression) {
    case Compression::kGzip:
      return std::make_unique<GzipCodec>();
    case Compression::kZstd:
      return std::make_unique<ZstdCodec>(window_bytes_max);
    case Compression::kBzip2:
      return std::make_unique<Bzip2Codec>();
    case Compression::kXz:
      return std::make_unique<XzCodec>(window_bytes_max);
    case Compression::kLz4:
      return std::make_unique<Lz4Codec>();
    case Compression::kNone:
      break;
  }
  SHARDMILL_CHECK(false);
}

}  // namespace shardmill
