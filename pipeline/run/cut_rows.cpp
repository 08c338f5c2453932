#include "pipeline/run/cut_rows.h"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "pipeline/base/message.h"

namespace shardmill {

namespace {

constexpr uint64_t kPieceBytes = 64 << 10;
constexpr size_t kVarintBytes = 10;

/// The lengths of the rows of one range after the other.
class Lengths {
 public:
  explicit Lengths(const std::string& parts_dir) : parts_dir_(parts_dir) {}

  Status begin(const PartRange& range) {
    if (!file_.is_open() || id_ != range.file) {
      path_ = range.file.path(parts_dir_);
      file_ = FileHandle(::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
      if (!file_.is_open()) return file_error(path_, "opened", errno);
      id_ = range.file;
    }
    offset_ = range.begin + range.bytes;
    left_ = range.lengths_bytes;
    piece_.clear();
    at_ = 0;
    return {};
  }

  Result<uint64_t> next() {
    if (piece_.size() - at_ < kVarintBytes && left_ > 0) RETURN_IF_ERROR(read_more());
    ByteReader reader(std::string_view(piece_).substr(at_));
    const uint64_t length = reader.varint();
    if (reader.failed()) return damaged();
    at_ = piece_.size() - reader.remaining();
    return length;
  }

  Status damaged() const {
    return Status::failed(Message{.place = escaped(path_),
                                  .found = "lengths of rows that do not add up",
                                  .expected = "what its unit wrote",
                                  .fix = "leave the run directory alone while a run works"}
                              .text());
  }

 private:
  Status read_more() {
    piece_.erase(0, at_);
    at_ = 0;
    const uint64_t size = std::min(left_, kPieceBytes);
    RETURN_IF_ERROR(read_range(file_, offset_, size, piece_, path_));
    offset_ += size;
    left_ -= size;
    return {};
  }

  const std::string& parts_dir_;
  std::string path_;
  FileHandle file_;
  PartFileId id_;
  uint64_t offset_ = 0;
  uint64_t left_ = 0;
  std::string piece_;
  size_t at_ = 0;  ///< in the piece
};

class Cutter {
 public:
  Cutter(const OutputSpec& spec, const std::string& parts_dir, uint64_t most_parts)
      : spec_(spec), most_parts_(most_parts), lengths_(parts_dir) {
    parts_.push_back({.bytes = spec.header.size()});
  }

  Status add(const PartRange& range) {
    const bool fits = !is_beyond(range.rows, range.bytes);
    if (!fits) return add_by_rows(range);
    append(range);
    return {};
  }

  std::vector<CutPart> take() { return std::move(parts_); }

 private:
  /// Whether the open part cannot take so much more.
  bool is_beyond(uint64_t rows, uint64_t bytes) const {
    const CutPart& part = parts_.back();
    const auto over = [](uint64_t most, uint64_t has, uint64_t more) {
      return most > 0 && (has > most || more > most - has);
    };
    return over(spec_.max_records, part.rows, rows) || over(spec_.max_bytes, part.bytes, bytes);
  }

  Status add_by_rows(const PartRange& range) {
    RETURN_IF_ERROR(lengths_.begin(range));
    PartRange piece = {.unit = range.unit, .file = range.file, .begin = range.begin};
    uint64_t bytes_left = range.bytes;
    for (uint64_t row = 0; row < range.rows; ++row) {
      ASSIGN_OR_RETURN(const uint64_t length, lengths_.next());
      if (length > bytes_left) return lengths_.damaged();
      bytes_left -= length;
      if (parts_.back().rows + piece.rows > 0 && is_beyond(piece.rows + 1, piece.bytes + length)) {
        append(piece);
        piece = {.unit = range.unit, .file = range.file, .begin = piece.begin + piece.bytes};
        if (parts_.size() == most_parts_) return too_many_files(spec_);
        parts_.push_back({.bytes = spec_.header.size()});
      }
      ++piece.rows;
      piece.bytes += length;
    }
    if (bytes_left > 0) return lengths_.damaged();
    append(piece);
    return {};
  }

  void append(PartRange range) {
    if (range.rows == 0) return;
    range.lengths_bytes = 0;
    CutPart& part = parts_.back();
    part.rows += range.rows;
    part.bytes += range.bytes;
    part.ranges.push_back(range);
  }

  const OutputSpec& spec_;
  const uint64_t most_parts_;
  Lengths lengths_;
  std::vector<CutPart> parts_;
};

}  // namespace

Result<std::vector<CutPart>> cut_rows(const std::vector<PartRange>& ranges, const OutputSpec& spec,
                                      const std::string& parts_dir, uint64_t most_parts) {
  Cutter cutter(spec, parts_dir, most_parts);
  for (const PartRange& range : ranges) RETURN_IF_ERROR(cutter.add(range));
  return cutter.take();
}

}  // namespace shardmill
