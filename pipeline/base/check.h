// Assertions for our own mistakes. Always on: a wrong answer costs more than the test.
// Never for bad input, which is data (see status.h).
#pragma once

namespace shardmill {

/// Prints `file:line: check failed: expression` to standard error and aborts.
[[noreturn]] void check_failed(const char* expression, const char* file, int line);

}  // namespace shardmill

#define SHARDMILL_CHECK(condition)                               \
  do {                                                           \
    if (!(condition)) [[unlikely]]                               \
      ::shardmill::check_failed(#condition, __FILE__, __LINE__); \
  } while (false)
