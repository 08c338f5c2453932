// What Slurm knows of jobs, asked through its own commands; nothing where there is no Slurm.
#pragma once

#include <string>
#include <string_view>

namespace shardmill {

/// The Slurm job of this process, "CLUSTER JOB RESTARTS"; empty outside of one, or if the cluster
/// is not told: numbers of jobs mean something in their cluster only.
std::string own_slurm_job();

/// The number of the Slurm job of this process; empty outside of one.
std::string own_slurm_job_number();

/// True if it is certain that `job` (see own_slurm_job) has ended: it is of this process's cluster,
/// and Slurm does not list it any more, or this process is a later start of it. Takes up to 10 s.
bool slurm_job_has_ended(std::string_view job);

/// Seconds left of this process's job; 0 if there is none, or it has no limit.
double slurm_seconds_left();

/// What `squeue -o %L` says: "2-01:00:00", "59:30", "45"; 0 if it is no time ("UNLIMITED"). Pure.
double seconds_left_of_slurm(std::string_view text);

}  // namespace shardmill
