#include "pipeline/formats/byte_source.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

#include "pipeline/base/text.h"
#include "pipeline/formats/codec.h"
#include "pipeline/formats/raw_bytes.h"

namespace shardmill {

namespace {

constexpr size_t kMagicBytes = 6;

class PlainSource final : public ByteSource {
 public:
  PlainSource(std::unique_ptr<RawBytes> raw, uint64_t begin) : raw_(std::move(raw)) {
    raw_->seek(begin);
  }
  Result<size_t> read(char* buffer, size_t capacity) override {
    return raw_->read(buffer, capacity);
  }
  uint64_t disk_position() const override { return raw_->position(); }
  std::string note() const override { return raw_->note(); }

 private:
  std::unique_ptr<RawBytes> raw_;
};

/// Plain bytes of all members, one after another.
class MemberSource final : public ByteSource {
 public:
  MemberSource(std::unique_ptr<RawBytes> raw, std::unique_ptr<Codec> codec, size_t buffer_bytes)
      : raw_(std::move(raw)),
        codec_(std::move(codec)),
        buffer_(std::max(buffer_bytes, kMagicBytes)) {
    raw_->seek(0);
  }

  Result<size_t> read(char* buffer, size_t capacity) override {
    if (!error_.is_ok()) return error_;
    char* out = buffer;
    while (out == buffer && !is_done_ && capacity > 0) {
      const Status status = step(out, capacity);
      if (status.is_ok()) continue;
      // What came before the damage counts: it is given first, the error with the next call.
      error_ = at_place(status, static_cast<size_t>(out - buffer));
      if (out == buffer) return error_;
    }
    const auto size = static_cast<size_t>(out - buffer);
    plain_bytes_ += size;
    return size;
  }

  uint64_t disk_position() const override { return raw_->position() - rest_.size(); }
  std::string note() const override { return note_.empty() ? raw_->note() : note_; }

 private:
  Status step(char*& out, size_t& capacity) {
    if (!is_inside_) {
      RETURN_IF_ERROR(begin_member());
      if (is_done_) return {};
    }
    if (rest_.empty() && !is_at_end_) RETURN_IF_ERROR(refill());
    const char* const out_before = out;
    const size_t rest_before = rest_.size();
    ASSIGN_OR_RETURN(const bool has_ended, codec_->run(rest_, out, capacity));
    if (has_ended) {
      is_inside_ = false;
      return {};
    }
    const bool stands_still = out == out_before && rest_.size() == rest_before;
    if (stands_still && is_at_end_) {
      return Status::bad_file("the file ends within a " + std::string(codec_->member_name()) +
                              "; it was cut off");
    }
    // A decoder that wants more than what is left in the buffer gets it in front of what follows.
    return stands_still ? refill() : Status();
  }

  Status begin_member() {
    while (rest_.size() < kMagicBytes && !is_at_end_) RETURN_IF_ERROR(refill());
    if (rest_.empty()) {
      is_done_ = true;
      return {};
    }
    if (has_member_ && !codec_->begins_member(rest_)) return end_with_tail();
    has_member_ = true;
    is_inside_ = true;
    return codec_->start_member();
  }

  /// What follows the last member is no data: all members count, the tail is reported.
  Status end_with_tail() {
    uint64_t bytes = rest_.size();
    bool is_zero = true;
    for (;;) {
      is_zero =
          is_zero && std::all_of(rest_.begin(), rest_.end(), [](char c) { return c == '\0'; });
      rest_ = {};
      if (is_at_end_) break;
      RETURN_IF_ERROR(refill());
      bytes += rest_.size();
    }
    note_ = (is_zero ? "zero padding after the last " : "garbage after the last ") +
            std::string(codec_->member_name()) + " (" + counted(bytes, "byte") + ")";
    is_done_ = true;
    return {};
  }

  Status refill() {
    if (!rest_.empty()) std::memmove(buffer_.data(), rest_.data(), rest_.size());
    if (rest_.size() == buffer_.size()) buffer_.resize(buffer_.size() * 2);
    const size_t kept = rest_.size();
    rest_ = {buffer_.data(), kept};
    ASSIGN_OR_RETURN(const size_t size, raw_->read(buffer_.data() + kept, buffer_.size() - kept));
    rest_ = {buffer_.data(), kept + size};
    is_at_end_ = size == 0;
    return {};
  }

  Status at_place(const Status& status, size_t given) const {
    return {status.code(), status.message() + " (after " +
                               counted(plain_bytes_ + given, "plain byte") + ", at byte " +
                               with_separators(disk_position()) + " of the file)"};
  }

  std::unique_ptr<RawBytes> raw_;
  std::unique_ptr<Codec> codec_;
  std::vector<char> buffer_;
  std::string_view rest_;   ///< of buffer_: not decoded yet
  bool is_at_end_ = false;  ///< of the raw bytes
  bool is_inside_ = false;  ///< a member
  bool has_member_ = false;
  bool is_done_ = false;
  uint64_t plain_bytes_ = 0;
  Status error_;
  std::string note_;
};

Result<std::unique_ptr<ByteSource>> open_raw(std::unique_ptr<RawBytes> raw,
                                             const SourceOptions& options) {
  // A range that does not begin at 0 is only cut from plain files.
  Compression compression = Compression::kNone;
  if (options.begin == 0) {
    std::array<char, kMagicBytes> magic;
    size_t size = 0;
    while (size < magic.size()) {
      ASSIGN_OR_RETURN(const size_t got, raw->read(magic.data() + size, magic.size() - size));
      if (got == 0) break;
      size += got;
    }
    compression = detect_compression({magic.data(), size});
  }
  if (compression == Compression::kNone) {
    return std::unique_ptr<ByteSource>(
        std::make_unique<PlainSource>(std::move(raw), options.begin));
  }
  return std::unique_ptr<ByteSource>(std::make_unique<MemberSource>(
      std::move(raw), make_codec(compression, options.window_bytes_max), options.buffer_bytes));
}

}  // namespace

Result<std::unique_ptr<ByteSource>> open_file(const std::string& path,
                                              const SourceOptions& options) {
  ASSIGN_OR_RETURN(std::unique_ptr<RawBytes> raw, open_raw_file(path, options.size_bytes));
  return open_raw(std::move(raw), options);
}

std::unique_ptr<ByteSource> open_memory(std::string_view content, const SourceOptions& options) {
  return open_raw(open_raw_memory(content), options).value();
}

}  // namespace shardmill
