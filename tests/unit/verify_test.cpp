// Finished runs looked at again: checksums, and books that do not add up.
#include "pipeline/run/verify.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <regex>

#include "pipeline/base/message.h"
#include "pipeline/formats/numbers.h"
#include "pipeline/report/json_object.h"
#include "pipeline/run/checksums.h"
#include "pipeline/run/output_file.h"
#include "pipeline/run/verify_books.h"
#include "tests/support/files.h"
#include "tests/support/job_runner.h"

namespace shardmill {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr const char* kList =
    "XXH3_00000000000000ab  output/a.txt\n"
    "XXH3_0000000000000001  results.json\nXXH3_0000000000000002  results.h5\n"
    "XXH3_0000000000000003  run.json\nXXH3_0000000000000004  report.txt\n"
    "XXH3_0000000000000005  report.html\nXXH3_0000000000000006  files.tsv\n"
    "XXH3_0000000000000007  bad_records.jsonl\nXXH3_0000000000000008  job.toml\n"
    "XXH3_0000000000000009  manifest.tsv\nXXH3_000000000000000a  schema.json\n";

TEST(Checksums, AreReadBackAsTheyWereWritten) {
  const std::vector<Checksum> outputs = {{.name = "output/a \"b\"\n\xff\xc3\xa9", .value = 1},
                                         {.name = "/elsewhere/b.csv", .value = ~uint64_t{0}}};
  std::vector<Checksum> own;
  for (const char* name : kCheckedNames) own.push_back({.name = name, .value = own.size()});
  const Result<std::vector<Checksum>> list = parse_checksums(checksums_text(outputs, own));
  ASSERT_TRUE(list.is_ok()) << list.status().message();
  ASSERT_EQ(list->size(), 12u);
  EXPECT_EQ((*list)[0].name, outputs[0].name);
  EXPECT_EQ((*list)[1].value, ~uint64_t{0});
  EXPECT_EQ((*list)[11].name, "schema.json");
}

TEST(Checksums, AListThatWasCutAnywhereIsNone) {
  const std::string_view list = kList;
  EXPECT_TRUE(parse_checksums(list).is_ok());
  for (size_t bytes = 0; bytes < list.size(); ++bytes) {
    EXPECT_FALSE(parse_checksums(list.substr(0, bytes)).is_ok()) << bytes;
  }
}

TEST(Checksums, SayWhatIsWrongWithAList) {
  EXPECT_EQ(parse_checksums("").status().message(),
            "checksums.xxh3: the list has no end, expected results.json to schema.json last; the "
            "run did not end here, or the file was changed since");
  EXPECT_EQ(parse_checksums("0123  a.txt\n").status().message(),
            "checksums.xxh3: line 1 is \"0123  a.txt\", expected XXH3_ with 16 digits, two blanks, "
            "a name and a newline; the run did not end here, or the file was changed since");
  for (const char* line :
       {"XXH3_00000000000000AB  a\n", "XXH3_000000000000000g  a\n", "XXH3_00000000000000ab a\n",
        "XXH3_00000000000000ab  ../a\n", "XXH3_00000000000000ab  a/../b\n",
        "XXH3_00000000000000ab  a\\q\n", "XXH3_00000000000000ab  \n",
        "XXH3_00000000000000ab  a\\x00b\n", "XXH3_00000000000000ab  a\\x0\n"}) {
    EXPECT_THAT(parse_checksums(line + std::string(kList)).status().message(),
                HasSubstr("line 1 is "))
        << line;
  }
}

TEST(Message, WhatWasEscapedIsReadBack) {
  std::string all;
  for (int c = 0; c < 256; ++c) all += static_cast<char>(c);
  std::string back;
  EXPECT_TRUE(unescape(escaped(all), back));
  EXPECT_EQ(back, all);
  for (const char* text : {"\\", "\\x", "\\x1", "\\xAB", "\\q"}) EXPECT_FALSE(unescape(text, back));
}

ReadResults good_results() {
  ReadResults results;
  results.files = 2;
  results.bytes = 100;
  results.records = 10;
  results.bad_records = 3;
  results.bad_files = 1;
  results.stages = {{.use = "split",
                     .records_in = 10,
                     .records_out = 14,
                     .rejected = 1,
                     .made = 6,
                     .dropped = {{"null", 1}}},
                    {.use = "count", .records_in = 14, .records_out = 14}};
  return results;
}

FileSums good_files() {
  FileSums files;
  files.files = 2;
  files.size_bytes = 100;
  files.records = 10;
  files.rejected = 2;
  files.bad_files = 1;
  return files;
}

TEST(Books, ThatBalanceGiveNoProblem) {
  EXPECT_THAT(check_books(good_results(), good_files(), "a.run"), IsEmpty());
}

TEST(Books, EverySumThatIsOffIsNamed) {
  ReadResults results = good_results();
  results.stages[0].dropped[0].second = 2;
  results.stages[1].records_in = 13;
  results.stages[1].records_out = 13;
  EXPECT_THAT(check_books(results, good_files(), "a.run"),
              ElementsAre("a.run/results.json, stage 0 (split): 16 records came in or were made, "
                          "expected 17",
                          "a.run/results.json, stage 1 (count): 13 records came in, expected 14"));
  FileSums files = good_files();
  files = {.files = 1, .size_bytes = 99, .records = 9, .rejected = 0, .bad_files = 0};
  EXPECT_THAT(check_books(good_results(), files, "a.run"),
              ElementsAre("a.run/results.json, inputs: 2 files, expected 1",
                          "a.run/results.json, inputs: 100 bytes, expected 99",
                          "a.run/results.json, inputs: 10 records, expected 9",
                          "a.run/results.json, inputs: 3 bad records, expected 1",
                          "a.run/results.json, inputs: 1 bad files, expected 0"));
  results = good_results();
  results.tables.push_back({.name = "t", .stage = 2});
  EXPECT_THAT(check_books(results, good_files(), "a.run"),
              ElementsAre("a.run/results.json, table \"t\": it is of stage 2, expected 2 stages"));
}

TEST(Books, OfFilesAreAddedUpAndSayWhichLineIsWrong) {
  const std::string head =
      "path\tsize_bytes\tdisk_bytes\tplain_bytes\trecords\trejected\tbad_values\tlost_"
      "bytes\tunits\tseconds\t"
      "outcome\treason\n";
  const Result<FileSums> sums = sum_files_tsv(head +
                                              "a\t10\t10\t20\t3\t1\t0\t0\t1\t0.1\tread\t\n"
                                              "b\t5\t5\t0\t0\t0\t0\t5\t1\t0.1\tbad\tbroken\n");
  ASSERT_TRUE(sums.is_ok()) << sums.status().message();
  EXPECT_EQ(sums->files, 2u);
  EXPECT_EQ(sums->size_bytes, 15u);
  EXPECT_EQ(sums->plain_bytes, 20u);
  EXPECT_EQ(sums->records, 3u);
  EXPECT_EQ(sums->rejected, 1u);
  EXPECT_EQ(sums->bad_files, 1u);
  EXPECT_EQ(sum_files_tsv("a\tb\n").status().message(),
            "files.tsv, line 1: other columns, expected path, size_bytes and so on");
  EXPECT_EQ(sum_files_tsv(head + "a\t10\t-1\n").status().message(),
            "files.tsv, line 2: \"a\\t10\\t-1\", expected the books of a file in 12 fields");
  EXPECT_FALSE(sum_files_tsv(head + "a\t10\t10\t20\t3\t1\t0\t0\t1\t0.1\tread\t").is_ok()) << "cut";
  EXPECT_FALSE(sum_files_tsv(head + "a\t10\t9\t0\t0\t0\t0\t11\t1\t0.1\tbad\tx\n").is_ok())
      << "more lost than there is";
}

TEST(Results, AreReadBackWithEveryTypeOfValue) {
  const Result<ReadResults> results = read_results(R"({"job": "a\nb",
 "inputs": {"files": 1, "bytes": 2, "records": 3, "bad_records": 0, "bad_files": 0},
 "stages": [{"use": "x", "records_in": 3, "records_out": 2, "dropped": {"no": 1}, "made": 0,
   "counters": {"int_overflow": 4}}],
 "tables": [{"name": "t", "stage": 0, "row_count": 9, "key_columns": 2,
   "columns": [{"name": "a", "type": "text"}, {"name": "b", "type": "int"},
               {"name": "c", "type": "float", "error": "1%"}, {"name": "d", "type": "bool"},
               {"name": "e", "type": "time"}],
   "rows": [["\u00e9", -170141183460469231731687303715884, 0.5, true, "2026-01-31T00:00:00Z"],
            [{"base64":"/wA="}, 1, "NaN", false, null]]}],
 "bad_values": [{"column": "b", "count": 7, "examples": ["x"]}]})");
  ASSERT_TRUE(results.is_ok()) << results.status().message();
  EXPECT_EQ(results->job, "a\nb");
  EXPECT_EQ(results->stages[0].dropped_sum(), 1u);
  const ReadTable& table = results->tables[0];
  EXPECT_EQ(table.row_count, 9u);
  EXPECT_EQ(table.key_columns, 2u);
  EXPECT_THAT(results->stages[0].counters, ElementsAre(testing::Pair("int_overflow", 4)));
  EXPECT_THAT(results->bad_values, ElementsAre(testing::Pair("b", 7)));
  EXPECT_EQ(table.shown_rows(), 2u);
  EXPECT_THAT(table.columns[0].text, ElementsAre("\xc3\xa9", std::string("\xff\0", 2)));
  EXPECT_EQ(
      table.columns[1].ints[0] % 1'000'000'007,
      -(Int128{170141183460469231} * 1'000'000'000'000'000 + 731687303715884) % 1'000'000'007);
  EXPECT_EQ(table.columns[2].floats[0], 0.5);
  EXPECT_NE(table.columns[2].floats[1], table.columns[2].floats[1]);
  EXPECT_EQ(table.columns[2].error, "1%");
  EXPECT_EQ(table.columns[3].bools[0], 1);
  EXPECT_EQ(table.columns[4].ints[0], Int128{1769817600} * 1'000'000'000);
  EXPECT_EQ(table.columns[4].null[1], 1);
}

TEST(Results, EveryExtremeValueIsReadBackAsItWasWritten) {
  Table table = {.name = "t"};
  table.columns.resize(3);
  table.columns[0].type = Type::kInt;
  table.columns[1].type = Type::kTime;
  table.columns[2].type = Type::kFloat;
  const Int128 least = Int128{1} << 126 << 1;
  for (const Int128 value : {least, least + 1, -(least + 1), Int128{0}}) {
    table.columns[0].add_int(value);
  }
  for (const Int128 value :
       {Int128{std::numeric_limits<int64_t>::min()}, Int128{std::numeric_limits<int64_t>::max()},
        Int128{1} << 80, Int128{-1}}) {
    table.columns[1].add_int(value);
  }
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  for (const double value : {kInfinity, -kInfinity, 5e-324, -1.7976931348623157e308}) {
    table.columns[2].add_float(value);
  }
  RunDescription run;
  run.stages.resize(1);
  run.tables.push_back(table);
  const Result<ReadResults> read = read_results(results_json(run));
  ASSERT_TRUE(read.is_ok()) << read.status().message();
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_TRUE(read->tables[0].columns[i].ints == table.columns[i].ints) << i;
  }
  EXPECT_EQ(read->tables[0].columns[2].floats, table.columns[2].floats);
}

/// Sanitizers see to it that nothing outside of the text is touched.
TEST(Results, DamagedAnywhereTheyAreReadOrRefused) {
  const std::string good = R"({"job": "a", "inputs": {"files": 1, "bytes": 2, "records": 3,
 "bad_records": 0, "bad_files": 0},
 "stages": [{"use": "x", "records_in": 3, "records_out": 2, "dropped": {"no": 1}}],
 "tables": [{"name": "t", "stage": 0, "row_count": 2, "key_columns": 1,
   "columns": [{"name": "a", "type": "text"}, {"name": "b", "type": "time"}],
   "rows": [["\u00e9", "2026-01-31T00:00:00Z"], [{"base64":"/wA="}, null]]}]})";
  size_t refused = 0;
  for (size_t at = 0; at < good.size(); ++at) {
    EXPECT_FALSE(read_results(good.substr(0, at)).is_ok()) << at;
    for (const char c : {'"', '[', ']', '{', '}', ',', '\\', '9', 'e', '\0', '\xff'}) {
      std::string bad = good;
      bad[at] = c;
      refused += read_results(bad).is_ok() ? 0 : 1;
    }
  }
  EXPECT_GT(refused, good.size() * 5) << "most of this is no results.json any more";
}

