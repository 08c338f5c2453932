// The bytes of a file that a reader holds: read in pieces, consumed from the front.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "pipeline/base/heap.h"
#include "pipeline/base/status.h"
#include "pipeline/core/input.h"
#include "pipeline/core/unit.h"
#include "pipeline/formats/byte_source.h"

namespace shardmill {

/// Bytes that may be read (not their values used) behind any text of a TextWindow, so that kernels
/// may load whole blocks.
inline constexpr size_t kTextPadding = 64;

/// Opens what a slice is to be read from, at plain offset `begin`: the content of the context if it
/// has one, else the file.
Result<std::unique_ptr<ByteSource>> open_source(const FileSlice& slice, const ReadContext& context,
                                                uint64_t begin);

/// A window on the plain bytes of one file. One owner, one thread.
///
///   ...consumed...|text(): held, not yet consumed|...not yet read...
///                 ^ offset()
///
/// Memory: the most that was held at once, plus one piece and a page. A text stays where it is
/// until the next call of read_more or fill. Reads of large pieces end at pages of the file and go
/// to whole pages of a buffer that stays in the cache: the kernel copies these a sixth faster than
/// bytes that lie askew.
class TextWindow {
 public:
  /// `offset` is the plain offset that `source` starts at. Reads `piece_bytes` at a time (at least
  /// 1).
  TextWindow(std::unique_ptr<ByteSource> source, uint64_t offset, size_t piece_bytes);

  std::string_view text() const { return {buffer_.get() + begin_, size_}; }
  uint64_t offset() const { return offset_; }
  /// REQUIRES: bytes <= text().size(). The text stays where it is.
  void consume(size_t bytes);

  /// Reads up to one further piece; false if nothing came because the data has ended.
  bool read_more() { return read_up_to(piece_bytes_); }
  /// Reads until `bytes` are held or the data ends; true if they are held.
  bool fill(size_t bytes);
  /// True once it is known that nothing follows text().
  bool at_end() const { return at_end_; }
  /// Why the data ended early; ok if it ended as it should. What text() holds is good.
  const Status& error() const { return error_; }

  uint64_t disk_position() const { return source_->disk_position(); }
  std::string note() const { return source_->note(); }

 private:
  struct Free {
    void operator()(char* bytes) const { heap_free(bytes); }
  };

  bool read_up_to(size_t bytes);
  void make_room(size_t bytes);
  void move_to_front();

  std::unique_ptr<ByteSource> source_;
  std::unique_ptr<char, Free> buffer_;
  size_t capacity_ = 0;  ///< without the padding
  size_t begin_ = 0;     ///< of text() in buffer_
  size_t size_ = 0;
  size_t piece_bytes_;
  size_t page_bytes_;  ///< 1 if pieces are small
  uint64_t offset_;
  bool at_end_ = false;
  Status error_;
};

}  // namespace shardmill
