// Every stage's declaration is whole, and every example does what it says. A new stage takes part
// without a line here.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "pipeline/base/text.h"
#include "pipeline/cli/commands.h"
#include "pipeline/cli/stage_docs.h"
#include "pipeline/core/registry.h"
#include "pipeline/plan/fields.h"
#include "pipeline/plan/toml_tree.h"
#include "pipeline/run/in_memory.h"
#include "tests/support/example_cases.h"
#include "tests/support/files.h"

namespace shardmill {
namespace {

using testing::IsEmpty;

class Example : public testing::TestWithParam<ExampleCase> {};

TEST_P(Example, DoesWhatItSays) {
  const StageSpec& spec = *GetParam().spec;
  const StageExample& example = *GetParam().example;
  SCOPED_TRACE(example_job(spec, example));
  Problems problems;
  const Job job = parse_job(example_job(spec, example), "example.toml", {}, problems);
  ASSERT_EQ(problems_text("example.toml", problems), "");
  ASSERT_EQ(job.tests.size(), 1u);
  const Result<InMemoryRun> run =
      run_in_memory(job, joined_lines(example.input), problems, job.tests[0].files);
  ASSERT_TRUE(run.is_ok()) << run.status().message();
  EXPECT_THAT(compare_with_test(job.tests[0], *run), IsEmpty());
  ASSERT_LE(example.tables.size(), run->tables.size());
  for (size_t i = 0; i < example.tables.size(); ++i) {
    const Result<std::string> expected = toml_value_json(example.tables[i]);
    ASSERT_TRUE(expected.is_ok()) << expected.status().message();
    EXPECT_EQ(table_rows_json(run->tables[i]), *expected);
  }
  // What the stage counted adds up.
  const StageBooks& books = run->books[0];
  uint64_t dropped = 0;
  for (const uint64_t records : books.dropped) dropped += records;
  EXPECT_EQ(books.records_in + books.made, books.records_out + dropped + books.rejected);
  // What it dropped can be looked at.
  for (size_t reason = 0; reason < books.dropped.size(); ++reason) {
    EXPECT_EQ(books.examples[reason].list().size(),
              std::min<uint64_t>(books.dropped[reason], RecordExamples::kPerDropReason))
        << spec.drop_reasons[reason].name << ": use StageContext::drop(reason, batch, row)";
  }
}

INSTANTIATE_TEST_SUITE_P(EveryStage, Example, testing::ValuesIn(example_cases()),
                         [](const auto& tested) { return tested.param.label; });

class Declaration : public testing::TestWithParam<const StageSpec*> {};

bool is_number(FieldKind kind) {
  return kind == FieldKind::kInt || kind == FieldKind::kFloat || kind == FieldKind::kBytes ||
         kind == FieldKind::kSeconds;
}

void expect_whole_field(const FieldSpec& field) {
  SCOPED_TRACE(field.name);
  EXPECT_FALSE(field.doc.empty());
  EXPECT_FALSE(field.required && !field.default_text.empty()) << "required with a default";
  if (is_number(field.kind)) {
    EXPECT_TRUE(field.min && field.max) << "numbers have bounds";
  }
  EXPECT_TRUE(field.kind != FieldKind::kChoice || field.choices.size() >= 2);
}

bool has_size(const StageSpec& spec, const std::string& name) {
  return std::any_of(spec.fields.begin(), spec.fields.end(), [&](const FieldSpec& field) {
    return field.name == name && field.kind == FieldKind::kBytes && !field.default_text.empty();
  });
}

TEST_P(Declaration, IsWhole) {
  const StageSpec& spec = *GetParam();
  EXPECT_FALSE(spec.summary.empty());
  EXPECT_EQ(spec.summary.find('\n'), std::string::npos);
  EXPECT_LE(code_points(spec.summary), 90u) << "fits a line of `shardmill stages`";
  EXPECT_FALSE(spec.examples.empty());
  EXPECT_NE(spec.bind, nullptr);
  std::set<std::string> names = {"use", "name"};
  for (const FieldSpec& field : spec.fields) {
    EXPECT_TRUE(names.insert(field.name).second) << field.name;
    expect_whole_field(field);
    EXPECT_TRUE(field.kind != FieldKind::kFile || has_size(spec, field.content_max_field))
        << field.name << ": content_max_field names a field of bytes with a default";
  }
  std::set<std::string> counts;
  for (const auto* list : {&spec.drop_reasons, &spec.counters}) {
    for (const NamedCount& count : *list) {
      EXPECT_TRUE(counts.insert(count.name).second) << count.name;
      EXPECT_FALSE(count.doc.empty()) << count.name;
    }
  }
  const bool summarises = spec.kind == StageKind::kSummarise;
  bool has_table = false;
  for (const StageExample& example : spec.examples) has_table |= !example.tables.empty();
  EXPECT_TRUE(has_table || !summarises) << "no example shows a table";
}

TEST_P(Declaration, FiltersAndSummariesCanSayWhatTheyDrop) {
  const StageSpec& spec = *GetParam();
  EXPECT_TRUE(spec.kind != StageKind::kFilter || !spec.drop_reasons.empty());
}

std::vector<const StageSpec*> specs() {
  std::vector<const StageSpec*> list;
  for (const StageSpec& spec : all_stages()) list.push_back(&spec);
  return list;
}

INSTANTIATE_TEST_SUITE_P(EveryStage, Declaration, testing::ValuesIn(specs()),
                         [](const auto& tested) { return tested.param->name; });

TEST(Registry, NamesAreUniqueAndSorted) {
  ASSERT_GT(all_stages().size(), 0u);
  for (size_t i = 1; i < all_stages().size(); ++i) {
    EXPECT_LT(all_stages()[i - 1].name, all_stages()[i].name);
  }
  for (size_t i = 1; i < all_inputs().size(); ++i) {
    EXPECT_LT(all_inputs()[i - 1].name, all_inputs()[i].name);
  }
}

TEST(Inputs, FieldsAreWholeAndNoneHasTheNameOfACommonOne) {
  std::set<std::string> common;
  for (const FieldSpec& field : input_fields()) {
    EXPECT_TRUE(common.insert(field.name).second) << field.name;
    EXPECT_FALSE(field.doc.empty());
    EXPECT_TRUE(!is_number(field.kind) || (field.min && field.max)) << field.name;
  }
  for (const InputSpec& input : all_inputs()) {
    SCOPED_TRACE(input.name);
    EXPECT_FALSE(input.summary.empty());
    EXPECT_FALSE(input.extensions.empty());
    for (const FieldSpec& field : input.fields) {
      EXPECT_FALSE(common.contains(field.name)) << field.name;
      expect_whole_field(field);
    }
  }
}

TEST(Docs, TheReferenceOfStagesIsFresh) {
  const std::string path = std::string(SHARDMILL_SOURCE_DIR) + "/docs/stages.md";
  EXPECT_TRUE(read_file(path) == stages_markdown())
      << "docs/stages.md is stale; mend it with: build/shardmill stages --markdown > "
         "docs/stages.md";
}

TEST(Docs, ThePageOfTheJobFileNamesEveryField) {
  const std::string page = read_file(std::string(SHARDMILL_SOURCE_DIR) + "/docs/job-file.md");
  const auto expect_named = [&](const std::vector<FieldSpec>& fields) {
    for (const FieldSpec& field : fields) {
      EXPECT_NE(page.find("`" + field.name + "`"), std::string::npos)
          << "docs/job-file.md does not explain " << field.name;
    }
  };
  expect_named(input_fields());
  expect_named(run_fields());
  expect_named(stage_fields());
  expect_named(test_fields());
  for (const InputSpec& input : all_inputs()) expect_named(input.fields);
}

TEST(Docs, TheJobOfTheReadmeIsAJob) {
  const std::string page = read_file(std::string(SHARDMILL_SOURCE_DIR) + "/README.md");
  const std::string fence = "```toml\n";
  const size_t begin = page.find(fence) + fence.size();
  Problems problems;
  const Job job =
      parse_job(page.substr(begin, page.find("```", begin) - begin), "README.md", {}, problems);
  EXPECT_EQ(problems_text("README.md", problems), "");
  EXPECT_EQ(job.stages.size(), 4u);
}

TEST(Docs, TheJobOfThePageRunsItsTest) {
  const std::string page = read_file(std::string(SHARDMILL_SOURCE_DIR) + "/docs/job-file.md");
  const std::string fence = "```toml\n";
  const size_t begin = page.find(fence) + fence.size();
  const std::string text = page.substr(begin, page.find("```", begin) - begin);
  Problems problems;
  const Job job = parse_job(text, "docs/job-file.md", {}, problems);
  ASSERT_EQ(problems_text("docs/job-file.md", problems), "");
  ASSERT_EQ(job.tests.size(), 1u);
  const Result<InMemoryRun> run = run_in_memory(job, joined_lines(job.tests[0].input), problems);
  ASSERT_TRUE(run.is_ok()) << run.status().message();
  EXPECT_THAT(compare_with_test(job.tests[0], *run), IsEmpty());
}

TEST(Docs, TheJobOfNewRunsItsTest) {
  Problems problems;
  const Job job = parse_job(new_job_text("odd \"name\""), "new.toml", {}, problems);
  ASSERT_EQ(problems_text("new.toml", problems), "");
  EXPECT_EQ(job.name, "odd \"name\"");
  ASSERT_EQ(job.tests.size(), 1u);
  const Result<InMemoryRun> run = run_in_memory(job, joined_lines(job.tests[0].input), problems);
  ASSERT_TRUE(run.is_ok()) << run.status().message();
  EXPECT_THAT(compare_with_test(job.tests[0], *run), IsEmpty());
}

}  // namespace
}  // namespace shardmill
