#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/stage_runner.h"

namespace shardmill {

StageSpec stage_json();

namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using Texts = std::vector<std::string>;

TEST(Json, MakesTypedColumnsOfFieldsInPlaceOfTheSource) {
  const StageSpec spec = stage_json();
  const StageRun run = run_stage_on_lines(
      spec,
      {{"fields", Texts{"at", "i", "f", "ok = flags.ok", "name"}},
       {"types", TextMap{{"at", "time"}, {"i", "int"}, {"f", "float"}, {"ok", "bool"}}}},
      {R"({"at":"2026-01-31","i":-12,"f":1e3,"flags":{"ok":true},"name":"a\n\u00e9","more":[]})",
       R"({"i":null})",
       R"({"at":"soon","i":1.0,"f":"1","flags":{"ok":1},"name":12345678901234567890123})",
       R"({"i":9223372036854775808,"f":"NaN","flags":{"ok":false},"name":{"x" : [1]}})"});
  EXPECT_THAT(run.columns, ElementsAre("at", "i", "f", "ok", "name"));
  EXPECT_THAT(run.types,
              ElementsAre(Type::kTime, Type::kInt, Type::kFloat, Type::kBool, Type::kText));
  EXPECT_THAT(run.records,
              ElementsAre("at=2026-01-31T00:00:00Z i=-12 f=1000 ok=true name=\"a\\né\"",
                          "at=null i=null f=null ok=null name=null",
                          "at=null i=null f=null ok=null name=\"12345678901234567890123\"",
                          "at=null i=null f=nan ok=false name=\"{\\\"x\\\" : [1]}\""));
  EXPECT_EQ(run.count(spec, "bad_value"), 5u);
  EXPECT_THAT(run.bad_values, ElementsAre("96 at: \"soon\"", "96 i: 1.0", "96 f: \"1\"", "96 ok: 1",
                                          "174 i: 9223372036854775808"));
}

TEST(Json, OfEqualKeysTheLastCountsAndAKeyMayHoldDots) {
  const StageRun run =
      run_stage_on_lines(stage_json(), {{"fields", Texts{"a.b", "copy = a.b", "a"}}},
                         {R"({"a":{"b":1},"a":{"b":2,"b":3}})", R"({"a":{"b":1},"a.b":4})",
                          R"({"a":{"b":1},"a":5})", R"({"\u0061":{"b":"x"}})"});
  EXPECT_THAT(run.records,
              ElementsAre("a.b=\"3\" copy=\"3\" a=\"{\\\"b\\\":2,\\\"b\\\":3}\"",
                          "a.b=\"4\" copy=\"4\" a=\"{\\\"b\\\":1}\"", "a.b=null copy=null a=\"5\"",
                          "a.b=\"x\" copy=\"x\" a=\"{\\\"b\\\":\\\"x\\\"}\""));
}

TEST(Json, EveryTextIsCheckedWholeWhateverIsUsedOfIt) {
  const StageSpec spec = stage_json();
  const std::vector<std::string> lines = {R"({"a":1,"b":01})", R"({"a":1} x)",     "[1]",       "",
                                          R"({"a":"\ud800"})", "{\"a\":\"\xff\"}", R"({"a":2})"};
  for (const Texts& used : {Texts{"a"}, Texts{}}) {
    const StageRun run =
        run_stage_on_lines(spec, {{"fields", Texts{"a"}}}, lines, {.used_later = used});
    EXPECT_EQ(run.books.records_out, 1u);
    EXPECT_EQ(run.books.rejected, 6u);
    EXPECT_THAT(
        run.rejects,
        ElementsAre("0: JSON in column \"line\": at byte 11 of the text: found \"0\", expected a "
                    "number without leading zeros",
                    "15: JSON in column \"line\": at byte 8 of the text: found \"x\", expected "
                    "nothing behind the value",
                    "25: JSON in column \"line\": at byte 0 of the text: found an array, expected "
                    "one object",
                    "29: JSON in column \"line\": at byte 0 of the text: found the end, expected a "
                    "value",
                    HasSubstr("found half of a surrogate pair"), HasSubstr("expected UTF-8")));
  }
}

TEST(Json, ATextThatIsNoObjectIsRejectedDroppedOrKeptAsAsked) {
  const StageSpec spec = stage_json();
  const std::vector<TestColumn> columns = {
      text_column("t", {"{\"a\":1}", "oops", std::nullopt, "null"}), int_column("n", {1, 2, 3, 4})};
  const auto run = [&](const char* on_bad) {
    return run_stage(
        spec, {{"column", "t"}, {"fields", Texts{"a"}}, {"on_bad", std::string(on_bad)}}, columns);
  };
  const StageRun rejecting = run("reject");
  EXPECT_THAT(rejecting.records, ElementsAre("n=1 a=\"1\""));
  EXPECT_EQ(rejecting.books.rejected, 2u);
  EXPECT_EQ(rejecting.dropped(spec, "null"), 1u);
  const StageRun dropping = run("drop");
  EXPECT_THAT(dropping.records, ElementsAre("n=1 a=\"1\""));
  EXPECT_EQ(dropping.dropped(spec, "not_json"), 2u);
  EXPECT_EQ(dropping.dropped(spec, "null"), 1u);
  const StageRun keeping = run("null");
  EXPECT_THAT(keeping.records,
              ElementsAre("n=1 a=\"1\"", "n=2 a=null", "n=3 a=null", "n=4 a=null"));
  EXPECT_EQ(keeping.count(spec, "bad_json"), 2u);
}

TEST(Json, DoesNotReadFieldsThatNoLaterStageUses) {
  const StageSpec spec = stage_json();
  const StageRun run =
      run_stage_on_lines(spec, {{"fields", Texts{"a", "b"}}, {"types", TextMap{{"a", "int"}}}},
                         {R"({"a":"x","b":1})"}, {.used_later = Texts{"b"}});
  EXPECT_THAT(run.records, ElementsAre("b=\"1\""));
  EXPECT_EQ(run.count(spec, "bad_value"), 0u);
}

TEST(Json, TheSourceCanStayAndColumnsBeReplaced) {
  const std::vector<TestColumn> columns = {text_column("a", {"{\"a\":1,\"n\":2}"}),
                                           int_column("n", {7})};
  const StageRun kept = run_stage(
      stage_json(), {{"column", "a"}, {"fields", Texts{"x = n"}}, {"keep", true}}, columns);
  EXPECT_THAT(kept.records, ElementsAre("a=\"{\\\"a\\\":1,\\\"n\\\":2}\" n=7 x=\"2\""));
  const StageRun replaced = run_stage(
      stage_json(), {{"column", "a"}, {"fields", Texts{"n", "a"}}, {"replace", true}}, columns);
  EXPECT_THAT(replaced.records, ElementsAre("n=\"2\" a=\"1\""));
}

TEST(Json, NestingIsBoundedWithoutAStack) {
  const StageRun run =
      run_stage_on_lines(stage_json(), {{"fields", Texts{"a"}}},
                         {"{\"a\":" + std::string(1'000'000, '[') + "}",
                          "{\"a\":" + std::string(1023, '[') + std::string(1023, ']') + "}"});
  EXPECT_THAT(run.rejects, ElementsAre(HasSubstr("found nesting deeper than 1,024 levels")));
  EXPECT_EQ(run.records.size(), 1u);
}

TEST(Json, GivesTheSameForAnySizeOfBatchAndAnySelectionBefore) {
  std::vector<std::string> lines;
  for (int i = 0; i < 600; ++i) {
    lines.push_back(i % 7 == 0 ? "{\"k\":"
                               : "{\"k\":\"\\t" + std::to_string(i) + "\",\"o\":{\"v\":" +
                                     (i % 5 == 0 ? "true" : std::to_string(i)) + "}}");
  }
  const StageSettings settings = {{"fields", Texts{"k", "v = o.v"}},
                                  {"types", TextMap{{"v", "int"}}}};
  for (const size_t every : {1, 3}) {
    StageRunLayout layout = {.batch_rows = 600, .every = every};
    const StageRun whole = run_stage_on_lines(stage_json(), settings, lines, layout);
    EXPECT_GT(whole.records.size(), 100u);
    for (const size_t rows : {3, 60, 300}) {
      layout.batch_rows = rows;
      const StageRun run = run_stage_on_lines(stage_json(), settings, lines, layout);
      EXPECT_EQ(run.records, whole.records);
      EXPECT_EQ(run.rejects, whole.rejects);
      EXPECT_EQ(run.bad_values, whole.bad_values);
    }
  }
}

TEST(Json, SaysWhatIsWrongWithItsOptions) {
  const auto problems = [](const StageSettings& settings) {
    return run_stage_on_lines(stage_json(), settings, {"{}"}).problems;
  };
  EXPECT_THAT(problems({{"fields", Texts{}}}),
              ElementsAre("fields is an empty list, expected at least one field; write fields = "
                          "[\"user.id\"]"));
  EXPECT_THAT(
      problems({{"fields", Texts{"a", " = b", "$file"}}}),
      ElementsAre("field \" = b\", expected \"path\" or \"name = path\", the name without $ "
                  "at its start",
                  "field \"$file\", expected \"path\" or \"name = path\", the name without "
                  "$ at its start"));
  EXPECT_THAT(problems({{"fields", Texts{"a", "a = b"}}}),
              ElementsAre("column \"a\" is made twice, expected every name once; give one of them "
                          "another name: \"name = path\""));
  EXPECT_THAT(problems({{"fields", Texts{"status"}}, {"types", TextMap{{"statu", "number"}}}}),
              ElementsAre("types names \"statu\", which is no column of fields, expected one of "
                          "status; did you mean \"status\"?",
                          "type \"number\" of \"statu\", expected text, int, float, bool or time"));
  EXPECT_THAT(problems({{"fields", Texts{"line"}}, {"keep", true}}),
              ElementsAre("column \"line\" exists already, expected a new name; choose another "
                          "name or set replace = true"));
}

}  // namespace
}  // namespace shardmill
