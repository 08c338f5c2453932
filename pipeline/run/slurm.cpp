#include "pipeline/run/slurm.h"

#include <fmt/format.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <optional>

#include "pipeline/base/quantity.h"
#include "pipeline/base/text.h"

namespace shardmill {

namespace {

constexpr size_t kAnswerBytesMax = 4096;

struct JobName {
  std::string_view cluster;
  std::string_view number;
  uint64_t restarts = 0;
};

bool is_number(std::string_view text) {
  return !text.empty() && text.size() < 20 &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

std::optional<JobName> parse_job(std::string_view text) {
  const size_t first = text.find(' ');
  const size_t second = text.find(' ', first + 1);
  if (first == std::string_view::npos || second == std::string_view::npos) return std::nullopt;
  JobName job = {.cluster = text.substr(0, first),
                 .number = text.substr(first + 1, second - first - 1)};
  const std::string_view restarts = text.substr(second + 1);
  if (job.cluster.empty() || !is_number(job.number) || !is_number(restarts)) return std::nullopt;
  std::from_chars(restarts.data(), restarts.data() + restarts.size(), job.restarts);
  return job;
}

struct Answer {
  bool succeeded = false;
  std::string text;  ///< what it printed, errors too
};

/// REQUIRES: `job` is digits: nothing else reaches the shell.
Answer ask_squeue(std::string_view job, std::string_view what) {
  Answer answer;
  const std::string command = fmt::format("timeout 10 squeue -h -j {} -o {} 2>&1", job, what);
  std::FILE* pipe = ::popen(command.c_str(), "re");
  if (pipe == nullptr) return answer;
  std::array<char, 256> line = {};
  while (std::fgets(line.data(), line.size(), pipe) != nullptr) {
    if (answer.text.size() < kAnswerBytesMax) answer.text += line.data();
  }
  const int status = ::pclose(pipe);
  answer.succeeded = WIFEXITED(status) && WEXITSTATUS(status) == 0;
  return answer;
}

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string() : value;
}

}  // namespace

std::string own_slurm_job() {
  const std::string restarts = variable("SLURM_RESTART_COUNT");
  const std::string job = fmt::format("{} {} {}", variable("SLURM_CLUSTER_NAME"),
                                      variable("SLURM_JOB_ID"), restarts.empty() ? "0" : restarts);
  return parse_job(job) ? job : std::string();
}

std::string own_slurm_job_number() {
  const char* number = std::getenv("SLURM_JOB_ID");
  return number != nullptr && is_number(number) ? number : "";
}

bool slurm_job_has_ended(std::string_view text) {
  const std::string own_text = own_slurm_job();
  const std::optional<JobName> own = parse_job(own_text);
  const std::optional<JobName> job = parse_job(text);
  if (!own || !job || own->cluster != job->cluster) return false;
  if (own->number == job->number) return own->restarts > job->restarts;
  // Without more options squeue lists jobs that wait, run or come to their end.
  const Answer answer = ask_squeue(job->number, "%T");
  if (answer.succeeded) return trimmed(answer.text).empty();
  return answer.text.find("Invalid job id specified") != std::string::npos;
}

double slurm_seconds_left() {
  const std::string job = variable("SLURM_JOB_ID");
  if (!is_number(job)) return 0;
  const Answer answer = ask_squeue(job, "%L");
  return answer.succeeded ? seconds_left_of_slurm(answer.text) : 0;
}

double seconds_left_of_slurm(std::string_view text) {
  text = trimmed(text);
  if (text.empty() || text.find_first_not_of("0123456789:-") != std::string_view::npos) return 0;
  const bool minutes_only = text.find(':') == std::string_view::npos;
  const auto colons = std::count(text.begin(), text.end(), ':');
  std::string whole(text);
  if (!minutes_only && colons == 1) whole = "0:" + whole;
  const Result<double> seconds = parse_seconds(whole);
  return seconds.is_ok() ? *seconds : 0;
}

}  // namespace shardmill
