#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/support/read_input.h"

namespace shardmill {

InputSpec input_jsonl();

namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using Names = std::vector<std::string>;

constexpr std::nullopt_t kNull = std::nullopt;

InputUnderTest jsonl(std::string content, const TextMap& types = {}, const Names& columns = {}) {
  Options options;
  if (!types.empty()) options.set("types", types, 3);
  if (!columns.empty()) options.set("columns", columns, 4);
  InputUnderTest input(input_jsonl(), options, std::move(content));
  input.infer();
  return input;
}

ReadRecords read(std::string content, const TextMap& types = {}, const Names& columns = {}) {
  return jsonl(std::move(content), types, columns).read_whole({});
}

std::vector<Cells> rows(std::string content, const TextMap& types = {}) {
  return read(std::move(content), types).rows;
}

std::string schema_of(const std::string& content, const TextMap& types = {},
                      const Names& columns = {}) {
  InputUnderTest input = jsonl(content, types, columns);
  std::string text;
  for (const InputColumn& column : input.schema().columns) {
    text += (text.empty() ? "" : " ") + column.name + ":" + std::string(type_name(column.type));
  }
  return text;
}

// What the record with one column `a` of this type makes of a value.
Cell value_as(const std::string& type, const std::string& json) {
  const ReadRecords records = read("{\"a\":" + json + "}", {{"a", type}}, {"a"});
  EXPECT_THAT(records.rejects, IsEmpty());
  return records.rows.at(0).at(0);
}

bool is_bad_value(const std::string& type, const std::string& json) {
  const ReadRecords records = read("{\"a\":" + json + "}\n", {{"a", type}}, {"a"});
  if (records.bad_values.empty()) return false;
  EXPECT_EQ(records.rows, (std::vector<Cells>{{kNull}}));
  EXPECT_EQ(records.bad_values, (std::vector<SeenBadValue>{{0, "a", json}}));
  return true;
}

// ------------------------------------------------------------------------------------------------
// Fields to columns.

TEST(Jsonl, NestedFieldsAreColumnsWithDots) {
  const ReadRecords records =
      read(R"({"id":1,"user":{"country":"NO","geo":{"lat":59.5}},"ok":true})"
           "\n"
           R"( { "ok" : false , "user" : { "geo" : { } , "country" : "SE" } , "id" : 2 } )"
           "\n");
  EXPECT_EQ(records.rows,
            (std::vector<Cells>{{"1", "NO", "59.5", "true"}, {"2", "SE", kNull, "false"}}));
  EXPECT_EQ(records.offsets, (std::vector<uint64_t>{0, 62}));
  EXPECT_TRUE(records.all_canonical);
}

TEST(Jsonl, MissingAndNullAreNull) {
  EXPECT_EQ(
      rows("{\"a\":1,\"b\":\"x\"}\n{\"a\":null}\n{\"b\":null}\n{}\n{\"a\":2,\"b\":\"y\"}"),
      (std::vector<Cells>{{"1", "x"}, {kNull, kNull}, {kNull, kNull}, {kNull, kNull}, {"2", "y"}}));
}

TEST(Jsonl, BlankLinesAndCarriageReturnsAreNoRecords) {
  const ReadRecords records = read("\n{\"a\":1}\r\n\r\n \t\n{\"a\":2}\n\n  ");
  EXPECT_EQ(records.rows, (std::vector<Cells>{{"1"}, {"2"}}));
  EXPECT_EQ(records.raw, (Names{"{\"a\":1}\r", "{\"a\":2}"}));
  EXPECT_EQ(records.offsets, (std::vector<uint64_t>{1, 15}));
  EXPECT_EQ(records.end.plain_bytes, 26u);
}

TEST(Jsonl, AByteOrderMarkAtTheStartOfTheFileIsPassedOver) {
  const ReadRecords records = read("\xef\xbb\xbf{\"a\":1}\n{\"a\":2}\n");
  EXPECT_EQ(records.rows, (std::vector<Cells>{{"1"}, {"2"}}));
  EXPECT_EQ(records.offsets, (std::vector<uint64_t>{3, 11}));
  EXPECT_THAT(read("{\"a\":1}\n\xef\xbb\xbf{\"a\":2}\n").rejects, SizeIs(1));
}

TEST(Jsonl, AFileOfAByteOrderMarkAloneHasNoRecords) {
  const ReadRecords records = read("\xef\xbb\xbf");
  EXPECT_THAT(records.rows, IsEmpty());
  EXPECT_THAT(records.rejects, IsEmpty());
}

TEST(Jsonl, TheLastLineNeedsNoNewline) {
  EXPECT_EQ(rows("{\"a\":1}\n{\"a\":\"\\u00e9\"}"), (std::vector<Cells>{{"1"}, {"é"}}));
  EXPECT_THAT(rows(""), IsEmpty());
}

TEST(Jsonl, EscapesBecomeTheirText) {
  EXPECT_EQ(value_as("text", R"("q\"b\\s\/\b\f\n\r\t")"), "q\"b\\s/\b\f\n\r\t");
  EXPECT_EQ(value_as("text", R"("\u0041\u00e9\u20AC\ud83d\uDE00")"), "Aé€😀");
  EXPECT_EQ(value_as("text", R"("\u0000x")"), std::string("\0x", 2));
  EXPECT_EQ(value_as("text", R"("")"), "");
  EXPECT_EQ(value_as("text", R"("\\")"), "\\");
  EXPECT_EQ(value_as("text", "\"\x7f\xf4\x8f\xbf\xbf\""), "\x7f\xf4\x8f\xbf\xbf");
}

TEST(Jsonl, KeysMayHoldEscapes) {
  EXPECT_EQ(rows("{\"\\u0061\":{\"b\\n\":1}}\n{\"a\":{\"b\\u000a\":2}}\n"),
            (std::vector<Cells>{{"1"}, {"2"}}));
  EXPECT_EQ(schema_of("{\"\\u0061\":{\"\\u00e9\":1},\"\":2}"), "a.é:int :int");
}

TEST(Jsonl, ArraysAndObjectsInTextColumnsKeepTheirBytes) {
  EXPECT_EQ(value_as("text", R"([ 1, {"x" : [ ] },"\n" ])"), R"([ 1, {"x" : [ ] },"\n" ])");
  EXPECT_EQ(value_as("text", R"({ "b":1e2 })"), R"({ "b":1e2 })");
  EXPECT_EQ(value_as("text", "[]"), "[]");
  EXPECT_EQ(value_as("text", "{}"), "{}");
}

TEST(Jsonl, AnObjectMayBeAColumnBesideItsOwnFields) {
  EXPECT_EQ(read("{\"u\":{\"c\":\"NO\"}}\n{\"u\":5}\n", {{"u", "text"}}, {"u", "u.c"}).rows,
            (std::vector<Cells>{{"{\"c\":\"NO\"}", "NO"}, {"5", kNull}}));
}

TEST(Jsonl, ObjectsWithinArraysGiveNoColumns) {
  EXPECT_EQ(schema_of("{\"a\":[{\"b\":1}],\"c\":2}"), "a:text c:int");
  EXPECT_EQ(read("{\"a\":[{\"b\":1}],\"b\":7}", {{"a.b", "int"}}).rows,
            (std::vector<Cells>{{"[{\"b\":1}]", "7", kNull}}));
}

TEST(Jsonl, NumbersInTextColumnsKeepTheirDigits) {
  for (const char* number : {"12345678901234567890123", "-0", "1.50", "1E+2", "9223372036854775808",
                             "0.1000000000000000055511151231257827"}) {
    EXPECT_EQ(value_as("text", number), number);
  }
  EXPECT_EQ(value_as("text", "true"), "true");
  EXPECT_EQ(value_as("text", "false"), "false");
}

TEST(Jsonl, IntegersAreExactWithin64Bits) {
  for (const char* number : {"0", "-1", "9223372036854775807", "-9223372036854775808"}) {
    EXPECT_EQ(value_as("int", number), number);
  }
  EXPECT_EQ(value_as("int", "-0"), "0");
  for (const char* number : {"9223372036854775808", "-9223372036854775809", "1.0", "1e3", "true",
                             "\"12\"", "[1]", "{\"a\":1}", "18446744073709551616"}) {
    EXPECT_TRUE(is_bad_value("int", number)) << number;
  }
}

TEST(Jsonl, FloatsAreRoundedToNearest) {
  EXPECT_EQ(value_as("float", "0.1"), "0.10000000000000001");
  EXPECT_EQ(value_as("float", "9007199254740993"), "9007199254740992");
  EXPECT_EQ(value_as("float", "12345678901234567890123"), "1.2345678901234568e+22");
  EXPECT_EQ(value_as("float", "1e400"), "inf");
  EXPECT_EQ(value_as("float", "-1e-400"), "-0");
  EXPECT_EQ(value_as("float", "\"NaN\""), "nan");
  EXPECT_EQ(value_as("float", "\"-Infinity\""), "-inf");
  EXPECT_EQ(value_as("float", "\"Infinity\""), "inf");
  for (const char* other : {"\"1.5\"", "\"nan\"", "true", "[]"}) {
    EXPECT_TRUE(is_bad_value("float", other)) << other;
  }
}

TEST(Jsonl, BoolsAreTheTwoWordsOnly) {
  EXPECT_EQ(value_as("bool", "true"), "true");
  EXPECT_EQ(value_as("bool", "false"), "false");
  EXPECT_TRUE(is_bad_value("bool", "1"));
  EXPECT_TRUE(is_bad_value("bool", "\"true\""));
}

TEST(Jsonl, TimesAreIsoStrings) {
  EXPECT_EQ(value_as("time", "\"1970-01-01T00:00:01.5Z\""), "1500000000");
  EXPECT_EQ(value_as("time", "\"1970-01-01T00:00:01\\u002b00:00\""), "1000000000");
  EXPECT_TRUE(is_bad_value("time", "1"));
  EXPECT_TRUE(is_bad_value("time", "\"yesterday\""));
}

TEST(Jsonl, BadValuesOfARejectedRecordAreNotCounted) {
  const ReadRecords records = read("{\"a\":\"x\",}\n{\"a\":1}\n{\"a\":\"y\"}\n", {{"a", "int"}});
  EXPECT_EQ(records.rows, (std::vector<Cells>{{"1"}, {kNull}}));
  EXPECT_EQ(records.bad_values, (std::vector<SeenBadValue>{{19, "a", "\"y\""}}));
}

TEST(Jsonl, ARejectedRecordLeavesNothingInTheNextRow) {
  const ReadRecords records =
      read("{\"a\":null,\"b\":1}\n{\"a\":null,\"b\":null]\n{\"a\":2,\"b\":3}\n{\"b\":4}\n");
  EXPECT_EQ(records.rows, (std::vector<Cells>{{kNull, "1"}, {"2", "3"}, {kNull, "4"}}));
}

// ------------------------------------------------------------------------------------------------
// Which member counts.

Cell member(const std::string& column, const std::string& record) {
  const ReadRecords records = read(record + "\n", {{column, "text"}}, {column});
  EXPECT_THAT(records.rejects, IsEmpty());
  return records.rows.at(0).at(0);
}

TEST(Jsonl, RejectedRecordsAmongManyAlikeLeaveRowsAndOffsetsOfTheOthers) {
  std::string content;
  std::vector<Cells> expected;
  std::vector<uint64_t> offsets;
  Names raw;
  for (int i = 0; i < 300; ++i) {
    const std::string number = std::to_string(i);
    const bool is_bad = i % 7 == 3;
    const std::string a = i % 5 == 0 ? "null" : number;
    const std::string line = "{\"a\":" + a + ",\"b\":\"" + number + (is_bad ? "}" : "\"}");
    if (!is_bad) {
      expected.push_back({i % 5 == 0 ? Cell() : Cell(number), number});
      offsets.push_back(content.size());
      raw.push_back(line);
    }
    content += line + "\n";
  }
  // The second half has no line that breaks its neighbours' strings.
  for (int i = 0; i < 300; ++i) {
    const std::string number = std::to_string(i);
    const bool is_bad = i % 7 == 3;
    const std::string line = "{\"a\":" + number + (is_bad ? "x" : "") + ",\"b\":\"\"}";
    if (!is_bad) {
      expected.push_back({number, ""});
      offsets.push_back(content.size());
      raw.push_back(line);
    }
    content += line + "\n";
  }
  const ReadRecords records = read(content);
  EXPECT_EQ(records.rows, expected);
  EXPECT_EQ(records.offsets, offsets);
  EXPECT_EQ(records.raw, raw);
  EXPECT_THAT(records.rejects, SizeIs(86));
}

TEST(Jsonl, OfEqualKeysTheLastCounts) {
  EXPECT_EQ(member("a", R"({"a":1,"a":2})"), "2");
  EXPECT_EQ(member("a", R"({"a":1,"a":null})"), kNull);
  EXPECT_EQ(member("a", R"({"a":1,"\u0061":2})"), "2");
  EXPECT_EQ(member("a.b", R"({"a":{"b":1},"a":{"b":2}})"), "2");
  EXPECT_EQ(member("a.b", R"({"a":{"b":1},"a":{"c":2}})"), kNull);
  EXPECT_EQ(member("a.b", R"({"a":{"b":1},"a":3})"), kNull);
  EXPECT_EQ(member("a.b", R"({"a":3,"a":{"b":1}})"), "1");
  EXPECT_EQ(member("a.b", R"({"a":{"b":1,"b":[2]}})"), "[2]");
}

TEST(Jsonl, KeysWithDotsFitAndTheLongestFirstKeyCounts) {
  EXPECT_EQ(member("a.b", R"({"a.b":1})"), "1");
  EXPECT_EQ(member("a.b", R"({"a.b":1,"a":{"b":2}})"), "1");
  EXPECT_EQ(member("a.b", R"({"a":{"b":2},"a.b":1})"), "1");
  EXPECT_EQ(member("a.b", R"({"a":{"b":2},"a.b":null})"), kNull);
  EXPECT_EQ(member("a.b.c", R"({"a":{"b.c":1}})"), "1");
  EXPECT_EQ(member("a.b.c", R"({"a":{"b.c":1},"a.b":{"c":2}})"), "2");
  EXPECT_EQ(member("a.b.c", R"({"a":{"b":{"c":3},"b.c":1},"a.b":{"d":2}})"), "1");
  EXPECT_EQ(member("a.b.c", R"({"a":{"b":{"c":3},"b.c":1},"a.b":{"c":2},"a.b.c":4})"), "4");
  EXPECT_EQ(member("a..b", R"({"a":{"":{"b":1}}})"), "1");
  EXPECT_EQ(member(".", R"({"":{"":1}})"), "1");
}

TEST(Jsonl, LongPathsFitKeyByKeyOrAsOneKey) {
  const std::string path = "a.b.c.d.e.f.g.h";
  EXPECT_EQ(member(path, R"({"a":{"b":{"c":{"d":{"e":{"f":{"g":{"h":1}}}}}}}})"), "1");
  EXPECT_EQ(member(path, R"({"a.b.c.d.e.f.g.h":1})"), "1");
  EXPECT_EQ(member(path, R"({"a.b":{"c":{"d":{"e":{"f":{"g":{"h":1}}}}}}})"), kNull);
  const std::string dots(5000, '.');
  EXPECT_EQ(member(dots, "{\"" + dots + "\":1}"), "1");
}

TEST(Jsonl, ManyColumnsAreEachFound) {
  std::string record = "{";
  Cells expected;
  for (int i = 0; i < 300; ++i) {
    const std::string number = std::to_string(i);
    record += (i == 0 ? "\"key" : ",\"key") + number + "\":{\"" + number + "\":" + number + "}";
    expected.push_back(number);
  }
  EXPECT_EQ(rows(record + "}\n"), (std::vector<Cells>{expected}));
}

// ------------------------------------------------------------------------------------------------
// Records that are wrong.

std::string reason(const std::string& record) {
  const ReadRecords records = read("{\"a\":0}\n" + record + "\n{\"a\":1}\n", {}, {"a"});
  EXPECT_EQ(records.rows, (std::vector<Cells>{{"0"}, {"1"}})) << record;
  if (records.rejects.size() != 1) return "not rejected";
  EXPECT_EQ(records.rejects[0].offset, 8u);
  EXPECT_EQ(records.rejects[0].bytes, record.substr(0, 4096));
  EXPECT_EQ(records.rejects[0].record_bytes, record.size());
  return records.rejects[0].reason;
}

TEST(Jsonl, ARejectSaysWhatIsWrongAtWhichByte) {
  const std::pair<std::string, std::string> cases[] = {
      {R"({"a":1)", R"(at byte 6 of the record: found the end, expected "," or "}")"},
      {R"({"a":1]})", R"(at byte 6 of the record: found "]", expected "," or "}")"},
      {R"({"a":[1})", R"(at byte 7 of the record: found "}", expected "," or "]")"},
      {R"({"a" 1})", R"(at byte 5 of the record: found "1", expected ":")"},
      {R"({a:1})", R"(at byte 1 of the record: found "a", expected a key in quotes or "}")"},
      {R"({"a":1,})", R"(at byte 7 of the record: found "}", expected a key in quotes)"},
      {R"({"a":})", R"(at byte 5 of the record: found "}", expected a value)"},
      {R"({"a":nul})", R"(at byte 5 of the record: found "nul", expected a value)"},
      {R"({"a":NaN})", R"(at byte 5 of the record: found "NaN", expected a value)"},
      {R"({"a":'x'})", R"(at byte 5 of the record: found "'x'", expected a value)"},
      {R"({"a":01})",
       R"(at byte 5 of the record: found "0", expected a number without leading zeros)"},
      {R"({"a":-})", R"(at byte 6 of the record: found "}", expected a digit)"},
      {R"({"a":1.})", R"(at byte 7 of the record: found "}", expected a digit)"},
      {R"({"a":1e+})", R"(at byte 8 of the record: found "}", expected a digit)"},
      {R"({"a":.5})", R"(at byte 5 of the record: found ".5", expected a value)"},
      {R"({"a":1} {})", R"(at byte 8 of the record: found "{", expected nothing behind the value)"},
      {R"({"a":"x)",
       R"(at byte 7 of the record: found the end, expected the closing quote of a string)"},
      {"{\"a\":\"x\ty\"}",
       "at byte 7 of the record: found control character \"\\t\" in a string, expected an escape "
       "such as \\n or \\u0000"},
      {"{\"a\":\"\xc3(\"}", "at byte 6 of the record: found byte \"\\xc3\", expected UTF-8"},
      {"{\"a\":\"\xed\xa0\x80\"}", "at byte 6 of the record: found byte \"\\xed\", expected UTF-8"},
      {R"({"a":"\x"})",
       R"(at byte 6 of the record: found escape "\\x", expected \", \\, \/, \b, \f, \n, \r, \t or )"
       R"(\u and four hex digits)"},
      {R"({"a":"\ud800"})",
       R"(at byte 6 of the record: found half of a surrogate pair, "\\ud800", expected both halves,)"
       R"( or another character)"},
      {R"({"a":"\udc00\ud800"})",
       R"(at byte 6 of the record: found half of a surrogate pair, "\\udc00", expected both halves,)"
       R"( or another character)"},
      {"[1,2]", "at byte 0 of the record: found an array, expected one object"},
      {" \"x\"", "at byte 1 of the record: found a value that is no object, expected one object"},
      {"[1,2", R"(at byte 4 of the record: found the end, expected "," or "]")"},
      {std::string("{\"a\":\0}", 7), R"(at byte 5 of the record: found "\x00", expected a value)"},
      {"\\\"", R"(at byte 0 of the record: found "\\", expected a value)"},
  };
  for (const auto& [record, expected] : cases) EXPECT_EQ(reason(record), expected) << record;
}

