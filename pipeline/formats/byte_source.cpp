#include "pipeline/formats/byte_source.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <span>
#include <vector>

#include "pipeline/base/text.h"
#include "pipeline/formats/codec.h"
#include "pipeline/formats/raw_bytes.h"

namespace shardmill {

namespace {

constexpr size_t kMagicBytes = 6;
constexpr size_t kStepBytes = 64 << 10;  ///< of plain bytes asked for at once
/// Files up to this are read once, when their kind is looked at.
constexpr size_t kSmallFileBytes = 16 << 10;

std::string joined(const std::string& note, const std::string& other) {
  return note + (note.empty() || other.empty() ? "" : "; ") + other;
}

class PlainSource final : public ByteSource {
 public:
  /// `first`: the file's first bytes, if they were read. REQUIRES: begin is 0 then.
  PlainSource(std::unique_ptr<RawBytes> raw, uint64_t begin, std::string first, std::string note)
      : raw_(std::move(raw)), first_(std::move(first)), note_(std::move(note)) {
    raw_->seek(begin + first_.size());
  }
  Result<size_t> read(char* buffer, size_t capacity) override {
    if (given_ == first_.size()) return raw_->read(buffer, capacity);
    const size_t size = std::min(capacity, first_.size() - given_);
    std::memcpy(buffer, first_.data() + given_, size);
    given_ += size;
    return size;
  }
  uint64_t disk_position() const override { return raw_->position() - (first_.size() - given_); }
  std::string note() const override { return joined(note_, raw_->note()); }

 private:
  std::unique_ptr<RawBytes> raw_;
  std::string first_;
  size_t given_ = 0;  ///< of first_
  std::string note_;
};

/// Plain bytes of all members, one after another.
///
/// How much a decoder gives of damaged bytes depends on how much it is given and asked for at once.
/// So it is always called with the same pieces of input and kStepBytes of room, straight into the
/// caller's buffer where that has the room: what is good, and the message, do not depend on the
/// caller's buffers.
class MemberSource final : public ByteSource {
 public:
  MemberSource(std::unique_ptr<RawBytes> raw, std::unique_ptr<Codec> codec,
               const SourceOptions& options)
      : raw_(std::move(raw)),
        codec_(std::move(codec)),
        size_bytes_(options.size_bytes),
        expansion_max_(options.expansion_max),
        clock_(options.clock),
        buffer_(std::max(options.buffer_bytes, kMagicBytes)) {
    raw_->seek(0);
  }

  Result<size_t> read(char* buffer, size_t capacity) override {
    if (capacity == 0) return size_t{0};
    const WorkSpan span(clock_, WorkClock::kUnpacking);
    if (staged_.empty() && capacity >= kStepBytes) return next_bytes(buffer);
    if (staged_.empty()) {
      if (stage_ == nullptr) stage_ = std::make_unique_for_overwrite<char[]>(kStepBytes);
      ASSIGN_OR_RETURN(const size_t size, next_bytes(stage_.get()));
      staged_ = {stage_.get(), size};
    }
    const size_t size = std::min(capacity, staged_.size());
    std::memcpy(buffer, staged_.data(), size);
    staged_.remove_prefix(size);
    return size;
  }

  uint64_t disk_position() const override { return raw_->position() - rest_.size(); }
  std::string note() const override { return joined(note_, raw_->note()); }

 private:
  /// Up to kStepBytes; 0 only at the end.
  Result<size_t> next_bytes(char* out) {
    size_t size = 0;
    while (error_.is_ok() && size == 0 && !is_done_) {
      const Status status = step(out, size);
      plain_bytes_ += size;
      if (!status.is_ok()) error_ = at_place(status);
      if (expansion_max_ > 0) bound_expansion(size);
    }
    // What came before the damage counts: it is given first, the error with the next call.
    if (size == 0 && !error_.is_ok()) return error_;
    return size;
  }

  /// Gives no byte more than the limit, wherever pieces end.
  void bound_expansion(size_t& size) {
    if (plain_bytes_ / expansion_max_ < size_bytes_) return;
    const uint64_t most = size_bytes_ * expansion_max_;
    if (plain_bytes_ <= most) return;
    size -= static_cast<size_t>(plain_bytes_ - most);
    plain_bytes_ = most;
    error_ =
        Status::bad_file("unpacks to more than " + counted(most, "byte") + ", expected at most " +
                         counted(expansion_max_, "time") + " its " + counted(size_bytes_, "byte") +
                         " on disk; raise input.expansion_max if it is meant to");
  }

