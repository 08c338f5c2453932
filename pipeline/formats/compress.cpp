#include "pipeline/formats/compress.h"

#include <libdeflate.h>
#include <zstd.h>

#include <memory>

#include "pipeline/base/check.h"

namespace shardmill {

namespace {

using Deflater = std::unique_ptr<libdeflate_compressor, decltype(&libdeflate_free_compressor)>;

Deflater deflater(int level) {
  Deflater compressor(libdeflate_alloc_compressor(level), libdeflate_free_compressor);
  SHARDMILL_CHECK(compressor != nullptr);
  return compressor;
}

}  // namespace

std::string gzip_member(std::string_view plain, int level) {
  const Deflater compressor = deflater(level == 0 ? 6 : level);
  std::string member(libdeflate_gzip_compress_bound(compressor.get(), plain.size()), '\0');
  const size_t size = libdeflate_gzip_compress(compressor.get(), plain.data(), plain.size(),
                                               member.data(), member.size());
  SHARDMILL_CHECK(size > 0);
  member.resize(size);
  return member;
}

std::string zlib_stream(std::string_view plain, int level) {
  const Deflater compressor = deflater(level);
  std::string stream(libdeflate_zlib_compress_bound(compressor.get(), plain.size()), '\0');
  const size_t size = libdeflate_zlib_compress(compressor.get(), plain.data(), plain.size(),
                                               stream.data(), stream.size());
  SHARDMILL_CHECK(size > 0);
  stream.resize(size);
  return stream;
}

std::string zstd_frame(std::string_view plain, int level) {
  const std::unique_ptr<ZSTD_CCtx, decltype(&ZSTD_freeCCtx)> context(ZSTD_createCCtx(),
                                                                     ZSTD_freeCCtx);
  SHARDMILL_CHECK(context != nullptr);
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_compressionLevel, level == 0 ? 3 : level);
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_checksumFlag, 1);
  std::string frame(ZSTD_compressBound(plain.size()), '\0');
  const size_t size =
      ZSTD_compress2(context.get(), frame.data(), frame.size(), plain.data(), plain.size());
  SHARDMILL_CHECK(ZSTD_isError(size) == 0);
  frame.resize(size);
  return frame;
}

}  // namespace shardmill
