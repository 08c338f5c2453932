#include "pipeline/run/stop.h"

#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <ctime>

#include "pipeline/base/message.h"
#include "pipeline/base/quantity.h"
#include "pipeline/base/text.h"

namespace shardmill {

namespace {

constexpr int kExitStopped = 75;
constexpr double kShareKept = 0.05;  ///< of a time limit, to write down what there is
constexpr double kKeptMost = 60;
constexpr double kKeptLeast = 2;

/// A handler can reach nothing else.
std::atomic<int> caught = 0;
std::atomic<int> caught_at = 0;
static_assert(std::atomic<int>::is_always_lock_free);

/// Seconds since boot, from 1 on; a handler may ask for it.
int whole_seconds() {
  timespec now = {};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<int>(now.tv_sec) + 1;
}

/// Many who send a signal send it twice, to the process and to its group.
extern "C" void on_stop_signal(int signal) {
  int first = 0;
  const int now = whole_seconds();
  if (caught_at.compare_exchange_strong(first, now)) {
    caught = signal;
  } else if (now - first > 1) {
    ::_exit(kExitStopped);
  }
}

std::string_view name_of(int signal) {
  switch (signal) {
    case SIGUSR1:
      return "USR1";
    case SIGTERM:
      return "TERM";
    default:
      return "INT";
  }
}

/// The job's number is digits: nothing else reaches the shell.
std::string ask_slurm(std::string_view job) {
  const bool is_number = !job.empty() && std::all_of(job.begin(), job.end(),
                                                     [](char c) { return c >= '0' && c <= '9'; });
  if (!is_number) return {};
  const std::string command = fmt::format("squeue -h -j {} -o %L 2>/dev/null", job);
  std::FILE* pipe = ::popen(command.c_str(), "re");
  if (pipe == nullptr) return {};
  std::array<char, 64> line = {};
  const bool has_line = std::fgets(line.data(), line.size(), pipe) != nullptr;
  ::pclose(pipe);
  return has_line ? std::string(line.data()) : std::string();
}

}  // namespace

void watch_stop_signals() {
  struct sigaction action = {};
  action.sa_handler = on_stop_signal;
  action.sa_flags = SA_RESTART;
  ::sigemptyset(&action.sa_mask);
  for (const int signal : {SIGUSR1, SIGTERM, SIGINT}) ::sigaction(signal, &action, nullptr);
}

std::optional<std::string> stop_signal() {
  const int signal = caught.load(std::memory_order_relaxed);
  if (signal == 0) return std::nullopt;
  return fmt::format("signal {}", name_of(signal));
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

Status check_time_limit(std::string_view text) {
  const Result<double> seconds = parse_seconds(text);
  if (text == "auto" || (seconds.is_ok() && *seconds > 0)) return {};
  return Status::usage(Message{.place = "shardmill",
                               .found = "--time-limit is " + quoted(text),
                               .expected = "a time like 01:00:00 or 90s, or auto",
                               .fix = "auto takes what Slurm leaves the job"}
                           .text());
}

double time_limit_seconds(std::string_view text) {
  if (text.empty()) return 0;
  if (text == "auto") {
    const char* job = std::getenv("SLURM_JOB_ID");
    return job == nullptr ? 0 : seconds_left_of_slurm(ask_slurm(job));
  }
  const Result<double> seconds = parse_seconds(text);
  return seconds.is_ok() ? *seconds : 0;
}

StopWatch::StopWatch(double seconds, double gone, std::string file) : file_(std::move(file)) {
  if (seconds <= 0) return;
  const double kept = std::clamp(seconds * kShareKept, kKeptLeast, kKeptMost);
  stop_after_seconds_ = std::max(std::max(seconds - kept, seconds / 2) - gone, 1e-9);
}

std::optional<std::string> StopWatch::wish() {
  const double elapsed = seconds_since(start_);
  if (stop_after_seconds_ > 0 && elapsed >= stop_after_seconds_) return "the time limit";
  if (file_.empty() || elapsed < next_look_) return std::nullopt;
  next_look_ = elapsed + 1;
  if (::access(file_.c_str(), F_OK) == 0) return "the file STOP in the run directory";
  return std::nullopt;
}

}  // namespace shardmill
