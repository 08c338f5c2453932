#include "pipeline/run/run_lock.h"

#include <fcntl.h>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <mutex>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "pipeline/base/hash.h"
#include "pipeline/base/message.h"
#include "pipeline/run/output_file.h"
#include "pipeline/run/read_whole.h"

namespace shardmill {

namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr std::string_view kMark = "shardmill run\n";
constexpr std::string_view kOwnPrefix =
    ".lock-";  ///< of a file that a newcomer makes, to be linked
constexpr uint64_t kLockBytesMax = 4096;
constexpr int kTriesToTake = 10;
constexpr double kOldAge = 10;  ///< in times of LockTimes::stale_seconds
constexpr double kBeatsOfATornLock = 3;

double seconds_of(Clock::duration time) {
  return std::chrono::duration<double>(time).count();
}

std::string host_name() {
  char name[256] = {};
  return ::gethostname(name, sizeof name - 1) == 0 ? name : "?";
}

/// Field 22 of /proc/PID/stat; 0 if there is no such process, or it has ended and only its parent
/// has not looked yet.
uint64_t start_of_process(int64_t process) {
  const std::string path = fmt::format("/proc/{}/stat", process);
  std::FILE* file = std::fopen(path.c_str(), "re");
  if (file == nullptr) return 0;
  char text[1024] = {};
  const size_t size = std::fread(text, 1, sizeof text - 1, file);
  std::fclose(file);
  std::string_view rest(text, size);
  rest.remove_prefix(std::min(rest.size(), rest.rfind(')') + 1));  // the name may hold anything
  if (rest.starts_with(" Z") || rest.starts_with(" X")) return 0;
  for (int field = 2; field < 21; ++field) {
    rest.remove_prefix(std::min(rest.size(), rest.find(' ', 1)));
  }
  uint64_t ticks = 0;
  if (!rest.empty()) std::from_chars(rest.data() + 1, rest.data() + rest.size(), ticks);
  return ticks;
}

std::string utc_now() {
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time(nullptr)));
}

LockHolder this_process() {
  LockHolder holder = {.host = host_name(), .process = ::getpid(), .started = utc_now()};
  holder.process_start = start_of_process(holder.process);
  const auto now = Clock::now().time_since_epoch().count();
  holder.token =
      fmt::format("{:016x}", hash64(fmt::format("{} {} {}", holder.host, holder.process, now)));
  return holder;
}

std::string_view take_line(std::string_view& text, std::string_view key) {
  if (!text.starts_with(key)) return {};
  const size_t end = text.find('\n');
  if (end == std::string_view::npos) return {};
  const std::string_view value = text.substr(key.size(), end - key.size());
  text.remove_prefix(end + 1);
  return value;
}

