// Another program, run as a child of this process with pipes for its input, output and errors.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/base/status.h"

namespace shardmill {

/// Where the program `name` is: itself if it has a slash in it, otherwise found through PATH. Empty
/// if there is none that may be executed.
std::string find_program(std::string_view name);

/// A closed file descriptor, or one that is closed with its owner.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(other.release()) {}
  Descriptor& operator=(Descriptor&& other) noexcept;
  ~Descriptor() { reset(); }
  int get() const { return number_; }
  bool is_open() const { return number_ >= 0; }
  int release();
  void reset();

 private:
  int number_ = -1;
};

/// How a program ended.
struct ChildEnd {
  int exit_code = 0;
  int signal = 0;  ///< not 0: it ended the program, and there is no exit code
};

/// A running program. It leads a process group of its own, which is killed with it: whatever it
/// started is gone, too, unless that left the group. It gets none of our descriptors and default
/// signals; the kernel kills it when the thread that started it ends, so that a killed rank leaves
/// none behind (what it started itself then sees the end of its input and output). No signal
/// handler, and no signal of this process, is changed: any number of threads may have children. One
/// thread, the one that started it.
class ChildProcess {
 public:
  using Milliseconds = std::chrono::milliseconds;
  static constexpr size_t kReadBytes = 64 << 10;
  static constexpr size_t kLastWordsBytes = 2048;

  /// `path` is the program's file, `environment` all of it as "NAME=value". kFailed with the reason
  /// of the system if it cannot be started.
  static Result<std::unique_ptr<ChildProcess>> start(const std::string& path,
                                                     const std::vector<std::string>& arguments,
                                                     const std::vector<std::string>& environment);
  /// Kills the group.
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  struct Moved {
    size_t written = 0;
    size_t read = 0;
  };
  /// Waits at most `wait` until something can be moved, then writes what it can of `input` and
  /// appends what it can read, at most kReadBytes, to `output`. Errors that the program prints are
  /// taken as they come, the last of them kept. Never blocks otherwise.
  Moved exchange(std::string_view input, std::string& output, Milliseconds wait);

  void close_input() { input_.reset(); }
  /// False after close_input, and once the program does not read any more.
  bool takes_input() const { return input_.is_open(); }
  /// Nothing more will be read: all who had the output have closed it.
  bool output_ended() const { return !output_.is_open(); }
  /// Whether the program has ended; those that it started may live on.
  bool has_ended();

  /// Kills what is left of the group and waits for the program, which costs no time unless the
  /// kernel cannot kill it (stuck in a device).
  ChildEnd end();

  /// The last line, without white space around it, that it printed as an error.
  std::string_view last_words() const;
  pid_t id() const { return id_; }

 private:
  ChildProcess(pid_t id, Descriptor input, Descriptor output, Descriptor errors);
  size_t write_some(std::string_view input);
  size_t read_some(std::string& output);
  bool read_errors();

  pid_t id_;  ///< of the process and its group; 0 once it is reaped
  ChildEnd ended_;
  Descriptor input_;
  Descriptor output_;
  Descriptor errors_;
  std::string words_;  ///< the end of what it printed as errors
};

}  // namespace shardmill
