// What a process may use of its machine, from the texts that Linux and Slurm give.
#include "pipeline/plan/cores.h"

#include <sched.h>
#include <stdlib.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <sstream>
#include <string>
#include <thread>

#include "pipeline/base/text.h"
#include "pipeline/formats/numbers.h"
#include "pipeline/plan/plan.h"

namespace shardmill {

namespace {

/// The first line of a small file; empty if it cannot be read.
std::string first_line(const std::string& path) {
  std::ifstream in(path);
  std::string line;
  std::getline(in, line);
  return line;
}

std::string whole(const std::string& path) {
  std::ifstream in(path);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

std::optional<double> quota_of_v1(const std::string& folder) {
  int64_t quota = 0;
  int64_t period = 0;
  if (!parse_int(first_line(folder + "/cpu.cfs_quota_us"), quota) ||
      !parse_int(first_line(folder + "/cpu.cfs_period_us"), period)) {
    return std::nullopt;
  }
  if (quota <= 0 || period <= 0) return std::nullopt;
  return static_cast<double>(quota) / static_cast<double>(period);
}

/// The smallest quota from `path` up to the root of the mount.
template <typename Quota>
std::optional<double> smallest_up(const std::string& mount, std::string path, Quota quota_of) {
  std::optional<double> smallest;
  for (;;) {
    const std::optional<double> quota = quota_of(mount + path);
    if (quota) smallest = std::min(smallest.value_or(*quota), *quota);
    if (path.empty() || path == "/") return smallest;
    path.resize(path.rfind('/') == std::string::npos ? 0 : path.rfind('/'));
  }
}

unsigned affinity_cores() {
  // A fixed set holds 1,024 processors; larger machines need a larger one.
  for (int processors = 1024; processors <= 1 << 18; processors *= 4) {
    cpu_set_t* set = CPU_ALLOC(static_cast<size_t>(processors));
    const size_t bytes = CPU_ALLOC_SIZE(static_cast<size_t>(processors));
    const int failed = sched_getaffinity(0, bytes, set);
    const int count = failed == 0 ? CPU_COUNT_S(bytes, set) : 0;
    CPU_FREE(set);
    if (count > 0) return static_cast<unsigned>(count);
  }
  return std::max(1u, std::thread::hardware_concurrency());
}

}  // namespace

std::optional<double> cgroup_v2_quota(std::string_view cpu_max) {
  const size_t space = cpu_max.find(' ');
  if (space == std::string_view::npos) return std::nullopt;
  int64_t quota = 0;
  int64_t period = 0;
  if (!parse_int(cpu_max.substr(0, space), quota)) return std::nullopt;
  if (!parse_int(trimmed(cpu_max.substr(space + 1)), period)) return std::nullopt;
  if (quota <= 0 || period <= 0) return std::nullopt;
  return static_cast<double>(quota) / static_cast<double>(period);
}

std::string cgroup_path(std::string_view proc_self_cgroup, std::string_view controller) {
  while (!proc_self_cgroup.empty()) {
    const size_t end = std::min(proc_self_cgroup.find('\n'), proc_self_cgroup.size());
    const std::string_view line = proc_self_cgroup.substr(0, end);
    proc_self_cgroup.remove_prefix(std::min(end + 1, proc_self_cgroup.size()));
    const size_t first = line.find(':');
    const size_t second = first == std::string_view::npos ? first : line.find(':', first + 1);
    if (second == std::string_view::npos) continue;
    std::string names = ",";
    names += line.substr(first + 1, second - first - 1);
    names += ",";
    const bool wanted = controller.empty()
                            ? names == ",,"
                            : names.find("," + std::string(controller) + ",") != std::string::npos;
    if (wanted) return std::string(line.substr(second + 1));
  }
  return {};
}

unsigned combined_cores(const CoreLimits& limits) {
  unsigned cores = std::max(1u, limits.affinity);
  if (limits.quota) {
    cores = std::min(cores, static_cast<unsigned>(std::max(1.0, std::ceil(*limits.quota))));
  }
  int64_t slurm = 0;
  if (parse_int(limits.slurm_cpus_per_task, slurm) && slurm > 0) {
    cores = static_cast<unsigned>(std::min<int64_t>(cores, slurm));
  }
  return cores;
}

unsigned usable_cores() {
  const std::string groups = whole("/proc/self/cgroup");
  const auto v2 = [](const std::string& folder) {
    return cgroup_v2_quota(first_line(folder + "/cpu.max"));
  };
  std::optional<double> quota = smallest_up("/sys/fs/cgroup", cgroup_path(groups, ""), v2);
  if (!quota) {
    quota = smallest_up("/sys/fs/cgroup/cpu", cgroup_path(groups, "cpu"), quota_of_v1);
  }
  const char* slurm = getenv("SLURM_CPUS_PER_TASK");
  return combined_cores({.affinity = affinity_cores(),
                         .quota = quota,
                         .slurm_cpus_per_task = slurm == nullptr ? "" : slurm});
}

}  // namespace shardmill