TEST(Jsonl, EveryRecordIsCheckedWholeWhateverIsUsedOfIt) {
  InputUnderTest input = jsonl("{\"a\":1,\"b\":[1,2]}\n{\"a\":2,\"b\":[1,02]}\n{}\n\n{\"a\":\n");
  input.schema().columns.clear();
  const ReadRecords records = input.read_whole({});
  EXPECT_THAT(records.rows, SizeIs(2));
  EXPECT_THAT(records.rejects, SizeIs(2));
  EXPECT_EQ(records.end.rejected_bytes, 18u + 5u);
}

TEST(Jsonl, AJsonValueOverSeveralLinesIsNoRecord) {
  const ReadRecords records = read("{\n\"a\":1\n}\n{\"a\":\n2}\n{\"a\":3}\n");
  EXPECT_EQ(records.rows, (std::vector<Cells>{{"3"}}));
  EXPECT_THAT(records.rejects, SizeIs(5));
}

TEST(Jsonl, NestingEndsAt1024Levels) {
  const auto nested = [](size_t levels) {
    return "{\"a\":" + std::string(levels - 1, '[') + std::string(levels - 1, ']') + "}";
  };
  EXPECT_EQ(reason(nested(1025)),
            "at byte 1,028 of the record: found nesting deeper than 1,024 levels");
  const std::string deepest = nested(1024);
  EXPECT_EQ(value_as("text", deepest.substr(5, 2046)), deepest.substr(5, 2046));
  EXPECT_EQ(reason("{\"a\":" + std::string(1'000'000, '[')),
            "at byte 1,028 of the record: found nesting deeper than 1,024 levels");
  std::string objects;
  for (int i = 0; i < 1024; ++i) objects += "{\"a\":";
  EXPECT_EQ(reason(objects + "1" + std::string(1023, '}')),
            "at byte 6,144 of the record: found the end, expected \",\" or \"}\"");
}

