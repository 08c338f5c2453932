// What the stage lookup joins, and what it refuses.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "pipeline/formats/compress.h"
#include "pipeline/plan/memory.h"
#include "pipeline/plan/plan.h"
#include "pipeline/run/in_memory.h"
#include "tests/support/files.h"
#include "tests/support/job_runner.h"
#include "tests/support/stage_runner.h"

namespace shardmill {

StageSpec stage_lookup();

namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using Texts = std::vector<std::string>;

std::vector<std::string> joined(const StageSettings& settings,
                                const std::vector<TestColumn>& columns) {
  const StageRun run = run_stage(stage_lookup(), settings, columns);
  EXPECT_THAT(run.problems, IsEmpty());
  return run.records;
}

Texts problems_of(const StageSettings& settings) {
  return run_stage(stage_lookup(), settings, {int_column("id", {1})}).problems;
}

TEST(Lookup, ComparesByValueWithTheTypesOfTheRecords) {
  const std::string table = "k,v\n07,x\n";
  const StageSettings settings = {{"table", table}, {"on", Texts{"k"}}};
  EXPECT_THAT(joined(settings, {int_column("k", {7})}), ElementsAre("k=7 v=\"x\""));
  EXPECT_THAT(joined(settings, {float_column("k", {7.0})}), ElementsAre("k=7 v=\"x\""));
  EXPECT_THAT(joined(settings, {text_column("k", {"7", "07"})}),
              ElementsAre("k=\"7\" v=null", "k=\"07\" v=\"x\""));
  EXPECT_THAT(joined({{"table", "k,v\n2026-01-01T01:00:00+01:00,1\n"}, {"on", Texts{"k"}}},
                     {time_column("k", {"2026-01-01"})}),
              ElementsAre("k=2026-01-01T00:00:00Z v=1"));
  EXPECT_THAT(
      joined({{"table", "k,v\ntrue,1\n"}, {"on", Texts{"k"}}}, {bool_column("k", {true, false})}),
      ElementsAre("k=true v=1", "k=false v=null"));
}

TEST(Lookup, ZerosAreEqualNanEqualsNanAndNullEqualsNothing) {
  EXPECT_THAT(joined({{"table", "k,v\n-0.0,zero\nnan,none\n,null\n"}, {"on", Texts{"k"}}},
                     {float_column("k", {0.0, std::stod("-nan"), std::nullopt})}),
              ElementsAre("k=0 v=\"zero\"", "k=nan v=\"none\"", "k=null v=null"));
}

TEST(Lookup, KeysOfSeveralTextsDoNotRunTogether) {
  EXPECT_THAT(
      joined({{"table", "a,b,v\nxy,z,1\nx,yz,2\n"}, {"on", Texts{"a", "b"}}},
             {text_column("a", {"x", "xy", "xyz"}), text_column("b", {"yz", "z", ""})}),
      ElementsAre("a=\"x\" b=\"yz\" v=2", "a=\"xy\" b=\"z\" v=1", "a=\"xyz\" b=\"\" v=null"));
}

TEST(Lookup, ThousandsOfKeysAreAllFound) {
  std::string table = "id,square\n";
  std::vector<std::optional<int64_t>> ids;
  Texts expected;
  for (int64_t i = 0; i < 5000; ++i) {
    table += fmt::format("{},{}\n", i * 7, i * i);
    ids.emplace_back(i * 7);
    expected.push_back(fmt::format("id={} square={}", i * 7, i * i));
  }
  EXPECT_EQ(joined({{"table", table}, {"on", Texts{"id"}}}, {int_column("id", ids)}), expected);
}

TEST(Lookup, ValuesHaveTheTypesThatAllOfThemShow) {
  const StageRun run = run_stage(stage_lookup(),
                                 {{"table",
                                   "id,a,b,c,d\n1,1,0.5,true,2026-01-01\n2,,,,\n3,2,1,false,"
                                   "2026-01-02T03:04:05Z\n"},
                                  {"on", Texts{"id"}}},
                                 {int_column("id", {2, 3})});
  EXPECT_THAT(run.types,
              ElementsAre(Type::kInt, Type::kInt, Type::kFloat, Type::kBool, Type::kTime));
  EXPECT_THAT(run.records, ElementsAre("id=2 a=null b=null c=null d=null",
                                       "id=3 a=2 b=1 c=false d=2026-01-02T03:04:05Z"));
}

TEST(Lookup, CountsWhatItDropsAndOnlyDropsWhatReachesIt) {
  const StageSpec spec = stage_lookup();
  const std::vector<TestColumn> ids = {int_column("id", {1, 2, 3, std::nullopt, 1})};
  const StageRun matches =
      run_stage(spec, {{"table", "id\n1\n"}, {"on", Texts{"id"}}, {"keep", "matches"}}, ids,
                {.batch_rows = 2});
  EXPECT_THAT(matches.records, ElementsAre("id=1", "id=1"));
  EXPECT_EQ(matches.dropped(spec, "no_match"), 3u);
  const StageRun others = run_stage(
      spec, {{"table", "id\n1\n"}, {"on", Texts{"id"}}, {"keep", "others"}}, ids, {.every = 2});
  EXPECT_THAT(others.records, ElementsAre("id=3"));
  EXPECT_EQ(others.dropped(spec, "match"), 2u);
}

TEST(Lookup, AddedColumnsTakeNewNamesOrReplace) {
  const StageSettings settings = {{"table", "key,name,x\n1,Ann,9\n"},
                                  {"on", Texts{"id = key"}},
                                  {"columns", Texts{"who = name", "x"}}};
  EXPECT_THAT(joined(settings, {int_column("id", {1})}), ElementsAre("id=1 who=\"Ann\" x=9"));
  StageSettings replacing = settings;
  replacing.emplace_back("replace", true);
  EXPECT_THAT(joined(replacing, {int_column("id", {1}), text_column("x", {"old"})}),
              ElementsAre("id=1 x=9 who=\"Ann\""));
  EXPECT_THAT(
      run_stage(stage_lookup(), settings, {int_column("id", {1}), text_column("x", {"old"})})
          .problems,
      ElementsAre("column \"x\" exists already, expected a new name; choose another name or "
                  "set replace = true"));
}

TEST(Lookup, ATableWithoutRowsMatchesNothing) {
  EXPECT_THAT(joined({{"table", "id,name\n"}, {"on", Texts{"id"}}}, {int_column("id", {1})}),
              ElementsAre("id=1 name=null"));
}

TEST(Lookup, RefusesKeysThatAreThereTwice) {
  const std::string table = "id,name\n1,a\n2,\"b\nb\"\n2,c\n";
  EXPECT_THAT(problems_of({{"table", table}, {"on", Texts{"id"}}}),
              ElementsAre("the table, line 5: the same id as in line 3 and another name, expected "
                          "one row for each key; mend the table, or set duplicates = "
                          "\"first\""));
  EXPECT_THAT(joined({{"table", table}, {"on", Texts{"id"}}, {"duplicates", "first"}},
                     {int_column("id", {2})}),
              ElementsAre("id=2 name=\"b\\nb\""));
}

TEST(Lookup, TheSameRowTwiceDoesNoHarm) {
  const std::string table = "id,name,since\n1,a,2020\n2,b,\n1,a,2021\n2,b,\n,x,1\n,y,2\n";
  EXPECT_THAT(joined({{"table", table}, {"on", Texts{"id"}}, {"columns", Texts{"name"}}},
                     {int_column("id", {2, 1})}),
              ElementsAre("id=2 name=\"b\"", "id=1 name=\"a\""));
  EXPECT_THAT(joined({{"table", table}, {"on", Texts{"id"}}, {"keep", "others"}},
                     {int_column("id", {2, 3})}),
              ElementsAre("id=3"));
  EXPECT_THAT(problems_of({{"table", table}, {"on", Texts{"id"}}}),
              ElementsAre(HasSubstr("line 4: the same id as in line 2 and another since")));
  EXPECT_THAT(problems_of({{"table", "id,v\n1,\n1,x\n"}, {"on", Texts{"id"}}}),
              ElementsAre(HasSubstr("line 3: the same id as in line 2 and another v")));
}

TEST(Lookup, LinesAreKeysOfTheTypeOfTheRecords) {
  const StageSettings settings = {{"table", "7\r\n\n\"x, y\"\n007"},
                                  {"format", "lines"},
                                  {"on", Texts{"k"}},
                                  {"keep", "matches"}};
  EXPECT_THAT(joined(settings, {text_column("k", {"7", "\"x, y\"", "", "007", "07"})}),
              ElementsAre("k=\"7\"", "k=\"\\\"x, y\\\"\"", "k=\"007\""));
  EXPECT_THAT(joined({{"table", "7\n08\n"},
                      {"format", "lines"},
                      {"on", Texts{"k = line"}},
                      {"keep", "matches"}},
                     {int_column("k", {8, 9})}),
              ElementsAre("k=8"));
  EXPECT_THAT(problems_of({{"table", "7\nx\n"}, {"format", "lines"}, {"on", Texts{"id"}}}),
              ElementsAre("the table, line 2: value \"x\" of column \"line\", expected int, as the "
                          "records have it; mend the table, or give the records' column another "
                          "type"));
}

TEST(Lookup, CountsRecordsWithoutAMatchThatPass) {
  const StageSpec spec = stage_lookup();
  const StageRun run = run_stage(spec, {{"table", "id,v\n1,x\n"}, {"on", Texts{"id"}}},
                                 {int_column("id", {1, 2, 2, std::nullopt})}, {.batch_rows = 2});
  EXPECT_EQ(run.count(spec, "unmatched"), 3u);
}

TEST(Lookup, ReadsOtherDelimiters) {
  EXPECT_THAT(joined({{"table", "id;v\n1;a,b\n"}, {"on", Texts{"id"}}, {"delimiter", ";"}},
                     {int_column("id", {1})}),
              ElementsAre("id=1 v=\"a,b\""));
  EXPECT_THAT(problems_of({{"table", "id\n"}, {"on", Texts{"id"}}, {"delimiter", ";;"}}),
              ElementsAre("delimiter \";;\", expected one byte other than a line end or a quote; "
                          "for instance delimiter = \";\""));
  EXPECT_THAT(
      problems_of(
          {{"table", "{}\n"}, {"on", Texts{"id"}}, {"format", "jsonl"}, {"delimiter", ";"}}),
      ElementsAre("a delimiter for jsonl, expected none; leave it out, or set format = "
                  "\"csv\""));
}

TEST(Lookup, NamesTheColumnsOfATableThatDoesNot) {
  const StageSettings settings = {{"table", "1|x|\n2|y|\n"},
                                  {"on", Texts{"id"}},
                                  {"columns", Texts{"v"}},
                                  {"delimiter", "|"},
                                  {"names", Texts{"id", "v", "end"}}};
  EXPECT_THAT(joined(settings, {int_column("id", {1, 3})}),
              ElementsAre("id=1 v=\"x\"", "id=3 v=null"));
  EXPECT_THAT(
      problems_of({{"table", "1\n"}, {"on", Texts{"id"}}, {"names", Texts{"id", "v"}}}),
      ElementsAre(HasSubstr("the table, line 1: a record of 1 field, expected 2 as named")));
  EXPECT_THAT(
      problems_of({{"table", "1\n"}, {"on", Texts{"id"}}, {"names", Texts{"id", "v", "id"}}}),
      ElementsAre("column \"id\" twice, expected each name once; give it another name in names"));
  EXPECT_THAT(
      problems_of(
          {{"table", "1\n"}, {"on", Texts{"id"}}, {"format", "lines"}, {"names", Texts{"id"}}}),
      ElementsAre("names for lines, expected none; leave them out, or set format = "
                  "\"csv\""));
}

TEST(Lookup, KeysOfAllTypesStandBesideEachOther) {
  const std::string table =
      "a,b,c,d,e,v\nx,1,0.5,true,2026-01-01,first\nx,1,0.5,false,2026-01-01,second\n";
  EXPECT_THAT(
      joined({{"table", table}, {"on", Texts{"a", "b", "c", "d", "e"}}},
             {text_column("a", {"x", "x", "x", std::nullopt}), int_column("b", {1, 1, 2, 1}),
              float_column("c", {0.5, 0.5, 0.5, 0.5}), bool_column("d", {true, false, true, true}),
              time_column("e", {"2026-01-01", "2026-01-01", "2026-01-01", "2026-01-01"})}),
      ElementsAre(HasSubstr("v=\"first\""), HasSubstr("v=\"second\""), HasSubstr("v=null"),
                  HasSubstr("v=null")));
  EXPECT_THAT(problems_of({{"table", "k\n1\n"}, {"on", Texts{"id = k", "id = k"}}}),
              ElementsAre("the table: column \"k\" is compared twice, expected each once; take one "
                          "out of on"));
}

TEST(Lookup, RefusesValuesThatAreNotOfTheirType) {
  EXPECT_THAT(problems_of({{"table", "id,v\n1,2\nx,3\n"}, {"on", Texts{"id"}}}),
              ElementsAre("the table, line 3: value \"x\" of column \"id\", expected int, as the "
                          "records have it; mend the table, or give the records' column another "
                          "type"));
  EXPECT_THAT(
      problems_of(
          {{"table", "id,v\n1,2\n2,y\n"}, {"on", Texts{"id"}}, {"types", TextMap{{"v", "int"}}}}),
      ElementsAre("the table, line 3: value \"y\" of column \"v\", expected int; mend the "
                  "table, or its type in types"));
}

TEST(Lookup, RefusesRecordsThatAreNotSound) {
  EXPECT_THAT(
      problems_of({{"table", "id,v\n1,2\n2,3,4\n"}, {"on", Texts{"id"}}}),
      ElementsAre("the table, line 3: a record of 3 fields, expected 2 as in the header; mend "
                  "the table"));
  EXPECT_THAT(
      problems_of(
          {{"table", "{\"id\": 1}\n{\"id\": }\n"}, {"on", Texts{"id"}}, {"format", "jsonl"}}),
      ElementsAre(HasSubstr("the table, line 2: ")));
}

TEST(Lookup, NamesTheColumnsThatThereAre) {
  const std::string table = "key,name\n1,a\n";
  EXPECT_THAT(problems_of({{"table", table}, {"on", Texts{"id"}}}),
              ElementsAre("the table has no column \"id\", expected one of key, name"));
  EXPECT_THAT(
      problems_of({{"table", table}, {"on", Texts{"id = key"}}, {"columns", Texts{"nam"}}}),
      ElementsAre("the table has no column \"nam\", expected one of key, name; did you mean "
                  "\"name\"?"));
  EXPECT_THAT(
      problems_of(
          {{"table", table}, {"on", Texts{"id = key"}}, {"types", TextMap{{"nme", "int"}}}}),
      ElementsAre(HasSubstr("the table has no column \"nme\"")));
  EXPECT_THAT(problems_of({{"table", ""}, {"on", Texts{"id"}}}),
              ElementsAre("the table has no column \"id\", expected a table with columns"));
}

TEST(Lookup, RefusesOptionsThatSayNothing) {
  EXPECT_THAT(problems_of({{"on", Texts{"id"}}}),
              ElementsAre("neither path nor table, expected one of them; path names a file of the "
                          "table, table holds its text"));
  EXPECT_THAT(problems_of({{"table", "id\n"}, {"path", "x.csv"}, {"on", Texts{"id"}}}),
              ElementsAre(HasSubstr("both path and table, expected one of them")));
  EXPECT_THAT(
      problems_of({{"path", "x.dat"}, {"on", Texts{"id"}}}),
      ElementsAre("path \"x.dat\", expected a name that ends in .csv, .tsv, .jsonl or .txt, "
                  "packed or not; name the table's format: format = \"csv\""));
  EXPECT_THAT(problems_of({{"table", "id\n"}, {"on", Texts{}}}),
              ElementsAre("on is an empty list, expected the columns to compare; write on = "
                          "[\"id\"]"));
  EXPECT_THAT(problems_of({{"table", "id\n"}, {"on", Texts{"id = "}}}),
              ElementsAre("on has an empty name, expected the names of columns; write \"name\" or "
                          "\"name = column of the table\""));
  EXPECT_THAT(
      problems_of(
          {{"table", "id,v\n"}, {"on", Texts{"id"}}, {"keep", "others"}, {"columns", Texts{"v"}}}),
      ElementsAre("columns for records without a match, expected none with keep = "
                  "\"others\"; leave columns out"));
  EXPECT_THAT(
      problems_of({{"table", "id,v\n"}, {"on", Texts{"id"}}, {"types", TextMap{{"v", "number"}}}}),
      ElementsAre("type \"number\" of \"v\", expected text, int, float, bool or time"));
}

TEST(Lookup, RefusesATableBeyondItsMemory) {
  std::string table = "id,name\n";
  for (int i = 0; i < 1000; ++i) table += fmt::format("{},name of {}\n", i, i);
  EXPECT_THAT(problems_of({{"table", table}, {"on", Texts{"id"}}, {"memory", int64_t{20'000}}}),
              ElementsAre("the table takes more than 19.5 KiB in memory, expected at most that "
                          "(memory); raise memory, or take fewer columns of the table with "
                          "columns"));
}

/// A job over one file of the lines 1, 2 and 3 as column id, joined with a file.
class LookupFile : public testing::Test {
 protected:
  Result<InMemoryRun> run(const std::string& options) const {
    Problems problems;
    const Job job = parse_job(job_text("unused.csv", options), "job.toml", {}, problems);
    return run_in_memory(job, "id\n1\n2\n3\n", problems);
  }
  static std::string job_text(const std::string& input, const std::string& options) {
    return fmt::format(
        "[input]\npaths = [\"{}\"]\nformat = \"csv\"\n[[stage]]\nuse = \"lookup\"\n"
        "on = \"id\"\n{}\n",
        input, options);
  }
  TempFolder folder_;
};

TEST_F(LookupFile, ReadsFilesOfEveryKindPackedOrNot) {
  const std::string csv = "id,v\n2,two\n";
  const std::string files[] = {folder_.write("a.csv", csv),
                               folder_.write("a.csv.gz", gzip_member(csv, 0)),
                               folder_.write("a.tsv", "id\tv\n2\ttwo\n"),
                               folder_.write("a.ndjson", "{\"v\": \"two\", \"id\": 2}\n"),
                               folder_.write("A.CSV.ZST", "\xef\xbb\xbfid,v\r\n2,two\r\n")};
  for (const std::string& path : files) {
    const auto run = this->run(fmt::format("path = \"{}\"", path));
    ASSERT_TRUE(run.is_ok()) << run.status().message();
    EXPECT_THAT(run->records, ElementsAre(R"({"id":1})", R"({"id":2,"v":"two"})", R"({"id":3})"))
        << path;
  }
}

TEST_F(LookupFile, SaysWhatIsWrongWithTheFileAndWhereTheJobNamesIt) {
  const std::string path = folder_.write("a.csv", "id,v\n1,a\n1,b\n");
  EXPECT_EQ(
      run(fmt::format("path = \"{}\"", path)).status().message(),
      fmt::format("job.toml:7: table \"{}\", line 3: the same id as in line 2 and another v, "
                  "expected one row for each key; mend the table, or set duplicates = \"first\"",
                  path));
  EXPECT_THAT(run("path = \"/no/such/table.csv\"").status().message(),
              HasSubstr("job.toml:7: path \"/no/such/table.csv\": "));
  const std::string large = folder_.write("large.csv", "id\n" + std::string(5000, '\n'));
  EXPECT_EQ(run(fmt::format("path = \"{}\"\nmemory = \"2KiB\"", large)).status().message(),
            fmt::format("job.toml:7: path \"{}\": more than 2.00 KiB, expected at most that "
                        "(memory); raise memory, or take a smaller file",
                        large));
}

TEST(Lookup, JoinsWhatIsKnownOfWholeFiles) {
  Problems problems;
  const Job job = parse_job(
      "[input]\npaths = \"x.csv\"\n[[stage]]\nuse = \"lookup\"\non = \"$file = path\"\n"
      "table = \"path,host\\nother.csv,a\\ntest.csv,b\"\n",
      "job.toml", {}, problems);
  const auto run = run_in_memory(job, "id\n1\n", problems);
  ASSERT_TRUE(run.is_ok()) << run.status().message();
  EXPECT_THAT(run->records, ElementsAre(R"({"host":"b","id":1})"));
}

TEST_F(LookupFile, EveryRankWorksWithWhatTheFileHeldAtTheStart) {
  std::string rows = "id\n";
  for (int i = 0; i < 500; ++i) rows += fmt::format("{}\n", i % 5);
  const std::string input = folder_.write("in/a.csv", rows);
  const std::string path = folder_.write("table.csv", "id,v\n1,one\n4,four\n");
  const std::string job = job_text(input, fmt::format("path = \"{}\"\n"
                                                      "[[stage]]\nuse = \"group\"\nby = \"v\"",
                                                      path));
  const RunFiles files = expect_same_on(sample_layouts(), job);
  EXPECT_THAT(files.contents.at("results.json"), HasSubstr("[\"one\", 100]"));
  // The other ranks bind what rank 0 has read, not what their host has there.
  Problems problems;
  Result<Plan> plan = make_plan(parse_job(job, "job.toml", {}, problems), "", problems);
  ASSERT_TRUE(plan.is_ok()) << plan.status().message();
  // What is read whole can be seen before.
  EXPECT_THAT(explain(*plan, MemoryPlan()),
              HasSubstr(fmt::format("\nreads    \"{}\" whole, 18 B\n", path)));
  std::filesystem::remove(path);
  const Result<PlanMessage> message = PlanMessage::decode(plan->message.encode());
  ASSERT_TRUE(message.is_ok()) << message.status().message();
  EXPECT_TRUE(bind_from_message(*message).is_ok());
}

}  // namespace
}  // namespace shardmill
