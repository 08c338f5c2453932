#include "inputs/support/text_window.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "pipeline/base/heap.h"

namespace shardmill {

namespace {

constexpr size_t kPageBytes = 4096;
/// Smaller pieces are not worth an order.
constexpr size_t kPagesLeast = 16;
/// This part of a piece, or less, is moved to the front of the buffer before each read.
constexpr size_t kLittlePart = 8;
/// Decoders that are asked for less have to keep some of what they make.
constexpr size_t kReadBytesLeast = 64 << 10;

}  // namespace

Result<std::unique_ptr<ByteSource>> open_source(const FileSlice& slice, const ReadContext& context,
                                                uint64_t begin) {
  SourceOptions options = {.begin = begin,
                           .size_bytes = slice.size_bytes,
                           .mtime_ns = slice.mtime_ns,
                           .window_bytes_max = context.limits.window_bytes_max,
                           .expansion_max = context.limits.expansion_max,
                           .clock = context.clock};
  if (context.content == nullptr) return open_file(slice.path, options);
  options.size_bytes = context.content->size();
  options.is_plain = context.content_is_records;
  return open_memory(*context.content, options);
}

TextWindow::TextWindow(std::unique_ptr<ByteSource> source, uint64_t offset, size_t piece_bytes)
    : source_(std::move(source)),
      piece_bytes_(std::max<size_t>(1, piece_bytes)),
      page_bytes_(piece_bytes_ < kPagesLeast * kPageBytes ? 1 : kPageBytes),
      offset_(offset) {}

void TextWindow::consume(size_t bytes) {
  SHARDMILL_CHECK(bytes <= size_);
  begin_ += bytes;
  size_ -= bytes;
  offset_ += bytes;
}

// Room is doubled but only what is read is touched, so resident memory stays at what is held plus a
// piece; large blocks grow without being copied.
void TextWindow::make_room(size_t bytes) {
  const bool is_little = size_ <= piece_bytes_ / kLittlePart;
  if (begin_ + size_ + bytes <= capacity_ && !is_little) return;
  if (page_bytes_ + size_ + bytes > capacity_) {
    const size_t most_little = piece_bytes_ / kLittlePart;
    capacity_ = std::max(page_bytes_ + std::max(size_, most_little) + bytes, capacity_ * 2);
    char* grown = static_cast<char*>(heap_grow(buffer_.get(), capacity_ + kTextPadding));
    (void)buffer_.release();
    buffer_.reset(grown);
  }
  move_to_front();
}

// A byte takes the same place in a page of memory as in its page of the file.
void TextWindow::move_to_front() {
  const size_t first = reinterpret_cast<uintptr_t>(buffer_.get()) % page_bytes_;
  const size_t place = (page_bytes_ + offset_ % page_bytes_ - first) % page_bytes_;
  if (place == begin_) return;
  if (size_ > 0) std::memmove(buffer_.get() + place, buffer_.get() + begin_, size_);
  begin_ = place;
}

bool TextWindow::read_up_to(size_t bytes) {
  if (at_end_) return false;
  const uint64_t position = offset_ + size_;
  const size_t rest_of_page = (page_bytes_ - (position + bytes) % page_bytes_) % page_bytes_;
  const size_t wanted = bytes + rest_of_page;
  make_room(wanted);
  const Result<size_t> got = source_->read(buffer_.get() + begin_ + size_, wanted);
  if (!got.is_ok()) error_ = got.status();
  at_end_ = !got.is_ok() || got.value() == 0;
  if (at_end_) return false;
  size_ += got.value();
  return true;
}

bool TextWindow::fill(size_t bytes) {
  const size_t least = std::min(piece_bytes_, kReadBytesLeast);
  while (size_ < bytes && read_up_to(std::clamp(bytes - size_, least, piece_bytes_))) {
  }
  return size_ >= bytes;
}

}  // namespace shardmill
