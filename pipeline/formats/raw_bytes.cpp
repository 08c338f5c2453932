#include "pipeline/formats/raw_bytes.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>

#include "pipeline/base/text.h"

namespace shardmill {

namespace {

constexpr std::array<std::chrono::milliseconds, 3> kPauses = {
    std::chrono::milliseconds(10), std::chrono::milliseconds(90), std::chrono::milliseconds(400)};
constexpr size_t kReadBytesMax = size_t{1} << 30;
constexpr size_t kPageBytes = 4096;
/// The system reads this much ahead without being told to.
constexpr uint64_t kAdvisedBytes = 128 << 10;
/// Up to this, a file is asked once what it is, after its bytes were read: if it is still the one
/// that was listed, so are they. Of many small files each call to the system counts.
constexpr uint64_t kReadAtOnceBytes = 16 << 10;

std::string system_reason(int error) {
  return std::strerror(error);
}

/// A lack of this process is no fault of the file.
Status cannot_open(int error) {
  const std::string message = "cannot be opened: " + system_reason(error);
  if (error == EMFILE || error == ENFILE) {
    return Status::failed(message + "; raise the limit of open files (ulimit -n)");
  }
  if (error == ENOMEM) return Status::failed(message + "; run with fewer threads");
  return Status::bad_file(message);
}

int64_t mtime_ns_of(const struct stat& info) {
  return static_cast<int64_t>(info.st_mtim.tv_sec) * 1'000'000'000 + info.st_mtim.tv_nsec;
}

/// "a directory": what is there instead of a file.
std::string_view kind_name(mode_t mode) {
  if (S_ISDIR(mode)) return "a directory";
  if (S_ISFIFO(mode)) return "a FIFO";
  return S_ISSOCK(mode) ? "a socket" : "a device";
}

/// Network file systems have errors that pass; a disk's own repeats may take their time. `attempt`
/// counts from 0. Nothing left: it is an error.
bool waits_for_another_try(size_t attempt) {
  if (attempt >= kPauses.size()) return false;
  std::this_thread::sleep_for(kPauses[attempt]);
  return true;
}

/// What speaks against reading this as the file that was listed.
Status check_listed(const struct stat& info, const ListedFile& listed) {
  if (!S_ISREG(info.st_mode)) {
    return Status::bad_file("is " + std::string(kind_name(info.st_mode)) + ", expected a file");
  }
  const auto size_now = static_cast<uint64_t>(info.st_size);
  if (size_now < listed.size_bytes) {
    return Status::bad_file("has " + counted(size_now, "byte") + ", expected " +
                            counted(listed.size_bytes, "byte") + " as listed; it shrank");
  }
  // What has grown has a later time; nothing else may.
  const int64_t mtime_now = mtime_ns_of(info);
  const bool has_grown = size_now > listed.size_bytes && mtime_now > listed.mtime_ns;
  if (listed.mtime_ns == 0 || mtime_now == listed.mtime_ns || has_grown) return {};
  return Status::bad_file(
      "has another time than listed, expected the same file; it was replaced or rewritten");
}

class RawFile final : public RawBytes {
 public:
  RawFile(int file, const ListedFile& listed, WorkClock* clock)
      : file_(file), listed_(listed), clock_(clock) {}
  ~RawFile() override { close(file_); }
  RawFile(const RawFile&) = delete;
  RawFile& operator=(const RawFile&) = delete;

  /// Whether it is the file that was listed.
  Status check() {
    struct stat info;
    if (fstat(file_, &info) != 0) return cannot_open(errno);
    is_checked_ = true;
    has_grown_ = static_cast<uint64_t>(info.st_size) > listed_.size_bytes;
    return check_listed(info, listed_);
  }

