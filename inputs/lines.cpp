// Text as lines: one text column `line`.
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "inputs/support/chunk_reader.h"
#include "inputs/support/text_kernels.h"
#include "pipeline/core/input.h"

namespace shardmill {

namespace {

static_assert(UncutLines::kPadding <= kTextPadding);

constexpr std::string_view kLineColumn = "line";

/// What is to be filled; nothing at all if lines are only counted.
struct WantedLines {
  std::optional<size_t> slot;
  size_t slot_count = 0;
  bool raw = false;
  bool offsets = false;
  bool uncut = false;  ///< the first stage takes lines that are not cut yet

  bool only_count() const { return !slot && !raw && !offsets; }
};

std::string_view without_cr(std::string_view line) {
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  return line;
}

/// Makes records of the lines of a chunk.
class Lines final : public UncutLines {
 public:
  explicit Lines(WantedLines wanted) : wanted_(wanted) {}

  void set_chunk(const TextChunk& chunk) {
    text_ = chunk.text;
    offset_ = chunk.offset;
  }

  size_t count() const { return count_newlines(text_) + (text_.back() == '\n' ? 0 : 1); }

  void cut(Batch& batch) const override {
    make_room_for_ends(text_.size() + kMarkSlack + 1);
    size_t rows = find_bytes(text_, '\n', ends_.get());
    if (text_.back() != '\n') ends_[rows++] = static_cast<uint32_t>(text_.size());
    batch.rows = rows;
    if (wanted_.slot) fill_lines(batch.columns[*wanted_.slot], rows);
    if (wanted_.raw) fill_raw(batch);
    if (wanted_.offsets) fill_offsets(batch);
  }

  void make_room(Batch& batch, size_t rows) const override {
    if (wanted_.slot) batch.columns[*wanted_.slot].prepare(Type::kText, rows);
    if (wanted_.raw) grow_to(batch.raw, rows);
    if (wanted_.offsets) grow_to(batch.offsets, rows);
    batch.raw_is_canonical = wanted_.raw;
  }

  void cut_line(Batch& batch, size_t row, size_t begin, size_t end) const override {
    const std::string_view raw = text_.substr(begin, end - begin);
    if (wanted_.slot) batch.columns[*wanted_.slot].text[row] = content(raw);
    if (wanted_.raw) batch.raw[row] = raw;
    if (wanted_.offsets) batch.offsets[row] = offset_ + begin;
  }

  void cut_lines(Batch& batch, size_t row, std::span<const LineRange> lines) const override {
    for (const LineRange& line : lines) cut_line(batch, row++, line.begin, line.end);
  }

 private:
  /// Without the line end.
  std::string_view content(std::string_view raw) const {
    // The last line of a file may have no newline; a CR at its end is then its own.
    const bool has_newline = raw.data() + raw.size() != text_.data() + text_.size();
    return has_newline ? without_cr(raw) : raw;
  }

  // Uninitialised: pages that are never written take no memory.
  void make_room_for_ends(size_t positions) const {
    if (positions <= room_) return;
    room_ = positions + positions / 4;
    ends_ = std::make_unique_for_overwrite<uint32_t[]>(room_);
  }

  void fill_lines(Column& column, size_t rows) const {
    column.prepare(Type::kText, rows);
    size_t begin = 0;
    for (size_t row = 0; row < rows; ++row) {
      column.text[row] = without_cr({text_.data() + begin, ends_[row] - begin});
      begin = ends_[row] + size_t{1};
    }
    if (text_.back() != '\n') {
      const size_t last = rows == 1 ? 0 : ends_[rows - 2] + size_t{1};
      column.text[rows - 1] = text_.substr(last);
    }
  }

  void fill_raw(Batch& batch) const {
    grow_to(batch.raw, batch.rows);
    size_t begin = 0;
    for (size_t row = 0; row < batch.rows; ++row) {
      batch.raw[row] = {text_.data() + begin, ends_[row] - begin};
      begin = ends_[row] + size_t{1};
    }
    batch.raw_is_canonical = true;
  }

  void fill_offsets(Batch& batch) const {
    grow_to(batch.offsets, batch.rows);
    uint64_t begin = offset_;
    for (size_t row = 0; row < batch.rows; ++row) {
      batch.offsets[row] = begin;
      begin = offset_ + ends_[row] + 1;
    }
  }

  const WantedLines wanted_;
  mutable std::unique_ptr<uint32_t[]> ends_;  ///< where lines end: memory that is kept
  mutable size_t room_ = 0;
};

class LinesReader : public Reader {
 public:
  LinesReader(const FileSlice& slice, WantedLines wanted, std::unique_ptr<ChunkReader> chunks)
      : slice_(slice), wanted_(wanted), chunks_(std::move(chunks)), lines_(wanted) {}

  Result<bool> next(Batch& batch) override {
    batch.clear();
    batch.slice = &slice_;
    grow_to(batch.columns, wanted_.slot_count);
    TextChunk chunk;
    ASSIGN_OR_RETURN(const bool more, chunks_->next(chunk));
    if (!more) return false;
    lines_.set_chunk(chunk);
    if (wanted_.only_count() || wanted_.uncut) {
      batch.rows = lines_.count();
      if (!wanted_.only_count()) batch.uncut = &lines_;
    } else {
      lines_.cut(batch);
    }
    chunks_->end().records += batch.rows;
    return true;
  }

  const SliceEnd& end() const override { return chunks_->end(); }
  uint64_t good_bytes() const override { return chunks_->good_bytes(); }
  uint64_t disk_position() const override { return chunks_->disk_position(); }

 private:
  const FileSlice& slice_;
  const WantedLines wanted_;
  std::unique_ptr<ChunkReader> chunks_;
  Lines lines_;
};

class LinesInput : public BoundInput {
 public:
  explicit LinesInput(WantedLines wanted) : wanted_(wanted) {}

  Result<std::unique_ptr<Reader>> open(const FileSlice& slice, ReadContext context) const override {
    ASSIGN_OR_RETURN(std::unique_ptr<ChunkReader> chunks, ChunkReader::open(slice, context));
    return std::unique_ptr<Reader>(
        std::make_unique<LinesReader>(slice, wanted_, std::move(chunks)));
  }

 private:
  WantedLines wanted_;
};

RecordForm lines_form(const Options&) {
  return {.format = "lines"};
}

Result<InputSchema> infer_lines(const Options&, const ReadLimits&, const SampleFiles&, Problems&) {
  return InputSchema{.columns = {{.name = std::string(kLineColumn), .type = Type::kText}}};
}

std::unique_ptr<BoundInput> bind_lines(const Options&, const InputSchema& schema,
                                       const WantedColumns& wanted) {
  SHARDMILL_CHECK(schema.columns.size() == 1 && wanted.slots.size() == 1);
  return std::make_unique<LinesInput>(WantedLines{.slot = wanted.slots[0],
                                                  .slot_count = wanted.slot_count,
                                                  .raw = wanted.needs_raw,
                                                  .offsets = wanted.offsets == WantedOffsets::kAll,
                                                  .uncut = wanted.may_leave_uncut});
}

}  // namespace

InputSpec input_lines() {
  return {
      .name = "lines",
      .summary =
          "Each line of a text file is a record with one text column, `line`, without its "
          "line end (\\n or \\r\\n). All other bytes are data: NUL, a lone CR, a byte order "
          "mark, bytes that are not UTF-8.",
      .extensions = {"txt", "log", "text"},
      .form = lines_form,
      .infer = infer_lines,
      .bind = bind_lines,
  };
}

}  // namespace shardmill
