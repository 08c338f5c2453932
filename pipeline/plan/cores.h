// The parts of usable_cores (plan.h) that are functions of texts. Pure, any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace shardmill {

/// Cores that a cgroup v2 `cpu.max` allows: "150000 100000" is 1.5; nothing for "max 100000".
std::optional<double> cgroup_v2_quota(std::string_view cpu_max);

/// The path of `controller` in /proc/self/cgroup ("4:cpu,cpuacct:/a/b"); "" asks for version 2
/// ("0::/a/b"). Empty if it is not there.
std::string cgroup_path(std::string_view proc_self_cgroup, std::string_view controller);

struct CoreLimits {
  unsigned affinity = 1;            ///< processors in the affinity mask
  std::optional<double> quota;      ///< cores by cgroup
  std::string slurm_cpus_per_task;  ///< as in the environment; empty if unset
};

/// The smallest of all limits, at least 1; part of a core counts as one.
unsigned combined_cores(const CoreLimits& limits);

}  // namespace shardmill
