// Memory behind which nothing may be read.
#pragma once

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>

namespace shardmill {

/// Two pages, of which the second must not be touched.
class EndOfMemory {
 public:
  EndOfMemory() {
    void* const memory =
        mmap(nullptr, 2 * page_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED || mprotect(static_cast<char*>(memory) + page_, page_, PROT_NONE)) {
      ADD_FAILURE() << "no page that must not be touched";
    }
    bytes_ = static_cast<char*>(memory);
  }
  ~EndOfMemory() { munmap(bytes_, 2 * page_); }
  EndOfMemory(const EndOfMemory&) = delete;
  EndOfMemory& operator=(const EndOfMemory&) = delete;

  /// Behind the last byte of the first page, which may be written.
  char* end() { return bytes_ + page_; }

 private:
  const size_t page_ = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  char* bytes_ = nullptr;
};

}  // namespace shardmill
