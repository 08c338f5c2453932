// Job files: what is accepted, and every message that a mistake gives.
#include "pipeline/plan/job.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pipeline/base/text.h"
#include "pipeline/core/registry.h"
#include "pipeline/plan/fields.h"
#include "pipeline/plan/toml_tree.h"

namespace shardmill {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;

constexpr std::string_view kInput = "[input]\npaths = [\"a.txt\"]\n";

std::string mistakes(std::string_view text, const Settings& settings = {}) {
  Problems problems;
  parse_job(text, "job.toml", settings, problems);
  return problems_text("job.toml", problems);
}

Job valid(std::string_view text, const Settings& settings = {}) {
  Problems problems;
  Job job = parse_job(text, "jobs/slow.toml", settings, problems);
  EXPECT_EQ(problems_text("job.toml", problems), "");
  return job;
}

std::string with_head(std::string_view rest) {
  return std::string(kInput) + "[[stage]]\nuse = \"head\"\n" + std::string(rest);
}

TEST(Job, TakesEveryCommonFieldOfTheInput) {
  const Job job = valid(R"(
[input]
paths = ["a/*.txt", "b"]
exclude = "*.tmp"
format = "lines"
unit_bytes = "1MiB"
bundle_files = 7
chunk_bytes = 65536
record_bytes_max = "2 MiB"
window_bytes_max = "1GiB"
expansion_max = 50
[[stage]]
use = "head"
)");
  EXPECT_EQ(job.name, "slow");
  EXPECT_THAT(job.input.paths, ElementsAre("a/*.txt", "b"));
  EXPECT_THAT(job.input.exclude, ElementsAre("*.tmp"));
  ASSERT_NE(job.input.format, nullptr);
  EXPECT_EQ(job.input.format->name, "lines");
  EXPECT_EQ(job.input.unit_bytes, 1u << 20);
  EXPECT_TRUE(job.input.unit_bytes_given);
  EXPECT_EQ(job.input.bundle_files, 7u);
  EXPECT_EQ(job.input.limits.chunk_bytes, 65536u);
  EXPECT_EQ(job.input.limits.record_bytes_max, 2u << 20);
  EXPECT_EQ(job.input.limits.window_bytes_max, 1u << 30);
  EXPECT_EQ(job.input.limits.expansion_max, 50u);
}

TEST(Job, HasDocumentedDefaults) {
  const Job job = valid(with_head(""));
  EXPECT_EQ(job.input.unit_bytes, 64ull << 20);
  EXPECT_FALSE(job.input.unit_bytes_given);
  EXPECT_EQ(job.input.bundle_files, 1024u);
  EXPECT_EQ(job.input.limits.chunk_bytes, 256u << 10);
  EXPECT_EQ(job.input.limits.record_bytes_max, 64u << 20);
  EXPECT_EQ(job.input.format, nullptr);
  EXPECT_EQ(job.run.on_bad_file, "skip");
  EXPECT_EQ(job.run.rejects_kept, 1000u);
  EXPECT_EQ(job.run.stall_warning_seconds, 300.0);
  EXPECT_EQ(job.run.memory_bytes, 0u);
}

TEST(Job, TakesEveryFieldOfRun) {
  const Job job = valid(with_head(R"(
[run]
memory = "2GiB"
threads = 3
on_bad_file = "stop"
on_bad_record = "stop"
max_rejects = "0.1%"
strict = true
seed = 9
limit = 100
rejects_kept = 5
rows_in_report = 20
stall_warning = "1h30min"
)"));
  EXPECT_EQ(job.run.memory_bytes, 2ull << 30);
  EXPECT_EQ(job.run.threads, 3u);
  EXPECT_EQ(job.run.on_bad_file, "stop");
  EXPECT_EQ(job.run.on_bad_record, "stop");
  EXPECT_EQ(job.run.max_rejects, "0.1%");
  EXPECT_TRUE(job.run.strict);
  EXPECT_EQ(job.run.seed, 9u);
  EXPECT_EQ(job.run.limit_records, 100u);
  EXPECT_EQ(job.run.rejects_kept, 5u);
  EXPECT_EQ(job.run.rows_in_report, 20u);
  EXPECT_EQ(job.run.stall_warning_seconds, 5400.0);
}

TEST(Job, StagesWithoutANameAreNumbered) {
  const Job job =
      valid(std::string(kInput) +
            "[[stage]]\nuse = \"count\"\n[[stage]]\nuse = \"count\"\n"
            "[[stage]]\nuse = \"count\"\nname = \"count 2\"\n[[stage]]\nuse = \"head\"\n"
            "n = 3\nname = \"first\"\n");
  ASSERT_EQ(job.stages.size(), 4u);
  EXPECT_EQ(job.stages[0].name, "count");
  EXPECT_EQ(job.stages[1].name, "count 3");
  EXPECT_EQ(job.stages[2].name, "count 2");
  EXPECT_EQ(job.stages[3].name, "first");
  EXPECT_EQ(job.stages[3].options.integer("n"), 3);
}

TEST(Job, TheSeedOfTheRunIsThatOfStagesWithoutOne) {
  const Job job = valid(std::string(kInput) +
                        "[[stage]]\nuse = \"sample\"\nfraction = 0.5\n"
                        "[[stage]]\nuse = \"sample\"\nfraction = 0.5\nseed = 3\n"
                        "[[stage]]\nuse = \"count\"\n[run]\nseed = 7\n");
  EXPECT_EQ(job.stages[0].options.integer("seed"), 7);
  EXPECT_EQ(job.stages[1].options.integer("seed"), 3);
  EXPECT_FALSE(job.stages[2].options.has("seed"));
}

TEST(Job, ItsTextGivesTheSameJobAgain) {
  const std::string text = R"(# a comment
name = "tabs \t and \"quotes\""
[input]
paths = ['C:\dir', "line\nbreak"]
format = "csv"
types = { b = "int", "odd name" = "float", a = "text" }
[run]
seed = 5
[[stage]]
use = "sample"
fraction = 0.25
[[stage]]
use = "head"
[[test]]
input = ["x"]
output = [{ x = 1979-05-27T07:32:00Z, y = 1e300, z = inf }]
tables = { t = [["a", 1]] }
)";
  const Job once = valid(text, {{"stage.1.n", "7"}, {"input.delimiter", "5"}});
  const Job twice = valid(once.text);
  EXPECT_EQ(once.text, twice.text);
  EXPECT_EQ(twice.name, "tabs \t and \"quotes\"");
  EXPECT_THAT(twice.input.paths, ElementsAre("C:\\dir", "line\nbreak"));
  EXPECT_EQ(twice.stages[0].options.number("fraction"), 0.25);
  EXPECT_EQ(twice.stages[1].options.integer("n"), 7);
  EXPECT_EQ(twice.input.format_options.text("delimiter"), "5");
  EXPECT_EQ(twice.tests[0].output, once.tests[0].output);
  // The order of a table is the order of the file.
  EXPECT_THAT(twice.input.format_options.map("types"),
              ElementsAre(Pair("b", "int"), Pair("odd name", "float"), Pair("a", "text")));
}

TEST(Job, CommentsAndBlanksDoNotChangeItsText) {
  const Job spaced =
      valid("# hello\n\n[input]   # where\npaths   = [ \"a\" ]\n\n[[stage]]\nuse=\"head\"");
  const Job dense = valid("[input]\npaths = [\"a\"]\n[[stage]]\nuse = \"head\"\n");
  EXPECT_EQ(spaced.text, dense.text);
}

TEST(Job, SettingsReplaceAndAdd) {
  const Job job = valid(with_head("n = 1\n"), {{"stage.0.n", "5"},
                                               {"run.memory", "1GiB"},
                                               {"input.unit_bytes", "0"},
                                               {"name", "2024"},
                                               {"input.paths", "[\"b\", \"c\"]"}});
  EXPECT_EQ(job.stages[0].options.integer("n"), 5);
  EXPECT_EQ(job.run.memory_bytes, 1ull << 30);
  EXPECT_EQ(job.input.unit_bytes, 0u);
  EXPECT_EQ(job.name, "2024");
  EXPECT_THAT(job.input.paths, ElementsAre("b", "c"));
}

TEST(Job, MistakesInSettingsNameTheSetting) {
  const std::string text = mistakes(
      with_head(""), {{"stage.7.n", "5"}, {"input.chunk_bytes", "1"}, {"run.thread", "4"}});
  EXPECT_THAT(text, HasSubstr("--set stage.7.n: \"7\" is not one of 1 item, expected a path like"));
  EXPECT_THAT(text,
              HasSubstr("--set input.chunk_bytes: chunk_bytes is 1 B, expected 16 B to 1.00 GiB"));
  EXPECT_THAT(text, HasSubstr("--set run.thread: unknown key \"thread\" in [run]"));
  EXPECT_THAT(text, HasSubstr("did you mean \"threads\"?"));
}

TEST(Job, ATabFormatIsCsvWithTabs) {
  const Job job = valid("[input]\npaths = \"a\"\nformat = \"tsv\"\n[[stage]]\nuse = \"head\"\n");
  EXPECT_EQ(job.input.format->name, "csv");
  EXPECT_EQ(job.input.format_options.text("delimiter"), "\t");
}

TEST(Job, FieldsOfAFormatAreKeptUntilItIsKnown) {
  Job job = valid("[input]\npaths = \"a\"\ndelimiter = \";\"\n[[stage]]\nuse = \"head\"\n");
  EXPECT_EQ(job.input.format, nullptr);
  Problems problems;
  set_format(job, "csv", problems);
  EXPECT_EQ(problems_text("job.toml", problems), "");
  EXPECT_EQ(job.input.format_options.text("delimiter"), ";");
  set_format(job, "lines", problems);
  EXPECT_THAT(problems_text("job.toml", problems),
              HasSubstr("job.toml:3: unknown key \"delimiter\" in [input] with format \"lines\""));
}

TEST(Job, SyntaxErrorsHaveLineAndColumn) {
  EXPECT_THAT(mistakes("[input]\npaths = [\"a\"\nname = 3"),
              testing::MatchesRegex("job\\.toml:3:[0-9]+: cannot read .*; mend the syntax here "
                                    "first; other mistakes show after that"));
  EXPECT_THAT(mistakes("x = \"\xff\""), HasSubstr("job.toml:1:"));
  EXPECT_THAT(mistakes(std::string(100000, '[')), HasSubstr("job.toml:1:"));
}

struct Mistake {
  std::string text;
  std::string message;
};

class JobMistake : public testing::TestWithParam<Mistake> {};

TEST_P(JobMistake, IsReported) {
  EXPECT_THAT(mistakes(GetParam().text), HasSubstr(GetParam().message));
}

INSTANTIATE_TEST_SUITE_P(
    Every, JobMistake,
    testing::Values(
        Mistake{with_head("[inptu]\n"),
                "job.toml:5: unknown key \"inptu\", expected one of name, input, run, stage, test; "
                "did you mean \"input\"?"},
        Mistake{"name = 5\n" + with_head(""),
                "job.toml:1: name is a whole number, expected a text; put it in quotes"},
        Mistake{"",
                "job.toml: there is no [input], expected the files to read; add [input] with "
                "paths = [\"data/*.csv\"]"},
        Mistake{std::string(kInput),
                "job.toml: there is no [[stage]], expected at least one; add "
                "[[stage]] with use = \"count\""},
        Mistake{"[input]\nformat = \"csv\"\n[[stage]]\nuse = \"head\"",
                "job.toml:1: [input] names no files, expected paths or files_from"},
        Mistake{"[input]\npaths = []\n[[stage]]\nuse = \"head\"",
                "job.toml:2: paths is an empty list, expected paths or files_from"},
        Mistake{"[input]\npaths = [1]\n[[stage]]\nuse = \"head\"",
                "job.toml:2: paths is a list, expected a list of texts or one text"},
        Mistake{
            "[[input]]\npaths = \"a\"\n[[stage]]\nuse = \"head\"",
            "job.toml:1: input is a list, expected a table; write [input] on a line of its own"},
        Mistake{std::string(kInput) + "[stage]\nuse = \"head\"",
                "job.toml:3: stage is a table, expected a list of tables; write [[stage]] with two "
                "brackets"},
        Mistake{std::string(kInput) + "format = \"cvs\"\n[[stage]]\nuse = \"head\"",
                "job.toml:3: format is \"cvs\", expected one of csv, "},
        Mistake{std::string(kInput) + "format = \"cvs\"\n[[stage]]\nuse = \"head\"",
                "; did you mean \"csv\"?"},
        Mistake{
            std::string(kInput) + "unit_bytes = \"10 parsecs\"\n[[stage]]\nuse = \"head\"",
            "job.toml:3: unit_bytes is \"10 parsecs\", expected a number of bytes like 65536 or "
            "\"64KiB\""},
        Mistake{std::string(kInput) + "bundle_files = 0\n[[stage]]\nuse = \"head\"",
                "job.toml:3: bundle_files is 0, expected 1 to 1,048,576; see \"docs/job-file.md\""},
        Mistake{std::string(kInput) + "[[stage]]\nuse = \"haed\"\n",
                "job.toml:4: there is no stage \"haed\", expected one of "},
        Mistake{std::string(kInput) + "[[stage]]\nuse = \"haed\"\n", "; did you mean \"head\"?"},
        Mistake{std::string(kInput) + "[[stage]]\nn = 1\n",
                "job.toml:3: [[stage]] has no \"use\", expected use = one of "},
        Mistake{
            with_head("nn = 5\n"),
            "job.toml:5: unknown key \"nn\" in stage \"head\", expected one of use, name, n; did "
            "you mean \"n\"?"},
        Mistake{with_head("n = \"5\"\n"), "job.toml:5: n is \"5\", expected a whole number"},
        Mistake{with_head("n = -5\n"),
                "job.toml:5: n is -5, expected at least 0; see \"shardmill "
                "stages head\""},
        Mistake{std::string(kInput) + "[[stage]]\nuse = \"sample\"\n",
                "job.toml:3: stage \"sample\" has no \"fraction\", expected a number; see "
                "\"shardmill stages sample\""},
        Mistake{std::string(kInput) + "[[stage]]\nuse = \"sample\"\nfraction = 1.5\n",
                "job.toml:5: fraction is 1.5, expected 0 to 1"},
        Mistake{std::string(kInput) + "[[stage]]\nuse = \"grep\"\npatterns = 'a('\n",
                "job.toml:5: "},
        Mistake{
            std::string(kInput) + "[[stage]]\nuse = \"grep\"\npatterns = 'a'\nfixed = \"yes\"\n",
            "job.toml:6: fixed is \"yes\", expected true or false; write it without quotes"},
        Mistake{with_head("name = \"x\"\n[[stage]]\nuse = \"count\"\nname = \"x\"\n"),
                "job.toml:8: a second stage has the name \"x\", expected a name of its own"},
        Mistake{with_head("[run]\nmax_rejects = \"many\"\n"),
                "job.toml:6: max_rejects is \"many\", expected a number like \"1000\" or a share "
                "like \"0.1%\""},
        Mistake{with_head("[run]\nstall_warning = \"soon\"\n"),
                "job.toml:6: stall_warning is \"soon\", expected seconds like 90 or \"1h30min\""},
        Mistake{with_head("[[test]]\ninput = [\"a\"]\n"),
                "job.toml:5: [[test]] expects nothing, expected output or tables"},
        Mistake{with_head("[[test]]\noutput = []\n"),
                "job.toml:5: [[test]] has no \"input\", expected a list of texts or one text"},
        Mistake{with_head("[[test]]\ninput = [\"a\"]\noutput = [1]\n"),
                "job.toml:7: output is a list, expected a list of records"},
        Mistake{with_head("[[test]]\ninput = [\"a\"]\ntables = { x = 1 }\n"),
                "job.toml:7: tables.x is a whole number, expected a list of rows"},
        Mistake{with_head("[[test]]\ninput = [\"a\"]\nouput = []\noutput = []\n"),
                "job.toml:7: unknown key \"ouput\" in [[test]]"}));

TEST(Job, SixMistakesGiveSixMessagesInTheOrderOfTheFile) {
  const std::string text = mistakes(R"(nmae = "x"
[input]
paths = ["a"]
chunk_bytes = 1
[[stage]]
use = "haed"
[[stage]]
use = "head"
n = "five"
[[stage]]
use = "sample"
[[test]]
input = ["a"]
)");
  std::vector<std::string> lines;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    lines.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  ASSERT_EQ(lines.size(), 6u) << text;
  const int expected[] = {1, 4, 6, 9, 10, 12};
  for (size_t i = 0; i < 6; ++i) {
    EXPECT_THAT(lines[i], testing::StartsWith("job.toml:" + std::to_string(expected[i]) + ": "));
    EXPECT_THAT(lines[i], HasSubstr("; ")) << "no fix";
  }
}

TEST(Job, TestsKeepExpectedValuesAsCanonicalJson) {
  const Job job = valid(with_head(R"(
[[test]]
name = "shows"
input = "one line"
output = [{ b = 1, a = 2.0, none = {}, t = 2026-01-31T12:34:56.5+01:00, list = [1] }, {}]
tables = { "my table" = [["x", {}, 0.1, true]] }
)"));
  ASSERT_EQ(job.tests.size(), 1u);
  const JobTest& test = job.tests[0];
  EXPECT_EQ(test.name, "shows");
  EXPECT_EQ(test.line, 6);
  EXPECT_THAT(test.input, ElementsAre("one line"));
  EXPECT_THAT(test.output,
              ElementsAre(R"({"a":2.0,"b":1,"list":[1],"t":"2026-01-31T11:34:56.500Z"})", "{}"));
  EXPECT_THAT(test.tables, ElementsAre(Pair("my table", R"([["x",null,0.1,true]])")));
}

TEST(Job, AnEmptyTestOutputIsAnExpectation) {
  const Job job = valid(with_head("[[test]]\ninput = [\"a\"]\noutput = []\n"));
  EXPECT_TRUE(job.tests[0].has_output);
  EXPECT_THAT(job.tests[0].output, IsEmpty());
}

TEST(Job, TheFormatOfAPathComesFromBelowThePacking) {
  EXPECT_EQ(format_extension("a/b.CSV.gz"), "csv");
  EXPECT_EQ(format_extension("a.b/c"), "");
  EXPECT_EQ(format_extension(".hidden"), "");
  EXPECT_EQ(format_extension("x.gz"), "");
  EXPECT_EQ(guess_format({"logs/**/*.tsv.zst"}), "csv");
  EXPECT_EQ(guess_format({"logs/*"}), "lines");
}

TEST(Fields, EveryDeclaredDefaultIsWithinItsOwnBounds) {
  std::vector<FieldSpec> fields;
  const auto add = [&](const std::vector<FieldSpec>& more) {
    fields.insert(fields.end(), more.begin(), more.end());
  };
  add(input_fields());
  add(run_fields());
  for (const InputSpec& input : all_inputs()) add(input.fields);
  for (const StageSpec& stage : all_stages()) add(stage.fields);
  size_t defaults = 0;
  for (const FieldSpec& field : fields) {
    if (field.default_text.empty()) continue;
    default_value(field);  // aborts if the declaration is wrong
    ++defaults;
  }
  EXPECT_GT(defaults, 20u);
}

TEST(Toml, NumbersAndTextsSurviveBeingWritten) {
  Problems problems;
  const TomlNode root = parse_toml(
      "a = 0.1\nb = -9223372036854775808\nc = \"\\u0001\\u007f\\\\é\"\nd = [1.0, 1e22, nan]\n"
      "e = { \"x y\" = [], z = {} }\nf = 07:32:00\n",
      "x", problems);
  ASSERT_TRUE(problems.empty());
  const std::string text = toml_text(root);
  EXPECT_EQ(
      text,
      "a = 0.1\nb = -9223372036854775808\nc = \"\\u0001\\u007F\\\\é\"\nd = [1.0, 1e+22, nan]\n"
      "f = 07:32:00\n\n[e]\n\"x y\" = []\nz = {}\n");
  EXPECT_EQ(toml_text(parse_toml(text, "x", problems)), text);
  EXPECT_TRUE(problems.empty());
}

TEST(Toml, DamagedDocumentsGiveProblemsNotCrashes) {
  const std::string sound =
      "name = \"x\"\n[input]\npaths = ['a', \"b\\n\"]\n[[stage]]\nuse.a = {b = 1, c = [1, {}]}\n"
      "t = 1979-05-27T07:32:00.5Z # end\nm = \"\"\"\nx\"\"\"\n[a.'b'.c]\nf = -1e5\n";
  const std::string_view bytes = "[]{}=.,\"'\n\\#0 -:\xff\x80T";
  uint64_t state = 1;
  const auto next = [&state](size_t below) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return static_cast<size_t>(state >> 33) % below;
  };
  size_t sound_documents = 0;
  for (int round = 0; round < 20000; ++round) {
    std::string text = sound;
    for (size_t change = 0; change <= next(3); ++change) {
      const size_t at = next(text.size());
      const char byte = bytes[next(bytes.size())];
      if (next(2) == 0) {
        text[at] = byte;
      } else {
        text.insert(at, 1, byte);
      }
    }
    Problems problems;
    const TomlNode root = parse_toml(text, "x", problems);
    if (!problems.empty()) continue;
    ++sound_documents;
    const std::string again = toml_text(root);
    EXPECT_EQ(toml_text(parse_toml(again, "x", problems)), again) << text;
    EXPECT_TRUE(problems.empty()) << text << "\n" << problems_text("x", problems);
  }
  EXPECT_GT(sound_documents, 1000u);
}

TEST(Toml, OtherCharactersOutsideOfQuotesAreMistakes) {
  for (const char* text : {"a = 1\nключ = 1\n", "a = é", "a = 1 \xa1\n", "a =-[[\"Zoë\", 2]]"}) {
    Problems problems;
    parse_toml(text, "job.toml", problems);
    EXPECT_EQ(problems.list().size(), 1u) << text;
  }
  Problems none;
  parse_toml("\xef\xbb\xbf# naïve\nname = \"Zoë\" # é\n\"ключ\" = 'é'\n", "job.toml", none);
  EXPECT_TRUE(none.empty()) << problems_text("job.toml", none);
}

}  // namespace
}  // namespace shardmill
