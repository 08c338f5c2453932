#include "stages/support/line_program.h"

#include <fmt/format.h>
#include <signal.h>
#include <string.h>

#include <algorithm>
#include <array>
#include <thread>
#include <utility>

#include "pipeline/base/message.h"
#include "pipeline/base/quantity.h"

namespace shardmill {

namespace {

using Milliseconds = ChildProcess::Milliseconds;

/// How often a program that does not move is looked at.
constexpr Milliseconds kGlance(50);
/// What a program started may keep its output open after the program itself has ended.
constexpr Milliseconds kGrace(2000);

/// What a launcher or a batch system sends to all processes of a job.
constexpr std::array kStopSignals = {SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGUSR2, SIGXCPU};
/// A shell says by its exit code that a signal ended a program.
constexpr int kShellSignalBase = 128;
/// From a signal until the workers hear that the run stops.
constexpr Milliseconds kStopGrace(2500);

/// Not shown: why the run ends is told by others.
Status run_is_over() {
  return Status::failed("the run was stopped");
}

std::string said(std::string_view words) {
  return words.empty() ? " and said nothing" : ", saying " + quoted(words, 300);
}

std::string signal_text(int signal) {
  const char* const name = ::sigabbrev_np(signal);
  return name == nullptr ? fmt::format("signal {}", signal)
                         : fmt::format("signal {} (SIG{})", signal, name);
}

}  // namespace

Status LineProgram::error(const std::string& found, const std::string& expected,
                          const std::string& fix) const {
  return Status::bad_file(Message{.place = {},
                                  .found = "program " + quoted(settings_.name) + " " + found,
                                  .expected = expected,
                                  .fix = fix}
                              .text());
}

Status LineProgram::start(const std::vector<std::string>& more_environment,
                          const std::atomic<bool>* stopped) {
  stop();
  stopped_ = stopped;
  output_.clear();
  output_bytes_ = 0;
  std::vector<std::string> environment = settings_.environment;
  environment.insert(environment.end(), more_environment.begin(), more_environment.end());
  ASSIGN_OR_RETURN(child_, ChildProcess::start(settings_.path, settings_.arguments, environment));
  last_move_ = Clock::now();
  return {};
}

Status LineProgram::stop_with(Status status) {
  stop();
  return status;
}

Status LineProgram::send(std::string_view bytes, const TakeLine& take) {
  last_move_ = Clock::now();  // only the time that we wait for the program counts
  while (!bytes.empty() && child_->takes_input() && !child_->has_ended()) {
    RETURN_IF_ERROR(move(bytes, kGlance, take));
    RETURN_IF_ERROR(check_progress());
  }
  std::string_view nothing;
  return move(nothing, Milliseconds(0), take);
}

Status LineProgram::finish(const TakeLine& take) {
  child_->close_input();
  last_move_ = Clock::now();
  RETURN_IF_ERROR(read_rest(take));
  RETURN_IF_ERROR(wait_for_end());
  return exit_status();
}

/// Moves bytes once, both ways.
Status LineProgram::move(std::string_view& input, Milliseconds wait, const TakeLine& take) {
  const ChildProcess::Moved moved = child_->exchange(input, output_, wait);
  input.remove_prefix(moved.written);
  if (moved.written + moved.read > 0) last_move_ = Clock::now();
  output_bytes_ += moved.read;
  if (output_bytes_ > settings_.output_bytes_max) {
    const std::string most = format_bytes(settings_.output_bytes_max);
    return stop_with(error("printed more than " + most, "at most " + most,
                           "raise output_bytes_max if all of it is wanted"));
  }
  if (moved.read == 0) return {};
  const Status status = take_lines(moved.read, take);
  last_move_ = Clock::now();  // what later stages took is not the program's time
  return status;
}

Status LineProgram::check_progress() {
  if (is_stopped()) return stop_with(run_is_over());
  if (Clock::now() - last_move_ < settings_.timeout) return {};
  const std::string waited = format_seconds(settings_.timeout.count());
  child_->end();
  return stop_with(
      error("neither read nor printed anything for " + waited + said(child_->last_words()),
            "some of both", "raise timeout if it needs longer"));
}

/// Hands over the lines that are whole; the last `fresh` bytes of the output are new.
Status LineProgram::take_lines(size_t fresh, const TakeLine& take) {
  size_t begin = 0;
  size_t newline = output_.find('\n', output_.size() - fresh);
  while (newline != std::string::npos) {
    const std::string_view line(output_.data() + begin, newline - begin);
    if (line.size() > settings_.line_bytes_max) break;
    if (Status status = take(line); !status.is_ok()) return stop_with(std::move(status));
    begin = newline + 1;
    newline = output_.find('\n', begin);
  }
  output_.erase(0, begin);
  if (newline == std::string::npos && output_.size() <= settings_.line_bytes_max) return {};
  const std::string most = format_bytes(settings_.line_bytes_max);
  return stop_with(error("printed a line of more than " + most, "lines of at most " + most,
                         "raise line_bytes_max if they are longer"));
}

Status LineProgram::read_rest(const TakeLine& take) {
  std::string_view nothing;
  Clock::time_point ended_at = Clock::time_point::max();
  while (!child_->output_ended()) {
    RETURN_IF_ERROR(move(nothing, kGlance, take));
    if (child_->output_ended()) break;
    if (!child_->has_ended()) {
      RETURN_IF_ERROR(check_progress());
      continue;
    }
    ended_at = std::min(ended_at, Clock::now());
    if (Clock::now() - std::max(ended_at, last_move_) < kGrace) continue;
    RETURN_IF_ERROR(exit_status());
    return error("has ended, but what it started keeps its output open",
                 "no more output after its end", "let it wait for all that it starts");
  }
  if (output_.empty()) return {};
  const Status status = take(output_);
  return status.is_ok() ? status : stop_with(status);
}

Status LineProgram::wait_for_end() {
  Milliseconds pause(0);
  std::string_view nothing;
  std::string none;
  while (!child_->has_ended()) {
    child_->exchange(nothing, none, pause);
    RETURN_IF_ERROR(check_progress());
    pause = std::min(pause + Milliseconds(1), Milliseconds(20));
  }
  return {};
}

/// Whether the run stops, too, if it can be that one signal was meant for both.
bool LineProgram::is_stopped_with(const ChildEnd& end) const {
  const int signal = end.signal != 0 ? end.signal : end.exit_code - kShellSignalBase;
  const auto* known = std::find(kStopSignals.begin(), kStopSignals.end(), signal);
  if (stopped_ == nullptr || known == kStopSignals.end()) return is_stopped();
  const Clock::time_point start = Clock::now();
  while (!is_stopped() && Clock::now() - start < kStopGrace) {
    std::this_thread::sleep_for(kGlance / 5);
  }
  return is_stopped();
}

Status LineProgram::exit_status() {
  const ChildEnd end = child_->end();
  if (end.signal == 0 && end.exit_code == 0) return stop_with({});
  if (is_stopped_with(end)) return stop_with(run_is_over());
  const std::string how = end.signal != 0 ? "was ended by " + signal_text(end.signal)
                                          : fmt::format("ended with exit code {}", end.exit_code);
  return stop_with(error(how + said(child_->last_words()), "exit code 0",
                         "try it with the records of this file"));
}

}  // namespace shardmill
