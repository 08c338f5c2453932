// A plan: schema, bound stages, what travels to the other ranks, and what a process may use.
#include "pipeline/plan/plan.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "pipeline/plan/cores.h"
#include "pipeline/plan/memory.h"
#include "tests/support/files.h"

namespace shardmill {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class PlanTest : public testing::Test {
 protected:
  std::string job_text(std::string_view stages, std::string_view input = "") const {
    return fmt::format("[input]\npaths = [\"{}\"]\n{}\n{}", folder_.path().string(), input, stages);
  }

  Result<Plan> plan(std::string_view stages, std::string_view input = "") {
    problems_ = Problems();
    Job job = parse_job(job_text(stages, input), "job.toml", {}, problems_);
    return make_plan(std::move(job), "", problems_);
  }

  TempFolder folder_;
  Problems problems_;
};

constexpr std::string_view kKeep =
    "[[stage]]\nuse = \"keep\"\nwhere = \"n > 1\"\n[[stage]]\nuse = \"count\"\n";

TEST_F(PlanTest, BindsStagesToTheColumnsOfTheFiles) {
  folder_.write("a.csv", "n,t\n1,x\n2,y\n");
  const Result<Plan> plan = this->plan(kKeep);
  ASSERT_TRUE(plan.is_ok()) << plan.status().message();
  const BoundJob& bound = *plan->bound;
  ASSERT_EQ(bound.schema.columns.size(), 2u);
  EXPECT_EQ(bound.schema.columns[0].type, Type::kInt);
  EXPECT_EQ(bound.stages.size(), 2u);
  EXPECT_EQ(plan->message.format, "csv");
  // Only the column that a stage reads is filled.
  EXPECT_TRUE(bound.slots.slots[0].used);
  EXPECT_FALSE(bound.slots.slots[1].used);
  EXPECT_EQ(plan->units.size(), 1u);
}

TEST_F(PlanTest, AllProblemsOfTheColumnsComeAtOnce) {
  folder_.write("a.csv", "n,t\n1,x\n");
  const Result<Plan> plan = this->plan(
      "[[stage]]\nuse = \"keep\"\nwhere = \"nn > 1\"\n"
      "[[stage]]\nuse = \"grep\"\npatterns = \"x\"\ncolumn = \"tt\"\n");
  ASSERT_FALSE(plan.is_ok());
  EXPECT_EQ(plan.status().code(), Code::kUsage);
  EXPECT_EQ(problems_.list().size(), 2u);
  EXPECT_THAT(plan.status().message(), HasSubstr("job.toml:6: "));
  EXPECT_THAT(plan.status().message(), HasSubstr("\"nn\""));
  EXPECT_THAT(plan.status().message(), HasSubstr("job.toml:10: there is no column \"tt\" here"));
}

TEST_F(PlanTest, ProgramsNeverSeeWhatAGuessedStartMakesOfACsvFile) {
  std::string rows = "n,t\n";
  while (rows.size() < 10'000) rows += "1,\"a\nb\"\n";
  folder_.write("a.csv", rows);
  EXPECT_GT(this->plan(kKeep, "unit_bytes = 1024")->units.size(), 5u);
  const std::string exec =
      "[[stage]]\nuse = \"exec\"\ncommand = [\"cat\"]\nformat = \"jsonl\"\ncolumns = [\"m\"]\n";
  const Result<Plan> with_exec = this->plan(exec, "unit_bytes = 1024");
  ASSERT_TRUE(with_exec.is_ok()) << with_exec.status().message();
  EXPECT_EQ(with_exec->units.size(), 1u);
}

TEST_F(PlanTest, TwoWritersOfOneFileAreAProblem) {
  folder_.write("a.txt", "x\n");
  const std::string write = "[[stage]]\nuse = \"write\"\npath = \"x.txt\"\n";
  const Result<Plan> plan = this->plan(write + write);
  ASSERT_FALSE(plan.is_ok());
  EXPECT_EQ(plan.status().message(),
            "job.toml:9: another stage writes to \"x.txt\" already, expected a path of its own; "
            "choose another path");
}

TEST_F(PlanTest, FieldsOfAnotherFormatAreAProblem) {
  folder_.write("a.txt", "x\n");
  const Result<Plan> plan = this->plan("[[stage]]\nuse = \"count\"\n", "delimiter = \";\"");
  ASSERT_FALSE(plan.is_ok());
  EXPECT_THAT(plan.status().message(),
              HasSubstr("job.toml:3: unknown key \"delimiter\" in [input] with format \"lines\""));
}

TEST_F(PlanTest, TooManyUnitsAreAProblemNotAFullMemory) {
  folder_.write("a.txt", "");
  std::filesystem::resize_file(folder_.path() / "a.txt", uint64_t{1} << 33);  // sparse
  const Result<Plan> plan = this->plan("[[stage]]\nuse = \"count\"\n", "unit_bytes = 1");
  ASSERT_FALSE(plan.is_ok());
  EXPECT_THAT(
      plan.status().message(),
      HasSubstr("units of 1 bytes cut 8,589,934,592 bytes into more than 50,000,000 units"));
}

TEST_F(PlanTest, OtherRanksBindTheSameJobFromTheMessage) {
  folder_.write("a.csv", "n,t\n1,x\n2,y\n");
  const Result<Plan> plan = this->plan(kKeep);
  ASSERT_TRUE(plan.is_ok());
  const Result<PlanMessage> message = PlanMessage::decode(plan->message.encode());
  ASSERT_TRUE(message.is_ok());
  const auto bound = bind_from_message(*message);
  ASSERT_TRUE(bound.is_ok()) << bound.status().message();
  EXPECT_EQ((*bound)->job.text, plan->bound->job.text);
  EXPECT_EQ((*bound)->schema.columns.size(), 2u);
  EXPECT_EQ((*bound)->slots.slots[0].used, true);
  EXPECT_EQ((*bound)->stages[1].name, "count");
}

TEST_F(PlanTest, DamagedMessagesAreRefused) {
  folder_.write("a.csv", "n,t\n1,x\n2,y\n");
  const Result<Plan> plan = this->plan(kKeep);
  ASSERT_TRUE(plan.is_ok());
  const std::string sound = plan->message.encode();
  for (size_t size = 0; size < sound.size(); ++size) {
    EXPECT_FALSE(PlanMessage::decode(std::string_view(sound).substr(0, size)).is_ok()) << size;
  }
  std::string type = sound;
  type.back() = '\x7f';
  EXPECT_FALSE(PlanMessage::decode(type).is_ok());
  EXPECT_FALSE(bind_from_message({.job_text = "x", .job_place = "p", .format = "csv"}).is_ok());
  EXPECT_FALSE(bind_from_message({.job_text = plan->message.job_text, .format = "odt"}).is_ok());
}

TEST_F(PlanTest, ExplainSaysWhatWouldRun) {
  folder_.write("a.csv", "n,t\n1,x\n2,y\n");
  folder_.write("b.csv", "n,t\n3,x\n");
  const Result<Plan> plan = this->plan(kKeep);
  ASSERT_TRUE(plan.is_ok());
  const MemoryPlan memory =
      plan_memory(*plan->bound, &*plan, 4, {.bytes = 1 << 30, .source = "as asked"}, 20 << 20);
  const std::string text = explain(*plan, memory);
  EXPECT_THAT(text, HasSubstr("job      job\n"));
  EXPECT_THAT(text, HasSubstr("input    2 files, 20 B, read as csv, below \""));
  EXPECT_THAT(text, HasSubstr("columns  n  int   used\n         t  text  \n"));
  EXPECT_THAT(text, HasSubstr("stages   0  keep  "));
  EXPECT_THAT(text, HasSubstr("units    1: 0 ranges of big files, 1 bundle, 0 whole files\n"));
  EXPECT_THAT(text, HasSubstr("memory   1.00 GiB per rank (as asked)\n"
                              "           26.0 MiB  program, plan and list of files\n"
                              "           26.0 MiB  4 x chunks and their columns\n"
                              "            256 MiB  4 x one long record\n"));
}

Manifest many_files(size_t count) {
  Manifest manifest;
  for (size_t i = 0; i < count; ++i) {
    manifest.files.push_back({.path = fmt::format("f{:07}", i), .size_bytes = 1 + i % 3});
  }
  return manifest;
}

TEST(Samples, AreAllFilesWhileTheyAreFew) {
  const SampleFiles samples = choose_samples(many_files(150));
  EXPECT_EQ(samples.headers.size(), 150u);
  EXPECT_EQ(samples.types.size(), 100u);
}

TEST(Samples, AreChosenByHashInManifestOrder) {
  const Manifest manifest = many_files(20000);
  const SampleFiles samples = choose_samples(manifest);
  EXPECT_EQ(samples.headers.size(), 10000u);
  EXPECT_EQ(samples.types.size(), 100u);
  const auto by_index = [](const FileSlice& a, const FileSlice& b) {
    return a.file_index < b.file_index;
  };
  EXPECT_TRUE(std::is_sorted(samples.headers.begin(), samples.headers.end(), by_index));
  EXPECT_TRUE(std::is_sorted(samples.types.begin(), samples.types.end(), by_index));
  // Spread over the whole manifest, not its start.
  EXPECT_GT(samples.types.back().file_index, 15000u);
  EXPECT_EQ(samples.types[0].path, manifest.files[samples.types[0].file_index].path);
}

TEST(Samples, LeaveEmptyFilesOut) {
  Manifest manifest = many_files(3);
  manifest.files[1].size_bytes = 0;
  EXPECT_EQ(choose_samples(manifest).headers.size(), 2u);
  for (ManifestFile& file : manifest.files) file.size_bytes = 0;
  EXPECT_EQ(choose_samples(manifest).headers.size(), 3u);
}

TEST(Cores, QuotasOfBothCgroupVersionsAreRead) {
  EXPECT_EQ(cgroup_v2_quota("150000 100000"), 1.5);
  EXPECT_EQ(cgroup_v2_quota("max 100000"), std::nullopt);
  EXPECT_EQ(cgroup_v2_quota(""), std::nullopt);
  EXPECT_EQ(cgroup_v2_quota("100000 0"), std::nullopt);
  const std::string_view groups = "5:memory:/m\n4:cpu,cpuacct:/slurm/job:1\n0::/user.slice/x\n";
  EXPECT_EQ(cgroup_path(groups, ""), "/user.slice/x");
  EXPECT_EQ(cgroup_path(groups, "cpu"), "/slurm/job:1");
  EXPECT_EQ(cgroup_path(groups, "cpuacct"), "/slurm/job:1");
  EXPECT_EQ(cgroup_path(groups, "pids"), "");
  EXPECT_EQ(cgroup_path("nonsense", "cpu"), "");
}

TEST(Cores, TheSmallestLimitCounts) {
  EXPECT_EQ(combined_cores({.affinity = 8}), 8u);
  EXPECT_EQ(combined_cores({.affinity = 8, .quota = 2.5}), 3u);
  EXPECT_EQ(combined_cores({.affinity = 8, .quota = 0.1}), 1u);
  EXPECT_EQ(combined_cores({.affinity = 8, .quota = 4.0, .slurm_cpus_per_task = "2"}), 2u);
  EXPECT_EQ(combined_cores({.affinity = 8, .slurm_cpus_per_task = "nonsense"}), 8u);
  EXPECT_EQ(combined_cores({.affinity = 0}), 1u);
  EXPECT_GE(usable_cores(), 1u);
}

}  // namespace
}  // namespace shardmill