template <typename T>
bool read_number(std::string_view text, T& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

/// Nothing if there is no file or it is being written.
std::optional<LockHolder> read_lock(const std::string& path) {
  const Result<std::string> text = read_whole(path, kLockBytesMax);
  LockHolder holder;
  if (!text.is_ok() || !LockHolder::parse(*text, holder)) return std::nullopt;
  return holder;
}

bool is_same(const std::optional<LockHolder>& a, const std::optional<LockHolder>& b) {
  if (!a || !b) return !a && !b;
  return a->token == b->token && a->beats == b->beats;
}

enum class Life : uint8_t { kAlive, kGone, kUnknown };

/// Only this host can be asked.
Life life_of(const LockHolder& holder) {
  if (holder.host != host_name()) return Life::kUnknown;
  const uint64_t start = start_of_process(holder.process);
  if (start == 0) return ::access("/proc/self/stat", R_OK) == 0 ? Life::kGone : Life::kUnknown;
  return start == holder.process_start ? Life::kAlive : Life::kGone;
}

Status refusal(const std::string& path, const LockHolder& holder) {
  return Status::usage(
      Message{.place = escaped(path.substr(0, path.rfind('/'))),
              .found = fmt::format("another run is at work in this run directory (process {} on "
                                   "{}, since {})",
                                   holder.process, escaped(holder.host), escaped(holder.started)),
              .expected = "none",
              .fix = "wait for it, or choose another --run-dir"}
          .text());
}

/// Ok once whoever has the lock is certainly gone.
Status outlast(const std::string& path, const LockTimes& times) {
  std::optional<LockHolder> seen = read_lock(path);
  Clock::time_point since = Clock::now();
  for (;;) {
    if (!seen && ::access(path.c_str(), F_OK) != 0) return {};
    const Life life = seen ? life_of(*seen) : Life::kUnknown;
    if (life == Life::kAlive) return refusal(path, *seen);
    // A lock is made whole: one that stays unreadable was torn by a crash.
    const double patience = seen ? times.stale_seconds : kBeatsOfATornLock * times.beat_seconds;
    if (life == Life::kGone || seconds_of(Clock::now() - since) >= patience) return {};
    std::this_thread::sleep_for(std::chrono::duration<double>(times.beat_seconds / 4));
    std::optional<LockHolder> now = read_lock(path);
    if (is_same(now, seen)) continue;
    if (now && seen && now->token == seen->token) return refusal(path, *now);  // it beats
    seen = std::move(now);
    since = Clock::now();
  }
}

/// Seconds since 1970 by the clock of the file system; 0 if there is no such file.
int64_t changed_at(const std::string& path) {
  struct stat status = {};
  return ::lstat(path.c_str(), &status) == 0 ? status.st_mtim.tv_sec : 0;
}

/// Own files of processes that are gone or, if that cannot be known, that are so old that nobody
/// waits any more. `own` was written just now.
void remove_forsaken(const std::string& folder, const std::string& own, double stale_seconds) {
  const int64_t now = changed_at(own);
  std::vector<std::string> forsaken;
  std::error_code error;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    const std::string path = at->path();
    const bool is_ours = at->path().filename().string().starts_with(kOwnPrefix);
    if (!is_ours || path.starts_with(own)) continue;
    const std::optional<LockHolder> holder = read_lock(path);
    const Life life = holder ? life_of(*holder) : Life::kUnknown;
    const bool is_old = static_cast<double>(now - changed_at(path)) > kOldAge * stale_seconds;
    if (life == Life::kGone || (life == Life::kUnknown && is_old)) forsaken.push_back(path);
  }
  for (const std::string& path : forsaken) ::unlink(path.c_str());
}

}  // namespace

std::string LockHolder::text() const {
  return fmt::format(
      "{}token {}\nhost {}\nprocess {}\nprocess_start {}\nstarted {}\nbeats {:020}\n", kMark, token,
      escaped(host), process, process_start, started, beats);
}

bool LockHolder::parse(std::string_view text, LockHolder& holder) {
  if (!text.starts_with(kMark)) return false;
  text.remove_prefix(kMark.size());
  holder.token = take_line(text, "token ");
  holder.host = take_line(text, "host ");
  const std::string_view process = take_line(text, "process ");
  const std::string_view start = take_line(text, "process_start ");
  holder.started = take_line(text, "started ");
  const std::string_view beats = take_line(text, "beats ");
  return !holder.token.empty() && read_number(process, holder.process) &&
         read_number(start, holder.process_start) && read_number(beats, holder.beats);
}

/// Writes the file again once a second, in place: it always has the same length.
class RunLock::Beat {
 public:
  Beat(std::string path, LockHolder holder, double seconds)
      : path_(std::move(path)),
        holder_(std::move(holder)),
        thread_([this, seconds] { run(seconds); }) {}
  ~Beat() {
    {
      const std::lock_guard lock(mutex_);
      over_ = true;
    }
    wake_.notify_all();
    thread_.join();
  }

