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
#include "pipeline/base/process.h"
#include "pipeline/base/text.h"
#include "pipeline/run/output_file.h"
#include "pipeline/run/read_whole.h"
#include "pipeline/run/slurm.h"

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

std::string link_target(const char* path) {
  char text[128] = {};
  const ssize_t size = ::readlink(path, text, sizeof text - 1);
  return size > 0 ? std::string(text, static_cast<size_t>(size)) : std::string();
}

/// See LockHolder::kernel. Empty also if /proc shows the processes of another namespace.
std::string own_kernel() {
  if (link_target("/proc/self") != std::to_string(::getpid())) return {};
  const std::string space = link_target("/proc/self/ns/pid");
  std::FILE* file = std::fopen("/proc/sys/kernel/random/boot_id", "re");
  char boot[64] = {};
  if (file != nullptr) {
    if (std::fgets(boot, sizeof boot, file) == nullptr) boot[0] = '\0';
    std::fclose(file);
  }
  const std::string_view id = trimmed(boot);
  return id.empty() || space.empty() ? std::string() : fmt::format("{} {}", id, space);
}

std::string utc_now() {
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time(nullptr)));
}

LockHolder this_process() {
  LockHolder holder = {.host = host_name(), .process = ::getpid(), .started = utc_now()};
  holder.process_start = look_at_process(holder.process).start;
  holder.kernel = own_kernel();
  holder.slurm_job = own_slurm_job();
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
  std::string asked;  ///< the token of which Slurm was asked
  for (;;) {
    if (!seen && ::access(path.c_str(), F_OK) != 0) return {};
    const HolderLife life = seen ? life_of(*seen) : HolderLife::kUnknown;
    if (life == HolderLife::kAlive) return refusal(path, *seen);
    if (life == HolderLife::kUnknown && seen && seen->token != asked) {
      asked = seen->token;
      if (slurm_job_has_ended(seen->slurm_job)) return {};
    }
    // A lock is made whole: one that stays unreadable was torn by a crash.
    const double patience = seen ? times.stale_seconds : kBeatsOfATornLock * times.beat_seconds;
    if (life == HolderLife::kGone || seconds_of(Clock::now() - since) >= patience) return {};
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
    const HolderLife life = holder ? life_of(*holder) : HolderLife::kUnknown;
    const bool is_old = static_cast<double>(now - changed_at(path)) > kOldAge * stale_seconds;
    if (life == HolderLife::kGone || (life == HolderLife::kUnknown && is_old))
      forsaken.push_back(path);
  }
  for (const std::string& path : forsaken) ::unlink(path.c_str());
}

}  // namespace

std::string LockHolder::text() const {
  return fmt::format(
      "{}token {}\nhost {}\nprocess {}\nprocess_start {}\nkernel {}\nslurm_job {}\nstarted {}\n"
      "beats {:020}\n",
      kMark, token, escaped(host), process, process_start, kernel, escaped(slurm_job), started,
      beats);
}

bool LockHolder::parse(std::string_view text, LockHolder& holder) {
  if (!text.starts_with(kMark)) return false;
  text.remove_prefix(kMark.size());
  holder.token = take_line(text, "token ");
  holder.host = take_line(text, "host ");
  const std::string_view process = take_line(text, "process ");
  const std::string_view start = take_line(text, "process_start ");
  holder.kernel = take_line(text, "kernel ");
  holder.slurm_job = take_line(text, "slurm_job ");
  holder.started = take_line(text, "started ");
  const std::string_view beats = take_line(text, "beats ");
  return !holder.token.empty() && read_number(process, holder.process) &&
         read_number(start, holder.process_start) && read_number(beats, holder.beats);
}

HolderLife life_of(const LockHolder& holder) {
  const bool can_be_asked = !holder.kernel.empty() && holder.kernel == own_kernel();
  if (!can_be_asked || holder.process <= 0) return HolderLife::kUnknown;
  const ProcessLook look = look_at_process(holder.process);
  if (!look.is_seen) {  // gone, or hidden from other users (hidepid)
    const bool is_gone = ::kill(static_cast<pid_t>(holder.process), 0) != 0 && errno == ESRCH;
    return is_gone ? HolderLife::kGone : HolderLife::kUnknown;
  }
  if (look.has_ended) return HolderLife::kGone;
  return look.start == holder.process_start ? HolderLife::kAlive : HolderLife::kGone;
}