TEST(Results, SayWhatIsMissingOrWrong) {
  const std::pair<std::string, std::string> cases[] = {
      {"", "at byte 0 of the file: "},
      {"{}", "\"job\" is missing or wrong, expected a text"},
      {R"({"job": "a"})", "\"inputs\" is missing or wrong, expected an object"},
      {R"({"job": "a", "inputs": {"files": -1}})",
       "inputs: \"files\" is missing or wrong, expected a whole number"},
      {R"({"job": "a", "inputs": {"files": 1, "bytes": 2, "records": 3, "bad_records": 0,
          "bad_files": 0}, "stages": [{"use": "x", "records_in": 1, "records_out": 1,
          "dropped": {}}], "tables": [{"name": "t", "stage": 0, "row_count": 1,
          "columns": [{"name": "a", "type": "int"}], "rows": [["x"]]}]})",
       "table \"t\", column \"a\": \"x\", expected int"},
      {R"({"job": "a", "inputs": {"files": 1, "bytes": 2, "records": 3, "bad_records": 0,
          "bad_files": 0}, "stages": [], "tables": [{"name": "t", "stage": 0, "row_count": 1,
          "key_columns": 2, "columns": [{"name": "a", "type": "int"}], "rows": []}]})",
       "table \"t\": \"key_columns\" is missing or wrong, expected at most 1"},
      {std::string(100, '[') + std::string(100, ']'),
       "more than 64 objects and arrays within one another, expected fewer"}};
  for (const auto& [text, message] : cases) {
    EXPECT_THAT(read_results(text).status().message(), HasSubstr(message)) << text;
  }
}

