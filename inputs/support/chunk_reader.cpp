#include "inputs/support/chunk_reader.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "pipeline/base/text.h"

namespace shardmill {

namespace {

constexpr size_t kNone = static_cast<size_t>(-1);

size_t first_newline(std::string_view text, size_t from = 0) {
  if (from >= text.size()) return kNone;
  const void* at = std::memchr(text.data() + from, '\n', text.size() - from);
  return at == nullptr ? kNone : static_cast<size_t>(static_cast<const char*>(at) - text.data());
}

size_t last_newline(std::string_view text) {
  if (text.empty()) return kNone;
  const void* at = ::memrchr(text.data(), '\n', text.size());
  return at == nullptr ? kNone : static_cast<size_t>(static_cast<const char*>(at) - text.data());
}

}  // namespace

ReadLimits within_reach(ReadLimits limits) {
  constexpr size_t kReach = size_t{1} << 31;
  limits.chunk_bytes = std::clamp<size_t>(limits.chunk_bytes, 1, kReach);
  limits.record_bytes_max = std::min(limits.record_bytes_max, kReach);
  return limits;
}

void RejectCounter::reject(uint64_t offset, std::string_view bytes, uint64_t record_bytes,
                           std::string_view reason) {
  ++end_.rejected;
  end_.rejected_bytes += record_bytes;
  if (log_ == nullptr) return;
  log_->reject(slice_.path, offset, bytes.substr(0, bytes_kept_), record_bytes, reason);
}

void RejectCounter::bad_value(uint64_t offset, std::string_view column, std::string_view value) {
  ++end_.bad_values;
  if (log_ != nullptr) log_->bad_value(slice_.path, offset, column, value);
}

std::string too_long_reason(uint64_t record_bytes, uint64_t record_bytes_max) {
  return Message{.found = "a record of " + counted(record_bytes, "byte"),
                 .expected = "at most " + counted(record_bytes_max, "byte"),
                 .fix = "raise `record_bytes_max` in [input] to read it"}
      .text();
}

Result<std::unique_ptr<ChunkReader>> ChunkReader::open(const FileSlice& slice,
                                                       const ReadContext& context) {
  // The byte before the slice says whether a line starts at its first byte.
  const uint64_t offset = slice.begin == 0 ? 0 : slice.begin - 1;
  ASSIGN_OR_RETURN(std::unique_ptr<ByteSource> source, open_source(slice, context, offset));
  return std::unique_ptr<ChunkReader>(new ChunkReader(slice, context, std::move(source), offset));
}

ChunkReader::ChunkReader(const FileSlice& slice, const ReadContext& context,
                         std::unique_ptr<ByteSource> source, uint64_t offset)
    : slice_(slice),
      limits_(context.limits),
      window_(std::move(source), offset, within_reach(context.limits).chunk_bytes),
      rejects_(slice, context.rejects, end_, context.limits.reject_bytes_kept) {
  limits_ = within_reach(limits_);
}

// Moves to the first line that starts in the slice; false if there is none. Looks no further than
// the slice's end, so a line of any length costs each slice in it one pass over its own bytes.
bool ChunkReader::find_first_line() {
  started_ = true;
  if (slice_.begin == 0) return true;
  while (window_.offset() + 1 < slice_.end && window_.fill(1)) {
    const uint64_t ours = slice_.end - 1 - window_.offset();
    const std::string_view text = window_.text().substr(0, ours);
    const size_t newline = first_newline(text);
    window_.consume(newline == kNone ? text.size() : newline + 1);
    if (newline != kNone) {
      end_.first_record = given_to_ = window_.offset();
      return true;
    }
  }
  end_.first_record = given_to_ = window_.offset();
  return false;
}

Result<bool> ChunkReader::finish() {
  finished_ = true;
  end_.handover = given_to_;
  end_.plain_bytes = end_.handover - end_.first_record;
  // Only whole files may be compressed; in a cut file every byte belongs to one slice.
  end_.disk_bytes = slice_.is_whole_file() ? window_.disk_position() : end_.plain_bytes;
  end_.note = window_.note();
  return false;
}

Result<bool> ChunkReader::next(TextChunk& chunk) {
  if (finished_) return false;
  window_.consume(std::exchange(given_, 0));
  if (!started_ && !find_first_line()) {
    RETURN_IF_ERROR(window_.error());
    return finish();
  }
  while (window_.offset() < slice_.end) {
    const bool full = window_.fill(limits_.chunk_bytes);
    if (!full && window_.text().empty()) break;
    size_t cut = cut_of_held_text();
    if (cut == kNone) cut = cut_of_long_line();
    if (cut == kNone && !window_.error().is_ok()) break;
    if (cut != kNone && cut > limits_.record_bytes_max) {
      cut = cut_before_too_long(window_.text().substr(0, cut));
    }
    if (cut == kNone || cut == 0) {
      if (!skip_line()) break;
      continue;
    }
    chunk = {.text = window_.text().substr(0, cut), .offset = window_.offset()};
    given_ = cut;
    given_to_ = window_.offset() + cut;
    return true;
  }
  if (window_.offset() < slice_.end) RETURN_IF_ERROR(window_.error());
  return finish();
}

// Where whole lines of the slice end in the first chunk_bytes held; kNone if the first line does
// not end there.
size_t ChunkReader::cut_of_held_text() {
  const std::string_view held = window_.text();
  const std::string_view text = held.substr(0, limits_.chunk_bytes);
  const uint64_t left = slice_.end - window_.offset();
  if (left <= text.size()) {
    const size_t newline = first_newline(text, left - 1);
    if (newline != kNone) return newline + 1;
  }
  const bool ends_well = window_.at_end() && window_.error().is_ok();
  if (ends_well && text.size() == held.size()) return text.size();
  const size_t newline = last_newline(text);
  return newline == kNone ? kNone : newline + 1;
}

// Where the first line ends, reading on until it does; kNone if it is too long or the data ends by
// an error.
size_t ChunkReader::cut_of_long_line() {
  size_t searched = 0;
  while (true) {
    const std::string_view text = window_.text();
    const size_t newline = first_newline(text, searched);
    if (newline != kNone) return newline + 1;
    searched = text.size();
    if (searched > limits_.record_bytes_max) return kNone;
    if (!window_.read_more()) return window_.error().is_ok() ? searched : kNone;
  }
}

// Where the first line of `lines` that is too long starts; lines.size() if there is none.
size_t ChunkReader::cut_before_too_long(std::string_view lines) const {
  size_t start = 0;
  while (start < lines.size()) {
    const size_t newline = first_newline(lines, start);
    const size_t end = newline == kNone ? lines.size() : newline;
    if (end - start > limits_.record_bytes_max) return start;
    start = end + 1;
  }
  return lines.size();
}

// Rejects the first line, holding no more of it than a piece; false if the data ends by an error
// before the line does.
bool ChunkReader::skip_line() {
  const uint64_t start = window_.offset();
  window_.fill(rejects_.bytes_kept());  // the same excerpt whatever the chunk size
  const std::string excerpt(window_.text().substr(0, rejects_.bytes_kept()));
  while (true) {
    const size_t newline = first_newline(window_.text());
    window_.consume(newline == kNone ? window_.text().size() : newline);
    if (newline != kNone) break;
    if (!window_.read_more()) {
      if (!window_.error().is_ok()) return false;
      break;
    }
  }
  const uint64_t record_bytes = window_.offset() - start;
  rejects_.reject(start, std::string_view(excerpt).substr(0, record_bytes), record_bytes,
                  too_long_reason(record_bytes, limits_.record_bytes_max));
  if (!window_.text().empty()) window_.consume(1);
  given_to_ = window_.offset();
  return true;
}

}  // namespace shardmill