/// Writes the file again once a second, in place: it always has the same length. It keeps the file
/// that this run made: under the name there may be another run's.
class RunLock::Beat {
 public:
  Beat(FileHandle file, LockHolder holder, double seconds)
      : file_(std::move(file)),
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
      (void)write_at(file_, 0, holder_.text(), "lock");
      // On network file systems others see it once a descriptor is closed.
      const FileHandle again(::fcntl(file_.get(), F_DUPFD_CLOEXEC, 0));
    }
  }

  FileHandle file_;
  LockHolder holder_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool over_ = false;
  std::thread thread_;
};

namespace {

/// What becomes the lock by a second name.
std::string own_name(const std::string& folder, const std::string& token) {
  return folder + "/" + std::string(kOwnPrefix) + token;
}

}  // namespace

RunLock::RunLock(LockKey key, LockHolder holder, FileHandle file, const LockTimes& times)
    : key_(std::move(key)),
      beat_(std::make_unique<Beat>(std::move(file), std::move(holder), times.beat_seconds)) {}

RunLock::~RunLock() {
  beat_.reset();
  const std::string folder = key_.path.substr(0, key_.path.rfind('/'));
  ::unlink(own_name(folder, key_.token).c_str());  // in case that it could not be done at first
  if (key_.check().is_ok()) ::unlink(key_.path.c_str());
}

// The name is made by link, which fails if it is there: of two newcomers one wins. A stale lock is
// moved aside under a name of the newcomer's own; only one can move it.
Result<std::unique_ptr<RunLock>> RunLock::take(const std::string& folder, const LockTimes& times) {
  const std::string path = folder + "/lock";
  const LockHolder holder = this_process();
  const std::string own = own_name(folder, holder.token);
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
      FileHandle file(::open(path.c_str(), O_WRONLY | O_CLOEXEC | O_NOFOLLOW));
      if (!file.is_open()) return file_error(path, "opened", errno);
      const LockKey key = {.path = path, .token = holder.token};
      RETURN_IF_ERROR(key.check());  // what was opened is what was made
      return std::unique_ptr<RunLock>(new RunLock(key, holder, std::move(file), times));
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
    const bool was_another = moved && !is_judged && life_of(*moved) != HolderLife::kGone;
    if (was_another)
      (void)::link(aside.c_str(), path.c_str());  // a newcomer was quicker: give back
    ::unlink(aside.c_str());
  }
  ::unlink(own.c_str());
  if (!status.is_ok()) return status;
  return Status::failed(escaped(path) + ": the lock changes hands all the time; try again");
}

Status LockKey::check() const {
  if (path.empty()) return {};
  const std::optional<LockHolder> now = read_lock(path);
  if (now && now->token == token) return {};
  return Status::failed(
      Message{.place = escaped(path),
              .found = now ? fmt::format("process {} on {} has taken this run directory over",
                                         now->process, escaped(now->host))
                           : "the lock of this run is gone",
              .expected = "that this run has it",
              .fix = "this run stops; the other one goes on"}
          .text());
}

void LockKey::encode(ByteWriter& writer) const {
  writer.text(path);
  writer.text(token);
}

LockKey LockKey::decode(ByteReader& reader) {
  LockKey key;
  key.path = reader.text();
  key.token = reader.text();
  return key;
}

std::optional<LockHolder> read_run_lock(const std::string& folder) {
  return read_lock(folder + "/lock");
}

bool may_be_locked(const std::string& folder) {
  const std::string path = folder + "/lock";
  if (::access(path.c_str(), F_OK) != 0) return false;
  const std::optional<LockHolder> holder = read_lock(path);
  return !holder || life_of(*holder) != HolderLife::kGone;
}

bool has_run_lock(const std::string& folder) {
  const Result<std::string> text = read_whole(folder + "/lock", kLockBytesMax);
  return text.is_ok() && text->starts_with(kMark);
}

}  // namespace shardmill
