// report.txt, run.json and the books: what people and scripts read after a run.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>
#include <string>
#include <vector>

#include "pipeline/base/text.h"
#include "pipeline/report/cells.h"
#include "pipeline/report/description.h"
#include "pipeline/report/text_table.h"

namespace shardmill {
namespace {

using testing::AllOf;
using testing::ContainsRegex;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

Table levels_table() {
  Table table = {.name = "slow or failed, by level", .stage = 2};
  TableColumn level = {.name = "level", .type = Type::kText};
  TableColumn count = {.name = "count()", .type = Type::kInt};
  TableColumn p99 = {.name = "p99(ms)", .type = Type::kFloat, .error = "0.4% relative"};
  level.add_text("ERROR");
  count.add_int(1234567);
  p99.add_float(1234.5);
  level.add_text("WARN");
  count.add_int(3);
  p99.add_float(0.25);
  level.add_null();
  count.add_int(1);
  p99.add_null();
  table.columns = {level, count, p99};
  return table;
}

TEST(ReportText, ShowsRecordsThatStagesDroppedAndPassedOn) {
  RunDescription run;
  run.stages = {{.use = "keep", .drop_reasons = {"not_true"}}, {.use = "count"}};
  StageBooks& keep = run.stages[0].books;
  keep.dropped = {1234};
  keep.examples.resize(1);
  keep.examples[0].add({.rank = 1, .path = "a\x1b.log", .offset = 95, .record = "{\"n\": 1}"});
  keep.shown = RecordExamples(2);
  keep.shown.add({.path = "a.log", .offset = 0, .record = "{\"n\": 2}"});
  keep.records_out = 7;
  run.stages[1].books = keep;
  run.stages[1].books.dropped.clear();
  const std::string text = report_text(run, {});
  EXPECT_THAT(text, HasSubstr("Left out, for instance\n"
                              "  0  keep: not_true, 1,234 records\n"
                              "    a\\x1b.log (byte 95)  {\"n\": 1}\n"));
  EXPECT_THAT(text, HasSubstr("Passed on by each stage\n"
                              "  0  keep: the first of 7 records\n"
                              "    {\"n\": 2}\n"
                              "  1  count: the same of 7 records\n"));
}

RunDescription small_run() {
  RunDescription run;
  run.job_name = "slow requests";
  run.run_dir = "slow.run";
  run.version = "0.1.0";
  run.started_utc = "2026-01-31T12:00:00Z";
  run.disk_bytes = 1000000;
  run.plain_bytes = 8000000;
  run.records = 1250000;
  run.bad_records = 2;
  run.units = 3;
  run.files = {{.path = "logs/a.log.gz",
                .size_bytes = 600000,
                .disk_bytes = 600000,
                .plain_bytes = 5000000,
                .records = 1000000,
                .units = 1,
                .seconds = 0.5,
                .outcome = "read"},
               {.path = "logs/b.log.gz",
                .size_bytes = 500000,
                .disk_bytes = 400000,
                .plain_bytes = 3000000,
                .records = 250000,
                .rejected = 2,
                .units = 2,
                .seconds = 1.5,
                .outcome = "bad",
                .reason = "the stream ends in the middle, expected a gzip trailer"}};
  run.stages = {{.use = "extract",
                 .name = "extract",
                 .drop_reasons = {"no_match", "bad_value"},
                 .counters = {"overflow"},
                 .books = {.records_in = 1250000,
                           .records_out = 1249000,
                           .dropped = {900, 100},
                           .counts = {7}}},
                {.use = "group",
                 .name = "slow or failed, by level",
                 .books = {.records_in = 1249000, .records_out = 1249000}}};
  run.tables = {levels_table()};
  run.bad_records_kept = {{.path = "logs/b.log.gz",
                           .offset = 12345,
                           .record_number = 17,
                           .reason = "record of 70 MiB, expected at most 64 MiB",
                           .bytes = "level=\x1b[31mERROR",
                           .record_bytes = 73400320}};
  run.bad_values = {{.column = "ms", .count = 3, .examples = {"fast", "-"}}};
  run.outputs = {{.path = "output/slow.jsonl", .bytes = 2048, .records = 1249000}};
  run.ranks = {{.host = "n1",
                .threads = 1,
                .units = 2,
                .disk_bytes = 600000,
                .records = 1000000,
                .busy_seconds = 1.0,
                .peak_rss_bytes = 40 << 20},
               {.host = "n2",
                .threads = 1,
                .units = 1,
                .disk_bytes = 400000,
                .records = 250000,
                .busy_seconds = 0.5,
                .peak_rss_bytes = 38 << 20}};
  run.seconds = {.total = 1.25, .plan = 0.125, .work = 1, .merge = 0.125};
  return run;
}

TEST(ReportText, ShowsBarsBesideTheFirstMeasureOfATable) {
  RunDescription run;
  Table table = {.name = "t", .key_columns = 1};
  TableColumn key = {.name = "key", .type = Type::kText};
  TableColumn count = {.name = "count", .type = Type::kInt};
  for (const char* text : {"a", "b", "c"}) key.add_text(text);
  count.add_int(12);
  count.add_int(6);
  count.add_null();
  table.columns = {key, count};
  run.tables = {table};
  EXPECT_THAT(report_text(run, {}), HasSubstr("\n  a       12  ████████████\n"
                                              "  b        6  ██████\n"
                                              "  c        -\n"));
  run.tables[0].columns[1].ints[1] = -6;  // bars cannot show what is below nothing
  EXPECT_THAT(report_text(run, {}), HasSubstr("\n  a       12\n  b       -6\n"));
  run.tables[0] = table;
  run.tables[0].key_columns = 0;
  EXPECT_THAT(report_text(run, {}), HasSubstr("\n  a       12\n  b        6\n"));
}

TEST(ReportText, SaysWhatWasReadAndWhatBecameOfIt) {
  const std::string text = report_text(small_run(), {});
  EXPECT_THAT(text, HasSubstr("1 of 2 files, "));
  EXPECT_THAT(text, HasSubstr("unpacked), 1,250,000 records"));
  EXPECT_THAT(text, HasSubstr("1 file, 2 records, 3 values"));
  EXPECT_THAT(text, ContainsRegex("0  extract +1,250,000  1,249,000 .* 900 .* no_match"));
  EXPECT_THAT(text, ContainsRegex("\n +100 .* bad_value"));
  EXPECT_THAT(text, ContainsRegex("\n +\\+7 .*counted: overflow"));
  EXPECT_THAT(text, ContainsRegex("1  group \"slow or fail"));
  EXPECT_THAT(text, ContainsRegex("output/slow.jsonl +1,249,000 +2.0"));
}

/// Attempts that were killed one after the other, the last of them finished.
std::vector<AttemptResult> many_attempts(uint64_t count) {
  std::vector<AttemptResult> attempts;
  for (uint64_t number = 1; number <= count; ++number) {
    attempts.push_back({.number = number,
                        .begun = "2026-03-01T14:03:11Z",
                        .last_sign = "2026-03-02T04:10:00Z",
                        .how = "killed",
                        .units = number * 1000,
                        .ranks = 128,
                        .threads = 48,
                        .host_count = 64,
                        .hosts = {"node0001", "node0002", "node0003"},
                        .slurm_job = "1234567"});
  }
  attempts.back().how = "finished";
  attempts.back().ended = "2026-03-02T04:10:00Z";
  return attempts;
}

TEST(ReportText, ListsTheFirstAndTheLastAttempts) {
  RunDescription run;
  run.attempts = many_attempts(1);
  EXPECT_THAT(report_text(run, {}), Not(HasSubstr("attempt"))) << "one is nothing to tell";
  run.attempts = many_attempts(30);
  run.attempt = 30;
  const std::string text = report_text(run, {.width = 120});
  EXPECT_THAT(text, ContainsRegex("\n30 attempts +the first and the last ones\n"));
  EXPECT_THAT(text, HasSubstr("\n   3  2026-03-01 14:03  -            128 x 48 on "));
  EXPECT_THAT(text, HasSubstr("\n  23  2026-03-01 14:03 "));
  EXPECT_THAT(text, Not(HasSubstr("\n   4  2026"))) << "in the middle";
  EXPECT_THAT(text, HasSubstr("\n  30  2026-03-01 14:03  03-02 04:10  "));
  for (const std::string& line : lines_of(report_text(run, {.width = 80}))) {
    EXPECT_LE(code_points(line), 80u) << line;
  }
  EXPECT_THAT(report_text(run, {.width = 80}), HasSubstr("  killed, "));
}

TEST(ReportText, FitsEveryWidthFrom80To120) {
  RunDescription run = small_run();
  run.job_name = std::string(300, 'j');
  run.run_dir = std::string(300, 'd');
  run.files[1].path = "/very/" + std::string(200, 'x') + "/b.log.gz";
  run.files[1].reason = std::string(200, 'r');
  run.bad_records_kept[0].path = run.files[1].path;
  run.tables[0].columns[0].text[0] = std::string(200, 'e');
  run.stages[1].name = std::string(100, 's');
  run.outputs[0].path = std::string(200, 'o');
  for (const bool many : {false, true}) {
    while (many && run.tables[0].columns.size() < 40) {
      run.tables[0].columns.push_back(run.tables[0].columns[1]);
    }
    for (const unsigned width : {80u, 100u, 120u}) {
      for (const std::string& line : lines_of(report_text(run, {.width = width}))) {
        EXPECT_LE(code_points(line), width) << line;
      }
    }
  }
}

TEST(ReportText, NamesTheColumnsThatDidNotFit) {
  RunDescription run = small_run();
  for (size_t i = 0; i < 20; ++i) {
    run.tables[0].columns.push_back(run.tables[0].columns[1]);
    run.tables[0].columns.back().name = "extra" + std::to_string(i);
  }
  EXPECT_THAT(report_text(run, {}), ContainsRegex("\\+ [0-9]+ columns in results.h5: extra"));
}

TEST(ReportText, ColoursOnlyIfAsked) {
  EXPECT_THAT(report_text(small_run(), {.colour = false}), Not(HasSubstr("\x1b")));
  EXPECT_THAT(report_text(small_run(), {.colour = true}), HasSubstr("\x1b[1m"));
}

TEST(ReportText, EscapesWhatComesFromFiles) {
  RunDescription run = small_run();
  run.files[1].path = "logs/\x1b[2J\xff.gz";
  run.tables[0].columns[0].text[0] = "a\nb";
  const std::string text = report_text(run, {});
  EXPECT_THAT(text, AllOf(Not(HasSubstr("\x1b")), Not(HasSubstr("\xff"))));
  EXPECT_THAT(text, HasSubstr("logs/\\x1b[2J\\xff.gz"));
  EXPECT_THAT(text, HasSubstr("a\\nb"));
  EXPECT_THAT(text, HasSubstr("level=\\x1b[31mERROR"));
}

TEST(ReportText, LongTablesAreCutToTwentyRows) {
  RunDescription run = small_run();
  TableColumn number = {.name = "number", .type = Type::kInt};
  for (int i = 0; i < 1234; ++i) number.add_int(1000000 + i);
  run.tables = {{.name = "numbers", .columns = {number}}};
  const std::string text = report_text(run, {});
  EXPECT_THAT(text, HasSubstr("1,000,019"));
  EXPECT_THAT(text, Not(HasSubstr("1,000,020")));
  EXPECT_THAT(text, HasSubstr("... 1,214 more rows in results.h5"));
}

TEST(ReportText, NumbersAreAlignedToTheRight) {
  const std::string text = report_text(small_run(), {});
  std::vector<size_t> ends;
  for (const std::string& line : lines_of(text)) {
    for (const char* row : {"  ERROR  1,234,567", "  WARN           3", "  -              1"}) {
      if (line.rfind(row, 0) == 0) ends.push_back(line.size());
    }
  }
  EXPECT_THAT(ends, ElementsAre(ends[0], ends[0], ends[0])) << text;
}

TEST(ReportText, ApproximateColumnsStateTheirError) {
  const std::string text = report_text(small_run(), {});
  EXPECT_THAT(text, HasSubstr("p99(ms) ~"));
  EXPECT_THAT(text, HasSubstr("~ approximate, error 0.4% relative: p99(ms)"));
}

TEST(ReportText, NamesBadFilesAndRecordsWithTheirPlace) {
  const std::string text = report_text(small_run(), {});
  EXPECT_THAT(text, HasSubstr("  logs/b.log.gz  bad\n    the stream ends in the middle"));
  EXPECT_THAT(text, HasSubstr("  record of 70 MiB, expected at most 64 MiB\n    logs/b.log.gz "
                              "(byte 12,345)  level="));
  EXPECT_THAT(text, ContainsRegex("ms +3  \"fast\", \"-\""));
}

TEST(ReportText, SaysWhatIsKeptAndLostOfAFileThatCountsInPart) {
  RunDescription run = small_run();
  run.files[1].outcome = "partly read";
  EXPECT_THAT(report_text(run, {}),
              HasSubstr("  logs/b.log.gz  partly read: 250,000 records kept\n    the stream ends"));
  run.files[1].lost_bytes = 100'000;
  EXPECT_THAT(
      report_text(run, {}),
      HasSubstr("  logs/b.log.gz  partly read: 250,000 records kept, 100,000 bytes lost\n"));
}

TEST(ReportText, TheSlowestFileComesFirst) {
  const std::string text = report_text(small_run(), {});
  const size_t section = text.find("The slowest files");
  ASSERT_NE(section, std::string::npos);
  EXPECT_LT(text.find("logs/b.log.gz", section), text.find("logs/a.log.gz", section));
}

TEST(ReportText, ShowsTheBalanceOverRanksWithTheirHosts) {
  const std::string text = report_text(small_run(), {});
  EXPECT_THAT(text, ContainsRegex("0  n1 +2 .* 1,000,000 +100.* ████████████████"));
  EXPECT_THAT(text, ContainsRegex("1  n2 +1 .* 250,000 +50.* ████████  "));
}

TEST(ReportText, RangesThatWereDoneAgainHaveAColumnIfThereAreAny) {
  RunDescription run = small_run();
  EXPECT_THAT(report_text(run, {}), Not(HasSubstr("redone")));
  run.ranks[1].redone_units = 17;
  EXPECT_THAT(report_text(run, {}), ContainsRegex("1  n2 +1 +17 "));
}

TEST(ReportText, ManyRanksAreShownByTheirExtremes) {
  RunDescription run = small_run();
  run.ranks.clear();
  for (int i = 0; i < 300; ++i) {
    run.ranks.push_back({.host = "n", .threads = 1, .busy_seconds = i / 300.0});
  }
  const std::string text = report_text(run, {});
  EXPECT_THAT(text, HasSubstr("the 5 least and the 5 most busy of 300"));
  EXPECT_THAT(text, ContainsRegex("\n +299 "));
  EXPECT_THAT(text, Not(ContainsRegex("\n +150 ")));
}

TEST(ReportText, BooksThatDoNotBalanceAreSaid) {
  RunDescription run = small_run();
  EXPECT_THAT(report_text(run, {}), HasSubstr("balance"));
  run.books_problems = {"stage 0: 5 records in, 4 out"};
  EXPECT_THAT(report_text(run, {}), HasSubstr("stage 0: 5 records in, 4 out"));
}

TEST(ReportText, AnEmptyRunHasAReport) {
  RunDescription run;
  run.version = "0.1.0";
  EXPECT_THAT(report_text(run, {}), HasSubstr("0 files"));
}

TableColumn floats(const std::vector<double>& values) {
  TableColumn column = {.name = "x", .type = Type::kFloat};
  for (const double value : values) column.add_float(value);
  return column;
}

TEST(ReadableCells, FloatsOfAColumnShareTheirDecimals) {
  EXPECT_THAT(readable_cells(floats({1234.5, 0.25}), 2), ElementsAre("1,234.50", "0.25"));
  EXPECT_THAT(readable_cells(floats({3, 12}), 2), ElementsAre("3", "12"));
  EXPECT_THAT(readable_cells(floats({1.0 / 3, -2}), 2), ElementsAre("0.333333", "-2.000000"));
  EXPECT_THAT(readable_cells(floats({1234567.875}), 1), ElementsAre("1,234,567.9"));
}

TEST(ReadableCells, SizesThatDifferTooMuchGetExponents) {
  EXPECT_THAT(readable_cells(floats({1e300, 1}), 2), ElementsAre("1e+300", "1"));
  EXPECT_THAT(readable_cells(floats({1.25e-9, 1}), 2), ElementsAre("1.25e-09", "1"));
}

TEST(ReadableCells, TimesThatAreAllAtMidnightAreDates) {
  TableColumn column = {.name = "t", .type = Type::kTime};
  column.add_int(Int128{86400} * 1000000000);
  column.add_null();
  column.add_int(1500000000);
  EXPECT_THAT(readable_cells(column, 2), ElementsAre("1970-01-02", "-"));
  EXPECT_THAT(readable_cells(column, 3),
              ElementsAre("1970-01-02T00:00:00Z", "-", "1970-01-01T00:00:01.500Z"));
}

TEST(ReadableCells, OnlyTextThatATerminalDoesNotShowIsEscaped) {
  EXPECT_EQ(printable("say \"hi\" \\ caf\xc3\xa9"), "say \"hi\" \\ caf\xc3\xa9");
  EXPECT_EQ(printable("\"a\nb\""), "\\\"a\\nb\\\"");
  EXPECT_EQ(printable("\x1b[2J"), "\\x1b[2J");
}

TEST(ReadableCells, ShortTimesAreInMilliseconds) {
  EXPECT_EQ(readable_seconds(0.0123), "12.3 ms");
  EXPECT_EQ(readable_seconds(1.5), "1.50 s");
}

TEST(ReportText, TheReasonOfBadRecordsIsSaidOnce) {
  RunDescription run = small_run();
  run.bad_records = 2;
  run.bad_records_kept.push_back(run.bad_records_kept[0]);
  run.bad_records_kept[1].offset = 99999;
  const std::string text = report_text(run, {});
  EXPECT_EQ(text.find("record of 70 MiB"), text.rfind("record of 70 MiB"));
  EXPECT_THAT(text, HasSubstr("(byte 99,999)"));
}

TEST(ReadableCells, IntsKeepAllDigits) {
  TableColumn column = {.name = "n", .type = Type::kInt};
  column.add_int(-1234);
  column.add_int(Int128{1} << 100);
  EXPECT_THAT(readable_cells(column, 2),
              ElementsAre("-1,234", "1,267,650,600,228,229,401,496,703,205,376"));
}

TEST(TextTable, CutsPathsAtTheirStartAndTextAtItsEnd) {
  EXPECT_EQ(cut_start("/long/path/to/file.csv", 10), "…/file.csv");
  EXPECT_EQ(cut_end("naïve café", 6), "naïve…");
  EXPECT_EQ(cut_end("café", 4), "café");
}

TEST(TextTable, LongTextIsBrokenAtBlanks) {
  EXPECT_EQ(wrapped("one two three", 2, 9), "  one two\n  three\n");
  EXPECT_EQ(wrapped("caf\xc3\xa9 caf\xc3\xa9", 0, 9), "caf\xc3\xa9 caf\xc3\xa9\n");
  EXPECT_EQ(wrapped("a incomprehensible b", 0, 5), "a\ninco…\nb\n");
  EXPECT_EQ(wrapped("", 2, 9), "  \n");
}

TEST(TextTable, BarsGrowInEighths) {
  EXPECT_EQ(bar(1, 4), "████");
  EXPECT_EQ(bar(0.5, 4), "██");
  EXPECT_EQ(bar(1.0 / 32, 4), "▏");
  EXPECT_EQ(bar(1e-9, 4), "▏");
  EXPECT_EQ(bar(0, 4), "");
}

TEST(RunJson, HasTheStatedMembers) {
  const std::string json = run_json(small_run());
  EXPECT_THAT(json, HasSubstr("\"seconds\": {\"total\": 1.25, \"plan\": 0.125, \"work\": 1.0, "
                              "\"merge\": 0.125}"));
  EXPECT_THAT(json, HasSubstr("\"ranks\": 2"));
  EXPECT_THAT(json, HasSubstr("\"threads\": 1"));
  EXPECT_THAT(json, HasSubstr("\"peak_rss_bytes\": [41943040, 39845888]"));
}

TEST(FilesTsv, HasALineForEachFileWithNothingThatBreaksIt) {
  RunDescription run = small_run();
  run.files[0].path = "tab\there\nand there";
  const std::vector<std::string> lines = lines_of(files_tsv(run));
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_EQ(lines[0],
            "path\tsize_bytes\tdisk_bytes\tplain_bytes\trecords\trejected\tbad_values\tlost_bytes\t"
            "units\tseconds\toutcome\treason");
  EXPECT_EQ(
      lines[1],
      "tab\\there\\nand there\t600000\t600000\t5000000\t1000000\t0\t0\t0\t1\t0.500000\tread\t");
}

TEST(BadRecordsJsonl, TellsFileOffsetNumberReasonAndBytes) {
  EXPECT_EQ(bad_records_jsonl(small_run()),
            "{\"file\": \"logs/b.log.gz\", \"offset\": 12345, \"record\": 17, \"reason\": \"record "
            "of 70 MiB, expected at most 64 MiB\", \"record_bytes\": 73400320, \"bytes\": "
            "\"level=\\u001b[31mERROR\", \"cut\": true}\n");
}

}  // namespace
}  // namespace shardmill
