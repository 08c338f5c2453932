#include "pipeline/run/durable.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "pipeline/run/output_file.h"

namespace shardmill {

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

Status write_durably(const std::string& folder, const std::string& name, std::string_view bytes) {
  return write_durably(folder, name, [&](const TakeBytes& take) { return take(bytes); });
}

Status write_durably(const std::string& folder, const std::string& name,
                     const std::function<Status(const TakeBytes& take)>& write) {
  const std::string path = folder + "/" + name;
  const std::string temporary = folder + "/." + name + ".tmp";
  {
    ::unlink(temporary.c_str());
    FileHandle file(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (!file.is_open()) return file_error(temporary, "created", errno);
    uint64_t offset = 0;
    RETURN_IF_ERROR(write([&](std::string_view bytes) {
      const uint64_t at = offset;
      offset += bytes.size();
      return write_at(file, at, bytes, temporary);
    }));
    if (::fsync(file.get()) != 0) return file_error(temporary, "made durable", errno);
    RETURN_IF_ERROR(file.close(temporary));
  }
  if (std::rename(temporary.c_str(), path.c_str()) != 0) return file_error(path, "renamed", errno);
  return sync_folder(folder);
}

}  // namespace shardmill
