#include "pipeline/formats/byte_source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
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

TEST_P(EveryTool, SurvivesAnyDamage) {
  const std::string packed = packed_by(GetParam(), sample_text(500));
  std::mt19937 random(5);
  for (int i = 0; i < 400; ++i) {
    std::string damaged = packed;
    for (int flips = 1 + static_cast<int>(random() % 3); flips > 0; --flips) {
      damaged[6 + random() % (damaged.size() - 6)] ^= static_cast<char>(1 << random() % 8);
    }
    const Plain plain = unpacked(damaged, {.window_bytes_max = 8 << 20, .buffer_bytes = 50});
    EXPECT_LT(plain.bytes.size(), size_t{64} << 20);
  }
}

INSTANTIATE_TEST_SUITE_P(Tools, EveryTool,
                         testing::Values("gzip -c", "gzip -1c", "zstd -qc", "zstd -qc --check -19",
                                         "bzip2 -c", "xz -c", "lz4 -qc"));

TEST(ByteSource, ChecksSumsOfGzipMembers) {
  std::string packed = gzip_member("some text that is long enough", 0);
  packed[packed.size() - 6] ^= 1;
  const Plain plain = unpacked(packed);
  EXPECT_EQ(plain.status.message(),
            "the gzip member is damaged: its checksum or length does not match (after 29 plain "
            "bytes, at byte 52 of the file)");
  EXPECT_EQ(plain.bytes, "some text that is long enough");
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
  EXPECT_EQ(open_file(folder.path(), {}).status().message(), "is no regular file, expected one");
  const std::string fifo = folder.path() / "fifo";
  ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);
  EXPECT_EQ(open_file(fifo, {}).status().message(), "is no regular file, expected one");
}

/// The folder of public test files, or empty.
fs::path conformance() {
  const char* set = std::getenv("SHARDMILL_DATA");
  const fs::path data =
      set != nullptr ? fs::path(set) : fs::path(SHARDMILL_SOURCE_DIR) / "../shared/data";
  return fs::exists(data / "conformance") ? data / "conformance" : fs::path();
}

TEST(ByteSource, EqualsTheOriginalsOfPublicFiles) {
  const fs::path folder = conformance();
  size_t compared = 0;
  for (const char* name : {"gz-rapidgzip", "zstd-decodecorpus"}) {
    if (folder.empty() || !fs::exists(folder / name)) continue;
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(folder / name)) {
      const fs::path extension = entry.path().extension();
      const bool is_ours =
          extension == ".gz" || extension == ".bgz" || extension == ".zst" || extension == ".bz2";
      fs::path original = entry.path();
      original.replace_extension();
      if (!entry.is_regular_file() || !is_ours || !fs::is_regular_file(original)) continue;
      const Plain plain = unpacked(read_file(entry.path()), {.buffer_bytes = 999}, 10000);
      EXPECT_TRUE(plain.status.is_ok()) << entry.path() << ": " << plain.status.message();
      EXPECT_TRUE(plain.bytes == read_file(original)) << entry.path();
      ++compared;
    }
  }
  // Where the public files are not present, the tools' own files above cover every kind.
  EXPECT_TRUE(folder.empty() || compared > 10) << compared;
}

}  // namespace
}  // namespace shardmill
