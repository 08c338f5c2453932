#include "pipeline/run/team.h"

#include <thread>
#include <vector>

#include "pipeline/base/check.h"

#ifndef SHARDMILL_PLAIN_THREADS
#include <omp.h>
#endif

namespace shardmill {

namespace {

void run_plain_team(unsigned workers, const std::function<void(unsigned)>& thread,
                    const std::function<void(unsigned)>& worker) {
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < workers; ++i) threads.emplace_back(worker, i);
  thread(workers);
  for (std::thread& one : threads) one.join();
}

}  // namespace

#ifdef SHARDMILL_PLAIN_THREADS

void run_team(unsigned workers, const std::function<void(unsigned)>& thread,
              const std::function<void(unsigned)>& worker) {
  SHARDMILL_CHECK(workers > 0);
  run_plain_team(workers, thread, worker);
}

#else

void run_team(unsigned workers, const std::function<void(unsigned)>& thread,
              const std::function<void(unsigned)>& worker) {
  SHARDMILL_CHECK(workers > 0);
  bool alone = false;
  omp_set_dynamic(0);
#pragma omp parallel num_threads(static_cast <int>(workers) + 1)
  {
    const int me = omp_get_thread_num();
    const int all = omp_get_num_threads();
    if (all == 1) {
      alone = true;  // OMP_THREAD_LIMIT=1: the communicating thread cannot be a worker as well
    } else if (me == 0) {
      thread(static_cast<unsigned>(all) - 1);
    } else {
      worker(static_cast<unsigned>(me) - 1);
    }
  }
  if (alone) run_plain_team(1, thread, worker);
}

#endif

}  // namespace shardmill
