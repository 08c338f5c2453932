#include "pipeline/base/parallel.h"

#include <algorithm>
#include <atomic>
#include <future>
#include <system_error>
#include <vector>

namespace shardmill {

void for_each_parallel(size_t items, size_t threads,
                       const std::function<void(size_t thread, size_t item)>& work) {
  std::atomic<size_t> next = 0;
  const auto work_on = [&](size_t thread) {
    try {
      for (size_t item = next++; item < items; item = next++) work(thread, item);
    } catch (...) {
      next = items;
      throw;
    }
  };
  std::vector<std::future<void>> others;
  for (size_t thread = 1; thread < std::min(threads, items); ++thread) {
    try {
      others.push_back(std::async(std::launch::async, work_on, thread));
    } catch (const std::system_error&) {
      break;  // no more threads here: those that there are do it all
    }
  }
  work_on(0);  // if it throws, the futures wait for their threads
  for (std::future<void>& other : others) other.get();
}

}  // namespace shardmill