  Status step(char* out, size_t& size) {
    if (!is_inside_) {
      RETURN_IF_ERROR(begin_member());
      if (is_done_) return {};
    }
    if (rest_.empty() && !is_at_end_) RETURN_IF_ERROR(refill());
    const size_t rest_before = rest_.size();
    char* next = out;
    size_t room = kStepBytes;
    const Result<bool> has_ended = codec_->run(rest_, next, room);
    size = static_cast<size_t>(next - out);
    if (!has_ended.is_ok()) return has_ended.status();
    if (*has_ended) {
      is_inside_ = false;
      return {};
    }
    const bool stands_still = size == 0 && rest_.size() == rest_before;
    if (stands_still && is_at_end_) {
      return Status::bad_file("the file ends within a " + std::string(codec_->member_name()) +
                              "; it was cut off");
    }
    // A decoder that wants more than what is left in the buffer gets it in front of what follows.
    return stands_still ? refill() : Status();
  }

  Status begin_member() {
    uint64_t padding = 0;
    if (has_member_) RETURN_IF_ERROR(skip_zeros(padding));
    while (rest_.size() < kMagicBytes && !is_at_end_) RETURN_IF_ERROR(refill());
    if (rest_.empty()) {
      if (padding > 0) note_ = tail_note("zero padding", padding);
      is_done_ = true;
      return {};
    }
    if (has_member_ && !codec_->begins_member(rest_)) return end_with_garbage(padding);
    has_member_ = true;
    is_inside_ = true;
    return codec_->start_member();
  }

  /// Members may be padded to the blocks of a medium; xz allows it by its format.
  Status skip_zeros(uint64_t& count) {
    for (;;) {
      const size_t zeros = std::min(rest_.find_first_not_of('\0'), rest_.size());
      rest_.remove_prefix(zeros);
      count += zeros;
      if (!rest_.empty() || is_at_end_) return {};
      RETURN_IF_ERROR(refill());
    }
  }

  /// What follows the last member is no data: all members count, the rest is reported.
  Status end_with_garbage(uint64_t bytes) {
    for (;;) {
      bytes += rest_.size();
      rest_ = {};
      if (is_at_end_) break;
      RETURN_IF_ERROR(refill());
    }
    note_ = tail_note("garbage", bytes);
    is_done_ = true;
    return {};
  }

  std::string tail_note(std::string_view what, uint64_t bytes) const {
    return std::string(what) + " after the last " + std::string(codec_->member_name()) + " (" +
           counted(bytes, "byte") + ")";
  }

  /// Moves what is left to the front and fills the buffer up, however short the reads.
  Status refill() {
    const size_t kept = rest_.size();
    if (kept > 0) std::memmove(buffer_.data(), rest_.data(), kept);
    if (kept == buffer_.size()) buffer_.resize(buffer_.size() * 2);
    rest_ = {buffer_.data(), kept};
    while (rest_.size() < buffer_.size() && !is_at_end_) {
      const Result<size_t> size =
          raw_->read(buffer_.data() + rest_.size(), buffer_.size() - rest_.size());
      // What was read before the error counts: the error comes again when more is wanted.
      if (!size.is_ok()) return rest_.size() > kept ? Status() : size.status();
      rest_ = {buffer_.data(), rest_.size() + *size};
      is_at_end_ = *size == 0;
    }
    return {};
  }

  Status at_place(const Status& status) const {
    return {status.code(), status.message() + " (after " + counted(plain_bytes_, "plain byte") +
                               ", at byte " + with_separators(disk_position()) + " of the file)"};
  }