TEST(Jsonl, AnUnclosedStringSpoilsNoOtherLine) {
  std::string content;
  std::vector<Cells> expected;
  for (int i = 0; i < 2000; ++i) {
    if (i % 10 == 3) {
      content += i % 20 == 3 ? "{\"a\":\"open}\n" : "{\"a\":\"\xff\"}\n";
    } else {
      content += "{\"a\":\"" + std::to_string(i) + "\"}\n";
      expected.push_back({std::to_string(i)});
    }
  }
  const ReadRecords records = read(content);
  EXPECT_EQ(records.rows, expected);
  EXPECT_THAT(records.rejects, SizeIs(200));
}

TEST(Jsonl, LongRecordsAreReadOrRejectedByTheLimit) {
  const std::string text(3 << 20, 'x');
  const std::string content =
      "{\"a\":\"s\"}\n{\"a\":\"" + text + "\"}\n{\"a\":\"" + text + "\\n\"}\n{\"a\":\"t\"}\n";
  const InputUnderTest input = jsonl(content);
  EXPECT_EQ(input.read_whole({.chunk_bytes = 1000}).rows,
            (std::vector<Cells>{{"s"}, {text}, {text + "\n"}, {"t"}}));
  const ReadRecords limited = input.read_whole({.chunk_bytes = 1000, .record_bytes_max = 2 << 20});
  EXPECT_EQ(limited.rows, (std::vector<Cells>{{"s"}, {"t"}}));
  EXPECT_THAT(limited.rejects, SizeIs(2));
}

