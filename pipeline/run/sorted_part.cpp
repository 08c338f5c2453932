#include "pipeline/run/sorted_part.h"

#include <algorithm>
#include <utility>

namespace shardmill {

namespace {

constexpr size_t kRowsMax = 128 << 10;

}  // namespace

Status SortedPart::append(const FramedRows& rows) {
  const uint64_t start = buffer_.size();
  add_totals(rows.columns);
  buffer_.append(rows.bytes);
  uint64_t begin = start;
  for (size_t i = 0; i < rows.ends.size(); ++i) {
    rows_.push_back({.begin = begin, .file = number_in_unit(rows, rows.files[i])});
    longest_row_ = std::max(longest_row_, start + rows.ends[i] - begin);
    begin = start + rows.ends[i];
  }
  const bool is_full = buffer_.size() >= buffer_bytes_ || rows_.size() >= kRowsMax;
  return is_full ? write_run() : Status::ok();
}

uint32_t SortedPart::number_in_unit(const FramedRows& rows, uint32_t file) {
  if (file >= number_of_.size()) number_of_.resize(rows.names.size());
  uint32_t& number = number_of_[file];
  if (number == 0) {
    names_.push_back(rows.names[file]);
    number = static_cast<uint32_t>(names_.size());
  }
  return number - 1;
}

/// Fills `order_`: by file, rows of one file as they came.
void SortedPart::sort_rows() {
  std::vector<uint32_t> next(names_.size() + 1);
  for (const Row& row : rows_) ++next[row.file + 1];
  for (size_t file = 1; file < next.size(); ++file) next[file] += next[file - 1];
  order_.resize(rows_.size());
  for (size_t i = 0; i < rows_.size(); ++i) {
    order_[next[rows_[i].file]++] = static_cast<uint32_t>(i);
  }
}

Status SortedPart::write_sorted(BufferedFile& to, std::vector<RunFrame>& frames) {
  sort_rows();
  const auto end_of = [&](size_t row) {
    return row + 1 < rows_.size() ? rows_[row + 1].begin : buffer_.size();
  };
  for (size_t i = 0; i < order_.size();) {
    const uint32_t file = rows_[order_[i]].file;
    RunFrame run = {.frame = {.file = file}, .begin = to.size()};
    ByteWriter lengths;
    for (; i < order_.size() && rows_[order_[i]].file == file; ++i) {
      const uint64_t begin = rows_[order_[i]].begin;
      const uint64_t bytes = end_of(order_[i]) - begin;
      RETURN_IF_ERROR(to.append({buffer_.data() + begin, bytes}));
      ++run.frame.rows;
      run.frame.bytes += bytes;
      if (with_lengths_) lengths.varint(bytes);
    }
    run.frame.lengths_bytes = lengths.size();
    RETURN_IF_ERROR(to.append(lengths.bytes()));
    frames.push_back(run);
  }
  buffer_.clear();
  rows_.clear();
  return {};
}

Status SortedPart::write_run() {
  RETURN_IF_ERROR(write_sorted(runs_, run_frames_));
  return run_frames_.size() >= run_frames_max_ ? merge_runs() : Status::ok();
}

Status SortedPart::merge_runs() {
  std::stable_sort(
      run_frames_.begin(), run_frames_.end(),
      [](const RunFrame& a, const RunFrame& b) { return a.frame.file < b.frame.file; });
  for (size_t i = 0; i < run_frames_.size();) {
    PartFrame merged = {.file = run_frames_[i].frame.file};
    const size_t first = i;
    for (; i < run_frames_.size() && run_frames_[i].frame.file == merged.file; ++i) {
      const PartFrame& frame = run_frames_[i].frame;
      RETURN_IF_ERROR(runs_.copy(run_frames_[i].begin, frame.bytes, out()));
      merged.rows += frame.rows;
      merged.bytes += frame.bytes;
      merged.lengths_bytes += frame.lengths_bytes;
    }
    for (size_t run = first; with_lengths_ && run < i; ++run) {
      const PartFrame& frame = run_frames_[run].frame;
      RETURN_IF_ERROR(runs_.copy(run_frames_[run].begin + frame.bytes, frame.lengths_bytes, out()));
    }
    frames_.push_back(merged);
  }
  run_frames_.clear();
  runs_.clear();
  return {};
}

void SortedPart::discard() {
  out().clear();
  runs_.clear();
  run_frames_.clear();
  frames_.clear();
  buffer_.clear();
  rows_.clear();
  longest_row_ = 0;
  names_.clear();
  number_of_.clear();
  (void)take_totals();
}

Result<WrittenPart> SortedPart::commit(PartPool& pool) {
  if (run_frames_.empty()) {
    std::vector<RunFrame> sorted;
    RETURN_IF_ERROR(write_sorted(out(), sorted));
    for (const RunFrame& run : sorted) frames_.push_back(run.frame);
  } else {
    RETURN_IF_ERROR(write_run());
    if (!run_frames_.empty()) RETURN_IF_ERROR(merge_runs());
  }
  return keep(pool, {.names = std::move(names_),
                     .frames = std::move(frames_),
                     .longest_row = longest_row_,
                     .columns = take_totals()});
}

}  // namespace shardmill