class Verify : public testing::Test {
 protected:
  void SetUp() override {
    folder_.write("data/a.csv", "id,city\n1,Rome\n2,Oslo\n3\n");
    folder_.write("data/b.csv", "id,city\n4,Rome\n");
    const RunFiles run = run_on_layout(
        fmt::format("[input]\npaths = [\"{}/data\"]\n[[stage]]\nuse = \"keep\"\n"
                    "where = \"id != 2\"\n[[stage]]\nuse = \"group\"\nby = [\"city\"]\n"
                    "compute = [\"count()\"]\n[[stage]]\nuse = \"write\"\npath = \"all.csv\"\n",
                    folder_.path().string()),
        {.ranks = 2, .threads = 2}, run_dir());
    ASSERT_EQ(run.status.message(), "");
  }

  std::string run_dir() const { return (folder_.path() / "job.run").string(); }
  std::vector<std::string> problems() const {
    const Result<Verification> found = verify_run(run_dir(), 3);
    EXPECT_TRUE(found.is_ok());
    return found.is_ok() ? found->problems : std::vector<std::string>{};
  }
  /// Replaces the first `from` in a file of the run.
  void change(const std::string& name, const std::string& from, const std::string& to) {
    std::string text = read_file(run_dir() + "/" + name);
    const size_t at = text.find(from);
    ASSERT_NE(at, std::string::npos);
    folder_.write("job.run/" + name, text.replace(at, from.size(), to));
  }

