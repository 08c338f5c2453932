// One suite for every communicator: here over threads of this process; tests/cluster/
// mpi_comm_check.cpp runs the same checks over processes.
#include "pipeline/comm/comm.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <atomic>

#include "tests/support/comm_checks.h"

namespace shardmill {
namespace {

class LocalRanks : public testing::TestWithParam<int> {};

TEST_P(LocalRanks, KeepEveryPromiseOfComm) {
  std::atomic<int> ranks = 0;
  run_local_ranks(GetParam(), [&](Comm& comm) {
    EXPECT_EQ(comm.size(), GetParam());
    EXPECT_EQ(check_comm(comm), "");
    ++ranks;
  });
  EXPECT_EQ(ranks, GetParam());
}

INSTANTIATE_TEST_SUITE_P(Comm, LocalRanks, testing::Values(1, 2, 5, 8));

TEST(SingleComm, KeepsEveryPromiseOfComm) {
  EXPECT_EQ(check_comm(*make_single_comm()), "");
}

TEST(Backoff, DoublesUpToItsLongestAndStartsAnew) {
  Backoff backoff;
  std::vector<unsigned> pauses;
  for (int i = 0; i < 9; ++i) pauses.push_back(backoff.next_microseconds());
  EXPECT_EQ(pauses, (std::vector<unsigned>{50, 100, 200, 400, 800, 1600, 3200, 5000, 5000}));
  EXPECT_EQ(backoff.next_microseconds(200), 200u);
  backoff.reset();
  EXPECT_EQ(backoff.next_microseconds(200), 50u);
}

TEST(Launcher, IsSeenInTheEnvironment) {
  for (const char* name : {"OMPI_COMM_WORLD_SIZE", "PMIX_RANK", "SLURM_STEP_ID"}) unsetenv(name);
  EXPECT_FALSE(launched_by_mpi());
  setenv("SLURM_STEP_ID", "0", 1);
  setenv("SLURM_NTASKS", "1", 1);
  EXPECT_FALSE(launched_by_mpi()) << "a single task needs no MPI";
  setenv("SLURM_NTASKS", "4", 1);
  EXPECT_TRUE(launched_by_mpi());
  unsetenv("SLURM_STEP_ID");
  EXPECT_FALSE(launched_by_mpi()) << "the batch script itself is no step";
  setenv("OMPI_COMM_WORLD_SIZE", "2", 1);
  EXPECT_TRUE(launched_by_mpi());
}

}  // namespace
}  // namespace shardmill
