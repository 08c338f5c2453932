#include "pipeline/run/read_whole.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>

#include "pipeline/base/message.h"
#include "pipeline/base/text.h"
#include "pipeline/plan/walk.h"
#include "pipeline/run/output_file.h"

namespace shardmill {

namespace {

Status refusal(const std::string& path, std::string found, std::string expected) {
  return Status::failed(Message{
      .place = escaped(path),
      .found = std::move(found),
      .expected = std::move(expected),
      .fix = {}}.text());
}

}  // namespace

Result<std::string> read_whole(const std::string& path, uint64_t bytes_max) {
  const std::string what = "a file that a run wrote";
  const FileHandle file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat status = {};
  if (!file.is_open() || ::fstat(file.get(), &status) != 0) {
    return refusal(path, "the file cannot be opened (" + system_reason(errno) + ")", what);
  }
  if (!S_ISREG(status.st_mode)) return refusal(path, "no regular file", what);
  const auto bytes = static_cast<uint64_t>(status.st_size);
  if (bytes > bytes_max) {
    return refusal(path, with_separators(bytes) + " bytes",
                   "at most " + with_separators(bytes_max));
  }
  std::string content;
  RETURN_IF_ERROR(read_range(file, 0, bytes, content, path));
  return content;
}

}  // namespace shardmill