  TempFolder folder_;
};

TEST_F(Verify, FindsNothingWrongWithARunThatWasLeftAlone) {
  const Result<Verification> found = verify_run(run_dir() + "/", 2);
  ASSERT_TRUE(found.is_ok());
  EXPECT_THAT(found->problems, IsEmpty());
  EXPECT_THAT(found->checked,
              ElementsAre(testing::MatchesRegex("files   11 of 11 as the run left them, .* read"),
                          "output  nothing else is there",
                          "books   2 files, 3 records, 3 stages, 1 table: they balance"));
  EXPECT_TRUE(is_finished_run(run_dir()));
}

TEST_F(Verify, NamesEveryKindOfFileWithAByteFlippedOrCutOffOrMissing) {
  std::vector<std::string> names = {"output/all.csv"};
  names.insert(names.end(), kCheckedNames.begin(), kCheckedNames.end());
  for (const std::string& name : names) {
    const std::string path = run_dir() + "/" + name;
    const std::string good = read_file(path);
    std::string flipped = good.empty() ? "x" : good;
    if (!good.empty()) flipped[flipped.size() / 2] ^= 1;
    folder_.write("job.run/" + name, flipped);
    EXPECT_THAT(problems(), testing::Contains(testing::StartsWith(path + ": changed since")));
    folder_.write("job.run/" + name, flipped.substr(0, flipped.size() - 1) + "\n\n");
    EXPECT_THAT(problems(), testing::Contains(testing::StartsWith(path + ": changed since")));
    fs::remove(path);
    EXPECT_THAT(problems(),
                testing::Contains(testing::StartsWith(path + ": the file cannot be opened")));
    folder_.write("job.run/" + name, good);
  }
  EXPECT_THAT(problems(), IsEmpty());
}