// ------------------------------------------------------------------------------------------------
// Cuts.

TEST(Jsonl, EveryCutGivesTheWholeFile) {
  const InputUnderTest input = jsonl(
      "\xef\xbb\xbf{\"a\":1,\"b\":\"\\u00e9\\n\"}\r\n\n{\"a\":\"broken\n  {\"a\":-2,\"b\":[1, 2]}\n"
      "{\"c\":{\"d\":null}}\n{\"a\":\"two\"}");
  const ReadRecords whole = input.read_whole({});
  ASSERT_THAT(whole.rows, SizeIs(4));
  ASSERT_THAT(whole.rejects, SizeIs(1));
  for (const size_t chunk_bytes : {1, 7, 64, 4096}) {
    for (uint64_t cut = 1; cut < input.content().size(); ++cut) {
      const ReadRecords part = input.read_cut({.chunk_bytes = chunk_bytes}, {cut});
      ASSERT_EQ(part.rows, whole.rows) << "cut " << cut << " chunk " << chunk_bytes;
      ASSERT_EQ(part.offsets, whole.offsets);
      ASSERT_EQ(part.raw, whole.raw);
      ASSERT_EQ(part.rejects, whole.rejects);
      ASSERT_EQ(part.bad_values, whole.bad_values);
    }
    for (uint64_t slice_bytes = 1; slice_bytes < 40; ++slice_bytes) {
      ASSERT_EQ(input.read_slices({.chunk_bytes = chunk_bytes}, slice_bytes).rows, whole.rows);
    }
  }
}

