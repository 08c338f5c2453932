#include "pipeline/run/part_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include "pipeline/run/output_file.h"

namespace shardmill {

namespace {

constexpr size_t kBufferBytes = 1 << 20;

}  // namespace

void PartSection::encode(ByteWriter& writer) const {
  writer.varint(bytes);
  writer.varint(rows);
}

PartSection PartSection::decode(ByteReader& reader) {
  PartSection section;
  section.bytes = reader.varint();
  section.rows = reader.varint();
  return section;
}

std::string part_path(const std::string& parts_dir, uint64_t unit, size_t stage) {
  return fmt::format("{}/unit-{}.stage-{}", parts_dir, unit, stage);
}

Status PartFile::append(std::string_view bytes, uint64_t rows) {
  sections_[slice_].bytes += bytes.size();
  sections_[slice_].rows += rows;
  if (buffer_.size() + bytes.size() > kBufferBytes) RETURN_IF_ERROR(flush());
  if (bytes.size() >= kBufferBytes) return write(bytes);
  buffer_.append(bytes);
  return {};
}

Status PartFile::flush() {
  if (buffer_.empty()) return {};
  const Status status = write(buffer_);
  buffer_.clear();
  return status;
}

Status PartFile::settle() {
  RETURN_IF_ERROR(flush());
  buffer_ = std::string();
  return {};
}

Status PartFile::write(std::string_view bytes) {
  if (descriptor_ < 0) {
    descriptor_ =
        ::open(temporary().c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (descriptor_ < 0) return fail("created");
  }
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor_, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return fail("written");
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  return {};
}

void PartFile::discard() {
  buffer_.clear();
  std::fill(sections_.begin(), sections_.end(), PartSection());
  if (descriptor_ < 0) return;
  ::close(descriptor_);
  descriptor_ = -1;
  ::unlink(temporary().c_str());
}

Status PartFile::commit() {
  RETURN_IF_ERROR(flush());
  if (descriptor_ < 0) return {};
  const int closed = ::close(descriptor_);
  descriptor_ = -1;
  if (closed != 0) return fail("written");
  if (std::rename(temporary().c_str(), path_.c_str()) != 0) return fail("renamed");
  return {};
}

Status PartFile::fail(std::string_view doing) const {
  return file_error(temporary(), doing, errno);
}

}  // namespace shardmill
