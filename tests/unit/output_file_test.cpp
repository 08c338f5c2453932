// What is copied into the user's files: the same bytes, whoever copies them.
#include "pipeline/run/output_file.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include "tests/support/files.h"

namespace shardmill {
namespace {

/// Longer than the writer's buffer, and no multiple of anything.
std::string long_text() {
  std::string text;
  for (int i = 0; text.size() < 700'001; ++i) text += std::to_string(i) + ",";
  return text;
}

class PieceWriterTest : public testing::TestWithParam<bool> {
 protected:
  FileHandle open(const std::string& name, int flags) {
    return FileHandle(::open((dir_.path() / name).c_str(), flags, 0600));
  }
  TempFolder dir_;
};

TEST_P(PieceWriterTest, PutsTextsAndStretchesOfFilesBehindEachOther) {
  const std::string text = long_text();
  dir_.write("from", text);
  const FileHandle from = open("from", O_RDONLY);
  const FileHandle to = open("to", O_RDWR | O_CREAT);
  std::string buffer = "what is in it does not count";
  PieceWriter writer(to, 5, buffer, "to", GetParam());
  ASSERT_TRUE(writer.append("head\n").is_ok());
  ASSERT_TRUE(writer.copy(from, 0, text.size()).is_ok());
  ASSERT_TRUE(writer.copy(from, 12, 3).is_ok());
  ASSERT_TRUE(writer.append(text).is_ok());
  ASSERT_TRUE(writer.copy(from, 7, 600'000).is_ok());
  ASSERT_TRUE(writer.flush().is_ok());
  const std::string expected =
      std::string(5, '\0') + "head\n" + text + text.substr(12, 3) + text + text.substr(7, 600'000);
  EXPECT_EQ(writer.end(), expected.size());
  EXPECT_TRUE(read_file(dir_.path() / "to") == expected);
}

TEST_P(PieceWriterTest, SaysThatAPartEndsEarly) {
  dir_.write("from", long_text());
  const FileHandle from = open("from", O_RDONLY);
  const FileHandle to = open("to", O_RDWR | O_CREAT);
  std::string buffer;
  PieceWriter writer(to, 0, buffer, "out.txt", GetParam());
  EXPECT_EQ(writer.copy(from, 0, 1'000'000).message(),
            "out.txt: the part ends early, expected what its unit wrote; leave the run directory "
            "alone while a run works");
}

INSTANTIATE_TEST_SUITE_P(ByHandAndOnTheServer, PieceWriterTest, testing::Bool());

}  // namespace
}  // namespace shardmill
