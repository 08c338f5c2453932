#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "pipeline/core/registry.h"
#include "tests/support/files.h"

namespace shardmill {

namespace {

using ::testing::ElementsAre;

/// "name:type" of each column that samples of these files show.
std::vector<std::string> columns_of(const std::string& format,
                                    const std::vector<std::string>& contents, size_t threads) {
  const TempFolder folder;
  SampleFiles samples = {.threads = threads};
  for (const std::string& content : contents) {
    const std::string path = folder.write(std::to_string(samples.types.size()), content);
    samples.types.push_back({.file_index = samples.types.size(),
                             .path = path,
                             .size_bytes = std::filesystem::file_size(path)});
  }
  samples.headers = samples.types;
  Problems problems;
  const InputSchema schema = *find_input(format)->infer(Options(), {}, samples, problems);
  std::vector<std::string> columns;
  for (const InputColumn& column : schema.columns) {
    columns.push_back(column.name + ":" + std::string(type_name(column.type)));
  }
  return columns;
}

TEST(Samples, OfCsvSayTheSameOnAnyNumberOfThreads) {
  std::vector<std::string> files(20, "a,b\n1,2\n3,4\n");
  files[3] = "c,b\ntrue,2.5\n";
  files[11] = "d,a\n2026-01-01,5\n";
  files[17] = "a,e\n6,x\n";
  for (const size_t threads : {1, 2, 3, 30}) {
    EXPECT_THAT(columns_of("csv", files, threads),
                ElementsAre("a:int", "b:float", "c:bool", "d:time", "e:text"));
  }
}

TEST(Samples, OfJsonLinesSayTheSameOnAnyNumberOfThreads) {
  std::vector<std::string> files(40, R"({"a":1,"b":{"c":2}})");
  files[3] = R"({"d":true,"b":{"c":2.5}})";
  files[30] = R"({"e":"2026-01-01","d":false,"a":"x"})";
  for (const size_t threads : {1, 2, 3, 50}) {
    EXPECT_THAT(columns_of("jsonl", files, threads),
                ElementsAre("a:text", "b.c:float", "d:bool", "e:time"));
  }
}

}  // namespace

}  // namespace shardmill
