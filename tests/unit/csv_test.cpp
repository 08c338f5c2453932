#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <random>

#include "pipeline/formats/compress.h"
#include "tests/support/files.h"
#include "tests/support/read_input.h"

namespace shardmill {

InputSpec input_csv();

namespace {

constexpr std::nullopt_t kNull = std::nullopt;

ReadLimits limits(size_t chunk_bytes, size_t record_bytes_max = 64 << 20) {
  return {.chunk_bytes = chunk_bytes, .record_bytes_max = record_bytes_max};
}

const ReadLimits kLarge = limits(1 << 20);

/// All columns as text.
InputUnderTest csv(std::string content, Options options = {}) {
  InputUnderTest input(input_csv(), std::move(options), std::move(content));
  input.infer();
  for (InputColumn& column : input.schema().columns) column.type = Type::kText;
  return input;
}

InputUnderTest typed_csv(std::string content, Options options = {}) {
  InputUnderTest input(input_csv(), std::move(options), std::move(content));
  input.infer();
  return input;
}

Options with(const std::string& name, OptionValue value) {
  Options options;
  options.set(name, std::move(value), 1);
  return options;
}

std::vector<std::string> names(const InputSchema& schema) {
  std::vector<std::string> out;
  for (const InputColumn& column : schema.columns) out.push_back(column.name);
  return out;
}

std::string types(const InputSchema& schema) {
  std::string out;
  for (const InputColumn& column : schema.columns) {
    out += (out.empty() ? "" : " ") + std::string(type_name(column.type));
  }
  return out;
}

using Rows = std::vector<Cells>;
using Names = std::vector<std::string>;

// ------------------------------------------------------------------------------------------------
// What a record is.

struct DialectCase {
  std::string what;
  std::string content;
  Rows rows;
};

class CsvDialectTest : public ::testing::TestWithParam<DialectCase> {};

TEST_P(CsvDialectTest, ReadsAtEveryChunkSize) {
  for (const size_t chunk_bytes : {1, 3, 64, 1 << 20}) {
    const ReadRecords read = csv(GetParam().content).read_whole(limits(chunk_bytes));
    EXPECT_EQ(read.rows, GetParam().rows) << GetParam().what << ", chunk " << chunk_bytes;
    EXPECT_TRUE(read.rejects.empty());
  }
}

std::string case_name(const ::testing::TestParamInfo<DialectCase>& test) {
  std::string name = test.param.what;
  std::replace_if(
      name.begin(), name.end(), [](unsigned char c) { return std::isalnum(c) == 0; }, '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(
    Csv, CsvDialectTest,
    ::testing::Values(
        DialectCase{"plain", "a,b\n1,2\n3,4\n", {{"1", "2"}, {"3", "4"}}},
        DialectCase{"no final newline", "a,b\n1,2\n3,4", {{"1", "2"}, {"3", "4"}}},
        DialectCase{"crlf", "a,b\r\n1,2\r\n3,4\r\n", {{"1", "2"}, {"3", "4"}}},
        DialectCase{"crlf, then nothing but cr", "a,b\r\n1,2\r\n3,4\r", {{"1", "2"}, {"3", "4"}}},
        DialectCase{"a lone cr is data", "a,b\n1\r,2\rx\n", {{"1\r", "2\rx"}}},
        DialectCase{"quoted delimiter", "a,b\n\"1,1\",2\n", {{"1,1", "2"}}},
        DialectCase{"quoted newline", "a,b\n\"1\n1\",\"2\r\n2\"\n", {{"1\n1", "2\r\n2"}}},
        DialectCase{"doubled quotes", "a,b\n\"1 \"\"one\"\"\",\"\"\"\"\n", {{"1 \"one\"", "\""}}},
        DialectCase{"quoted at crlf", "a,b\r\n\"1\",\"2\"\r\n", {{"1", "2"}}},
        DialectCase{"quoted at the end of the file", "a,b\n1,\"2\"", {{"1", "2"}}},
        DialectCase{"empty is null, quoted empty is text",
                    "a,b\n,\"\"\n\"\",\n",
                    {{kNull, ""}, {"", kNull}}},
        DialectCase{"empty at crlf", "a,b\r\n,\r\n", {{kNull, kNull}}},
        DialectCase{"byte order mark",
                    "\xef\xbb\xbf"
                    "a,b\n1,2\n",
                    {{"1", "2"}}},
        DialectCase{"byte order mark and quotes", "\xef\xbb\xbf\"a\",b\n1,2\n", {{"1", "2"}}},
        DialectCase{"blank lines", "\n\r\na,b\n\n1,2\n\r\n\n3,4\n\n", {{"1", "2"}, {"3", "4"}}},
        DialectCase{"blank lines, one column", "a\n\n1\n\r\n\"\"\n", {{"1"}, {""}}},
        DialectCase{"quote inside a field",
                    "a,b\n5\" x 3\",\"2\"\n6,7\n",
                    {{"5\" x 3\"", "2"}, {"6", "7"}}},
        DialectCase{"text behind a quoted field",
                    "a,b\n\"1\"x,2\n\"1\"x\"y,2\n",
                    {{"1x", "2"}, {"1x\"y", "2"}}},
        DialectCase{"space before a quote", "a,b\n \"1,\" 2\"\n", {{" \"1", " 2"}}},
        DialectCase{"header only", "a,b\n", {}}, DialectCase{"header without newline", "a,b", {}},
        DialectCase{"empty file", "", {}}, DialectCase{"nothing but blank lines", "\n\r\n\n", {}},
        DialectCase{"nul and bytes that are not utf-8",
                    std::string("a,b\n\0x,\xff\n", 9),
                    {{std::string("\0x", 2), "\xff"}}}),
    case_name);

TEST(Csv, OtherDelimitersAndQuotes) {
  EXPECT_EQ(csv("a;b\n1,5;2\n", with("delimiter", std::string(";"))).read_whole(kLarge).rows,
            (Rows{{"1,5", "2"}}));
  EXPECT_EQ(csv("a,b\n'1,\"5',2\n", with("quote", std::string("'"))).read_whole(kLarge).rows,
            (Rows{{"1,\"5", "2"}}));
  EXPECT_EQ(csv("a,b\n\"1,5\"\n", with("quote", std::string(""))).read_whole(kLarge).rows,
            (Rows{{"\"1", "5\""}}));
}

TEST(Csv, TabSeparatesTheFieldsOfTsvFiles) {
  TempFolder folder;
  const InputSpec spec = input_csv();
  for (const std::string name : {"x.tsv", "x.TSV.gz"}) {
    const FileSlice slice = {.path = name, .size_bytes = 8};
    const std::string content = "a\tb\n1\t2\n";
    Problems problems;
    const Result<InputSchema> schema =
        spec.infer({}, {}, {.headers = {slice}, .types = {slice}, .content = &content}, problems);
    ASSERT_TRUE(schema.is_ok());
    EXPECT_EQ(names(*schema), (Names{"a", "b"}));
  }
}

TEST(Csv, WithoutAHeaderFieldsAreNumberedOrNamed) {
  InputUnderTest numbered = csv("1,2\n3,4\n", with("header", false));
  EXPECT_EQ(names(numbered.schema()), (Names{"column_1", "column_2"}));
  EXPECT_EQ(numbered.read_whole(kLarge).rows, (Rows{{"1", "2"}, {"3", "4"}}));
  Options options = with("header", false);
  options.set("columns", Names{"x", "y"}, 2);
  InputUnderTest named = csv("1,2\n3\n", options);
  EXPECT_EQ(names(named.schema()), (Names{"x", "y"}));
  const ReadRecords read = named.read_whole(kLarge);
  EXPECT_EQ(read.rows, (Rows{{"1", "2"}}));
  ASSERT_EQ(read.rejects.size(), 1u);
  EXPECT_EQ(read.rejects[0].reason,
            "a record of 1 field, expected 2 as named in `columns`; mend the record, or check "
            "`delimiter` and `quote` in [input]");
}

TEST(Csv, HeaderNamesAreMadeDistinct) {
  EXPECT_EQ(names(csv("a,a,,a,\"b \"\"c\"\"\"\n").schema()),
            (Names{"a", "a_2", "column_3", "a_3", "b \"c\""}));
}

TEST(Csv, ReadsFilesOfVeryManyColumns) {
  std::string many;
  std::string equal;
  std::string values;
  for (size_t i = 0; i < 200'000; ++i) {
    many += (i == 0 ? "c" : ",c") + std::to_string(i);
    equal += i == 0 ? "a" : ",a";
    values += i == 0 ? "7" : ",7";
  }
  for (const std::string& header : {many, equal}) {
    const InputUnderTest input = csv(header + "\n" + values + "\n");
    const ReadRecords read = input.read_whole(kLarge);
    ASSERT_EQ(read.rows.size(), 1u);
    EXPECT_EQ(read.rows[0], Cells(200'000, Cell("7")));
  }
}

TEST(Csv, TypesOfAWideTableAreSeenInItsFirstRecord) {
  // The header alone is longer than the sample.
  const std::string content = "a," + std::string(2 << 20, 'b') + "\n1,2.5\n";
  EXPECT_EQ(types(typed_csv(content).schema()), "int float");
}

TEST(Csv, AFirstRecordOfTooManyFieldsIsABadFile) {
  EXPECT_EQ(csv(std::string(1'000'000, ',') + "\n").read_whole(kLarge).status.message(),
            "a first record of 1,000,001 fields, expected at most 1,000,000; check `delimiter` in "
            "[input], or read the file as lines");
}

TEST(Csv, OnlyTheGivenColumnsAreRead) {
  InputUnderTest input = csv("a,b,c\n1,2,3\n", with("columns", Names{"c", "a"}));
  EXPECT_EQ(names(input.schema()), (Names{"c", "a"}));
  const ReadRecords read = input.read_whole(kLarge);
  EXPECT_EQ(read.rows, (Rows{{"3", "1"}}));
  EXPECT_FALSE(read.all_canonical);
  EXPECT_EQ(read.end.note, "");
}

TEST(Csv, ColumnsAreMatchedByNameAndMissingOnesAreNull) {
  InputUnderTest input = csv("b,c,d\n2,3,4\n");
  input.schema().columns = {{.name = "a", .type = Type::kInt}, {.name = "b"}, {.name = "c"}};
  const ReadRecords read = input.read_whole(kLarge);
  EXPECT_EQ(read.rows, (Rows{{kNull, "2", "3"}}));
  EXPECT_EQ(read.end.note, "columns that are not read: \"d\"");
  EXPECT_FALSE(read.all_canonical);
}

TEST(Csv, RawBytesAreTheRecordWithoutItsNewline) {
  const ReadRecords read = csv("a,b\r\n\"1\n\",2\r\n\n3,4").read_whole(kLarge);
  EXPECT_EQ(read.raw, (Names{"\"1\n\",2\r", "3,4"}));
  EXPECT_EQ(read.offsets, (std::vector<uint64_t>{5, 14}));
  EXPECT_TRUE(read.all_canonical);
}

// ------------------------------------------------------------------------------------------------
// What is no record.

TEST(Csv, RecordsWithMoreOrFewerFieldsAreRejected) {
  for (const size_t chunk_bytes : {1, 5, 64, 1 << 20}) {
    const ReadRecords read = csv("a,b\n1,2\n3\n4,5,6\n7,8\n9").read_whole(limits(chunk_bytes));
    EXPECT_EQ(read.rows, (Rows{{"1", "2"}, {"7", "8"}}));
    ASSERT_EQ(read.rejects.size(), 3u);
    EXPECT_EQ(read.rejects[0],
              (SeenReject{.offset = 8,
                          .record_bytes = 1,
                          .bytes = "3",
                          .reason = "a record of 1 field, expected 2 as in the header; mend the "
                                    "record, or check `delimiter` and `quote` in [input]"}));
    EXPECT_EQ(read.rejects[1].offset, 10u);
    EXPECT_EQ(read.rejects[1].bytes, "4,5,6");
    EXPECT_EQ(read.rejects[2].offset, 20u);
    EXPECT_EQ(read.end.rejected_bytes, 7u);
  }
}

TEST(Csv, AQuoteThatIsNeverClosedRejectsTheRestOfTheFile) {
  for (const size_t chunk_bytes : {1, 64, 1 << 20}) {
    const ReadRecords read = csv("a,b\n1,2\n\"3,4\n5,6\n").read_whole(limits(chunk_bytes));
    EXPECT_EQ(read.rows, (Rows{{"1", "2"}}));
    ASSERT_EQ(read.rejects.size(), 1u);
    EXPECT_EQ(read.rejects[0].offset, 8u);
    EXPECT_EQ(read.rejects[0].record_bytes, 9u);
    EXPECT_EQ(read.rejects[0].reason,
              "a quoted field that is not closed in 9 bytes, expected its quote before the end of "
              "the file; mend the record, or turn quotes off with `quote = \"\"`");
  }
}

TEST(Csv, ReadingResumesAtTheFirstNewlineAfterTheLongestRecord) {
  const std::string long_text(30, 'x');
  // The quoted newline at byte 20 of the record comes too early, the one behind 30 x ends it.
  const std::string content =
      "a,b\n1,2\n\"3," + std::string(17, 'y') + "\n" + long_text + "\n5,6\n\"7\",8";
  for (const size_t chunk_bytes : {1, 7, 64, 1 << 20}) {
    const ReadRecords read = csv(content).read_whole(limits(chunk_bytes, 24));
    EXPECT_EQ(read.rows, (Rows{{"1", "2"}, {"5", "6"}, {"7", "8"}})) << chunk_bytes;
    ASSERT_EQ(read.rejects.size(), 1u);
    EXPECT_EQ(read.rejects[0].offset, 8u);
    EXPECT_EQ(read.rejects[0].record_bytes, 51u);
    EXPECT_EQ(read.rejects[0].reason,
              "a quoted field that is not closed in 24 bytes, expected its quote within "
              "`record_bytes_max`; mend the record, or turn quotes off with `quote = \"\"`");
  }
}

TEST(Csv, ARecordOfExactlyTheLongestLengthIsRead) {
  const std::string good = std::string(18, 'x') + "," + "1";
  const std::string content = "a,b\n" + good + "\nx" + good + "\n" + good;
  for (const size_t chunk_bytes : {1, 7, 64, 1 << 20}) {
    const ReadRecords read = csv(content).read_whole(limits(chunk_bytes, 20));
    EXPECT_EQ(read.raw, (Names{good, good}));
    ASSERT_EQ(read.rejects.size(), 1u);
    EXPECT_EQ(
        read.rejects[0].reason,
        "a record of 21 bytes, expected at most 20 bytes; raise `record_bytes_max` in [input] "
        "to read it");
  }
}

TEST(Csv, AHeaderThatIsNeverClosedMakesABadFile) {
  InputUnderTest input = csv("\"a,b\n1,2\n");
  EXPECT_TRUE(input.schema().columns.empty());
  const ReadRecords read = input.read_whole(kLarge);
  EXPECT_EQ(read.status.code(), Code::kBadFile);
  EXPECT_EQ(read.status.message(),
            "a header with a quote that is never closed, expected the names of the columns in the "
            "first record; mend the file, or turn quotes off with `quote = \"\"`");
}

TEST(Csv, ADamagedFileGivesAllWholeRecordsBeforeTheDamage) {
  std::string text = "id,text\n";
  for (int i = 0; i < 5000; ++i)
    text += std::to_string(i) + ",\"a \"\"" + std::to_string(i * 7919) + "\n\"\n";
  InputUnderTest input = csv(text);
  const ReadRecords whole = input.read_whole(kLarge);
  const std::string packed = gzip_member(text, 6);
  InputUnderTest damaged = csv(packed.substr(0, packed.size() / 2));
  const ReadRecords read = damaged.read_whole(kLarge);
  EXPECT_EQ(read.status.code(), Code::kBadFile);
  ASSERT_GT(read.rows.size(), 1000u);
  ASSERT_LT(read.rows.size(), 5000u);
  EXPECT_EQ(read.rows,
            Rows(whole.rows.begin(), whole.rows.begin() + static_cast<int>(read.rows.size())));
  EXPECT_TRUE(read.rejects.empty());
  for (const size_t chunk_bytes : {1, 64, 4096}) {
    EXPECT_EQ(damaged.read_whole(limits(chunk_bytes)).rows, read.rows);
  }
}

// ------------------------------------------------------------------------------------------------
// Cuts.

const char* const kNastyFiles[] = {
    // Quotes, doubled quotes, newlines in quotes, crlf, blank lines, no final newline.
    "\xef\xbb\xbf"
    "id,\"na\"\"me\nx\",note\n"
    "1,\"a\nb\",\"say \"\"hi\"\", then\n\n,go\"\r\n"
    "\n"
    "2,plain,\"\"\r\n"
    "\r\n"
    "3,\"\n\"\"\n\",\n"
    "4,5\" wide,x\n"
    "ragged\n"
    "5,\"q\"junk,\"1,2,3\n4,5,6\n7,8,9\"\n"
    "6,,\n"
    "\"7\",\"\"\"\",\"\"\"a\"\"\"",
    // A field full of what looks like records.
    "a,b\n\"1,2\n3,4\n5,6\n7,8\n9,10\n11,12\",x\n13,14\n\"15,16\n17,18\n19,20\",y\n21,22\n",
    // Blank lines around the header.
    "\n\n\r\na,b\r\n\r\n\n1,2\n\n\n3,4\n\n",
    // Never closed.
    "a,b\n1,2\n3,\"4\n5,6\n7,8\n9,10\n",
};

class CsvCutTest : public ::testing::TestWithParam<size_t> {};

TEST_P(CsvCutTest, EveryCutGivesTheWholeFile) {
  for (const char* content : kNastyFiles) {
    const InputUnderTest input = csv(content);
    for (const size_t record_bytes_max : {64 << 20, 45, 12}) {
      if (record_bytes_max == 12 && content == kNastyFiles[0]) continue;  // a longer header
      const ReadRecords whole = input.read_whole(limits(1 << 20, record_bytes_max));
      ASSERT_TRUE(whole.status.is_ok());
      const auto expect_whole = [&](const std::vector<uint64_t>& cuts) {
        const ReadRecords read = input.read_cut(limits(GetParam(), record_bytes_max), cuts);
        ASSERT_EQ(read.rows, whole.rows);
        ASSERT_EQ(read.raw, whole.raw);
        ASSERT_EQ(read.offsets, whole.offsets);
        ASSERT_EQ(read.rejects, whole.rejects);
        ASSERT_EQ(read.end.rejected_bytes, whole.end.rejected_bytes);
      };
      for (uint64_t cut = 1; cut < input.content().size(); ++cut) {
        SCOPED_TRACE(cut);
        expect_whole({cut});
        for (const uint64_t step : {1, 2, 9}) expect_whole({cut, cut + step, cut + 2 * step});
        if (HasFatalFailure()) return;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Csv, CsvCutTest, ::testing::Values(1, 5, 64, 1 << 20));

TEST(Csv, AChunkHoldsNoMoreThanChunkBytesOrOneRecord) {
  for (const char* content : kNastyFiles) {
    const InputUnderTest input = csv(content);
    size_t longest = 0;
    for (const std::string& raw : input.read_whole(kLarge).raw)
      longest = std::max(longest, raw.size());
    for (const size_t chunk_bytes : {1, 16, 64}) {
      EXPECT_LE(input.read_whole(limits(chunk_bytes)).longest_batch,
                std::max(longest, chunk_bytes));
    }
  }
}

std::string sales(size_t rows) {
  std::mt19937 random(7);
  std::string text = "id,name,comment,amount\n";
  for (size_t i = 0; i < rows; ++i) {
    text += std::to_string(i) + ",name" + std::to_string(random() % 50) + ",";
    switch (random() % 6) {
      case 0:
        text += "\"late, and \"\"damaged\"\" box\nsecond line, with commas\n\nand more\"";
        break;
      case 1:
        text += "\"" + std::string(random() % 400, 'x') + "\"";
        break;
      default:
        text += "ok";
    }
    text += "," + std::to_string(random() % 1000) + ".5\n";
  }
  return text;
}

TEST(Csv, FirstRecordsAreGuessedRightInOrdinaryFiles) {
  const InputUnderTest input = csv(sales(3000));
  const ReadRecords whole = input.read_whole(kLarge);
  ASSERT_EQ(whole.rows.size(), 3000u);
  const ReadRecords read = input.read_slices(limits(4096), 997);
  EXPECT_EQ(read.rows, whole.rows);
  EXPECT_EQ(read.redone, 0u);
}

TEST(Csv, FilesWithoutQuotesNeedNoHandover) {
  EXPECT_TRUE(input_csv().needs_handover({}));
  const Options options = with("quote", std::string(""));
  EXPECT_FALSE(input_csv().needs_handover(options));
  const InputUnderTest input = csv("\na,b\n1,\"2\n3\",4\nlonger than most,5\n\n6,7", options);
  const ReadRecords whole = input.read_whole(limits(1 << 20, 15));
  ASSERT_EQ(whole.rows.size(), 3u);
  ASSERT_EQ(whole.rejects.size(), 1u);
  for (uint64_t slice_bytes = 1; slice_bytes < input.content().size(); ++slice_bytes) {
    const ReadRecords read = input.read_slices(limits(8, 15), slice_bytes);
    EXPECT_EQ(read.rows, whole.rows) << slice_bytes;
    EXPECT_EQ(read.rejects, whole.rejects) << slice_bytes;
  }
}

// ------------------------------------------------------------------------------------------------
// Types.

TEST(Csv, TypesFollowFromTheValues) {
  EXPECT_EQ(
      types(typed_csv("a,b,c,d,e,f\n1,1.5,true,2026-01-31,x,\n-2,3,FALSE,2026-01-31T10:00:00Z,2,\n")
                .schema()),
      "int float bool time text text");
}

TEST(Csv, NumbersThatWouldLoseDigitsAreText) {
  EXPECT_EQ(
      types(typed_csv("a,b,c,d,e\n007,12345678901234567890,00.5,0,-01\n8,1,1.5,1,1\n").schema()),
      "text text text int text");
}

TEST(Csv, EmptyAndNullValuesSayNothingAboutTypes) {
  EXPECT_EQ(
      types(typed_csv("a,b,c\n,NA,\"\"\n1,2.5,3\n", with("null_values", Names{"NA"})).schema()),
      "int float int");
}

TEST(Csv, NotANumberAloneIsText) {
  EXPECT_EQ(types(typed_csv("a,b\nnan,nan\ninf,1.5\n").schema()), "text float");
}

TEST(Csv, GivenTypesOverruleAndNameColumnsOfOtherFiles) {
  const Options options = with("types", TextMap{{"a", "text"}, {"z", "int"}});
  const InputUnderTest input = typed_csv("a,b\n1,2\n", options);
  InputUnderTest copy = input;
  EXPECT_EQ(names(copy.schema()), (Names{"a", "b", "z"}));
  EXPECT_EQ(types(copy.schema()), "text int int");
  EXPECT_EQ(input.read_whole(kLarge).rows, (Rows{{"1", "2", kNull}}));
}

TEST(Csv, ValuesAreParsedAsTheirType) {
  const ReadRecords read =
      typed_csv(
          "a,b,c,d\n1,1.5,true,1970-01-01T00:00:01Z\n\"-2\",\"2.25\",\"false\",\"1970-01-02\"\n")
          .read_whole(kLarge);
  EXPECT_EQ(read.rows,
            (Rows{{"1", "1.5", "true", "1000000000"}, {"-2", "2.25", "false", "86400000000000"}}));
}

TEST(Csv, AValueThatDoesNotParseIsNullAndCounted) {
  const Options options = with("types", TextMap{{"a", "int"}, {"b", "float"}});
  for (const size_t chunk_bytes : {1, 64, 1 << 20}) {
    const ReadRecords read = typed_csv("a,b\n1,x\n\"two \"\"2\"\"\",2\n,\"\"\n 3,4\n", options)
                                 .read_whole(limits(chunk_bytes));
    EXPECT_EQ(read.rows, (Rows{{"1", kNull}, {kNull, "2"}, {kNull, kNull}, {kNull, "4"}}));
    std::vector<SeenBadValue> bad = read.bad_values;
    std::sort(bad.begin(), bad.end(),
              [](const auto& x, const auto& y) { return x.offset < y.offset; });
    ASSERT_EQ(bad.size(), 3u);
    EXPECT_EQ(bad[0], (SeenBadValue{.offset = 4, .column = "b", .value = "x"}));
    EXPECT_EQ(bad[1], (SeenBadValue{.offset = 8, .column = "a", .value = "two \"2\""}));
    EXPECT_EQ(bad[2].value, " 3");
    EXPECT_EQ(read.end.bad_values, 3u);
  }
}

TEST(Csv, NullValuesAreNullInAnyColumn) {
  Options options = with("null_values", Names{"NA", "-999"});
  const ReadRecords read =
      typed_csv("a,b,c\nNA,1,x\n\"NA\",-999,NA\ny,2,NAN\n", options).read_whole(kLarge);
  EXPECT_EQ(read.rows, (Rows{{kNull, "1", "x"}, {kNull, kNull, kNull}, {"y", "2", "NAN"}}));
  EXPECT_TRUE(read.bad_values.empty());
}

TEST(Csv, TheSchemaIsTheUnionOfAllHeaders) {
  TempFolder folder;
  const std::string first = folder.write("1.csv", "a,b\n1,2\n");
  const std::string bad = folder.write("2.csv", "\"a");
  const std::string empty = folder.write("3.csv", "");
  const std::string second = folder.write("4.csv",
                                          "\xef\xbb\xbf"
                                          "c,b\r\nx,2.5\r\n");
  SampleFiles files;
  for (const std::string& path : {first, bad, empty, second, folder.path().string() + "/none"}) {
    files.headers.push_back(
        {.path = path,
         .size_bytes = std::filesystem::exists(path) ? std::filesystem::file_size(path) : 0});
  }
  files.types = files.headers;
  Problems problems;
  const Result<InputSchema> schema = input_csv().infer({}, {}, files, problems);
  ASSERT_TRUE(schema.is_ok());
  EXPECT_TRUE(problems.empty());
  EXPECT_EQ(names(*schema), (Names{"a", "b", "c"}));
  EXPECT_EQ(types(*schema), "int float text");
}

std::vector<std::string> messages(const Problems& problems) {
  std::vector<std::string> out;
  for (const auto& problem : problems.list()) {
    out.push_back(std::to_string(problem.line) + ": " + problem.message.text());
  }
  return out;
}

TEST(Csv, AnUnknownColumnIsAProblemWithANearMatch) {
  const Options options = with("columns", Names{"nam", "id"});
  const std::string content = "id,name\n";
  const FileSlice slice = {.path = "x.csv", .size_bytes = content.size()};
  Problems problems;
  ASSERT_TRUE(
      input_csv()
          .infer(options, {}, {.headers = {slice}, .types = {}, .content = &content}, problems)
          .is_ok());
  EXPECT_EQ(
      messages(problems),
      (Names{"1: column \"nam\" in `columns`, expected one that a header names: id, name; did "
             "you mean \"name\"?"}));
}

TEST(Csv, ATypeForNearlyAColumnIsAProblem) {
  const std::string content = "id,price,price_2\n";
  const FileSlice slice = {.path = "x.csv", .size_bytes = content.size()};
  const auto problems_of = [&](const TextMap& types) {
    Problems problems;
    EXPECT_TRUE(input_csv()
                    .infer(with("types", types), {},
                           {.headers = {slice}, .types = {}, .content = &content}, problems)
                    .is_ok());
    return messages(problems);
  };
  EXPECT_EQ(problems_of({{"Price", "float"}}),
            (Names{"1: column \"Price\" in `types`, which no header names, expected one of id, "
                   "price, price_2; did you mean \"price\"? if only other files have it, name both "
                   "in `types`"}));
  EXPECT_EQ(problems_of({{"comment", "text"}}), Names{}) << "a column of other files";
  EXPECT_EQ(problems_of({{"price", "float"}, {"price_2", "float"}, {"price_3", "float"}}), Names{})
      << "one of a family that is typed";
}

TEST(Csv, ColumnsThatAreNotNamedAreNotParsed) {
  Options options = with("columns", Names{"b"});
  options.set("types", TextMap{{"b", "int"}}, 1);
  const InputUnderTest input = typed_csv("a,b,c\n1,2,x\nbad,3,4\n", options);
  InputUnderTest copy = input;
  EXPECT_EQ(names(copy.schema()), Names{"b"});
  const ReadRecords read = input.read_whole(kLarge);
  EXPECT_EQ(read.rows, (Rows{{"2"}, {"3"}}));
  EXPECT_TRUE(read.bad_values.empty());
}

TEST(Csv, MistakesInTheOptionsAreReportedAtOnce) {
  Options options;
  options.set("delimiter", std::string(";;"), 3);
  options.set("quote", std::string("''"), 4);
  options.set("columns", Names{"a", "b", "a"}, 5);
  options.set("types", TextMap{{"a", "integer"}, {"bb", "int"}}, 6);
  Problems problems;
  input_csv().check(options, problems);
  EXPECT_EQ(
      messages(problems),
      (Names{
          "3: delimiter \";;\", expected one byte other than a line end; for instance "
          "`delimiter = \";\"` or `delimiter = \"\\t\"`",
          "4: quote \"''\", expected one byte other than a line end, or nothing; turn quotes "
          "off with `quote = \"\"`",
          "5: column \"a\" twice, expected each name once; take one out of `columns`",
          "6: type \"integer\" of column \"a\", expected one of text, int, float, bool, "
          "time; change it in `types`",
          "6: a type for column \"bb\", expected one of `columns`: a, b, a; did you mean \"b\"?"}));
}

}  // namespace
}  // namespace shardmill
