#include "pipeline/formats/compress.h"

#include <gtest/gtest.h>

#include <random>

#include "pipeline/base/hash.h"
#include "tests/support/files.h"

namespace shardmill {
namespace {

std::string sample_text() {
  std::string text;
  std::mt19937 random(1);
  for (int i = 0; i < 20000; ++i) {
    text += "line " + std::to_string(random() % 10000) + " of the sample\n";
  }
  return text;
}

std::string read_by(const std::string& tool, const std::string& packed) {
  const TempFolder folder;
  const CommandResult run = run_command(tool + " < " + folder.write("packed", packed));
  EXPECT_EQ(run.exit_code, 0) << tool;
  return run.output;
}

TEST(Compress, TheToolsReadWhatIsPacked) {
  for (const std::string& text : {std::string(), std::string("x"), sample_text()}) {
    for (const int level : {0, 1, 12}) {
      EXPECT_TRUE(read_by("gzip -dc", gzip_member(text, level)) == text) << level;
      EXPECT_TRUE(read_by("zstd -qdc", zstd_frame(text, level)) == text) << level;
    }
  }
}

TEST(Compress, MembersFollowEachOther) {
  EXPECT_EQ(read_by("gzip -dc", gzip_member("one ", 0) + gzip_member("two", 0)), "one two");
  EXPECT_EQ(read_by("zstd -qdc", zstd_frame("one ", 0) + zstd_frame("two", 0)), "one two");
}

TEST(Compress, GzipHeadersHoldNeitherTimeNorName) {
  const std::string member = gzip_member("text", 0);
  EXPECT_EQ(member.substr(0, 8), std::string("\x1f\x8b\x08\0\0\0\0\0", 8));
}

TEST(Compress, ZstdFramesHoldTheirSizeAndAChecksum) {
  const TempFolder folder;
  const std::string path = folder.write("frame.zst", zstd_frame(std::string(1000, 'x'), 0));
  const std::string list = run_command("zstd -lv " + path + " 2>&1").output;
  EXPECT_NE(list.find("(1000 B)"), std::string::npos) << list;
  EXPECT_NE(list.find("XXH64"), std::string::npos) << list;
}

TEST(Compress, HigherLevelsPackTighter) {
  const std::string text = sample_text();
  EXPECT_LT(gzip_member(text, 12).size(), gzip_member(text, 1).size());
  EXPECT_LT(zstd_frame(text, 19).size(), zstd_frame(text, 1).size());
}

TEST(Compress, TheSameTextGivesTheSameBytes) {
  const std::string text = sample_text();
  EXPECT_EQ(hash64(gzip_member(text, 0)), hash64(gzip_member(text, 6)));
  EXPECT_EQ(hash64(zstd_frame(text, 0)), hash64(zstd_frame(text, 3)));
}

}  // namespace
}  // namespace shardmill
