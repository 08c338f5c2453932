#include "pipeline/run/stop.h"

#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <ctime>

#include "pipeline/base/message.h"
#include "pipeline/base/quantity.h"
#include "pipeline/base/text.h"
#include "pipeline/run/read_whole.h"
#include "pipeline/run/slurm.h"

namespace shardmill {

namespace {

constexpr int kExitFailed = 3;
constexpr int kExitStopped = 75;
constexpr int kExitSignalBase = 128;
constexpr double kShareKept = 0.05;  ///< of a time limit, to write down what there is
constexpr double kKeptMost = 60;
constexpr double kKeptLeast = 2;

/// A handler can reach nothing else.
std::atomic<int> caught = 0;
std::atomic<int> caught_at = 0;
std::atomic<bool> can_resume_later = true;
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
    ::_exit(can_resume_later ? kExitStopped : kExitSignalBase + signal);
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

}  // namespace

void watch_stop_signals(bool resumes) {
  can_resume_later = resumes;
  struct sigaction action = {};
  action.sa_handler = on_stop_signal;
  action.sa_flags = SA_RESTART;
  ::sigemptyset(&action.sa_mask);
  for (const int signal : {SIGUSR1, SIGTERM, SIGINT}) ::sigaction(signal, &action, nullptr);
}

int exit_code_of_stop() {
  const int signal = caught.load(std::memory_order_relaxed);
  return signal == 0 ? kExitFailed : kExitSignalBase + signal;
}

std::optional<std::string> stop_signal() {
  const int signal = caught.load(std::memory_order_relaxed);
  if (signal == 0) return std::nullopt;
  return fmt::format("signal {}", name_of(signal));
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
  if (text == "auto") return slurm_seconds_left();
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
  if (::access(file_.c_str(), F_OK) != 0) return std::nullopt;
  const Result<std::string> text = read_whole(file_, kStopCommand.size() + 1);
  const bool is_command = text.is_ok() && text->starts_with(kStopCommand);
  return std::string(is_command ? kStopCommand : "the file STOP in the run directory");
}

}  // namespace shardmill
