// A program that takes lines and gives lines, with all that can go wrong told as errors.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/base/status.h"
#include "pipeline/base/child_process.h"

namespace shardmill {

/// What is run, and how far it may go. Immutable; any thread.
struct LineProgramSettings {
  std::string name;                      ///< for messages: what the user wrote
  std::string path;                      ///< of the file to execute
  std::vector<std::string> arguments;    ///< the first is the program's own name
  std::vector<std::string> environment;  ///< "NAME=value", all of it
  std::chrono::duration<double> timeout{300};
  uint64_t line_bytes_max = 64 << 20;    ///< of a line that it prints
  uint64_t output_bytes_max = 64 << 20;  ///< of all that one process prints
};

/// Runs the program, one process at a time. Reads while it writes, so neither side can block the
/// other; its memory is one line and ChildProcess::kReadBytes. Every error ends the process, is of
/// the code kBadFile and names the program. One thread.
class LineProgram {
 public:
  /// Takes a line without its "\n"; the view dies with the call. An error ends the process, too.
  using TakeLine = std::function<Status(std::string_view line)>;

  /// `settings` must outlive this.
  explicit LineProgram(const LineProgramSettings& settings) : settings_(settings) {}

  /// Starts a process; `more_environment` is added. kFailed if it cannot be started. Once `stopped`
  /// (which may be nullptr) is true, all that waits for the program gives up with kFailed. A signal
  /// that stops the run may end the program first: that is no error of the program's.
  Status start(const std::vector<std::string>& more_environment, const std::atomic<bool>* stopped);
  bool is_running() const { return child_ != nullptr; }

  /// Writes `bytes`; meanwhile and afterwards hands over what has been printed so far. Returns
  /// early if the program has closed its input: what it did not read is for the caller to judge.
  /// REQUIRES: is_running().
  Status send(std::string_view bytes, const TakeLine& take);

  /// Ends the input and hands over all the rest. Ok if the program then ends with exit code 0.
  /// REQUIRES: is_running().
  Status finish(const TakeLine& take);

  /// Kills the process, if there is one.
  void stop() { child_.reset(); }

  /// An error about the program: `program "name" <found>, expected <expected>; <fix>`, with the
  /// last line of what it printed as errors.
  Status error(const std::string& found, const std::string& expected, const std::string& fix) const;

 private:
  using Clock = std::chrono::steady_clock;

  Status move(std::string_view& input, ChildProcess::Milliseconds wait, const TakeLine& take);
  Status check_progress();
  Status take_lines(size_t fresh, const TakeLine& take);
  Status read_rest(const TakeLine& take);
  Status wait_for_end();
  Status stop_with(Status status);
  Status exit_status();
  bool is_stopped() const { return stopped_ != nullptr && *stopped_; }
  bool is_stopped_with(const ChildEnd& end) const;

  const LineProgramSettings& settings_;
  std::unique_ptr<ChildProcess> child_;
  std::string output_;  ///< from the start of a line that is not whole yet
  uint64_t output_bytes_ = 0;
  Clock::time_point last_move_;
  const std::atomic<bool>* stopped_ = nullptr;
};

}  // namespace shardmill
