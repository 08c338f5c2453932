#include "pipeline/base/build_id.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/files.h"

namespace shardmill {
namespace {

TEST(BuildId, IsTheOneThatTheLinkerWroteIntoTheProgram) {
  const std::string build = program_build();
  ASSERT_THAT(build, testing::MatchesRegex("[0-9.]+ [(]build [0-9a-f]{12}[)]"));
  std::string id;
  for (size_t at = build.size() - 13; at + 1 < build.size(); at += 2) {
    id += static_cast<char>(std::stoi(build.substr(at, 2), nullptr, 16));
  }
  // A note: the length of its name, of the id, its type, its name.
  const std::string note("\x04\0\0\0\x14\0\0\0\x03\0\0\0GNU\0", 16);
  EXPECT_THAT(read_file("/proc/self/exe"), testing::HasSubstr(note + id));
}

}  // namespace
}  // namespace shardmill
