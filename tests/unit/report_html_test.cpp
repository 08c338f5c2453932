// report.html as text: what is escaped, what is cut. What it looks like: tests/browser.
#include "pipeline/report/report_html.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "pipeline/report/report_html_tables.h"
#include "pipeline/report/report_html_text.h"
#include "pipeline/run/asked.h"

namespace shardmill {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

TEST(VisibleText, ShowsWhatWouldNotShow) {
  EXPECT_EQ(visible("plain \"text\" \\ é", 100), "plain \"text\" \\ é");
  EXPECT_EQ(visible("\x1b[31mred", 100), "\\x1b[31mred");
  EXPECT_EQ(visible("a\xff", 100), "a\\xff");
  EXPECT_EQ(visible("\xc2\x9b"
                    "31m",
                    100),
            "\\xc2\\x9b31m");
  EXPECT_EQ(visible("gpj.\u202Eexe", 100), R"(gpj.\xe2\x80\xaeexe)");
  EXPECT_EQ(visible("a\u2028b\u2066c\u200Bd\uFEFFe\u061Cf", 100),
            R"(a\xe2\x80\xa8b\xe2\x81\xa6c\xe2\x80\x8bd\xef\xbb\xbfe\xd8\x9cf)");
}

TEST(VisibleText, IsCutAtCodePoints) {
  EXPECT_EQ(visible("éééé", 4), "éééé");
  EXPECT_EQ(visible("éééé", 3), "ééé…");
  EXPECT_EQ(visible(std::string(1'000'000, 'x'), 5), "xxxxx…");
  EXPECT_EQ(visible("", 0), "");
}

TEST(ScriptJson, HoldsNothingThatEndsAScript) {
  EXPECT_EQ(script_json(R"(["</script><!--", "a & b"])"),
            R"(["\u003c/script\u003e\u003c!--", "a \u0026 b"])");
  EXPECT_EQ(script_json("[\"\u2028\u2029\u2027\"]"), "[\"\\u2028\\u2029\u2027\"]");
}

TEST(HtmlText, HasNoTags) {
  EXPECT_EQ(html_escaped("<b a=\"1\" c='2'>&"), "&lt;b a=&quot;1&quot; c=&#39;2&#39;&gt;&amp;");
}

/// Names and values that try to be something else.
RunDescription hostile_run() {
  const std::string evil = "</script><script>alert(1)</script>\x1b[2J\u202E\"'<!--\xff";
  RunDescription run;
  run.job_name = evil;
  run.job_text = "name = '" + evil + "'\n";
  run.input_paths = {evil};
  run.run_dir = evil;
  run.stopped_by = evil;
  run.files = {{.path = evil, .seconds = 1, .outcome = "bad", .reason = evil}};
  run.stages = {{.use = "keep", .name = evil, .asked = {{.name = "where", .value = evil}}}};
  run.stages[0].drop_reasons = {"not_true"};
  run.stages[0].books.dropped = {1};
  run.stages[0].books.examples.resize(1);
  run.stages[0].books.examples[0].add({.rank = 1, .path = evil, .record = evil});
  Table table = {.name = evil};
  table.columns.push_back({.name = evil, .type = Type::kText, .error = evil});
  table.columns[0].add_text(evil);
  run.tables = {table};
  run.bad_records = 1;
  run.bad_records_kept = {{.path = evil, .reason = evil, .bytes = evil}};
  run.bad_values = {{.column = evil, .count = 1, .examples = {evil}}};
  run.outputs = {{.path = evil}};
  run.ranks = {{.host = evil, .threads = 1}};
  run.books_problems = {evil};
  run.checkpoint_notes = {evil};
  return run;
}

TEST(ReportHtml, LetsNothingOfTheInputBecomeMarkup) {
  const std::string page = report_html(hostile_run());
  size_t scripts = 0;
  for (size_t at = page.find("<script"); at != std::string::npos; at = page.find("<script", at + 1))
    ++scripts;
  EXPECT_EQ(scripts, 5u);  // theme, data, Chart.js, the page's own, its start
  EXPECT_THAT(page, Not(HasSubstr("<script>alert")));
  EXPECT_EQ(page.find('\x1b'), std::string::npos);
  EXPECT_EQ(page.find('\xff'), std::string::npos);
  EXPECT_THAT(page, Not(HasSubstr("\u202E")));
  EXPECT_THAT(page, HasSubstr("\\u003c/script\\u003e\\u003cscript\\u003ealert(1)"));
}

TEST(ReportHtml, AsksTheNetworkForNothing) {
  const std::string page = report_html(hostile_run());
  EXPECT_THAT(page, HasSubstr("default-src 'none'"));
  EXPECT_THAT(page, Not(HasSubstr("src=\"")));
  EXPECT_THAT(page, Not(HasSubstr("@import")));
}

TableColumn text_column(size_t rows, size_t bytes) {
  TableColumn column{.name = "text", .type = Type::kText};
  for (size_t i = 0; i < rows; ++i) column.add_text(std::string(bytes, '<'));
  return column;
}

TEST(ReportHtml, StaysSmallHoweverMuchThereIsToShow) {
  RunDescription run;
  run.job_text = std::string(1'000'000, '<');
  for (size_t i = 0; i < 300'000; ++i) {
    run.files.push_back(
        {.path = std::string(300, '<'), .seconds = 1, .outcome = "bad", .reason = "<<<"});
  }
  for (size_t i = 0; i < 600; ++i) {
    Table table = {.name = std::string(1000, '&')};
    table.columns = {text_column(200, 1000), text_column(200, 1000)};
    run.tables.push_back(std::move(table));
    run.stages.push_back({.use = "keep", .asked = {{"where", std::string(5000, '&')}}});
    run.outputs.push_back({.path = std::string(5000, '>')});
    run.bad_values.push_back({.column = std::string(5000, '>'), .count = 1});
  }
  run.bad_records = 1000;
  run.bad_records_kept.assign(1000, {.path = std::string(5000, '&'),
                                     .reason = std::string(5000, '&'),
                                     .bytes = std::string(5000, '&')});
  run.ranks.assign(10'000, {.host = std::string(300, '<'), .threads = 64});
  EXPECT_LT(report_html(run).size(), kPageBytesMost);
}

TEST(PageTables, ShareTheBytes) {
  std::vector<Table> tables(3);
  for (size_t i = 0; i < 3; ++i) {
    tables[i].name = "t";
    tables[i].columns = {text_column(i == 1 ? 1 : 1000, 100)};
  }
  const std::vector<std::string> pages = page_tables(tables, {.bytes = 60'000});
  EXPECT_LE(pages[0].size() + pages[1].size() + pages[2].size(), 61'000u);
  EXPECT_GT(pages[0].size(), 15'000u);
  EXPECT_GT(pages[2].size(), 35'000u);  // what the second left too
  EXPECT_THAT(pages[2], HasSubstr("\"row_count\": 1000"));
}

TEST(PageTables, KeepTheDigitsOfWideIntegersAndSayHowFloatsAreShown) {
  Table table = {.name = "t", .stage = 2, .key_columns = 1};
  TableColumn wide{.name = "wide", .type = Type::kInt};
  wide.add_int(Int128{9007199254740993});
  wide.add_int(-5);
  TableColumn share{.name = "share", .type = Type::kFloat};
  share.add_float(0.25);
  share.add_null();
  TableColumn day{.name = "day", .type = Type::kTime};
  day.add_int(0);
  day.add_int(Int128{86400} * 1000000000);
  table.columns = {wide, share, day};
  EXPECT_THAT(
      page_tables({table}, {}),
      ElementsAre(
          R"({"name": "t", "stage": 2, "row_count": 2, "column_count": 3, "key_columns": 1, )"
          R"("columns": [{"name": "wide", "type": "int"}, )"
          R"({"name": "share", "type": "float", "decimals": 2}, )"
          R"({"name": "day", "type": "time"}], )"
          R"("rows": [["9007199254740993", 0.25, "1970-01-01"], [-5, null, "1970-01-02"]]})"));
}

TEST(AskedOptions, AreThoseThatTheJobGives) {
  Problems problems;
  const Job job = parse_job(
      "[input]\npaths = [\"a\"]\nformat = \"lines\"\n"
      "[[stage]]\nuse = \"top\"\nname = \"best\"\ncolumn = \"line\"\nk = 3\n"
      "[[stage]]\nuse = \"group\"\nby = [\"line\"]\ncompute = [\"count()\", \"n = count()\"]\n",
      "job.toml", {}, problems);
  ASSERT_TRUE(problems.empty());
  const std::vector<AskedOption> top = asked_options(job.stages[0]);
  ASSERT_EQ(top.size(), 2u);
  EXPECT_EQ(top[0].name + " = " + top[0].value, "column = line");
  EXPECT_EQ(top[1].name + " = " + top[1].value, "k = 3");
  const std::vector<AskedOption> group = asked_options(job.stages[1]);
  ASSERT_EQ(group.size(), 2u);
  EXPECT_EQ(group[1].value, "count(), n = count()");
}

}  // namespace
}  // namespace shardmill
