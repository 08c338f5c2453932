#include "pipeline/run/run_view.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "pipeline/base/message.h"
#include "pipeline/report/json_object.h"
#include "pipeline/report/sections.h"
#include "pipeline/run/attempt.h"
#include "pipeline/run/attempt_log.h"
#include "pipeline/run/checksums.h"
#include "pipeline/run/finished_run.h"

namespace shardmill {

namespace {

constexpr int kExitFailed = 3;
constexpr int kExitStopped = 75;
constexpr size_t kColumns = 100;
constexpr auto kGlance = std::chrono::milliseconds(50);

bool beats(const std::string& run_dir, const LockHolder& holder, double patience_seconds) {
  const Clock::time_point start = Clock::now();
  while (seconds_since(start) < patience_seconds) {
    std::this_thread::sleep_for(kGlance);
    const std::optional<LockHolder> now = read_run_lock(run_dir);
    if (!now || now->token != holder.token) return true;  // it is over, or another run's
    if (now->beats != holder.beats) return true;
  }
  return false;
}

RunState state_of_locked(const RunView& view, double patience_seconds) {
  const HolderLife life = life_of(*view.holder);
  if (life == HolderLife::kGone) return RunState::kCrashed;
  if (life == HolderLife::kUnknown && !beats(view.run_dir, *view.holder, patience_seconds)) {
    return RunState::kSilent;
  }
  const bool is_told = view.news && view.news->state == "running";
  return is_told ? RunState::kRunning : RunState::kStarting;
}

RunState state_of_unlocked(const RunView& view) {
  if (is_finished_run(view.run_dir)) return RunState::kFinished;
  if (view.news && view.news->state == "stopped") return RunState::kStopped;
  if (view.news && view.news->state == "failed") return RunState::kFailed;
  return RunState::kCrashed;
}

bool is_at_work(RunState state) {
  return state == RunState::kStarting || state == RunState::kRunning || state == RunState::kSilent;
}

/// How an attempt ended that has not told it.
std::string end_without_word(const RunView& view) {
  if (view.state == RunState::kFinished) return "finished";  // killed at its last step
  return is_at_work(view.state) ? "at work" : "killed";
}

/// A word that a shell takes as it is.
bool is_plain_word(std::string_view word) {
  return !word.empty() && word[0] != '-' && std::all_of(word.begin(), word.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("._-/+=:,").find(c) != std::string_view::npos;
  });
}

std::string what_to_do(const RunView& view) {
  switch (view.state) {
    case RunState::kStarting:
    case RunState::kRunning:
      return "touch " + escaped(view.run_dir) + "/STOP ends it softly";
    case RunState::kSilent:
      return "the same command takes it over once its counter has stood still for a minute";
    case RunState::kFinished:
      return "shardmill report " + escaped(view.run_dir) + " shows what was found";
    case RunState::kFailed:
      if (!view.can_resume) return "mend that, then give the same command again";
      break;
    case RunState::kCrashed:
    case RunState::kStopped:
      break;
  }
  if (!view.can_resume) return "the same command starts over: no checkpoint was written";
  if (!is_plain_word(view.run_dir)) return "the same command goes on";
  return fmt::format(
      "the same command goes on; where it was given, so does shardmill run "
      "{0}/job.toml --run-dir {0}",
      view.run_dir);
}

std::string holder_text(const RunView& view) {
  return fmt::format("process {} on {}", view.holder->process, escaped(view.holder->host));
}

std::string headline(const RunView& view) {
  std::string text(run_state_name(view.state));
  if (view.state == RunState::kCrashed) text += ", the run ended without a word";
  if (view.state == RunState::kSilent) text += ", no sign of life from";
  if (view.holder) text += (view.state == RunState::kSilent ? " " : ", ") + holder_text(view);
  return text;
}

}  // namespace

std::string_view run_state_name(RunState state) {
  switch (state) {
    case RunState::kStarting:
      return "starting";
    case RunState::kRunning:
      return "running";
    case RunState::kSilent:
      return "silent";
    case RunState::kCrashed:
      return "crashed";
    case RunState::kStopped:
      return "stopped";
    case RunState::kFailed:
      return "failed";
    case RunState::kFinished:
      return "finished";
  }
  return "?";
}

int RunView::exit_code() const {
  switch (state) {
    case RunState::kStarting:
    case RunState::kRunning:
    case RunState::kFinished:
      return 0;
    case RunState::kFailed:
      return kExitFailed;
    case RunState::kSilent:
    case RunState::kCrashed:
    case RunState::kStopped:
      break;
  }
  return kExitStopped;
}

std::string RunView::text() const {
  std::string out = fmt::format("{}: {}\n", escaped(run_dir), headline(*this));
  // What an attempt before told is no news of this one.
  if (news && state != RunState::kStarting) out += run_status_text(*news);
  if (attempts.size() > 1) out += attempts_table(attempts, {.width = kColumns, .paint = {}});
  return out +
         fmt::format("  {:<9} {}\n", is_at_work(state) ? "to stop" : "next", what_to_do(*this));
}

std::string RunView::json() const {
  JsonObject object;
  object.text("run_dir", run_dir).text("state", run_state_name(state));
  object.json("can_resume", can_resume ? "true" : "false");
  if (holder) {
    object.json("process", std::to_string(holder->process));
    object.text("host", holder->host);
  }
  std::string told = news ? news->json() : "null";
  if (told.ends_with('\n')) told.pop_back();
  object.json("status", told);
  return object.json("attempts", attempts_json(attempts)).str() + "\n";
}

Result<RunView> look_at_run(const std::string& run_dir, double patience_seconds) {
  RunView view;
  ASSIGN_OR_RETURN(view.run_dir, find_run(run_dir, "a run directory"));
  view.holder = read_run_lock(view.run_dir);
  view.news = read_run_status(view.run_dir);
  view.state = view.holder ? state_of_locked(view, patience_seconds) : state_of_unlocked(view);
  view.attempts = read_attempts(view.run_dir);
  if (!view.attempts.empty() && view.attempts.back().how.empty()) {
    view.attempts.back().how = end_without_word(view);
  }
  view.can_resume = can_resume(view.run_dir);
  return view;
}

}  // namespace shardmill