 private:
  void run(double seconds) {
    std::unique_lock lock(mutex_);
    while (!wake_.wait_for(lock, std::chrono::duration<double>(seconds), [&] { return over_; })) {
      ++holder_.beats;
      // Another run's lock is never written to; that it is another's is found by `check`.
      const std::optional<LockHolder> now = read_lock(path_);
      if (!now || now->token != holder_.token) continue;
      const FileHandle file(::open(path_.c_str(), O_WRONLY | O_CLOEXEC | O_NOFOLLOW));
      if (file.is_open()) (void)write_at(file, 0, holder_.text(), path_);
    }
  }

  std::string path_;
  LockHolder holder_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool over_ = false;
  std::thread thread_;
};

RunLock::RunLock(std::string path, LockHolder holder, const LockTimes& times)
    : path_(std::move(path)),
      holder_(std::move(holder)),
      beat_(std::make_unique<Beat>(path_, holder_, times.beat_seconds)) {}

RunLock::~RunLock() {
  beat_.reset();
  const std::optional<LockHolder> now = read_lock(path_);
  if (now && now->token == holder_.token) ::unlink(path_.c_str());
}

// The name is made by link, which fails if it is there: of two newcomers one wins. A stale lock is
// moved aside under a name of the newcomer's own; only one can move it.
Result<std::unique_ptr<RunLock>> RunLock::take(const std::string& folder, const LockTimes& times) {
  const std::string path = folder + "/lock";
  const LockHolder holder = this_process();
  const std::string own = folder + "/" + std::string(kOwnPrefix) + holder.token;
  const auto write_own = [&]() -> Status {
    FileHandle file(::open(own.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
    if (!file.is_open()) return file_error(own, "created", errno);
    RETURN_IF_ERROR(write_at(file, 0, holder.text(), own));
    return file.close(own);
  };
  const Status written = write_own();
  Status status = written;
  for (int i = 0; status.is_ok() && i < kTriesToTake; ++i) {
    if (::link(own.c_str(), path.c_str()) == 0) {
      remove_forsaken(folder, own, times.stale_seconds);
      ::unlink(own.c_str());
      return std::unique_ptr<RunLock>(new RunLock(path, holder, times));
    }
    if (errno != EEXIST) {
      status = file_error(path, "created", errno);
      break;
    }
    if (::access(path.c_str(), R_OK) != 0 && errno == EACCES) {
      status = file_error(path, "read", EACCES);
      break;
    }
    const std::optional<LockHolder> before = read_lock(path);
    status = outlast(path, times);
    if (!status.is_ok()) break;
    const std::string aside = own + ".stale";
    if (std::rename(path.c_str(), aside.c_str()) != 0) continue;
    const std::optional<LockHolder> moved = read_lock(aside);
    const bool is_judged = before && moved && moved->token == before->token;
    const bool was_another = moved && !is_judged && life_of(*moved) != Life::kGone;
    if (was_another)
      (void)::link(aside.c_str(), path.c_str());  // a newcomer was quicker: give back
    ::unlink(aside.c_str());
  }
  ::unlink(own.c_str());
  if (!status.is_ok()) return status;
  return Status::failed(escaped(path) + ": the lock changes hands all the time; try again");
}

Status RunLock::check() const {
  const std::optional<LockHolder> now = read_lock(path_);
  if (now && now->token == holder_.token) return {};
  return Status::failed(
      Message{.place = escaped(path_),
              .found = now ? fmt::format("process {} on {} has taken this run directory over",
                                         now->process, escaped(now->host))
                           : "the lock of this run is gone",
              .expected = "that this run has it",
              .fix = "this run stops; the other one goes on"}
          .text());
}

bool may_be_locked(const std::string& folder) {
  const std::string path = folder + "/lock";
  if (::access(path.c_str(), F_OK) != 0) return false;
  const std::optional<LockHolder> holder = read_lock(path);
  return !holder || life_of(*holder) != Life::kGone;
}

bool has_run_lock(const std::string& folder) {
  const Result<std::string> text = read_whole(folder + "/lock", kLockBytesMax);
  return text.is_ok() && text->starts_with(kMark);
}

}  // namespace shardmill
