#include "pipeline/run/durable.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "pipeline/run/output_file.h"

namespace shardmill {

namespace {

enum class Wait : bool { kNo, kForDisk };

Status write_new(const std::string& path, const WriteBytes& write, unsigned mode, Wait wait) {
  FileHandle file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode));
  if (!file.is_open()) return file_error(path, "created", errno);
  uint64_t offset = 0;
  RETURN_IF_ERROR(write([&](std::string_view bytes) {
    const uint64_t at = offset;
    offset += bytes.size();
    return write_at(file, at, bytes, path);
  }));
  if (wait == Wait::kForDisk && ::fsync(file.get()) != 0) {
    return file_error(path, "made durable", errno);
  }
  return file.close(path);
}

}  // namespace

Status sync_folder(const std::string& folder) {
  const FileHandle handle(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!handle.is_open()) return file_error(folder, "opened", errno);
  // Some file systems have nothing to do here and say so by EINVAL.
  if (::fsync(handle.get()) != 0 && errno != EINVAL) {
    return file_error(folder, "made durable", errno);
  }
  return {};
}

Status sync_file(const std::string& path) {
  const FileHandle handle(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!handle.is_open()) return file_error(path, "opened", errno);
  if (::fsync(handle.get()) != 0) return file_error(path, "made durable", errno);
  return {};
}

Status write_durably(const std::string& folder, const std::string& name, std::string_view bytes,
                     const LockKey& lock, unsigned mode) {
  return write_durably(
      folder, name, [&](const TakeBytes& take) { return take(bytes); }, lock, mode);
}

Status write_durably(const std::string& folder, const std::string& name, const WriteBytes& write,
                     const LockKey& lock, unsigned mode) {
  const std::string path = folder + "/" + name;
  const std::string temporary = folder + "/." + name + ".tmp";
  ::unlink(temporary.c_str());
  Status status = write_new(temporary, write, mode, Wait::kForDisk);
  if (status.is_ok()) status = lock.check();
  if (status.is_ok() && std::rename(temporary.c_str(), path.c_str()) != 0) {
    status = file_error(path, "renamed", errno);
  }
  if (status.is_ok()) return sync_folder(folder);
  ::unlink(temporary.c_str());
  return status;
}

Status write_plainly(const std::string& path, const WriteBytes& write) {
  ::unlink(path.c_str());
  const Status status = write_new(path, write, 0600, Wait::kNo);
  if (!status.is_ok()) ::unlink(path.c_str());
  return status;
}

}  // namespace shardmill
