#include "stages/support/row_text.h"

#include <gtest/gtest.h>

#include <limits>

namespace shardmill {

namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr int64_t kSomeTime = 1'769'862'896'500'000'000;  // 2026-01-31T12:34:56.5Z

// Columns of all types, the last row all null.
Batch all_types() {
  Batch batch;
  batch.rows = 3;
  batch.columns.resize(5);
  const Type types[] = {Type::kText, Type::kInt, Type::kFloat, Type::kBool, Type::kTime};
  for (size_t i = 0; i < 5; ++i) batch.columns[i].prepare(types[i], 3);
  batch.columns[0].text = {"say \"hi\",\tyou\n", "caf\xe9", ""};
  batch.columns[1].ints = {-5, std::numeric_limits<int64_t>::min(), 0};
  batch.columns[2].floats = {0.1, kNan, 0};
  batch.columns[3].bools = {1, 0, 0};
  batch.columns[4].ints = {kSomeTime, 0, 0};
  for (Column& column : batch.columns) column.set_null(2);
  return batch;
}

RowText all_columns(RowFormat format) {
  return RowText(format, {{"text", {.slot = 0, .type = Type::kText}},
                          {"a.int", {.slot = 1, .type = Type::kInt}},
                          {"a,float", {.slot = 2, .type = Type::kFloat}},
                          {"bool", {.slot = 3, .type = Type::kBool}},
                          {"time", {.slot = 4, .type = Type::kTime}}});
}

std::string rows_of(const RowText& rows, const Batch& batch) {
  std::string out;
  for (size_t row = 0; row < batch.rows; ++row) rows.append_row(batch, row, out);
  return out;
}

TEST(RowText, JsonHasAllKeysInOrderAndDotsStayInThem) {
  const RowText rows = all_columns(RowFormat::kJsonl);
  EXPECT_EQ(rows.header(), "");
  EXPECT_EQ(
      rows_of(rows, all_types()),
      R"({"text":"say \"hi\",\tyou\n","a.int":-5,"a,float":0.1,"bool":true,"time":"2026-01-31T12:34:56.500Z"})"
      "\n"
      R"({"text":{"base64":"Y2Fm6Q=="},"a.int":-9223372036854775808,"a,float":"NaN","bool":false,"time":"1970-01-01T00:00:00Z"})"
      "\n"
      R"({"text":null,"a.int":null,"a,float":null,"bool":null,"time":null})"
      "\n");
}

TEST(RowText, CsvQuotesWhatNeedsItAndNullIsEmpty) {
  const RowText rows = all_columns(RowFormat::kCsv);
  EXPECT_EQ(rows.header(), "text,a.int,\"a,float\",bool,time\n");
  EXPECT_EQ(rows_of(rows, all_types()),
            "\"say \"\"hi\"\",\tyou\n\",-5,0.1,true,2026-01-31T12:34:56.500Z\n"
            "caf\xe9,-9223372036854775808,nan,false,1970-01-01T00:00:00Z\n"
            ",,,,\n");
}

TEST(RowText, TsvHasTabsBetweenFields) {
  const RowText rows = all_columns(RowFormat::kTsv);
  EXPECT_EQ(rows.header(), "text\ta.int\ta,float\tbool\ttime\n");
  EXPECT_EQ(rows_of(rows, all_types()).substr(0, 26), "\"say \"\"hi\"\",\tyou\n\"\t-5\t0.1\t");
}

TEST(RowText, ACsvRowOfOneNullIsNoEmptyLine) {
  Batch batch = all_types();
  const RowText rows(RowFormat::kCsv, {{"a.int", {.slot = 1, .type = Type::kInt}}});
  EXPECT_EQ(rows_of(rows, batch), "-5\n-9223372036854775808\n\"\"\n");
}

TEST(RowText, TxtIsTheValueAlone) {
  const Batch batch = all_types();
  const RowText text(RowFormat::kTxt, {{"text", {.slot = 0, .type = Type::kText}}});
  EXPECT_EQ(text.header(), "");
  EXPECT_EQ(rows_of(text, batch), "say \"hi\",\tyou\n\ncaf\xe9\n\n");
  const RowText floats(RowFormat::kTxt, {{"a,float", {.slot = 2, .type = Type::kFloat}}});
  EXPECT_EQ(rows_of(floats, batch), "0.1\nnan\n\n");
}

TEST(RowText, FloatsReadBackAsTheSameNumber) {
  Batch batch;
  batch.rows = 5;
  batch.columns.resize(1);
  batch.columns[0].prepare(Type::kFloat, 5);
  batch.columns[0].floats = {5, 1e300, -kInfinity, 0.30000000000000004, 123456789012345680.0};
  const std::vector<RowColumn> columns = {{"x", {.slot = 0, .type = Type::kFloat}}};
  EXPECT_EQ(rows_of(RowText(RowFormat::kJsonl, columns), batch),
            "{\"x\":5.0}\n{\"x\":1e300}\n{\"x\":\"-Infinity\"}\n{\"x\":0.30000000000000004}\n"
            "{\"x\":1.2345678901234568e17}\n");
  EXPECT_EQ(rows_of(RowText(RowFormat::kCsv, columns), batch),
            "5\n1e300\n-inf\n0.30000000000000004\n1.2345678901234568e17\n");
}

TEST(RowText, AColumnNameThatIsNotUtf8StaysAJsonKey) {
  Batch batch = all_types();
  const RowText rows(RowFormat::kJsonl, {{"caf\xe9", {.slot = 3, .type = Type::kBool}}});
  EXPECT_EQ(rows_of(rows, batch).substr(0, 24), "{\"base64:Y2Fm6Q==\":true}");
}

TEST(RowText, NoColumnsAreAnEmptyObject) {
  EXPECT_EQ(rows_of(RowText(RowFormat::kJsonl, {}), all_types()), "{}\n{}\n{}\n");
}

}  // namespace
}  // namespace shardmill
