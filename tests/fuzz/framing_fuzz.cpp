// Members of gzip and frames of zstd one behind the other, whole, cut, damaged, with things between
// and behind them: what is read piece by piece against libdeflate and libzstd, which are given each
// member whole.
#include <libdeflate.h>
#include <zstd.h>

#include <memory>
#include <string>
#include <vector>

#include "pipeline/formats/byte_source.h"
#include "pipeline/formats/compress.h"
#include "tests/fuzz/fuzz.h"

namespace shardmill {
namespace {

constexpr size_t kPlainMost = 256 << 10;  ///< beyond it, it is a bomb, which other targets look at

struct Outcome {
  std::string bytes;
  bool is_good = true;
  std::string note;
  std::string error;
};

Outcome read_in_pieces(std::string_view content, size_t buffer_bytes, size_t capacity) {
  const auto source = open_memory(
      content,
      {.size_bytes = content.size(), .window_bytes_max = 8 << 20, .buffer_bytes = buffer_bytes});
  Outcome outcome;
  std::string buffer(capacity, '\0');
  while (outcome.bytes.size() <= 2 * kPlainMost) {
    const Result<size_t> got = source->read(buffer.data(), buffer.size());
    outcome.is_good = got.is_ok();
    if (!got.is_ok()) outcome.error = got.status().message();
    if (!got.is_ok() || *got == 0) break;
    outcome.bytes.append(buffer, 0, *got);
  }
  outcome.note = source->note();
  return outcome;
}

/// One member or frame at the front of `rest`, decoded by its library at once.
struct Member {
  enum class Kind { kGood, kBad, kTooMuch, kDisputed };
  Kind kind = Kind::kBad;
  std::string plain;
  size_t packed_bytes = 0;
};

Member whole_gzip_member(std::string_view rest) {
  const std::unique_ptr<libdeflate_decompressor, decltype(&libdeflate_free_decompressor)> decoder(
      libdeflate_alloc_decompressor(), libdeflate_free_decompressor);
  Member member;
  member.plain.resize(kPlainMost);
  size_t made = 0;
  const libdeflate_result outcome =
      libdeflate_gzip_decompress_ex(decoder.get(), rest.data(), rest.size(), member.plain.data(),
                                    member.plain.size(), &member.packed_bytes, &made);
  member.plain.resize(outcome == LIBDEFLATE_SUCCESS ? made : 0);
  if (outcome == LIBDEFLATE_SUCCESS) member.kind = Member::Kind::kGood;
  if (outcome == LIBDEFLATE_INSUFFICIENT_SPACE) member.kind = Member::Kind::kTooMuch;
  return member;
}

/// libzstd itself does not always agree about whole frames and pieces of them: an empty block that
/// says it is compressed is damage in the one only, a run that is longer than a block may be in the
/// other only.
bool is_good_in_pieces(std::string_view frame) {
  std::string plain(kPlainMost, '\0');
  const std::unique_ptr<ZSTD_DStream, decltype(&ZSTD_freeDStream)> stream(ZSTD_createDStream(),
                                                                          ZSTD_freeDStream);
  ZSTD_outBuffer out = {plain.data(), plain.size(), 0};
  size_t hint = 1;
  for (size_t at = 0; at < frame.size() && ZSTD_isError(hint) == 0; ++at) {
    ZSTD_inBuffer in = {frame.data() + at, 1, 0};
    hint = ZSTD_decompressStream(stream.get(), &out, &in);
  }
  return hint == 0;
}

Member whole_zstd_frame(std::string_view rest) {
  Member member;
  member.packed_bytes = ZSTD_findFrameCompressedSize(rest.data(), rest.size());
  if (ZSTD_isError(member.packed_bytes) != 0) return member;
  member.plain.resize(kPlainMost);
  const size_t made =
      ZSTD_decompress(member.plain.data(), member.plain.size(), rest.data(), member.packed_bytes);
  const bool is_good = ZSTD_isError(made) == 0;
  // A full buffer and damage are told apart by nobody here.
  const unsigned long long size = ZSTD_getFrameContentSize(rest.data(), rest.size());
  if (size > kPlainMost && size < ZSTD_CONTENTSIZE_ERROR) member.kind = Member::Kind::kTooMuch;
  member.plain.resize(is_good ? made : 0);
  if (is_good) member.kind = Member::Kind::kGood;
  if (is_good_in_pieces(rest.substr(0, member.packed_bytes)) != is_good) {
    member.kind = Member::Kind::kDisputed;
  }
  return member;
}

bool begins_zstd(std::string_view bytes) {
  const bool is_frame = bytes.starts_with("\x28\xb5\x2f\xfd");
  return is_frame || (bytes.size() >= 4 && (static_cast<unsigned char>(bytes[0]) & 0xf0) == 0x50 &&
                      bytes.substr(1, 3) == "\x2a\x4d\x18");
}

/// All members, by the rules of byte_source.h. `unsure`: too much, or the format leaves it open.
struct Opinion {
  Outcome outcome;
  bool unsure = false;
};

Opinion opinion_on(std::string_view content, bool is_gzip) {
  Opinion opinion;
  std::string_view rest = content;
  for (bool first = true;; first = false) {
    if (!first) rest.remove_prefix(std::min(rest.find_first_not_of('\0'), rest.size()));
    const bool begins = is_gzip ? rest.starts_with("\x1f\x8b") : begins_zstd(rest);
    if (!begins && !first) return opinion;
    const Member member = is_gzip ? whole_gzip_member(rest) : whole_zstd_frame(rest);
    // Flags: libdeflate does not look at the header's own checksum.
    const bool has_header_sum = is_gzip && rest.size() > 3 && (rest[3] & 0x02) != 0;
    opinion.unsure = opinion.unsure || has_header_sum || member.kind == Member::Kind::kTooMuch ||
                     member.kind == Member::Kind::kDisputed;
    opinion.outcome.is_good = member.kind == Member::Kind::kGood;
    if (!opinion.outcome.is_good || opinion.unsure) return opinion;
    opinion.outcome.bytes += member.plain;
    rest.remove_prefix(member.packed_bytes);
  }
}

/// Members of pieces of the bytes, and what may go wrong with them.
std::string framed(Choices& choices, bool is_gzip) {
  const unsigned members = 1 + choices.below(4);
  const unsigned between = choices.below(4);
  const unsigned ending = choices.below(6);
  const unsigned place = choices.below(256) * 256 + choices.below(256);
  const std::string_view plain = choices.rest();
  std::string packed;
  for (unsigned i = 0; i < members; ++i) {
    const std::string_view piece =
        plain.substr(plain.size() * i / members, plain.size() / members + i % 2);
    const int level = static_cast<int>(1 + i * 5 % 9);
    packed += is_gzip ? gzip_member(piece, level) : zstd_frame(piece, level);
    if (between == 1) packed += std::string(3, '\0');
    if (between == 2 && !is_gzip) packed += std::string("\x5a\x2a\x4d\x18\x03\0\0\0abc", 11);
  }
  if (ending == 1) packed += "\n";
  if (ending == 2) packed += std::string(plain.substr(0, 9));
  if (ending == 3) packed.resize(6 + place % (packed.size() - 6));
  if (ending >= 4) packed[6 + place % (packed.size() - 6)] ^= static_cast<char>(1 << place % 8);
  return packed;
}

void compare(std::string_view content, bool is_gzip) {
  const Outcome whole = read_in_pieces(content, 128 << 10, 64 << 10);
  const Outcome odd = read_in_pieces(content, 128 << 10, 97);
  require(whole.bytes == odd.bytes && whole.error == odd.error && whole.note == odd.note,
          "it depends on the sizes of the calls");
  const Outcome tiny = read_in_pieces(content, 7, 97);
  require(whole.is_good == tiny.is_good, "another outcome with small buffers");
  require(!whole.is_good || whole.bytes == tiny.bytes, "other bytes with small buffers");
  const Opinion opinion = opinion_on(content, is_gzip);
  if (opinion.unsure) return;
  if (whole.error.find("needs a larger window") != std::string::npos) return;
  require(whole.bytes.starts_with(opinion.outcome.bytes), "fewer bytes than the library has");
  require(opinion.outcome.is_good == whole.is_good, "the library says otherwise");
  require(!whole.is_good || whole.bytes == opinion.outcome.bytes, "other bytes than the library's");
}

}  // namespace
}  // namespace shardmill

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace shardmill;
  Choices choices(data, size);
  const unsigned form = choices.below(4);
  const bool is_gzip = form % 2 == 0;
  if (form < 2) {
    compare(framed(choices, is_gzip), is_gzip);
    return 0;
  }
  const std::string_view content = choices.rest();
  const Compression found = detect_compression(content);
  if (found == Compression::kGzip) compare(content, true);
  if (found == Compression::kZstd) compare(content, false);
  return 0;
}
