#include "inputs/support/text_window.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "pipeline/base/heap.h"

namespace shardmill {

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
    : source_(std::move(source)), piece_bytes_(std::max<size_t>(1, piece_bytes)), offset_(offset) {}

void TextWindow::consume(size_t bytes) {
  SHARDMILL_CHECK(bytes <= size_);
  begin_ += bytes;
  size_ -= bytes;
  offset_ += bytes;
}

// Room is doubled but only what is read is touched, so resident memory stays at what is held plus a
// piece; large blocks grow without being copied.
void TextWindow::make_room(size_t bytes) {
  if (begin_ + size_ + bytes <= capacity_) return;
  if (begin_ > 0) {
    std::memmove(buffer_.get(), buffer_.get() + begin_, size_);
    begin_ = 0;
  }
  if (size_ + bytes <= capacity_) return;
  capacity_ = std::max(size_ + bytes, capacity_ * 2);
  char* grown = static_cast<char*>(heap_grow(buffer_.get(), capacity_ + kTextPadding));
  (void)buffer_.release();
  buffer_.reset(grown);
}

bool TextWindow::read_more() {
  if (at_end_) return false;
  make_room(piece_bytes_);
  const Result<size_t> got = source_->read(buffer_.get() + begin_ + size_, piece_bytes_);
  if (!got.is_ok()) error_ = got.status();
  at_end_ = !got.is_ok() || got.value() == 0;
  if (at_end_) return false;
  size_ += got.value();
  return true;
}

bool TextWindow::fill(size_t bytes) {
  while (size_ < bytes && read_more()) {
  }
  return size_ >= bytes;
}

}  // namespace shardmill
