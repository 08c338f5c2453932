// Short work on several threads where there is no worker team: before a run begins.
#pragma once

#include <cstddef>
#include <functional>

namespace shardmill {

/// Calls work(thread, item) once for each item below `items`, on at most `threads` threads, the
/// calling one among them; items are taken in order, thread numbers are below `threads`. Returns
/// when all is done. What `work` throws is thrown here, after all threads have ended; items that
/// nobody has begun then are left out. With one thread or one item nothing is started.
void for_each_parallel(size_t items, size_t threads,
                       const std::function<void(size_t thread, size_t item)>& work);

}  // namespace shardmill
