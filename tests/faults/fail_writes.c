// A disk that fails: loaded before a program (LD_PRELOAD), it counts the calls that change files below
// one folder and makes one of them fail. For the tests only.
//
//   FAULT_UNDER    the folder, absolute and without symlinks
//   FAULT_AT       the number of the call that fails, from 1; 0 or unset: none, the calls are only told
//   FAULT_KIND     ENOSPC, EDQUOT, EIO, EROFS; short (half of the bytes are written, the next write fails
//                  with ENOSPC); partial (half of the bytes are written, that is all)
//   FAULT_STAYS    set: all later calls that need room fail too, until the process ends
//   FAULT_RANK     only in the process that mpirun gave this rank
//   FAULT_LOG      gets a line for each call: number, what, path; the one that failed is marked "!"
//
// fsync does nothing when it does not fail: what is tested is what the program does with errors, and a
// thousand runs shall not wait for the disk.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static long calls = 0;
static int has_failed = 0;
static int fails_next_write = 0;

enum verdict { kGoOn, kFail, kHalf };

static const char* setting(const char* name) {
  const char* value = getenv(name);
  return value == NULL ? "" : value;
}

static int error_of_kind(void) {
  const char* kind = setting("FAULT_KIND");
  if (strcmp(kind, "EDQUOT") == 0) return EDQUOT;
  if (strcmp(kind, "EIO") == 0) return EIO;
  if (strcmp(kind, "EROFS") == 0) return EROFS;
  return ENOSPC;
}

