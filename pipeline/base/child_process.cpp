#include "pipeline/base/child_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "pipeline/base/message.h"
#include "pipeline/base/text.h"

namespace shardmill {

namespace {

constexpr int kFirstOwn = STDERR_FILENO + 1;
constexpr int kUnknownExitCode = -1;

/// All that the child needs to become the program, made before it exists.
struct Launch {
  const char* path = nullptr;
  char* const* arguments = nullptr;
  char* const* environment = nullptr;
  int input = -1;
  int output = -1;
  int errors = -1;
  pid_t parent = 0;
  int descriptors_end = 0;
};

void close_others(int end) {
#ifdef SYS_close_range
  if (::syscall(SYS_close_range, kFirstOwn, ~0U, 0) == 0) return;
#endif
  for (int descriptor = kFirstOwn; descriptor < end; ++descriptor) ::close(descriptor);
}

void reset_signals() {
  struct sigaction usual = {};
  usual.sa_handler = SIG_DFL;
  for (int signal = 1; signal < NSIG; ++signal) ::sigaction(signal, &usual, nullptr);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

/// The child's whole life until it is the program. It shares our memory meanwhile, so it may only
/// make system calls. Returns the error if one fails.
int become_program(const Launch& launch) {
  if (::setpgid(0, 0) != 0) return errno;
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) return errno;
  if (::getppid() != launch.parent) return ESRCH;  // it died before the kernel knew
  if (::dup2(launch.input, STDIN_FILENO) < 0) return errno;
  if (::dup2(launch.output, STDOUT_FILENO) < 0) return errno;
  if (::dup2(launch.errors, STDERR_FILENO) < 0) return errno;
  close_others(launch.descriptors_end);
  reset_signals();
  ::execve(launch.path, launch.arguments, launch.environment);
  return errno;
}

/// vfork, because a fork copies the page tables of all our memory, runs the handlers of MPI, and is
/// of no use in a process with threads. Signals must be blocked: a handler that ran in the child
/// would run in our memory.
__attribute__((noinline)) pid_t launch_child(const Launch& launch, volatile int& error) {
  const pid_t id = ::vfork();
  if (id == 0) {
    error = become_program(launch);
    ::_exit(127);
  }
  return id;
}

pid_t launch_with_signals_blocked(const Launch& launch, int& error) {
  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  volatile int child_error = 0;
  const pid_t id = launch_child(launch, child_error);
  error = id < 0 ? errno : child_error;
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (id > 0 && error != 0) {
    while (::waitpid(id, nullptr, 0) < 0 && errno == EINTR) {
    }
    return -1;
  }
  return id;
}

struct Pipe {
  Descriptor read;
  Descriptor write;
};

/// Above the three standard descriptors, which would be in the way in the child.
Descriptor moved_up(int descriptor) {
  if (descriptor >= kFirstOwn) return Descriptor(descriptor);
  const Descriptor low(descriptor);
  return Descriptor(::fcntl(low.get(), F_DUPFD_CLOEXEC, kFirstOwn));
}

bool open_pipe(Pipe& pipe) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return false;
  pipe.read = moved_up(ends[0]);
  pipe.write = moved_up(ends[1]);
  return pipe.read.is_open() && pipe.write.is_open();
}

/// Only our end: the program's is a description of its own.
bool make_non_blocking(const Descriptor& descriptor) {
  return ::fcntl(descriptor.get(), F_SETFL, O_NONBLOCK) == 0;
}

std::vector<char*> pointers_to(const std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (const std::string& text : texts) pointers.push_back(const_cast<char*>(text.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

int descriptors_end() {
  constexpr rlim_t kMost = 1 << 16;
  rlimit limit = {};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  return static_cast<int>(std::min(limit.rlim_cur, kMost));
}

bool is_program(const std::string& path) {
  struct stat about = {};
  return ::stat(path.c_str(), &about) == 0 && S_ISREG(about.st_mode) &&
         ::access(path.c_str(), X_OK) == 0;
}

/// Writes to a pipe that may have no reader any more without the signal that this would send to
/// the thread, whatever the process does with it.
ssize_t write_without_signal(int descriptor, std::string_view bytes) {
  sigset_t broken_pipe;
  sigset_t before;
  sigset_t pending;
  ::sigemptyset(&broken_pipe);
  ::sigaddset(&broken_pipe, SIGPIPE);
  ::sigpending(&pending);
  ::pthread_sigmask(SIG_BLOCK, &broken_pipe, &before);
  const ssize_t written = ::write(descriptor, bytes.data(), bytes.size());
  const int error = errno;
  if (written < 0 && error == EPIPE && ::sigismember(&pending, SIGPIPE) == 0) {
    const timespec now = {};
    while (::sigtimedwait(&broken_pipe, nullptr, &now) < 0 && errno == EINTR) {
    }
  }
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  errno = error;
  return written;
}

bool would_block(int error) {
  return error == EAGAIN || error == EWOULDBLOCK || error == EINTR;
}

}  // namespace

std::string find_program(std::string_view name) {
  if (name.empty()) return {};
  if (name.find('/') != std::string_view::npos) {
    return is_program(std::string(name)) ? std::string(name) : std::string();
  }
  const char* const folders = std::getenv("PATH");
  std::string_view rest = folders != nullptr ? folders : "/usr/bin:/bin";
  while (true) {
    const size_t colon = rest.find(':');
    const std::string_view folder = rest.substr(0, colon);
    const std::string path = std::string(folder.empty() ? "." : folder) + "/" + std::string(name);
    if (is_program(path)) return path;
    if (colon == std::string_view::npos) return {};
    rest.remove_prefix(colon + 1);
  }
}

Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
  if (this != &other) {
    reset();
    number_ = other.release();
  }
  return *this;
}

int Descriptor::release() {
  return std::exchange(number_, -1);
}

void Descriptor::reset() {
  if (number_ >= 0) ::close(release());
}

Result<std::unique_ptr<ChildProcess>> ChildProcess::start(
    const std::string& path, const std::vector<std::string>& arguments,
    const std::vector<std::string>& environment) {
  const auto failed = [&](int error) {
    return Status::failed(Message{
        .place = {},
        .found = "program " + quoted(path) + " cannot be started: " + std::strerror(error),
        .expected = {},
        .fix = {}}.text());
  };
  Pipe input;
  Pipe output;
  Pipe errors;
  if (!open_pipe(input) || !open_pipe(output) || !open_pipe(errors)) return failed(errno);
  for (const Descriptor* ours : {&input.write, &output.read, &errors.read}) {
    if (!make_non_blocking(*ours)) return failed(errno);
  }
  const std::vector<char*> argument_pointers = pointers_to(arguments);
  const std::vector<char*> environment_pointers = pointers_to(environment);
  int error = 0;
  const pid_t id = launch_with_signals_blocked({.path = path.c_str(),
                                                .arguments = argument_pointers.data(),
                                                .environment = environment_pointers.data(),
                                                .input = input.read.get(),
                                                .output = output.write.get(),
                                                .errors = errors.write.get(),
                                                .parent = ::getpid(),
                                                .descriptors_end = descriptors_end()},
                                               error);
  if (id < 0) return failed(error);
  return std::unique_ptr<ChildProcess>(
      new ChildProcess(id, std::move(input.write), std::move(output.read), std::move(errors.read)));
}

ChildProcess::ChildProcess(pid_t id, Descriptor input, Descriptor output, Descriptor errors)
    : id_(id), input_(std::move(input)), output_(std::move(output)), errors_(std::move(errors)) {}

ChildProcess::~ChildProcess() {
  end();
}

ChildProcess::Moved ChildProcess::exchange(std::string_view input, std::string& output,
                                           Milliseconds wait) {
  const bool writes = input_.is_open() && !input.empty();
  std::array<pollfd, 3> polled = {{{writes ? input_.get() : -1, POLLOUT, 0},
                                   {output_.get(), POLLIN, 0},
                                   {errors_.get(), POLLIN, 0}}};
  if (::poll(polled.data(), polled.size(), static_cast<int>(wait.count())) <= 0) return {};
  Moved moved;
  if (polled[2].revents != 0) read_errors();
  if (polled[1].revents != 0) moved.read = read_some(output);
  if (polled[0].revents != 0) moved.written = write_some(input);
  return moved;
}

size_t ChildProcess::write_some(std::string_view input) {
  const ssize_t written = write_without_signal(input_.get(), input);
  if (written >= 0) return static_cast<size_t>(written);
  if (!would_block(errno)) input_.reset();
  return 0;
}

size_t ChildProcess::read_some(std::string& output) {
  const size_t before = output.size();
  output.resize(before + kReadBytes);
  const ssize_t read = ::read(output_.get(), output.data() + before, kReadBytes);
  if (read == 0 || (read < 0 && !would_block(errno))) output_.reset();
  output.resize(before + static_cast<size_t>(std::max<ssize_t>(read, 0)));
  return output.size() - before;
}

bool ChildProcess::read_errors() {
  char bytes[16 << 10];
  const ssize_t read = ::read(errors_.get(), bytes, sizeof bytes);
  if (read == 0 || (read < 0 && !would_block(errno))) errors_.reset();
  if (read <= 0) return false;
  words_.append(bytes, static_cast<size_t>(read));
  if (words_.size() > kLastWordsBytes) words_.erase(0, words_.size() - kLastWordsBytes);
  return true;
}

bool ChildProcess::has_ended() {
  if (id_ == 0) return true;
  siginfo_t about = {};
  // The process stays a zombie, so that its number, and its group's, is nobody else's.
  const int result = ::waitid(P_PID, static_cast<id_t>(id_), &about, WEXITED | WNOHANG | WNOWAIT);
  return result == 0 ? about.si_pid == id_ : errno == ECHILD;
}

ChildEnd ChildProcess::end() {
  if (id_ == 0) return ended_;
  ::kill(-id_, SIGKILL);
  int status = 0;
  pid_t reaped = -1;
  do {
    reaped = ::waitpid(id_, &status, 0);
  } while (reaped < 0 && errno == EINTR);
  id_ = 0;
  if (reaped < 0) {
    ended_.exit_code = kUnknownExitCode;  // this process ignores the end of its children
  } else if (WIFSIGNALED(status)) {
    ended_.signal = WTERMSIG(status);
  } else {
    ended_.exit_code = WEXITSTATUS(status);
  }
  // What is still in the pipe; those who left the group may go on writing, so not to its end.
  for (int i = 0; i < 16 && errors_.is_open() && read_errors(); ++i) {
  }
  input_.reset();
  output_.reset();
  errors_.reset();
  return ended_;
}

std::string_view ChildProcess::last_words() const {
  const std::string_view words = trimmed(words_);
  const size_t newline = words.rfind('\n');
  return newline == std::string_view::npos ? words : trimmed(words.substr(newline + 1));
}

}  // namespace shardmill
