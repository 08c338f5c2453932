#include "pipeline/base/process.h"

#include <fmt/format.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

namespace shardmill {

ProcessLook look_at_process(int64_t process) {
  const std::string path = fmt::format("/proc/{}/stat", process);
  std::FILE* file = std::fopen(path.c_str(), "re");
  if (file == nullptr) return {};
  char text[1024] = {};
  const size_t size = std::fread(text, 1, sizeof text - 1, file);
  std::fclose(file);
  std::string_view rest(text, size);
  rest.remove_prefix(std::min(rest.size(), rest.rfind(')') + 1));  // the name may hold anything
  ProcessLook look = {.is_seen = !rest.empty(),
                      .has_ended = rest.starts_with(" Z") || rest.starts_with(" X")};
  for (int field = 2; field < 21; ++field) {
    rest.remove_prefix(std::min(rest.size(), rest.find(' ', 1)));
  }
  if (!rest.empty()) std::from_chars(rest.data() + 1, rest.data() + rest.size(), look.start);
  return look;
}

double process_age_seconds() {
  const ProcessLook look = look_at_process(::getpid());
  timespec now = {};
  if (look.start == 0 || ::clock_gettime(CLOCK_BOOTTIME, &now) != 0) return 0;
  const double since_boot =
      static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
  const double start =
      static_cast<double>(look.start) / static_cast<double>(::sysconf(_SC_CLK_TCK));
  return std::max(0.0, since_boot - start);
}

uint64_t peak_rss_bytes() {
  // VmHWM is this program's own; ru_maxrss also remembers what started it.
  if (std::FILE* file = std::fopen("/proc/self/status", "re")) {
    char line[256];
    uint64_t kibibytes = 0;
    while (std::fgets(line, sizeof line, file) != nullptr) {
      if (std::strncmp(line, "VmHWM:", 6) == 0) kibibytes = std::strtoull(line + 6, nullptr, 10);
    }
    std::fclose(file);
    if (kibibytes > 0) return kibibytes * 1024;
  }
  rusage usage = {};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<uint64_t>(usage.ru_maxrss) * 1024;
}

}  // namespace shardmill