// ------------------------------------------------------------------------------------------------
// Types.

TEST(Jsonl, TypesComeFromAllSampledValues) {
  EXPECT_EQ(
      schema_of("{\"i\":1,\"f\":1,\"b\":true,\"t\":\"2026-01-31\",\"s\":\"x\",\"n\":null}\n"
                "{\"i\":-2,\"f\":0.5,\"b\":null,\"t\":\"2026-01-31T00:00:00Z\",\"s\":\"y\"}\n"),
      "i:int f:float b:bool t:time s:text n:text");
  EXPECT_EQ(schema_of("{\"a\":1,\"b\":true,\"c\":\"2026-01-31\",\"d\":1,\"e\":1,\"f\":2.5}\n"
                      "{\"a\":\"1\",\"b\":0,\"c\":\"soon\",\"d\":9223372036854775808,\"e\":[],"
                      "\"f\":99999999999999999999}\n"),
            "a:text b:text c:text d:text e:text f:text");
}

TEST(Jsonl, ColumnsStandInTheOrderInWhichTheyAreFirstSeen) {
  EXPECT_EQ(
      schema_of("{\"z\":1,\"u\":{\"y\":1}}\n{\"a\":1,\"u\":{\"x\":{\"w\":1},\"y\":2},\"z\":3}\n"),
      "z:int u.y:int a:int u.x.w:int");
  EXPECT_EQ(schema_of("{\"u\":{\"y\":1},\"u.y\":\"x\"}\n"), "u.y:text");
}

