#include "pipeline/formats/raw_bytes.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "pipeline/base/text.h"

namespace shardmill {

namespace {

constexpr int kReadAttempts = 3;
constexpr size_t kReadBytesMax = size_t{1} << 30;

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

class RawFile final : public RawBytes {
 public:
  RawFile(int file, uint64_t size_bytes, bool has_grown)
      : file_(file), size_bytes_(size_bytes), has_grown_(has_grown) {}
  ~RawFile() override { close(file_); }
  RawFile(const RawFile&) = delete;
  RawFile& operator=(const RawFile&) = delete;

  Result<size_t> read(char* buffer, size_t capacity) override {
    const uint64_t left = size_bytes_ > position_ ? size_bytes_ - position_ : 0;
    const size_t wanted = std::min<uint64_t>({capacity, left, kReadBytesMax});
    if (wanted == 0) return size_t{0};
    for (int attempt = 1;; ++attempt) {
      const ssize_t got = pread(file_, buffer, wanted, static_cast<off_t>(position_));
      if (got > 0) {
        position_ += static_cast<uint64_t>(got);
        return static_cast<size_t>(got);
      }
      if (got == 0) {
        return Status::bad_file("the file ends after " + counted(position_, "byte") +
                                ", expected " + counted(size_bytes_, "byte") +
                                "; it shrank while it was read");
      }
      if (errno == EINTR) continue;
      if (attempt == kReadAttempts) {
        return Status::bad_file("byte " + with_separators(position_) +
                                " cannot be read: " + system_reason(errno));
      }
    }
  }

  void seek(uint64_t position) override { position_ = position; }
  uint64_t position() const override { return position_; }
  std::string note() const override { return has_grown_ ? "grew" : ""; }

 private:
  int file_;
  uint64_t size_bytes_;
  bool has_grown_;
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

}  // namespace

Result<std::unique_ptr<RawBytes>> open_raw_file(const std::string& path, uint64_t size_bytes) {
  int file = -1;
  // O_NONBLOCK: a FIFO that took the file's place must not hold the worker for ever.
  do {
    file = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  } while (file < 0 && errno == EINTR);
  if (file < 0) return cannot_open(errno);
  struct stat info;
  if (fstat(file, &info) != 0 || !S_ISREG(info.st_mode)) {
    close(file);
    return Status::bad_file("is no regular file, expected one");
  }
  const auto size_now = static_cast<uint64_t>(info.st_size);
  if (size_now < size_bytes) {
    close(file);
    return Status::bad_file("has " + counted(size_now, "byte") + ", expected " +
                            counted(size_bytes, "byte") + " as listed; it shrank");
  }
  posix_fadvise(file, 0, 0, POSIX_FADV_SEQUENTIAL);
  return std::unique_ptr<RawBytes>(
      std::make_unique<RawFile>(file, size_bytes, size_now > size_bytes));
}

std::unique_ptr<RawBytes> open_raw_memory(std::string_view content) {
  return std::make_unique<RawMemory>(content);
}

}  // namespace shardmill