  Result<size_t> read(char* buffer, size_t capacity) override {
    const uint64_t left = listed_.size_bytes > position_ ? listed_.size_bytes - position_ : 0;
    size_t wanted = std::min<uint64_t>({capacity, left, kReadBytesMax});
    if (left == 0) RETURN_IF_ERROR(look_back());
    if (wanted == 0) return size_t{0};
    const WorkSpan span(clock_, WorkClock::kReading);
    for (size_t attempt = 0;;) {
      const ssize_t got = pread(file_, buffer, wanted, static_cast<off_t>(position_));
      const int error = errno;
      if (!is_checked_) {
        RETURN_IF_ERROR(check());
        has_looked_back_ = got > 0 && static_cast<uint64_t>(got) == listed_.size_bytes;
      }
      if (got > 0) {
        position_ += static_cast<uint64_t>(got);
        return static_cast<size_t>(got);
      }
      if (got == 0) return ended_early();
      if (error == EINTR) continue;
      const size_t rest_of_page = kPageBytes - position_ % kPageBytes;
      if (wanted > rest_of_page) {
        wanted = rest_of_page;
      } else if (!waits_for_another_try(attempt++)) {
        return Status::bad_file("byte " + with_separators(position_) +
                                " cannot be read: " + system_reason(error));
      }
    }
  }

  void seek(uint64_t position) override { position_ = position; }
  uint64_t position() const override { return position_; }
  std::string note() const override { return has_grown_ ? "grew" : ""; }

 private:
  Status ended_early() const {
    return Status::bad_file("the file ends after " + counted(position_, "byte") + ", expected " +
                            counted(listed_.size_bytes, "byte") + "; it shrank while it was read");
  }

  /// All bytes are read: were they those of one and the same content?
  Status look_back() {
    struct stat now;
    if (has_looked_back_ || fstat(file_, &now) != 0) return looked_back_;
    has_looked_back_ = true;
    const auto size_now = static_cast<uint64_t>(now.st_size);
    has_grown_ = has_grown_ || size_now > listed_.size_bytes;
    const bool has_other_time = listed_.mtime_ns != 0 && mtime_ns_of(now) != listed_.mtime_ns;
    if (has_other_time && size_now == listed_.size_bytes) {
      looked_back_ = Status::bad_file(
          "has another time after it was read than before, expected no change; it was rewritten "
          "while it was read");
    }
    return looked_back_;
  }

  int file_;
  ListedFile listed_;
  bool has_grown_ = false;
  bool is_checked_ = false;
  bool has_looked_back_ = false;
  Status looked_back_;
  WorkClock* clock_;
  uint64_t position_ = 0;
};

class RawMemory final : public RawBytes {
 public:
  explicit RawMemory(std::string_view content) : content_(content) {}

  Result<size_t> read(char* buffer, size_t capacity) override {
    const size_t left = content_.size() - std::min<uint64_t>(position_, content_.size());
    const size_t size = std::min(capacity, left);
    if (size > 0) std::memcpy(buffer, content_.data() + position_, size);
    position_ += size;
    return size;
  }
  void seek(uint64_t position) override { position_ = position; }
  uint64_t position() const override { return position_; }

 private:
  std::string_view content_;
  uint64_t position_ = 0;
};

/// A file descriptor, or -1 with errno.
int open_patiently(const std::string& path) {
  for (size_t attempt = 0;;) {
    // O_NONBLOCK: a FIFO that took the file's place must not hold the worker for ever.
    const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file >= 0) return file;
    const int error = errno;
    if (error == EINTR) continue;
    const bool may_pass = error == EIO || error == ESTALE || error == ETIMEDOUT;
    if (may_pass && waits_for_another_try(attempt++)) continue;
    errno = error;
    return -1;
  }
}

}  // namespace

Result<std::unique_ptr<RawBytes>> open_raw_file(const std::string& path, const ListedFile& listed,
                                                WorkClock* clock) {
  const WorkSpan span(clock, WorkClock::kReading);
  const int file = open_patiently(path);
  if (file < 0) return cannot_open(errno);
  auto raw = std::make_unique<RawFile>(file, listed, clock);
  const bool is_checked_once = listed.size_bytes > 0 && listed.size_bytes <= kReadAtOnceBytes;
  if (!is_checked_once) RETURN_IF_ERROR(raw->check());
  if (listed.size_bytes > kAdvisedBytes) posix_fadvise(file, 0, 0, POSIX_FADV_SEQUENTIAL);
  return std::unique_ptr<RawBytes>(std::move(raw));
}

std::unique_ptr<RawBytes> open_raw_memory(std::string_view content) {
  return std::make_unique<RawMemory>(content);
}

}  // namespace shardmill