TEST(Jsonl, BrokenRecordsGiveNoColumns) {
  EXPECT_EQ(schema_of("{\"x\":1,\"y\":}\n[{\"z\":1}]\n{\"a\":1}\n{\"a\":2.5,\n"), "a:int");
}

TEST(Jsonl, OnlyTheFirstMebibyteIsSampled) {
  const std::string long_text(1 << 20, 'x');
  EXPECT_EQ(schema_of("{\"a\":1}\n{\"b\":\"" + long_text + "\"}\n{\"c\":1}\n"), "a:int b:text");
}

TEST(Jsonl, TypesOverruleAndAddColumns) {
  EXPECT_EQ(schema_of("{\"a\":1,\"b\":2}\n", {{"z.y", "time"}, {"a", "text"}}),
            "a:text b:int z.y:time");
  EXPECT_EQ(schema_of("{\"a\":1,\"b\":2}\n", {{"z", "bool"}}, {"z", "b"}), "z:bool b:int");
  EXPECT_EQ(rows("{\"a\":1}\n{\"a\":2,\"z\":true}\n", {{"z", "bool"}}),
            (std::vector<Cells>{{"1", kNull}, {"2", "true"}}));
}

Names messages(const Problems& problems) {
  Names texts;
  for (const auto& problem : problems.list()) {
    texts.push_back(std::to_string(problem.line) + ": " + problem.message.text());
  }
  return texts;
}