TEST_F(Verify, AListThatLeadsOutOfTheRunIsRefusedAndNothingOfItIsRead) {
  const std::string list = read_file(run_dir() + "/checksums.xxh3");
  folder_.write("secret", "x");
  for (const char* name : {"../secret", "output/../../secret", "./output/all.csv", "output//a"}) {
    folder_.write("job.run/checksums.xxh3", fmt::format("XXH3_{:016x}  {}\n{}", 1, name, list));
    EXPECT_THAT(problems(),
                testing::Contains(testing::AllOf(HasSubstr("job.run/checksums.xxh3: line 1 is "),
                                                 HasSubstr("expected XXH3_ with 16 digits"))))
        << name;
  }
  EXPECT_FALSE(is_finished_run(run_dir()));
}

TEST_F(Verify, AnAbsoluteNameThatTheRunDidNotWriteDoesNotFitItsBooks) {
  const std::string list = read_file(run_dir() + "/checksums.xxh3");
  const std::string other = folder_.write("other", "x");
  const Result<SealedFile> sealed = checksum_file(other);
  ASSERT_TRUE(sealed.is_ok());
  folder_.write("job.run/checksums.xxh3",
                fmt::format("XXH3_{:016x}  {}\nXXH3_{:016x}  /dev/zero\n{}", sealed->checksum,
                            other, 1, list));
  EXPECT_THAT(problems(),
              ElementsAre("/dev/zero: no regular file, expected what the run wrote",
                          run_dir() + "/run.json, output \"" + other +
                              "\": it is not there, expected every output of checksums.xxh3"));
}

TEST_F(Verify, OutputsThatLieOutsideAreChecked) {
  const std::string outside = (folder_.path() / "away/a b.csv").string();
  const RunFiles run = run_on_layout(
      fmt::format("[input]\npaths = [\"{}/data\"]\n[[stage]]\nuse = \"write\"\npath = \"{}\"\n",
                  folder_.path().string(), outside),
      {}, folder_.path() / "two.run");
  ASSERT_EQ(run.status.message(), "");
  const std::string two = (folder_.path() / "two.run").string();
  EXPECT_THAT(verify_run(two, 1)->problems, IsEmpty());
  folder_.write("away/a b.csv", "changed");
  EXPECT_THAT(verify_run(two, 1)->problems,
              ElementsAre(HasSubstr("/away/a b.csv: changed since the run: ")));
}

TEST_F(Verify, ARunThatHasNotFinishedIsAProblemAndOtherFoldersAreUsage) {
  fs::remove(run_dir() + "/checksums.xxh3");
  EXPECT_THAT(problems(),
              ElementsAre(run_dir() + ": the run has not finished, expected checksums.xxh3, its "
                                      "last file; wait for it, or give its command again"));
  const Result<Verification> other = verify_run((folder_.path() / "data").string(), 1);
  EXPECT_EQ(other.status().code(), Code::kUsage);
  EXPECT_THAT(
      other.status().message(),
      HasSubstr("/data: the folder holds no run, expected the directory of a finished run"));
}

TEST_F(Verify, NamesWhatIsChangedMissingAndOther) {
  change("output/all.csv", "Rome", "Roma");
  fs::remove(run_dir() + "/report.txt");
  folder_.write("job.run/output/deep/er.txt", "x");
  fs::remove(run_dir() + "/schema.json");
  ASSERT_EQ(::mkfifo((run_dir() + "/schema.json").c_str(), 0600), 0);
  const std::vector<std::string> found = problems();
  ASSERT_THAT(found, testing::SizeIs(4));
  EXPECT_THAT(found[0], testing::ContainsRegex("job.run/output/all.csv: changed since the run: "
                                               "XXH3_[0-9a-f]{16}, [0-9]+ bytes, expected XXH3_"));
  EXPECT_THAT(found[1], HasSubstr("job.run/report.txt: the file cannot be opened (no such file or "
                                  "directory), expected what the run wrote"));
  EXPECT_THAT(found[2], HasSubstr("job.run/schema.json: no regular file, expected what the run "
                                  "wrote"));
  EXPECT_THAT(found[3], HasSubstr("job.run/output/deep/er.txt: not of this run, expected only what "
                                  "the run wrote"));
  EXPECT_FALSE(is_finished_run(run_dir())) << "schema.json is no file";
}

