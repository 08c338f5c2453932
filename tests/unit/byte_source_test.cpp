#include "pipeline/formats/byte_source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <algorithm>
#include <random>

#include "pipeline/formats/compress.h"
#include "tests/support/files.h"

namespace shardmill {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

struct Plain {
  std::string bytes;
  Status status;
  std::string note;
};

Plain read_all(ByteSource& source, size_t piece) {
  Plain plain;
  std::string buffer(piece, '\0');
  for (;;) {
    Result<size_t> size = source.read(buffer.data(), buffer.size());
    if (!size.is_ok()) plain.status = size.status();
    if (!size.is_ok() || *size == 0) break;
    plain.bytes.append(buffer, 0, *size);
  }
  plain.note = source.note();
  return plain;
}

Plain unpacked(std::string_view packed, SourceOptions options = {}, size_t piece = 4096) {
  return read_all(*open_memory(packed, options), piece);
}

std::string sample_text(size_t lines) {
  std::mt19937 random(3);
  std::string text;
  for (size_t i = 0; i < lines; ++i)
    text += "line " + std::to_string(random() % 100000) + " of the sample\n";
  return text;
}

/// What a tool of the system makes of the text.
std::string packed_by(const std::string& tool, const std::string& text) {
  const TempFolder folder;
  const std::string plain = folder.write("plain", text);
  const CommandResult made = run_command(tool + " < " + plain);
  EXPECT_EQ(made.exit_code, 0) << tool;
  return made.output;
}

class EveryTool : public testing::TestWithParam<const char*> {};

TEST_P(EveryTool, IsReadBackWithAnyBufferAndAnyNumberOfMembers) {
  const std::string first = sample_text(3000);
  const std::string second = sample_text(10);
  const std::string packed =
      packed_by(GetParam(), first) + packed_by(GetParam(), "") + packed_by(GetParam(), second);
  for (const size_t buffer_bytes : {size_t{6}, size_t{7}, size_t{64}, size_t{100000}}) {
    for (const size_t piece : {size_t{1}, size_t{333}, size_t{1} << 20}) {
      if (piece == 1 && buffer_bytes > 64) continue;
      const Plain plain = unpacked(packed, {.buffer_bytes = buffer_bytes}, piece);
      ASSERT_TRUE(plain.status.is_ok()) << plain.status.message();
      ASSERT_EQ(plain.bytes, first + second) << buffer_bytes << " " << piece;
      ASSERT_EQ(plain.note, "");
    }
  }
}

TEST_P(EveryTool, GivesWhatIsGoodBeforeACut) {
  const std::string text = sample_text(20000);
  const std::string packed = packed_by(GetParam(), text);
  for (const size_t cut : {packed.size() - 1, packed.size() / 2, size_t{12}}) {
    const Plain plain = unpacked(std::string_view(packed).substr(0, cut));
    EXPECT_EQ(plain.status.code(), Code::kBadFile) << cut;
    EXPECT_THAT(plain.status.message(), HasSubstr("the file ends within a "));
    EXPECT_EQ(plain.bytes, text.substr(0, plain.bytes.size()));
  }
}

TEST_P(EveryTool, ReportsGarbageAfterTheLastMemberAndCountsAllData) {
  const std::string text = sample_text(100);
  const std::string packed = packed_by(GetParam(), text);
  const Plain plain = unpacked(packed + "\n");
  EXPECT_TRUE(plain.status.is_ok()) << plain.status.message();
  EXPECT_EQ(plain.bytes, text);
  EXPECT_THAT(plain.note, HasSubstr("garbage after the last "));
  EXPECT_THAT(plain.note, HasSubstr("(1 byte)"));
  EXPECT_THAT(unpacked(packed + std::string(512, '\0')).note, HasSubstr("zero padding"));
}

/// `packed` with a few flipped bits behind its first bytes, or cut, or both.
std::string damaged(const std::string& packed, std::mt19937& random) {
  std::string bytes = packed;
  const auto mode = random() % 4;
  if (mode > 0) {
    for (auto flips = 1 + random() % 3; flips > 0; --flips) {
      bytes[6 + random() % (bytes.size() - 6)] ^= static_cast<char>(1 << random() % 8);
    }
  }
  if (mode < 2) bytes.resize(6 + random() % (bytes.size() - 6));
  return bytes;
}

TEST_P(EveryTool, DamageGivesTheSameBytesAndMessageForAnyCaller) {
  std::mt19937 random(5);
  std::string text = sample_text(5000);
  for (int i = 0; i < 50'000; ++i) text += static_cast<char>(random() % 256);
  const std::string packed = packed_by(GetParam(), text) + packed_by(GetParam(), text);
  for (int i = 0; i < 40; ++i) {
    const std::string bytes = damaged(packed, random);
    const Plain whole = unpacked(bytes, {.window_bytes_max = 8 << 20}, 8 << 20);
    ASSERT_LT(whole.bytes.size(), size_t{64} << 20);
    for (const size_t piece : {37, 4096, 65536, 70000}) {
      const Plain parts = unpacked(bytes, {.window_bytes_max = 8 << 20}, piece);
      ASSERT_TRUE(parts.bytes == whole.bytes)
          << i << " " << piece << ": " << parts.bytes.size() << " and " << whole.bytes.size();
      ASSERT_EQ(parts.status.message(), whole.status.message()) << i << " " << piece;
      ASSERT_EQ(parts.note, whole.note);
    }
  }
}

TEST_P(EveryTool, SurvivesDamageAtAnyInputBuffer) {
  const std::string packed = packed_by(GetParam(), sample_text(500));
  std::mt19937 random(6);
  for (int i = 0; i < 400; ++i) {
    const std::string bytes = damaged(packed, random);
    const Plain plain =
        unpacked(bytes, {.window_bytes_max = 8 << 20, .buffer_bytes = 6 + random() % 50});
    ASSERT_LT(plain.bytes.size(), size_t{16} << 20);
    ASSERT_TRUE(plain.status.is_ok() || plain.status.code() == Code::kBadFile);
  }
}

TEST_P(EveryTool, GivesWhatIsGoodBeforeADamage) {
  const std::string text = sample_text(200'000);
  std::string packed = packed_by(GetParam(), text);
  packed[packed.size() * 3 / 4] ^= 0x10;
  const Plain plain = unpacked(packed, {}, 1 << 20);
  const size_t alike = static_cast<size_t>(
      std::mismatch(plain.bytes.begin(), plain.bytes.end(), text.begin()).first -
      plain.bytes.begin());
  // The blocks of lz4 are 4 MiB unless it is told otherwise: here the first one is damaged.
  const bool is_one_block = std::string_view(GetParam()) == "lz4 -qc";
  EXPECT_GE(alike, is_one_block ? 0 : text.size() / 2);
}

TEST_P(EveryTool, ReadsMembersPaddedWithZeros) {
  const std::string packed = packed_by(GetParam(), "one\n");
  const Plain plain = unpacked(packed + std::string(512, '\0') + packed, {.buffer_bytes = 9});
  EXPECT_TRUE(plain.status.is_ok()) << plain.status.message();
  EXPECT_EQ(plain.bytes, "one\none\n");
  EXPECT_EQ(plain.note, "");
}

INSTANTIATE_TEST_SUITE_P(Tools, EveryTool,
                         testing::Values("gzip -c", "gzip -1c", "zstd -qc", "zstd -qc --check -19",
                                         "bzip2 -c", "xz -c", "lz4 -qc", "lz4 -qc -B4 -BD -BX"));

TEST(ByteSource, ChecksSumsOfGzipMembers) {
  std::string packed = gzip_member("some text that is long enough", 0);
  packed[packed.size() - 6] ^= 1;
  const Plain plain = unpacked(packed);
  EXPECT_EQ(plain.status.message(),
            "the gzip member is damaged: its checksum or length does not match (after 29 plain "
            "bytes, at byte 52 of the file)");
  EXPECT_EQ(plain.bytes, "some text that is long enough");
}

TEST(ByteSource, ChecksLengthsOfGzipMembers) {
  std::string packed = gzip_member("some text", 0);
  packed.back() ^= 1;
  const Plain plain = unpacked(packed + gzip_member("more", 0));
  EXPECT_THAT(plain.status.message(), HasSubstr("its checksum or length does not match"));
  EXPECT_EQ(plain.bytes, "some text");
}

TEST(ByteSource, ChecksSumsOfGzipHeaders) {
  // 0x02: two bytes of CRC32 over the header follow it (RFC 1952).
  const std::string header("\x1f\x8b\x08\x02\0\0\0\0\0\x03", 10);
  const std::string body = gzip_member("text", 0).substr(10);
  EXPECT_EQ(unpacked(header + "\xa7\x77" + body).bytes, "text");
  EXPECT_THAT(unpacked(header + "\xa7\x76" + body).status.message(),
              HasSubstr("the gzip member is damaged"));
}

TEST(ByteSource, RefusesGzipHeadersWithReservedFlags) {
  std::string packed = gzip_member("text", 0);
  packed[3] = 0x20;
  EXPECT_EQ(unpacked(packed).status.message(),
            "the gzip member is damaged: its header is not valid (after 0 plain bytes, at byte 10 "
            "of the file)");
}

TEST(ByteSource, ReadsGzipHeadersWithAllFields) {
  const std::string member = gzip_member("text", 0);
  std::string header = member.substr(0, 10);
  header[3] = 0x04 | 0x08 | 0x10;  // extra, name, comment
  const std::string packed = header +
                             std::string(
                                 "\x03\x00"
                                 "abc",
                                 5) +
                             std::string("name\0", 5) + std::string("comment\0", 8) +
                             member.substr(10);
  for (const size_t buffer_bytes : {size_t{6}, size_t{1000}}) {
    const Plain plain = unpacked(packed, {.buffer_bytes = buffer_bytes});
    EXPECT_EQ(plain.bytes, "text") << plain.status.message();
  }
}

TEST(ByteSource, RefusesWindowsBeyondTheLimitByName) {
  const std::string packed = packed_by("zstd -qc -1 --long=23", sample_text(200'000));
  const Plain plain = unpacked(packed, {.window_bytes_max = 1 << 20});
  EXPECT_THAT(plain.status.message(), HasSubstr("the zstd frame needs a larger window, expected at "
                                                "most 1.00 MiB; raise input.window_bytes_max"));
}

TEST(ByteSource, RefusesXzDictionariesBeyondTheLimitByName) {
  const std::string packed = packed_by("xz -c --lzma2=dict=16MiB", sample_text(10));
  EXPECT_THAT(unpacked(packed, {.window_bytes_max = 8 << 20}).status.message(),
              HasSubstr("the xz stream needs a larger window, expected at most 8.00 MiB; raise "
                        "input.window_bytes_max"));
  EXPECT_TRUE(unpacked(packed, {.window_bytes_max = 16 << 20}).status.is_ok());
}

TEST(ByteSource, SkipsSkippableFrames) {
  const std::string skippable("\x5a\x2a\x4d\x18\x03\0\0\0abc", 11);
  const std::string packed = skippable + zstd_frame("one ", 0) + skippable + zstd_frame("two", 0);
  for (const size_t buffer_bytes : {6, 7, 8, 9, 10, 11, 100}) {
    const Plain plain = unpacked(packed + skippable, {.buffer_bytes = buffer_bytes});
    EXPECT_TRUE(plain.status.is_ok()) << plain.status.message();
    EXPECT_EQ(plain.bytes, "one two");
  }
}

// libzstd itself does not see it where the last block is empty.
TEST(ByteSource, FramesHaveTheSizeThatTheirHeaderSays) {
  for (const std::string plain : {"", "some text"}) {
    std::string frame = zstd_frame(plain, 0);
    const size_t size_field = 5;
    ASSERT_EQ(static_cast<size_t>(frame[size_field]), plain.size());
    EXPECT_TRUE(unpacked(frame, {}).status.is_ok());
    ++frame[size_field];
    for (const size_t buffer_bytes : {6, 7, 100}) {
      EXPECT_THAT(unpacked(frame, {.buffer_bytes = buffer_bytes}).status.message(),
                  HasSubstr("zstd frame"));
    }
  }
}

TEST(ByteSource, EmptyFilesHaveNoBytes) {
  const TempFolder folder;
  auto source = open_file(folder.write("empty.gz", ""), {});
  ASSERT_TRUE(source.is_ok());
  const Plain plain = read_all(**source, 10);
  EXPECT_TRUE(plain.status.is_ok());
  EXPECT_EQ(plain.bytes, "");
}

TEST(ByteSource, TextIsNotTakenForACompression) {
  for (const char* text : {"", "B", "BZh1 is a text", "\x1f\x8b", "PK", "(\xb5"})
    EXPECT_EQ(unpacked(text).bytes, text);
}

TEST(ByteSource, PlainFilesStartAnywhere) {
  const TempFolder folder;
  const std::string path = folder.write("a b\n\"c\".txt", "0123456789");
  auto source = open_file(path, {.begin = 7, .size_bytes = 10});
  ASSERT_TRUE(source.is_ok());
  EXPECT_EQ(read_all(**source, 2).bytes, "789");
}

TEST(ByteSource, AFileThatGrewCountsUpToItsListedSize) {
  const TempFolder folder;
  const std::string path = folder.write("f", "0123456789");
  auto source = open_file(path, {.size_bytes = 4});
  ASSERT_TRUE(source.is_ok());
  const Plain plain = read_all(**source, 100);
  EXPECT_EQ(plain.bytes, "0123");
  EXPECT_EQ(plain.note, "grew");
}

TEST(ByteSource, SaysWhyAFileCannotBeRead) {
  const TempFolder folder;
  const std::string path = folder.write("f", "0123");
  EXPECT_EQ(open_file(path, {.size_bytes = 9}).status().message(),
            "has 4 bytes, expected 9 bytes as listed; it shrank");
  EXPECT_EQ(open_file(path + ".gone", {}).status().message(),
            "cannot be opened: No such file or directory");
  EXPECT_EQ(open_file(folder.path(), {}).status().message(), "is a directory, expected a file");
  const std::string fifo = folder.path() / "fifo";
  ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);
  EXPECT_EQ(open_file(fifo, {}).status().message(), "is a FIFO, expected a file");
  EXPECT_EQ(open_file("/dev/null", {}).status().message(), "is a device, expected a file");
}

TEST(ByteSource, ALackOfFileDescriptorsIsNoBadFile) {
  const TempFolder folder;
  const std::string path = folder.write("f", "0123");
  rlimit before;
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit none = {.rlim_cur = 0, .rlim_max = before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
  const Status status = open_file(path, {.size_bytes = 4}).status();
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_EQ(status.code(), Code::kFailed);
  EXPECT_EQ(status.message(),
            "cannot be opened: Too many open files; raise the limit of open files (ulimit -n)");
}

}  // namespace
}  // namespace shardmill