TEST(Jsonl, AColumnThatNoSampleShowsIsAProblem) {
  Options options;
  options.set("columns", Names{"user.countri", "no such"}, 4);
  const std::string content = "{\"id\":1,\"user\":{\"country\":\"NO\"}}\n";
  Problems problems;
  const FileSlice slice = {.path = "x.jsonl", .size_bytes = content.size()};
  const SampleFiles files = {.headers = {slice}, .types = {slice}, .content = &content};
  ASSERT_TRUE(input_jsonl().infer(options, {}, files, problems).is_ok());
  EXPECT_THAT(messages(problems),
              ElementsAre("4: no field \"user.countri\" in the samples, expected id, user.country; "
                          "did you mean \"user.country\"? else give its type in `types`",
                          "4: no field \"no such\" in the samples, expected id, user.country; give "
                          "its type in `types`"));
}

TEST(Jsonl, MistakesInTheOptionsShowWithoutAnyFile) {
  Options options;
  options.set("columns", Names{"a", "b", "a"}, 5);
  options.set("types", TextMap{{"a", "integer"}, {"bb", "int"}}, 6);
  Problems problems;
  input_jsonl().check(options, problems);
  EXPECT_THAT(
      messages(problems),
      ElementsAre("5: column \"a\" twice, expected each name once; take one out of "
                  "`columns`",
                  "6: type \"integer\" of column \"a\", expected one of text, int, float, "
                  "bool, time; change it in `types`",
                  "6: a type for column \"bb\", expected one of `columns`: a, b, a; did you "
                  "mean \"b\"?"));
}

}  // namespace
}  // namespace shardmill
