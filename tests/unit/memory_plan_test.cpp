// What a rank may use, from the texts of Linux and Slurm, and what of it is spoken for.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "pipeline/plan/memory.h"
#include "tests/support/engine_doubles.h"

namespace shardmill {
namespace {

using testing::HasSubstr;

constexpr uint64_t kMiB = 1 << 20;
constexpr uint64_t kGiB = 1 << 30;

ReadText files(std::map<std::string, std::string> texts) {
  return [texts](const std::string& path) -> std::optional<std::string> {
    const auto found = texts.find(path);
    return found == texts.end() ? std::nullopt : std::optional(found->second);
  };
}

TEST(CgroupMemory, IsTheSmallestOfAllFoldersAbove) {
  EXPECT_EQ(cgroup_memory(files({{"/proc/self/cgroup", "0::/slurm/job_7/step_0\n"},
                                 {"/sys/fs/cgroup/slurm/job_7/step_0/memory.max", "max\n"},
                                 {"/sys/fs/cgroup/slurm/job_7/memory.max", "2147483648\n"},
                                 {"/sys/fs/cgroup/slurm/memory.max", "8589934592\n"}})),
            2 * kGiB);
}

TEST(CgroupMemory, OfAContainerStandsAtTheRootOfItsMount) {
  EXPECT_EQ(cgroup_memory(files({{"/proc/self/cgroup", "0::/not/seen/inside\n"},
                                 {"/sys/fs/cgroup/memory.max", "1073741824\n"}})),
            kGiB);
}

TEST(CgroupMemory, OfVersionOneCountsToo) {
  const std::string groups = "9:cpu,cpuacct:/x\n4:memory:/slurm/job_7\n";
  EXPECT_EQ(cgroup_memory(
                files({{"/proc/self/cgroup", groups},
                       {"/sys/fs/cgroup/memory/slurm/job_7/memory.limit_in_bytes", "536870912\n"},
                       {"/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n"}})),
            512 * kMiB);
}

TEST(CgroupMemory, IsNothingWithoutALimit) {
  EXPECT_EQ(cgroup_memory(files({})), std::nullopt);
  EXPECT_EQ(cgroup_memory(files({{"/proc/self/cgroup", "0::/a\n"},
                                 {"/sys/fs/cgroup/a/memory.max", "max\n"},
                                 {"/sys/fs/cgroup/memory.max", "rubbish"}})),
            std::nullopt);
  EXPECT_EQ(cgroup_memory(
                files({{"/proc/self/cgroup", "4:memory:/\n"},
                       {"/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n"}})),
            std::nullopt);
}

TEST(NodeMemory, IsMemTotal) {
  EXPECT_EQ(node_memory(files({{"/proc/meminfo",
                                "MemFree: 1 kB\nMemTotal:       25165824 kB\nSwapTotal: 7 kB\n"}})),
            24 * kGiB);
  EXPECT_EQ(node_memory(files({{"/proc/meminfo", "MemTotal: lots\n"}})), std::nullopt);
  EXPECT_EQ(node_memory(files({})), std::nullopt);
}

TEST(SlurmMemory, IsWhatTheJobHasOnThisNode) {
  const auto node = slurm_memory(files({{"SLURM_MEM_PER_NODE", "4096"}}));
  ASSERT_TRUE(node);
  EXPECT_EQ(node->bytes, 4 * kGiB);
  EXPECT_EQ(node->text, "Slurm's 4.00 GiB for the node");
  const auto cpus =
      slurm_memory(files({{"SLURM_MEM_PER_CPU", "2048"}, {"SLURM_CPUS_ON_NODE", "8"}}));
  ASSERT_TRUE(cpus);
  EXPECT_EQ(cpus->bytes, 16 * kGiB);
  EXPECT_EQ(cpus->text, "Slurm's 2.00 GiB for each of 8 CPUs");
  const auto gpus =
      slurm_memory(files({{"SLURM_MEM_PER_GPU", "1024"}, {"SLURM_GPUS_ON_NODE", "2"}}));
  ASSERT_TRUE(gpus);
  EXPECT_EQ(gpus->bytes, 2 * kGiB);
  EXPECT_EQ(gpus->text, "Slurm's 1.00 GiB for each of 2 GPUs");
}

TEST(SlurmMemory, IsNothingWhereSlurmSaysNothingOrAll) {
  EXPECT_FALSE(slurm_memory(files({})));
  EXPECT_FALSE(slurm_memory(files({{"SLURM_MEM_PER_NODE", "0"}})));
  EXPECT_FALSE(slurm_memory(files({{"SLURM_MEM_PER_CPU", "2048"}})));
  EXPECT_FALSE(slurm_memory(files({{"SLURM_MEM_PER_NODE", "-4"}})));
}

TEST(DefaultMemory, IsAShareOfTheNodeForEachRank) {
  const RankMemory one = default_memory({.cgroup = {}, .slurm = {}, .node = 100 * kGiB}, 1);
  EXPECT_EQ(one.bytes, 80 * kGiB);
  EXPECT_EQ(one.text(), "80.0 GiB per rank (80 % of the node's 100 GiB)");
  const RankMemory four = default_memory({.cgroup = {}, .slurm = {}, .node = 100 * kGiB}, 4);
  EXPECT_EQ(four.bytes, 20 * kGiB);
  EXPECT_EQ(four.text(), "20.0 GiB per rank (80 % of the node's 100 GiB, 4 ranks)");
}

TEST(DefaultMemory, IsTheLeastThatAnybodyAllows) {
  MemoryLimits limits = {.cgroup = 10 * kGiB, .slurm = {}, .node = 100 * kGiB};
  EXPECT_EQ(default_memory(limits, 3).source, "90 % of the cgroup's 10.0 GiB, 3 ranks");
  EXPECT_EQ(default_memory(limits, 3).bytes, 10 * kGiB / 100 * 90 / 3);
  limits.slurm = {.bytes = 5 * kGiB, .text = "Slurm's 5.00 GiB for the node"};
  EXPECT_EQ(default_memory(limits, 1).source, "90 % of Slurm's 5.00 GiB for the node");
  limits.cgroup = kGiB;
  EXPECT_EQ(default_memory(limits, 1).source, "90 % of the cgroup's 1.00 GiB");
  EXPECT_EQ(default_memory({}, 1).bytes, kGiB);
}

TEST(DefaultMemory, IsKnownForThisProcess) {
  const MemoryLimits limits = memory_limits();
  ASSERT_TRUE(limits.node);
  EXPECT_GT(*limits.node, 256 * kMiB);
  EXPECT_EQ(memory_of_rank(123 * kMiB, 2).text(), "123 MiB per rank (as asked)");
  EXPECT_LT(memory_of_rank(0, 1).bytes, *limits.node);
}

MemoryPlan some_plan(uint64_t bytes) {
  return {.share = {.bytes = bytes, .source = "as asked"},
          .threads = 2,
          .rows = {{.what = "program", .bytes = 30 * kMiB, .lower = ""},
                   {.what = "2 x one long record",
                    .bytes = 128 * kMiB,
                    .lower = "input.record_bytes_max"}},
          .outside_heap = 10 * kMiB};
}

TEST(MemoryPlan, LeavesTheRestToTables) {
  const MemoryPlan plan = some_plan(256 * kMiB);
  EXPECT_EQ(plan.fixed_bytes(), 158 * kMiB);
  EXPECT_EQ(plan.table_bytes(), 98 * kMiB - 98 * kMiB / 8);
  EXPECT_EQ(plan.check().message(), "");
  EXPECT_EQ(plan.heap_bytes_most(40 * kMiB, 15 * kMiB), (256 - 10 - 25) * kMiB);
  EXPECT_EQ(plan.next_memory(), "512MiB");
  EXPECT_THAT(plan.lines(),
              testing::ElementsAre("256 MiB per rank (as asked)", "  30.0 MiB  program",
                                   "   128 MiB  2 x one long record",
                                   "  12.2 MiB  sorting and saving tables", "  85.8 MiB  tables"));
}

TEST(MemoryPlan, IsRefusedWhereTheRestIsTooLittle) {
  const Status status = some_plan(161 * kMiB).check();
  EXPECT_EQ(status.code(), Code::kUsage);
  EXPECT_EQ(status.message(),
            "memory: 161 MiB per rank (as asked) cannot hold what 2 workers need beside tables: "
            "128 MiB for 2 x one long record, 30.0 MiB for program, expected at least 162 MiB; "
            "raise memory to 162 MiB or more, use fewer threads (--threads), lower "
            "input.record_bytes_max");
  EXPECT_TRUE(some_plan(162 * kMiB).check().is_ok());
  EXPECT_EQ(some_plan(100 * kMiB).table_bytes(), 0u);
  EXPECT_EQ(some_plan(kMiB).heap_bytes_most(40 * kMiB, 15 * kMiB), 1u);
}

TEST(MemoryPlan, CountsWhatEachWorkerHolds) {
  DoubleWorld world;
  world.files["a"].content = "one\n";
  const Plan plan = plan_for(world);
  const RankMemory share = {.bytes = kGiB, .source = "as asked"};
  const uint64_t one = plan_memory(*plan.bound, &plan, 1, share, 0).fixed_bytes();
  const uint64_t two = plan_memory(*plan.bound, &plan, 2, share, 0).fixed_bytes();
  EXPECT_GT(two - one, plan.bound->job.input.limits.record_bytes_max);
  plan.bound->decoder_bytes = 50 * kMiB;
  EXPECT_EQ(plan_memory(*plan.bound, &plan, 2, share, 0).fixed_bytes(), two + 100 * kMiB);
  EXPECT_EQ(plan_memory(*plan.bound, &plan, 1, share, 7 * kMiB).fixed_bytes(), one + 57 * kMiB);
}

TEST(DecoderBytes, FollowFromTheNameOfTheFile) {
  EXPECT_EQ(decoder_bytes_of("a.csv", 128 * kMiB), 0u);
  EXPECT_EQ(decoder_bytes_of("a.csv.gz", 128 * kMiB), 10 * kMiB);
  EXPECT_EQ(decoder_bytes_of("a.csv.zst", 128 * kMiB), 129 * kMiB);
}

}  // namespace
}  // namespace shardmill