  std::unique_ptr<RawBytes> raw_;
  std::unique_ptr<Codec> codec_;
  uint64_t size_bytes_;
  uint64_t expansion_max_;
  WorkClock* clock_;
  std::vector<char> buffer_;
  std::string_view rest_;          ///< of buffer_: not decoded yet
  std::unique_ptr<char[]> stage_;  ///< kStepBytes, made for the first caller with less room
  std::string_view staged_;        ///< of stage_: not given yet
  bool is_at_end_ = false;         ///< of the raw bytes
  bool is_inside_ = false;         ///< a member
  bool has_member_ = false;
  bool is_done_ = false;
  uint64_t plain_bytes_ = 0;
  Status error_;
  std::string note_;
};

/// Reads into `buffer` from the start of the raw bytes until it holds at least `least` of them, as
/// far as they reach.
Result<std::string_view> first_bytes(RawBytes& raw, std::span<char> buffer, size_t least) {
  size_t size = 0;
  while (size < least) {
    ASSIGN_OR_RETURN(const size_t got, raw.read(buffer.data() + size, buffer.size() - size));
    if (got == 0) break;
    size += got;
  }
  return std::string_view(buffer.data(), size);
}

/// The extension of a path if it is one of a compression, else empty.
std::string_view packed_extension(std::string_view path) {
  const std::string_view extension = path.substr(std::min(path.rfind('.'), path.size() - 1) + 1);
  for (const std::string_view known : {"gz", "zst", "bz2", "xz", "lz4"}) {
    if (extension == known) return known;
  }
  return {};
}

/// No control characters but those of texts and terminals.
bool looks_like_text(std::string_view bytes) {
  return std::none_of(bytes.begin(), bytes.end(), [](char byte) {
    const auto code = static_cast<unsigned char>(byte);
    return code < 0x20 && (code < '\b' || code > '\r') && code != 0x1b;
  });
}

/// The note of a file whose name says that it is compressed and whose first bytes do not. Where its
/// header is damaged, its bytes are no records.
Result<std::string> note_on_name(RawBytes& raw, std::string_view extension) {
  std::array<char, 4096> buffer;
  raw.seek(0);
  ASSIGN_OR_RETURN(const std::string_view bytes, first_bytes(raw, buffer, buffer.size()));
  if (bytes.empty()) return std::string();
  if (looks_like_text(bytes)) {
    return "is not compressed, though its name ends with ." + std::string(extension);
  }
  return Status::bad_file("begins with bytes of no compression and of no text, expected ." +
                          std::string(extension) + " as its name says");
}

Result<std::unique_ptr<ByteSource>> open_raw(std::unique_ptr<RawBytes> raw, std::string_view path,
                                             const SourceOptions& options) {
  // A range that does not begin at 0 is only cut from plain files.
  Compression compression = Compression::kNone;
  std::string note;
  std::string first;
  if (options.begin == 0 && !options.is_plain) {
    const bool is_small = options.size_bytes > kMagicBytes && options.size_bytes <= kSmallFileBytes;
    first.resize(is_small ? options.size_bytes : kMagicBytes);
    ASSIGN_OR_RETURN(const std::string_view bytes, first_bytes(*raw, first, kMagicBytes));
    first.resize(bytes.size());
    compression = detect_compression(first);
    if (!is_small) first.clear();
    const std::string_view extension = packed_extension(path);
    if (compression == Compression::kNone && !extension.empty()) {
      ASSIGN_OR_RETURN(note, note_on_name(*raw, extension));
    }
  }
  if (compression == Compression::kNone) {
    return std::unique_ptr<ByteSource>(std::make_unique<PlainSource>(
        std::move(raw), options.begin, std::move(first), std::move(note)));
  }
  return std::unique_ptr<ByteSource>(std::make_unique<MemberSource>(
      std::move(raw), make_codec(compression, options.window_bytes_max), options));
}

}  // namespace

bool is_named_compressed(std::string_view path) {
  return !packed_extension(path).empty();
}

Result<std::unique_ptr<ByteSource>> open_file(const std::string& path,
                                              const SourceOptions& options) {
  const ListedFile listed = {.size_bytes = options.size_bytes, .mtime_ns = options.mtime_ns};
  ASSIGN_OR_RETURN(std::unique_ptr<RawBytes> raw, open_raw_file(path, listed, options.clock));
  return open_raw(std::move(raw), path, options);
}

std::unique_ptr<ByteSource> open_memory(std::string_view content, const SourceOptions& options) {
  return open_raw(open_raw_memory(content), "", options).value();
}

}  // namespace shardmill
