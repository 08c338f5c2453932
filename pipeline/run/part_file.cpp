#include "pipeline/run/part_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include "pipeline/run/sorted_part.h"

namespace shardmill {

namespace {

constexpr size_t kBufferBytes = 512 << 10;
/// A frame with lengths ends here, so that little is read to find where a row begins.
constexpr uint64_t kFrameBytes = 16 << 20;
constexpr size_t kLengthsBytes = 256 << 10;

Status write_all(int descriptor, std::string_view bytes, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return file_error(path, "written", written < 0 ? errno : ENOSPC);
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  return {};
}

}  // namespace

void WrittenPart::encode(ByteWriter& writer) const {
  writer.u64(file.number());
  writer.varint(begin);
  writer.varint(names.size());
  for (const std::string& name : names) writer.text(name);
  writer.varint(frames.size());
  for (const PartFrame& frame : frames) {
    for (const uint64_t value : {frame.file, frame.rows, frame.bytes, frame.lengths_bytes}) {
      writer.varint(value);
    }
  }
  writer.varint(longest_row);
  writer.varint(columns.size());
  for (const ColumnTotals& column : columns) {
    writer.varint(column.nulls);
    writer.varint(column.longest_text);
  }
}

WrittenPart WrittenPart::decode(ByteReader& reader) {
  WrittenPart part;
  part.file = PartFileId(reader.u64());
  part.begin = reader.varint();
  const uint64_t names = reader.varint();
  if (!reader.count_fits(names, 1)) return part;
  for (uint64_t i = 0; i < names; ++i) part.names.emplace_back(reader.text());
  const uint64_t frames = reader.varint();
  if (!reader.count_fits(frames, 4)) return part;
  part.frames.resize(frames);
  for (PartFrame& frame : part.frames) {
    for (uint64_t* value : {&frame.file, &frame.rows, &frame.bytes, &frame.lengths_bytes}) {
      *value = reader.varint();
    }
  }
  part.longest_row = reader.varint();
  const uint64_t columns = reader.varint();
  if (!reader.count_fits(columns, 2)) return part;
  part.columns.resize(columns);
  for (ColumnTotals& column : part.columns) {
    column.nulls = reader.varint();
    column.longest_text = reader.varint();
  }
  return part;
}

std::string PartFileId::path(const std::string& parts_dir) const {
  if ((number_ & kPool) != 0) {
    return fmt::format("{}/gen-{}.rank-{}.worker-{}", parts_dir, (number_ >> 48) & kGenerations,
                       (number_ >> 24) & 0xffffff, number_ & 0xffffff);
  }
  return fmt::format("{}/gen-{}.unit-{}.stage-{}", parts_dir, (number_ >> 48) & kGenerations,
                     (number_ >> 16) & 0xffffffff, number_ & 0xffff);
}

uint64_t WrittenPart::bytes() const {
  uint64_t sum = 0;
  for (const PartFrame& frame : frames) sum += frame.bytes + frame.lengths_bytes;
  return sum;
}

Result<uint64_t> PartPool::append(std::string_view bytes) {
  if (!file_.is_open()) {
    file_ = FileHandle(
        ::open(path_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!file_.is_open()) return file_error(path_, "created", errno);
  }
  const uint64_t begin = size_;
  RETURN_IF_ERROR(write_all(file_.get(), bytes, path_));
  size_ += bytes.size();
  return begin;
}

Status PartPool::sync() {
  if (!file_.is_open() || ::fdatasync(file_.get()) == 0) return {};
  return file_error(path_, "made durable", errno);
}

Status PartPool::close() {
  return file_.is_open() ? file_.close(path_) : Status::ok();
}

Status BufferedFile::append(std::string_view bytes) {
  size_ += bytes.size();
  if (buffer_.size() + bytes.size() > kBufferBytes) RETURN_IF_ERROR(flush());
  if (bytes.size() >= kBufferBytes) return write(bytes);
  buffer_.append(bytes);
  return {};
}

Status BufferedFile::flush() {
  if (buffer_.empty()) return {};
  const Status status = write(buffer_);
  buffer_.clear();
  return status;
}

Status BufferedFile::write(std::string_view bytes) {
  if (!file_.is_open()) {
    file_ = FileHandle(
        ::open(path_.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!file_.is_open()) return file_error(path_, "created", errno);
  }
  return write_all(file_.get(), bytes, path_);
}

Status BufferedFile::copy(uint64_t offset, uint64_t bytes, BufferedFile& out) {
  if (is_in_memory()) return out.append(content().substr(offset, bytes));
  RETURN_IF_ERROR(flush());
  std::string piece;
  while (bytes > 0) {
    const uint64_t size = std::min<uint64_t>(bytes, kBufferBytes);
    piece.clear();
    RETURN_IF_ERROR(read_range(file_, offset, size, piece, path_));
    RETURN_IF_ERROR(out.append(piece));
    offset += size;
    bytes -= size;
  }
  return {};
}

void BufferedFile::clear() {
  buffer_.clear();
  size_ = 0;
  if (!file_.is_open()) return;
  file_ = FileHandle();
  ::unlink(path_.c_str());
}

Status BufferedFile::keep_as(const std::string& path) {
  RETURN_IF_ERROR(flush());
  size_ = 0;
  RETURN_IF_ERROR(file_.close(path_));
  if (std::rename(path_.c_str(), path.c_str()) != 0) return file_error(path_, "renamed", errno);
  return {};
}

Result<WrittenPart> Part::keep(PartPool& pool, WrittenPart part) {
  part.file = id_;
  if (!out_.is_in_memory()) {
    RETURN_IF_ERROR(out_.keep_as(path_));
  } else if (out_.size() > 0) {
    part.file = pool.id();
    ASSIGN_OR_RETURN(part.begin, pool.append(out_.content()));
  }
  return part;
}

void PartFile::begin_slice(size_t slice) {
  if (per_slice_) file_ = slice;
}

Status PartFile::append(const FramedRows& rows) {
  if (frame_.file != file_) RETURN_IF_ERROR(end_frame());
  frame_.rows += rows.ends.size();
  frame_.bytes += rows.bytes.size();
  add_totals(rows.columns);
  RETURN_IF_ERROR(out().append(rows.bytes));
  if (!with_lengths_) return {};
  size_t begin = 0;
  for (const size_t end : rows.ends) {
    lengths_.varint(end - begin);
    longest_row_ = std::max<uint64_t>(longest_row_, end - begin);
    begin = end;
  }
  const bool is_full = frame_.bytes >= kFrameBytes || lengths_.size() >= kLengthsBytes;
  return is_full ? end_frame() : Status::ok();
}

/// The next frame is one of the current file.
Status PartFile::end_frame() {
  const std::string lengths = std::exchange(lengths_, ByteWriter()).take();
  frame_.lengths_bytes = lengths.size();
  if (frame_.rows > 0) frames_.push_back(frame_);
  frame_ = {.file = file_};
  return out().append(lengths);
}

void PartFile::discard() {
  out().clear();
  frames_.clear();
  lengths_ = ByteWriter();
  (void)take_totals();
  file_ = 0;
  frame_ = {};
  longest_row_ = 0;
}

Result<WrittenPart> PartFile::commit(PartPool& pool) {
  RETURN_IF_ERROR(end_frame());
  return keep(
      pool, {.frames = std::move(frames_), .longest_row = longest_row_, .columns = take_totals()});
}

std::unique_ptr<Part> make_part(const std::string& parts_dir, PartFileId id,
                                const OutputSpec& spec) {
  if (spec.layout == OutputLayout::kByColumn) {
    return std::make_unique<SortedPart>(parts_dir, id, spec);
  }
  return std::make_unique<PartFile>(parts_dir, id, spec);
}

}  // namespace shardmill
