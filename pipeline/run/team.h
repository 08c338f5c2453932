// The threads of a rank. The only place with OpenMP; with SHARDMILL_PLAIN_THREADS the same on
// std::thread, for ThreadSanitizer.
#pragma once

#include <functional>

namespace shardmill {

/// Runs `thread()` on the calling thread and `worker(0)` to `worker(n - 1)` each on one of its own;
/// returns when all have returned. n is `workers`, or fewer (at least 1) if the system gives fewer;
/// `thread` is told n. Nothing may throw.
void run_team(unsigned workers, const std::function<void(unsigned workers)>& thread,
              const std::function<void(unsigned worker)>& worker);

}  // namespace shardmill
