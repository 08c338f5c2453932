// results.h5, read back with h5py (Debian's python3-h5py, so Debian's python3).
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <time.h>

#include <limits>
#include <string>

#include "pipeline/report/description.h"
#include "pipeline/report/results_h5_read.h"
#include "pipeline/report/results_read.h"
#include "pipeline/report/table_diff.h"
#include "tests/support/files.h"

namespace shardmill {
namespace {

using testing::HasSubstr;

/// Prints what `code` says about the open file `f`; fails the test if Python fails.
std::string ask_h5py(const TempFolder& folder, const std::string& path, const std::string& code) {
  const std::string script =
      folder.write("ask.py", "import h5py, sys\nf = h5py.File(sys.argv[1], 'r')\n" + code + "\n");
  const CommandResult result = run_command("/usr/bin/python3 '" + script + "' '" + path + "' 2>&1");
  EXPECT_EQ(result.exit_code, 0) << result.output;
  return result.output;
}

Table every_type() {
  Table table = {.name = "every/type", .stage = 3};
  TableColumn text = {.name = "text", .type = Type::kText};
  TableColumn number = {.name = "n", .type = Type::kInt};
  TableColumn wide = {.name = "wide", .type = Type::kInt};
  TableColumn real = {.name = "p50(x)", .type = Type::kFloat, .error = "0.4% relative"};
  TableColumn flag = {.name = "flag", .type = Type::kBool};
  TableColumn when = {.name = "when", .type = Type::kTime};
  text.add_text("h\xc3\xa9llo");
  text.add_text("");
  text.add_null();
  text.add_text(std::string_view("a\0\xff", 3));
  for (const int64_t value : {std::numeric_limits<int64_t>::min(), int64_t{0}, int64_t{7},
                              std::numeric_limits<int64_t>::max()}) {
    number.add_int(value);
  }
  wide.add_int(Int128{1} << 100);
  wide.add_int(-5);
  wide.add_null();
  wide.add_int(0);
  real.add_float(0.1);
  real.add_null();
  real.add_float(-1e300);
  real.add_float(std::numeric_limits<double>::infinity());
  flag.add_bool(true);
  flag.add_bool(false);
  flag.add_null();
  flag.add_bool(true);
  when.add_int(1500000000);
  when.add_int(-1);
  when.add_int(0);
  when.add_null();
  table.columns = {text, number, wide, real, flag, when};
  return table;
}

RunDescription run_of(std::vector<Table> tables) {
  RunDescription run;
  run.job_name = "job \"name\"";
  run.version = "0.1.0";
  run.tables = std::move(tables);
  return run;
}

class ResultsH5 : public testing::Test {
 protected:
  /// Writes the tables and asks h5py about them.
  std::string written(std::vector<Table> tables, const std::string& code) {
    const std::string path = (folder_.path() / "results.h5").string();
    const Status status = write_results_h5(run_of(std::move(tables)), path);
    EXPECT_TRUE(status.is_ok()) << status.message();
    return ask_h5py(folder_, path, code);
  }
  TempFolder folder_;
};

TEST_F(ResultsH5, H5pyReadsTheValuesOfEveryType) {
  EXPECT_EQ(written({every_type()}, R"(
t = f['every_type']
print([v.decode() for v in t['text'][:]])
print(t['n'].dtype, list(t['n'][:]))
print([v.decode() for v in t['wide'][:]])
print(t['p50(x)'].dtype, list(t['p50(x)'][:]))
print(t['flag'].dtype, list(t['flag'][:]))
print(t['when'].dtype, list(t['when'][:]))
)"),
            "['h\xc3\xa9llo', '', '', '{\"base64\":\"YQD/\"}']\n"
            "int64 [-9223372036854775808, 0, 7, 9223372036854775807]\n"
            "['1267650600228229401496703205376', '-5', '0', '0']\n"
            "float64 [0.1, nan, -1e+300, inf]\n"
            "bool [True, False, False, True]\n"
            "int64 [1500000000, -1, 0, 0]\n");
}

TEST_F(ResultsH5, NullsHaveAMaskOnlyWhereThereAreSome) {
  EXPECT_EQ(written({every_type()}, R"(
nulls = f['every_type/nulls']
print(sorted(nulls))
print(nulls['text'].dtype, list(nulls['text'][:]), list(nulls['when'][:]))
)"),
            "['flag', 'p50(x)', 'text', 'when', 'wide']\n"
            "bool [False, False, True, False] [False, False, False, True]\n");
}

TEST_F(ResultsH5, AttributesSayWhereItComesFrom) {
  EXPECT_EQ(written({every_type()}, R"(
print(dict(f.attrs))
t = f['every_type']
print(t.attrs['name'], t.attrs['stage'], t.attrs['rows'], list(t.attrs['columns']))
print(dict(t['p50(x)'].attrs))
print(dict(t['when'].attrs))
)"),
            "{'format': 'shardmill results 1', 'job': 'job \"name\"', 'version': '0.1.0'}\n"
            "every/type 3 4 ['text', 'n', 'wide', 'p50(x)', 'flag', 'when']\n"
            "{'error': '0.4% relative', 'name': 'p50(x)', 'type': 'float'}\n"
            "{'name': 'when', 'type': 'time', 'unit': 'nanoseconds since 1970-01-01T00:00:00Z'}\n");
}

TEST_F(ResultsH5, OddNamesAreMadeUsableAndStayApart) {
  Table table = {.name = "", .stage = 0};
  for (const char* name : {"a/b", "a_b", ".", "..", "", "nulls", "\xff", "new\nline"}) {
    TableColumn column = {.name = name, .type = Type::kInt};
    column.add_int(1);
    table.columns.push_back(column);
  }
  EXPECT_EQ(written({table, table}, "print(list(f)); print(list(f['unnamed'].attrs['columns']))"),
            "['unnamed', 'unnamed_2']\n"
            "['a_b', 'a_b_2', '_', '_.', 'unnamed', 'nulls_2', '\\\\xff', 'new_line']\n");
}

TEST_F(ResultsH5, AllRowsOfALargeTableAreThereInTheirOrder) {
  TableColumn number = {.name = "n", .type = Type::kInt};
  TableColumn text = {.name = "t", .type = Type::kText};
  for (int i = 0; i < 150000; ++i) {
    number.add_int(i * 3);
    text.add_text("row " + std::to_string(i));
  }
  EXPECT_EQ(written({{.name = "large", .columns = {number, text}}}, R"(
n, t = f['large/n'][:], f['large/t'][:]
print(len(n), all(n == [3 * i for i in range(150000)]))
print(all(v.decode() == f'row {i}' for i, v in enumerate(t)))
)"),
            "150000 True\nTrue\n");
}

TEST_F(ResultsH5, TablesWithoutRowsOrColumnsAreThere) {
  const Table no_rows = {.name = "no rows", .columns = {{.name = "t", .type = Type::kText}}};
  EXPECT_EQ(
      written({no_rows, {.name = "nothing"}}, "print(f['no rows/t'].shape, list(f['nothing']))"),
      "(0,) []\n");
}

TEST_F(ResultsH5, TheSameTablesGiveTheSameBytes) {
  const std::string first = (folder_.path() / "first.h5").string();
  const std::string second = (folder_.path() / "second.h5").string();
  ASSERT_TRUE(write_results_h5(run_of({every_type()}), first).is_ok());
  const timespec over_a_second = {.tv_sec = 1, .tv_nsec = 100000000};
  nanosleep(&over_a_second, nullptr);
  ASSERT_TRUE(write_results_h5(run_of({every_type()}), second).is_ok());
  EXPECT_EQ(read_file(first), read_file(second));
}

TEST_F(ResultsH5, AFolderThatIsNotThereIsAMessageWithThePath) {
  const Status status = write_results_h5(run_of({}), "/nowhere/results.h5");
  EXPECT_EQ(status.code(), Code::kFailed);
  EXPECT_EQ(status.message(), "/nowhere/results.h5: cannot be written (No such file or directory)");
}

TEST_F(ResultsH5, ADiskThatIsFullIsToldAndNotForgotten) {
  int error = 0;
  const Status status = write_results_h5(run_of({every_type()}), "/dev/full", &error);
  EXPECT_EQ(status.message(), "/dev/full: cannot be written (No space left on device)");
  EXPECT_EQ(error, ENOSPC);
}

/// The table as results.json has it: with `shown` of its rows.
ReadTable as_read(const Table& table, size_t shown) {
  RunDescription run;
  run.tables = {table};
  run.stages.resize(table.stage + 1);
  run.rows_in_report = shown;
  const Result<ReadResults> results = read_results(results_json(run));
  EXPECT_TRUE(results.is_ok()) << results.status().message();
  return results.is_ok() ? results->tables[0] : ReadTable();
}

TEST(ResultsH5Read, EveryTypeIsReadBackInAllItsRows) {
  TempFolder folder;
  RunDescription run;
  Table same_name = every_type();
  same_name.columns.pop_back();
  run.tables = {every_type(), same_name};
  const std::string path = (folder.path() / "results.h5").string();
  ASSERT_TRUE(write_results_h5(run, path).is_ok());
  std::vector<ReadTable> tables = {as_read(every_type(), 1), as_read(same_name, 4)};
  EXPECT_EQ(tables[0].shown_rows(), 1u);
  const Status status = read_results_h5(path, tables);
  ASSERT_TRUE(status.is_ok()) << status.message();
  EXPECT_EQ(tables[0].shown_rows(), 4u);
  ReadTable expected = as_read(every_type(), 4);
  expected.columns[0].text[3] = R"({"base64":"YQD/"})";
  EXPECT_TRUE(diff_tables(expected, tables[0]).is_empty());
  EXPECT_EQ(tables[1].columns.size(), 5u);
}

TEST(ResultsH5Read, WhatDoesNotFitResultsJsonIsSaid) {
  TempFolder folder;
  RunDescription run;
  run.tables = {every_type()};
  const std::string path = (folder.path() / "results.h5").string();
  ASSERT_TRUE(write_results_h5(run, path).is_ok());
  std::vector<ReadTable> tables = {as_read(every_type(), 1)};
  tables[0].row_count = 5;
  EXPECT_EQ(read_results_h5(path, tables).message(),
            path +
                ": dataset \"text\": other than results.json says, expected the same tables, "
                "columns and rows");
  tables[0].name = "other";
  EXPECT_THAT(read_results_h5(path, tables).message(), HasSubstr("cannot open group \"other\""));
  folder.write("results.h5", "no HDF5");
  EXPECT_THAT(read_results_h5(path, tables).message(), HasSubstr("cannot be opened"));
}

}  // namespace
}  // namespace shardmill
