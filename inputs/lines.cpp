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

constexpr std::string_view kLineColumn = "line";

/// What is to be filled; nothing at all if lines are only counted.
struct WantedLines {
  std::optional<size_t> slot;
  size_t slot_count = 0;
  bool raw = false;
  bool offsets = false;

  bool only_count() const { return !slot && !raw && !offsets; }
};

template <typename T>
void grow_to(std::vector<T>& values, size_t rows) {
  if (values.size() < rows) values.resize(rows);
}

std::string_view without_cr(std::string_view line) {
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  return line;
}

class LinesReader : public Reader {
 public:
  LinesReader(const FileSlice& slice, WantedLines wanted, std::unique_ptr<ChunkReader> chunks)
      : slice_(slice), wanted_(wanted), chunks_(std::move(chunks)) {}

  Result<bool> next(Batch& batch) override {
    batch.clear();
    batch.slice = &slice_;
    grow_to(batch.columns, wanted_.slot_count);
    TextChunk chunk;
    ASSIGN_OR_RETURN(const bool more, chunks_->next(chunk));
    if (!more) return false;
    if (wanted_.only_count()) {
      batch.rows = count_newlines(chunk.text) + (chunk.text.back() == '\n' ? 0 : 1);
    } else {
      fill(chunk, batch);
    }
    chunks_->end().records += batch.rows;
    return true;
  }

  const SliceEnd& end() const override { return chunks_->end(); }
  uint64_t good_bytes() const override { return chunks_->good_bytes(); }
  uint64_t disk_position() const override { return chunks_->disk_position(); }

 private:
  // Uninitialised: pages that are never written take no memory.
  void make_room(size_t positions) {
    if (positions <= room_) return;
    room_ = positions + positions / 4;
    ends_ = std::make_unique_for_overwrite<uint32_t[]>(room_);
  }

  void fill(const TextChunk& chunk, Batch& batch) {
    make_room(chunk.text.size() + kMarkSlack + 1);
    size_t rows = find_bytes(chunk.text, '\n', ends_.get());
    // The last line of a file may have no newline; a CR at its end is then its own.
    std::string_view unended;
    const size_t begin_of_last = rows == 0 ? 0 : ends_[rows - 1] + 1;
    if (begin_of_last < chunk.text.size()) {
      unended = chunk.text.substr(begin_of_last);
      ends_[rows++] = static_cast<uint32_t>(chunk.text.size());
    }
    batch.rows = rows;
    if (wanted_.slot) fill_lines(chunk, unended, batch.columns[*wanted_.slot], rows);
    if (wanted_.raw) fill_raw(chunk, batch);
    if (wanted_.offsets) fill_offsets(chunk, batch);
  }

  void fill_lines(const TextChunk& chunk, std::string_view unended, Column& column, size_t rows) {
    column.prepare(Type::kText, rows);
    size_t begin = 0;
    for (size_t row = 0; row < rows; ++row) {
      column.text[row] = without_cr({chunk.text.data() + begin, ends_[row] - begin});
      begin = ends_[row] + size_t{1};
    }
    if (!unended.empty()) column.text[rows - 1] = unended;
  }

  void fill_raw(const TextChunk& chunk, Batch& batch) {
    grow_to(batch.raw, batch.rows);
    size_t begin = 0;
    for (size_t row = 0; row < batch.rows; ++row) {
      batch.raw[row] = {chunk.text.data() + begin, ends_[row] - begin};
      begin = ends_[row] + size_t{1};
    }
    batch.raw_is_canonical = true;
  }

  void fill_offsets(const TextChunk& chunk, Batch& batch) {
    grow_to(batch.offsets, batch.rows);
    uint64_t begin = chunk.offset;
    for (size_t row = 0; row < batch.rows; ++row) {
      batch.offsets[row] = begin;
      begin = chunk.offset + ends_[row] + 1;
    }
  }

  const FileSlice& slice_;
  const WantedLines wanted_;
  std::unique_ptr<ChunkReader> chunks_;
  std::unique_ptr<uint32_t[]> ends_;  ///< where the chunk's lines end
  size_t room_ = 0;
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
                                                  .offsets = wanted.needs_offsets});
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
