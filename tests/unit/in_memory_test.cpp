// Jobs over one file in memory, as `shardmill test` and the examples of stages run them.
#include "pipeline/run/in_memory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace shardmill {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

Result<InMemoryRun> run(std::string_view text, const std::string& content) {
  Problems problems;
  Job job = parse_job(text, "job.toml", {}, problems);
  return run_in_memory(std::move(job), content, problems);
}

constexpr std::string_view kCsv =
    "[input]\npaths = \"data/*.csv\"\n[[stage]]\nuse = \"keep\"\nwhere = \"n > 1\"\n"
    "[[stage]]\nuse = \"group\"\nname = \"by t\"\nby = \"t\"\ncompute = [\"sum(n)\", \"max(x)\"]\n";

TEST(InMemory, GivesRecordsTablesAndBooks) {
  const auto result = run(kCsv, "t,n,x\na,1,0.5\nb,2,1.5\na,3,\n");
  ASSERT_TRUE(result.is_ok()) << result.status().message();
  EXPECT_THAT(result->columns, ElementsAre("t", "n", "x"));
  // Keys are sorted and nulls left out.
  EXPECT_THAT(result->records, ElementsAre(R"({"n":2,"t":"b","x":1.5})", R"({"n":3,"t":"a"})"));
  ASSERT_EQ(result->tables.size(), 1u);
  EXPECT_EQ(result->tables[0].name, "by t");
  EXPECT_EQ(result->tables[0].stage, 1u);
  EXPECT_EQ(table_rows_json(result->tables[0]), R"([["a",3,null],["b",2,1.5]])");
  EXPECT_EQ(result->records_read, 3u);
  ASSERT_EQ(result->books.size(), 2u);
  EXPECT_EQ(result->books[0].records_in, 3u);
  EXPECT_EQ(result->books[0].records_out, 2u);
}

TEST(InMemory, TheExtensionOfThePathsChoosesTheFormat) {
  const std::string stage = "[[stage]]\nuse = \"count\"\n";
  const auto lines = run("[input]\npaths = \"x/**/*.log.gz\"\n" + stage, "a,b\n1,2\n");
  ASSERT_TRUE(lines.is_ok());
  EXPECT_THAT(lines->records, ElementsAre(R"({"line":"a,b"})", R"({"line":"1,2"})"));
  const auto tabs = run("[input]\npaths = \"x.tsv\"\n" + stage, "a\tb\n1\t2,5\n");
  ASSERT_TRUE(tabs.is_ok());
  EXPECT_THAT(tabs->records, ElementsAre(R"({"a":1,"b":"2,5"})"));
}

TEST(InMemory, ReportsRejectsAndValuesOfAnotherType) {
  const auto result =
      run("[input]\npaths = \"x\"\nformat = \"csv\"\ntypes = { n = \"int\" }\n[[stage]]\nuse = "
          "\"count\"\n",
          "n,t\n1,a\n2\nx,b\n");
  ASSERT_TRUE(result.is_ok()) << result.status().message();
  EXPECT_THAT(result->records, ElementsAre(R"({"n":1,"t":"a"})", R"({"t":"b"})"));
  ASSERT_EQ(result->rejects.size(), 1u);
  EXPECT_EQ(result->rejects[0].offset, 8u);
  EXPECT_THAT(result->bad_values, ElementsAre("n: x"));
}

TEST(InMemory, AnEmptyFileGivesEmptyTables) {
  const auto result = run("[input]\npaths = \"x.txt\"\n[[stage]]\nuse = \"count\"\n", "");
  ASSERT_TRUE(result.is_ok()) << result.status().message();
  EXPECT_THAT(result->records, IsEmpty());
  EXPECT_EQ(table_rows_json(result->tables.at(0)), "[[0]]");
}

TEST(InMemory, UnknownColumnsAreProblemsWithLines) {
  const auto result = run(kCsv, "u,n,x\na,1,0.5\n");
  ASSERT_FALSE(result.is_ok());
  EXPECT_EQ(result.status().code(), Code::kUsage);
  EXPECT_THAT(result.status().message(), HasSubstr("job.toml:9: there is no column \"t\" here"));
}

TEST(InMemory, WrittenRowsGoNowhere) {
  const auto result = run(
      "[input]\npaths = \"x.txt\"\n[[stage]]\nuse = \"write\"\npath = \"never.txt\"\n", "a\nb\n");
  ASSERT_TRUE(result.is_ok()) << result.status().message();
  EXPECT_THAT(result->records, ElementsAre(R"({"line":"a"})", R"({"line":"b"})"));
}

JobTest expecting(std::vector<std::string> output,
                  std::vector<std::pair<std::string, std::string>> tables) {
  JobTest test;
  test.has_output = true;
  test.output = std::move(output);
  test.tables = std::move(tables);
  return test;
}

TEST(InMemory, ComparesWithATestAndShowsWhatDiffers) {
  const auto result = run(kCsv, "t,n,x\na,1,0.5\nb,2,1.5\na,3,\n");
  ASSERT_TRUE(result.is_ok());
  const std::vector<std::string> records = {R"({"n":2,"t":"b","x":1.5})", R"({"n":3,"t":"a"})"};
  EXPECT_THAT(
      compare_with_test(expecting(records, {{"by t", R"([["a",3,null],["b",2,1.5]])"}}), *result),
      IsEmpty());
  EXPECT_THAT(compare_with_test(
                  expecting({records[0]}, {{"by t", R"([["a",3,null],["b, c",2,1.5]])"}}), *result),
              ElementsAre("record 2\n    expected nothing\n    found    {\"n\":3,\"t\":\"a\"}",
                          "table \"by t\", row 2\n    expected [\"b, c\",2,1.5]\n    found    "
                          "[\"b\",2,1.5]"));
  EXPECT_THAT(compare_with_test(expecting(records, {{"by", "[]"}}), *result),
              ElementsAre("there is no table \"by\", expected one of by t"));
}

}  // namespace
}  // namespace shardmill