/// Not by fopen or write, which may be the ones below.
static void tell(long number, const char* mark, const char* call, const char* path) {
  char line[PATH_MAX + 64];
  const int size = snprintf(line, sizeof line, "%ld%s %s %s\n", number, mark, call, path);
  const long log = syscall(SYS_openat, AT_FDCWD, setting("FAULT_LOG"),
                           O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (log < 0) return;
  (void)!syscall(SYS_write, log, line, (size_t)size);
  syscall(SYS_close, log);
}

/// The path as the log shows it; 0 if it does not lie below the folder.
static int is_watched(const char* path) {
  const char* under = setting("FAULT_UNDER");
  const size_t size = strlen(under);
  if (size == 0 || strncmp(path, under, size) != 0) return 0;
  if (path[size] != '/' && path[size] != '\0') return 0;
  const char* only = getenv("FAULT_RANK");
  return only == NULL || strcmp(only, setting("OMPI_COMM_WORLD_RANK")) == 0;
}

static enum verdict judge(const char* call, const char* path, int is_write, int needs_room) {
  const int before = errno;
  const char* kind = setting("FAULT_KIND");
  const int halves = strcmp(kind, "short") == 0 || strcmp(kind, "partial") == 0;
  pthread_mutex_lock(&mutex);
  const long number = ++calls;
  enum verdict verdict = kGoOn;
  if (fails_next_write && is_write) {
    fails_next_write = 0;
    verdict = kFail;
  } else if (number == atol(setting("FAULT_AT"))) {
    has_failed = 1;
    verdict = !halves ? kFail : is_write ? kHalf : kGoOn;
    if (strcmp(kind, "short") == 0 && is_write) fails_next_write = 1;
  } else if (has_failed && needs_room && !halves && getenv("FAULT_STAYS") != NULL) {
    verdict = kFail;
  }
  tell(number, verdict == kGoOn ? "" : "!", call, path);
  pthread_mutex_unlock(&mutex);
  errno = verdict == kFail ? error_of_kind() : before;
  return verdict;
}

static void path_of_descriptor(int descriptor, char* path) {
  char link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
  const ssize_t size = readlink(link, path, PATH_MAX - 1);
  path[size < 0 ? 0 : size] = '\0';
}

static void path_at(int folder, const char* name, char* path) {
  if (name[0] == '/') {
    snprintf(path, PATH_MAX, "%s", name);
    return;
  }
  char base[PATH_MAX];
  if (folder == AT_FDCWD) {
    if (getcwd(base, sizeof base) == NULL) base[0] = '\0';
  } else {
    path_of_descriptor(folder, base);
  }
  if (snprintf(path, PATH_MAX, "%s/%s", base, name) >= PATH_MAX) path[0] = '\0';
}

static enum verdict judge_path(const char* call, int folder, const char* name, int needs_room) {
  char path[PATH_MAX];
  const int before = errno;
  path_at(folder, name, path);
  errno = before;
  return is_watched(path) ? judge(call, path, 0, needs_room) : kGoOn;
}

static enum verdict judge_descriptor(const char* call, int descriptor, int is_write, int needs_room,
                                     int* watched) {
  char path[PATH_MAX];
  const int before = errno;
  path_of_descriptor(descriptor, path);
  errno = before;
  const int is = is_watched(path);
  if (watched != NULL) *watched = is;
  return is ? judge(call, path, is_write, needs_room) : kGoOn;
}

static size_t half_of(size_t size) { return size > 1 ? size / 2 : size; }

#define REAL(type, name, ...)                                            \
  static type (*real)(__VA_ARGS__) = NULL;                               \
  if (real == NULL) real = (type(*)(__VA_ARGS__))dlsym(RTLD_NEXT, name)

static int changes_files(int flags) {
  return (flags & O_ACCMODE) != O_RDONLY || (flags & (O_CREAT | O_TRUNC)) != 0;
}

static mode_t mode_argument(int flags, va_list list) {
  return (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(list, mode_t) : 0;
}

#define DEFINE_OPEN(name)                                                             \
  int name(const char* path, int flags, ...) {                                        \
    REAL(int, #name, const char*, int, ...);                                          \
    va_list list;                                                                     \
    va_start(list, flags);                                                            \
    const mode_t mode = mode_argument(flags, list);                                   \
    va_end(list);                                                                     \
    if (changes_files(flags) && judge_path("open", AT_FDCWD, path, 1) == kFail) {     \
      return -1;                                                                      \
    }                                                                                 \
    return real(path, flags, mode);                                                   \
  }
DEFINE_OPEN(open)
DEFINE_OPEN(open64)

#define DEFINE_OPENAT(name)                                                           \
  int name(int folder, const char* path, int flags, ...) {                            \
    REAL(int, #name, int, const char*, int, ...);                                     \
    va_list list;                                                                     \
    va_start(list, flags);                                                            \
    const mode_t mode = mode_argument(flags, list);                                   \
    va_end(list);                                                                     \
    if (changes_files(flags) && judge_path("open", folder, path, 1) == kFail) {       \
      return -1;                                                                      \
    }                                                                                 \
    return real(folder, path, flags, mode);                                           \
  }
DEFINE_OPENAT(openat)
DEFINE_OPENAT(openat64)

ssize_t write(int file, const void* bytes, size_t size) {
  REAL(ssize_t, "write", int, const void*, size_t);
  const enum verdict verdict = judge_descriptor("write", file, 1, 1, NULL);
  return verdict == kFail ? -1 : real(file, bytes, verdict == kHalf ? half_of(size) : size);
}

#define DEFINE_PWRITE(name)                                                                   \
  ssize_t name(int file, const void* bytes, size_t size, off_t offset) {                      \
    REAL(ssize_t, #name, int, const void*, size_t, off_t);                                    \
    const enum verdict verdict = judge_descriptor("write", file, 1, 1, NULL);                 \
    return verdict == kFail ? -1                                                              \
                            : real(file, bytes, verdict == kHalf ? half_of(size) : size, offset); \
  }
DEFINE_PWRITE(pwrite)
DEFINE_PWRITE(pwrite64)

ssize_t writev(int file, const struct iovec* parts, int count) {
  REAL(ssize_t, "writev", int, const struct iovec*, int);
  const enum verdict verdict = judge_descriptor("write", file, 1, 1, NULL);
  return verdict == kFail ? -1 : real(file, parts, verdict == kHalf && count > 1 ? count / 2 : count);
}

ssize_t copy_file_range(int from, off64_t* from_offset, int to, off64_t* to_offset, size_t size,
                        unsigned flags) {
  REAL(ssize_t, "copy_file_range", int, off64_t*, int, off64_t*, size_t, unsigned);
  const enum verdict verdict = judge_descriptor("copy", to, 1, 1, NULL);
  if (verdict == kFail) return -1;
  return real(from, from_offset, to, to_offset, verdict == kHalf ? half_of(size) : size, flags);
}

#define DEFINE_TRUNCATE(name)                                                  \
  int name(int file, off_t size) {                                             \
    REAL(int, #name, int, off_t);                                              \
    if (judge_descriptor("truncate", file, 0, 1, NULL) == kFail) return -1;    \
    return real(file, size);                                                   \
  }
DEFINE_TRUNCATE(ftruncate)
DEFINE_TRUNCATE(ftruncate64)

#define DEFINE_SYNC(name)                                                          \
  int name(int file) {                                                             \
    REAL(int, #name, int);                                                         \
    int watched = 0;                                                               \
    if (judge_descriptor("sync", file, 0, 1, &watched) == kFail) return -1;        \
    return watched ? 0 : real(file);                                               \
  }
DEFINE_SYNC(fsync)
DEFINE_SYNC(fdatasync)

/// The descriptor is gone also where an error is told.
int close(int file) {
  REAL(int, "close", int);
  char path[PATH_MAX];
  const int before = errno;
  path_of_descriptor(file, path);
  const int flags = fcntl(file, F_GETFL);
  errno = before;
  const int counts = is_watched(path) && flags >= 0 && (flags & O_ACCMODE) != O_RDONLY;
  const enum verdict verdict = counts ? judge("close", path, 0, 0) : kGoOn;
  const int result = real(file);
  if (verdict == kFail) errno = error_of_kind();
  return verdict == kFail ? -1 : result;
}

int mkdir(const char* path, mode_t mode) {
  REAL(int, "mkdir", const char*, mode_t);
  return judge_path("mkdir", AT_FDCWD, path, 1) == kFail ? -1 : real(path, mode);
}

int mkdirat(int folder, const char* path, mode_t mode) {
  REAL(int, "mkdirat", int, const char*, mode_t);
  return judge_path("mkdir", folder, path, 1) == kFail ? -1 : real(folder, path, mode);
}

int rename(const char* from, const char* to) {
  REAL(int, "rename", const char*, const char*);
  return judge_path("rename", AT_FDCWD, to, 0) == kFail ? -1 : real(from, to);
}

int renameat(int from_folder, const char* from, int to_folder, const char* to) {
  REAL(int, "renameat", int, const char*, int, const char*);
  return judge_path("rename", to_folder, to, 0) == kFail ? -1
                                                         : real(from_folder, from, to_folder, to);
}

int link(const char* from, const char* to) {
  REAL(int, "link", const char*, const char*);
  return judge_path("link", AT_FDCWD, to, 1) == kFail ? -1 : real(from, to);
}

int unlink(const char* path) {
  REAL(int, "unlink", const char*);
  return judge_path("unlink", AT_FDCWD, path, 0) == kFail ? -1 : real(path);
}

int unlinkat(int folder, const char* path, int flags) {
  REAL(int, "unlinkat", int, const char*, int);
  return judge_path("unlink", folder, path, 0) == kFail ? -1 : real(folder, path, flags);
}

int rmdir(const char* path) {
  REAL(int, "rmdir", const char*);
  return judge_path("unlink", AT_FDCWD, path, 0) == kFail ? -1 : real(path);
}

int fchmod(int file, mode_t mode) {
  REAL(int, "fchmod", int, mode_t);
  return judge_descriptor("chmod", file, 0, 0, NULL) == kFail ? -1 : real(file, mode);
}

int remove(const char* path) {
  REAL(int, "remove", const char*);
  return judge_path("unlink", AT_FDCWD, path, 0) == kFail ? -1 : real(path);
}
