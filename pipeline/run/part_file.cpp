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

constexpr size_t kBufferBytes = 512 << 10;

Status write_all(int descriptor, std::string_view bytes, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return file_error(path, "written", errno);
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  return {};
}

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

std::string PartFileId::path(const std::string& parts_dir) const {
  if ((number_ & kPool) != 0) {
    return fmt::format("{}/rank-{}.worker-{}", parts_dir, (number_ ^ kPool) >> 24,
                       number_ & 0xffffff);
  }
  return fmt::format("{}/unit-{}.stage-{}", parts_dir, number_ >> 16, number_ & 0xffff);
}

PartPool::~PartPool() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

Result<uint64_t> PartPool::append(std::string_view bytes) {
  if (descriptor_ < 0) {
    descriptor_ =
        ::open(path_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (descriptor_ < 0) return file_error(path_, "created", errno);
  }
  const uint64_t begin = size_;
  RETURN_IF_ERROR(write_all(descriptor_, bytes, path_));
  size_ += bytes.size();
  return begin;
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

Status PartFile::write(std::string_view bytes) {
  if (descriptor_ < 0) {
    descriptor_ =
        ::open(temporary().c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (descriptor_ < 0) return fail("created");
  }
  return write_all(descriptor_, bytes, temporary());
}

void PartFile::discard() {
  buffer_.clear();
  std::fill(sections_.begin(), sections_.end(), PartSection());
  if (descriptor_ < 0) return;
  ::close(descriptor_);
  descriptor_ = -1;
  ::unlink(temporary().c_str());
}

Result<WrittenPart> PartFile::commit(PartPool& pool) {
  WrittenPart part = {.file = id_, .begin = 0, .sections = sections_};
  if (descriptor_ < 0) {
    if (buffer_.empty()) return part;
    part.file = pool.id();
    ASSIGN_OR_RETURN(part.begin, pool.append(buffer_));
    return part;
  }
  RETURN_IF_ERROR(flush());
  const int closed = ::close(descriptor_);
  descriptor_ = -1;
  if (closed != 0) return fail("written");
  if (std::rename(temporary().c_str(), path_.c_str()) != 0) return fail("renamed");
  return part;
}

Status PartFile::fail(std::string_view doing) const {
  return file_error(temporary(), doing, errno);
}

}  // namespace shardmill