TEST_F(Verify, NamesBooksThatWereMadeToFitNeitherFilesNorStages) {
  change("files.tsv", "\t2\t1\t", "\t3\t1\t");
  change("manifest.tsv", "a.csv\t", "c.csv\t");
  change("manifest.tsv", "b.csv\t", "b.csv\t1");
  change("run.json", "all.csv\", \"bytes\": ", "all.csv\", \"bytes\": 9");
  const std::vector<std::string> found = problems();
  EXPECT_THAT(found,
              testing::Contains(HasSubstr("job.run/results.json, inputs: 3 records, expected 4")));
  EXPECT_THAT(found, testing::Contains(HasSubstr("job.run/run.json: 3 records, expected 4")));
  EXPECT_THAT(found, testing::Contains(testing::ContainsRegex(
                         "job.run/manifest.tsv: 1[0-9]+ bytes, expected [0-9]+$")));
  EXPECT_THAT(found, testing::Contains(testing::ContainsRegex(
                         "job.run/run.json, output \"output/all.csv\": 9[0-9]+ bytes, expected "
                         "[0-9]+$")));
  EXPECT_THAT(found, testing::Contains(testing::ContainsRegex(
                         "job.run/manifest.tsv: .*c.csv with [0-9]+ bytes, expected the same in "
                         "files.tsv")));
}

/// Each match of `number`'s group in the file, made one larger, must be noticed by the sums, not
/// only by the checksum.
void expect_noticed(const TempFolder& folder, const std::string& name, const std::regex& number,
                    size_t at_least) {
  const std::string path = (folder.path() / "job.run" / name).string();
  const std::string good = read_file(path);
  size_t tried = 0;
  for (std::sregex_iterator at(good.begin(), good.end(), number), end; at != end; ++at) {
    for (size_t group = 1; group < at->size(); ++group) {
      const std::string more = std::to_string(std::stoull(at->str(group)) + 1);
      std::string text = good;
      text.replace(static_cast<size_t>(at->position(group)), at->str(group).size(), more);
      folder.write("job.run/" + name, text);
      const Result<Verification> found = verify_run((folder.path() / "job.run").string(), 1);
      ASSERT_TRUE(found.is_ok());
      EXPECT_THAT(found->problems, testing::Contains(testing::Not(HasSubstr("changed since"))))
          << name << ": " << at->str() << ", number " << group;
      ++tried;
    }
  }
  EXPECT_GE(tried, at_least) << name;
  folder.write("job.run/" + name, good);
}

TEST_F(Verify, EveryNumberOfTheBooksIsHeldByAnother) {
  expect_noticed(folder_, "results.json",
                 std::regex("\"(?:files|bytes|records|bad_records|bad_files|records_in|records_out|"
                            "not_true|rejected|made)\": ([0-9]+)"),
                 12);
  expect_noticed(folder_, "files.tsv",
                 std::regex("\\.csv\t([0-9]+)\t([0-9]+)\t([0-9]+)\t([0-9]+)\t([0-9]+)\t"), 10);
  expect_noticed(folder_, "manifest.tsv", std::regex("\\.csv\t([0-9]+)\t"), 2);
  expect_noticed(folder_, "run.json",
                 std::regex("\n *\"(?:disk_bytes|plain_bytes|records)\": ([0-9]+)"), 3);
  EXPECT_THAT(problems(), IsEmpty());
}

TEST_F(Verify, ATornListOrOtherResultsAreNoFinishedRun) {
  const std::string list = read_file(run_dir() + "/checksums.xxh3");
  folder_.write("job.run/checksums.xxh3", list.substr(0, list.size() / 2));
  EXPECT_FALSE(is_finished_run(run_dir()));
  EXPECT_THAT(problems(), testing::Contains(HasSubstr("job.run/checksums.xxh3: line ")));
  folder_.write("job.run/checksums.xxh3", "");
  EXPECT_FALSE(is_finished_run(run_dir()));
  folder_.write("job.run/checksums.xxh3", list);
  EXPECT_TRUE(is_finished_run(run_dir()));
  change("results.json", "Rome", "Roma");
  EXPECT_FALSE(is_finished_run(run_dir()));
}

TEST_F(Verify, AFolderThatIsNotThereIsUsage) {
  const Result<Verification> found = verify_run(run_dir() + "x", 1);
  EXPECT_EQ(found.status().code(), Code::kUsage);
  EXPECT_THAT(found.status().message(),
              HasSubstr("job.runx: there is no such folder, expected the directory of a finished "
                        "run; runs leave it in JOB.run or --run-dir"));
}

}  // namespace
}  // namespace shardmill
