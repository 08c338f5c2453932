// A library to preload (LD_PRELOAD): something happens to one file at the moment when the program
// opens or reads it, once, as it would on a bad disk or by another program.
//
//   SHARDMILL_FAULT_PATH   the end of the file's path
//   SHARDMILL_FAULT        what happens:
//     at its opening       vanish, directory, fifo, shorten, lengthen, replace (by PATH.new)
//     at its first read    grow, shrink:SIZE, rewrite, unlink
//     at each read of the byte OFFSET     eio:OFFSET, and of the first COUNT reads  passing:COUNT
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

namespace {

struct Fault {
  std::string path_end;
  std::string kind;
  long number = 0;
};

const Fault& fault() {
  static const Fault the_fault = [] {
    Fault made;
    const char* path = std::getenv("SHARDMILL_FAULT_PATH");
    const char* what = std::getenv("SHARDMILL_FAULT");
    if (path == nullptr || what == nullptr) return made;
    made.path_end = path;
    made.kind = what;
    const size_t colon = made.kind.find(':');
    if (colon == std::string::npos) return made;
    made.number = std::atol(made.kind.c_str() + colon + 1);
    made.kind.resize(colon);
    return made;
  }();
  return the_fault;
}

bool concerns(std::string_view path) {
  return !fault().path_end.empty() && path.ends_with(fault().path_end);
}

std::string path_of(int file) {
  char path[4096];
  const std::string link = "/proc/self/fd/" + std::to_string(file);
  const ssize_t size = readlink(link.c_str(), path, sizeof path);
  return size > 0 ? std::string(path, static_cast<size_t>(size)) : std::string();
}

void write_to(const std::string& path, int flags, long offset, std::string_view bytes) {
  const int file = static_cast<int>(
      syscall(SYS_openat, AT_FDCWD, path.c_str(), O_WRONLY | O_CLOEXEC | flags, 0600));
  if (file < 0) return;
  const ssize_t ignored = pwrite(file, bytes.data(), bytes.size(), offset);
  (void)ignored;
  close(file);
}

void at_opening(const std::string& path) {
  const std::string& kind = fault().kind;
  if (kind == "vanish" || kind == "directory" || kind == "fifo") unlink(path.c_str());
  if (kind == "directory") mkdir(path.c_str(), 0700);
  if (kind == "fifo") mkfifo(path.c_str(), 0600);
  if (kind == "shorten") (void)!truncate(path.c_str(), fault().number);
  if (kind == "lengthen") write_to(path, O_APPEND, 0, "more and more\n");
  if (kind == "replace") rename((path + ".new").c_str(), path.c_str());
}

void at_first_read(const std::string& path) {
  const std::string& kind = fault().kind;
  if (kind == "grow") write_to(path, O_APPEND, 0, "more and more\n");
  if (kind == "shrink") (void)!truncate(path.c_str(), fault().number);
  if (kind == "rewrite") write_to(path, 0, 0, "X");
  if (kind == "unlink") unlink(path.c_str());
}

std::atomic<bool> was_opened = false;
std::atomic<bool> was_read = false;
std::atomic<long> failures = 0;

/// Opens without a fault before it is known that the file is listed: when its content is read.
bool is_to_be_read(int flags) {
  return (flags & O_ACCMODE) == O_RDONLY && (flags & O_DIRECTORY) == 0;
}

int open_it(const char* path, int flags, mode_t mode) {
  if (is_to_be_read(flags) && concerns(path) && !was_opened.exchange(true)) at_opening(path);
  return static_cast<int>(syscall(SYS_openat, AT_FDCWD, path, flags, mode));
}

ssize_t read_it(int file, void* buffer, size_t size, off_t offset) {
  const std::string path = fault().path_end.empty() ? std::string() : path_of(file);
  if (concerns(path)) {
    if (!was_read.exchange(true)) at_first_read(path);
    const bool hits =
        offset <= fault().number && fault().number < offset + static_cast<off_t>(size);
    const bool fails = (fault().kind == "eio" && hits) ||
                       (fault().kind == "passing" && failures++ < fault().number);
    if (fails) {
      errno = EIO;
      return -1;
    }
  }
  return syscall(SYS_pread64, file, buffer, size, offset);
}

}  // namespace

extern "C" {

int open(const char* path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  const auto mode = static_cast<mode_t>(va_arg(rest, int));
  va_end(rest);
  return open_it(path, flags, mode);
}

int open64(const char* path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  const auto mode = static_cast<mode_t>(va_arg(rest, int));
  va_end(rest);
  return open_it(path, flags, mode);
}

ssize_t pread(int file, void* buffer, size_t size, off_t offset) {
  return read_it(file, buffer, size, offset);
}

ssize_t pread64(int file, void* buffer, size_t size, off_t offset) {
  return read_it(file, buffer, size, offset);
}

}  // extern "C"
