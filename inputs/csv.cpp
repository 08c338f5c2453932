// Delimited text: CSV as in RFC 4180, TSV, and their relatives.
#include <algorithm>
#include <memory>
#include <numeric>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "inputs/support/chunk_reader.h"
#include "inputs/support/csv_chunks.h"
#include "inputs/support/csv_columns.h"
#include "inputs/support/csv_format.h"
#include "inputs/support/csv_infer.h"
#include "inputs/support/csv_shape.h"
#include "inputs/support/csv_start.h"
#include "pipeline/base/text.h"
#include "pipeline/core/input.h"

namespace shardmill {

namespace {

/// The input of this job, as all its readers see it.
struct CsvJob {
  CsvFormat format;
  std::vector<std::string> names;  ///< of the schema, in order
  std::vector<CsvColumn> wanted;   ///< without their place in a file
  size_t slot_count = 0;
  bool needs_raw = false;
  WantedOffsets offsets = WantedOffsets::kAll;
};

/// Finds names among many, since there are files with more than 100,000 columns.
class NameIndex {
 public:
  /// `names` are distinct and outlive the index.
  explicit NameIndex(const std::vector<std::string>& names) : names_(names), sorted_(names.size()) {
    std::iota(sorted_.begin(), sorted_.end(), size_t{0});
    std::sort(sorted_.begin(), sorted_.end(),
              [&](size_t a, size_t b) { return names_[a] < names_[b]; });
  }

  std::optional<size_t> find(std::string_view name) const {
    const auto at =
        std::lower_bound(sorted_.begin(), sorted_.end(), name,
                         [&](size_t i, std::string_view wanted) { return names_[i] < wanted; });
    if (at == sorted_.end() || names_[*at] != name) return std::nullopt;
    return *at;
  }

 private:
  const std::vector<std::string>& names_;
  std::vector<size_t> sorted_;
};

/// The wanted columns where this file has them.
std::vector<CsvColumn> placed_columns(const CsvJob& job, const CsvShape& shape) {
  std::vector<CsvColumn> columns = job.wanted;
  if (columns.empty()) return columns;
  const NameIndex fields(shape.names);
  for (CsvColumn& column : columns) {
    if (const auto field = fields.find(column.name)) column.field = *field;
  }
  return columns;
}

/// Columns that the file has and the job does not know; said once a file.
std::string extra_columns_note(const CsvJob& job, const CsvShape& shape) {
  if (!job.format.columns.empty() || shape.names == job.names) return {};
  const NameIndex known(job.names);
  std::vector<std::string> extra;
  for (const std::string& name : shape.names) {
    if (!known.find(name)) extra.push_back(quoted(name));
  }
  return extra.empty() ? "" : "columns that are not read: " + listed(extra);
}

std::string_view fields_from(const CsvFormat& format) {
  if (format.header) return "in the header";
  return format.columns.empty() ? "in the file's first record" : "named in `columns`";
}

class CsvReader : public Reader {
 public:
  struct Start {
    std::unique_ptr<TextWindow> window;  ///< at the first record
    CsvShape shape;
    uint64_t first_record = 0;
  };

  CsvReader(const CsvJob& job, const FileSlice& slice, const ReadContext& context, Start start)
      : job_(job),
        slice_(slice),
        window_(std::move(start.window)),
        rejects_(slice, context.rejects, end_, context.limits.reject_bytes_kept),
        chunks_({.bytes = job.format.bytes_of(slice.path),
                 .fields = start.shape.fields(),
                 .fields_from = fields_from(job.format),
                 .limits = within_reach(context.limits),
                 .end = slice.end},
                *window_, rejects_),
        columns_(placed_columns(job, start.shape)) {
    const CsvBytes file = job.format.bytes_of(slice.path);
    raw_is_canonical_ =
        start.shape.names == job.names && file.delimiter == job.format.bytes().delimiter;
    end_.first_record = start.first_record;
    if (slice.begin == 0) end_.note = extra_columns_note(job, start.shape);
  }

  Result<bool> next(Batch& batch) override {
    batch.clear();
    batch.slice = &slice_;
    grow_to(batch.columns, job_.slot_count);
    CsvChunk chunk;
    const uint64_t rejected_before = end_.rejected;
    ASSIGN_OR_RETURN(const bool more, chunks_.next(chunk));
    if (!more) {
      finish();
      return false;
    }
    batch.rows = chunk.rows;
    for (const CsvColumn& column : columns_) {
      fill_csv_column(chunk, column, job_.format, rejects_, batch);
    }
    if (job_.needs_raw) fill_raw(chunk, batch);
    grow_to(batch.offsets, chunk.rows);
    if (job_.offsets == WantedOffsets::kAll || end_.rejected > rejected_before) {
      fill_offsets(chunk, batch);
    }
    end_.records += chunk.rows;
    return true;
  }

  const SliceEnd& end() const override { return end_; }
  uint64_t good_bytes() const override { return chunks_.done_to() - end_.first_record; }
  uint64_t disk_position() const override { return window_->disk_position(); }

 private:
  void finish() {
    end_.handover = window_->offset();
    end_.plain_bytes = end_.handover - end_.first_record;
    // Only whole files may be compressed; in a cut file every byte belongs to one slice.
    end_.disk_bytes = slice_.is_whole_file() ? window_->disk_position() : end_.plain_bytes;
    const std::string note = window_->note();
    if (!note.empty()) end_.note += (end_.note.empty() ? "" : "; ") + note;
  }

  void fill_raw(const CsvChunk& chunk, Batch& batch) {
    grow_to(batch.raw, chunk.rows);
    for (size_t row = 0; row < chunk.rows; ++row) {
      const size_t begin = chunk.row_begin(row);
      batch.raw[row] = {chunk.text.data() + begin, chunk.row_end(row) - begin};
    }
    batch.raw_is_canonical = raw_is_canonical_;
  }

  void fill_offsets(const CsvChunk& chunk, Batch& batch) {
    const CsvChunk rows = chunk;  // so that the loop knows that it does not change it
    uint64_t* const offsets = batch.offsets.data();
    if (rows.starts == nullptr) {
      for (size_t row = 0; row < rows.rows; ++row) {
        offsets[row] = rows.offset + (rows.separators[row * rows.fields] + 1u);
      }
      return;
    }
    for (size_t row = 0; row < rows.rows; ++row) offsets[row] = rows.offset + rows.row_begin(row);
  }

  const CsvJob& job_;
  const FileSlice& slice_;
  std::unique_ptr<TextWindow> window_;
  SliceEnd end_;
  RejectCounter rejects_;
  CsvChunks chunks_;
  std::vector<CsvColumn> columns_;
  bool raw_is_canonical_ = false;
};

constexpr size_t kHeaderPieceBytes = 16 << 10;

class CsvInput : public BoundInput {
 public:
  explicit CsvInput(CsvJob job) : job_(std::move(job)) {}

  Result<std::unique_ptr<Reader>> open(const FileSlice& slice, ReadContext context) const override {
    context.limits = within_reach(context.limits);
    ASSIGN_OR_RETURN(CsvReader::Start start, context.content_is_records
                                                 ? start_of_records(slice, context)
                                             : slice.begin == 0 ? start_of_file(slice, context)
                                                                : start_inside(slice, context));
    return std::unique_ptr<Reader>(
        std::make_unique<CsvReader>(job_, slice, context, std::move(start)));
  }

 private:
  using Start = CsvReader::Start;

  Result<std::unique_ptr<TextWindow>> window_at(const FileSlice& slice, const ReadContext& context,
                                                uint64_t offset, size_t piece_bytes) const {
    ASSIGN_OR_RETURN(std::unique_ptr<ByteSource> source, open_source(slice, context, offset));
    return std::make_unique<TextWindow>(std::move(source), offset, piece_bytes);
  }

  Result<Start> start_of_file(const FileSlice& slice, const ReadContext& context) const {
    return read_start(slice, context, context.limits.chunk_bytes);
  }

  /// The columns are those of the file, the records those of the content.
  Result<Start> start_of_records(const FileSlice& slice, const ReadContext& context) const {
    ReadContext of_file = context;
    of_file.content = nullptr;
    ASSIGN_OR_RETURN(Start start, read_start(slice, of_file, kHeaderPieceBytes));
    ASSIGN_OR_RETURN(start.window, window_at(slice, context, 0, context.limits.chunk_bytes));
    return start;
  }

  Result<Start> read_start(const FileSlice& slice, const ReadContext& context,
                           size_t piece_bytes) const {
    CsvMarks marks;
    Start start;
    ASSIGN_OR_RETURN(start.window, window_at(slice, context, 0, piece_bytes));
    ASSIGN_OR_RETURN(start.shape,
                     read_csv_shape(*start.window, job_.format, job_.format.bytes_of(slice.path),
                                    context.limits.record_bytes_max, marks));
    return start;
  }

  // The header first, then the first record: known, or looked for.
  Result<Start> start_inside(const FileSlice& slice, const ReadContext& context) const {
    ASSIGN_OR_RETURN(Start start, read_start(slice, context, kHeaderPieceBytes));
    const size_t chunk_bytes = context.limits.chunk_bytes;
    const bool in_header = slice.begin <= start.shape.data_begin;
    if (context.first_record || in_header) {
      start.first_record = context.first_record.value_or(start.shape.data_begin);
      ASSIGN_OR_RETURN(start.window, window_at(slice, context, start.first_record, chunk_bytes));
      return start;
    }
    ASSIGN_OR_RETURN(start.window, window_at(slice, context, slice.begin - 1, chunk_bytes));
    find_first_csv_record(*start.window, job_.format.bytes_of(slice.path),
                          {.end = slice.end, .fields = start.shape.fields()});
    start.first_record = start.window->offset();
    return start;
  }

  const CsvJob job_;
};

bool csv_needs_handover(const Options& options) {
  return csv_format(options).has_quote;
}

RecordForm csv_form(const Options& options) {
  const CsvBytes bytes = csv_format(options).bytes();
  return {
      .format = "csv", .delimiter = bytes.delimiter, .quote = bytes.has_quote ? bytes.quote : '\0'};
}

Result<InputSchema> infer(const Options& options, const ReadLimits& limits,
                          const SampleFiles& files, Problems& problems) {
  return infer_csv(csv_format(options), limits, files, options, problems);
}

std::unique_ptr<BoundInput> bind(const Options& options, const InputSchema& schema,
                                 const WantedColumns& wanted) {
  SHARDMILL_CHECK(schema.columns.size() == wanted.slots.size());
  CsvJob job = {.format = csv_format(options),
                .slot_count = wanted.slot_count,
                .needs_raw = wanted.needs_raw,
                .offsets = wanted.offsets};
  for (size_t i = 0; i < schema.columns.size(); ++i) {
    const InputColumn& column = schema.columns[i];
    job.names.push_back(column.name);
    if (!wanted.slots[i]) continue;
    job.wanted.push_back({.name = column.name, .type = column.type, .slot = *wanted.slots[i]});
  }
  return std::make_unique<CsvInput>(std::move(job));
}

}  // namespace

InputSpec input_csv() {
  return {
      .name = "csv",
      .summary =
          "Delimited text as in RFC 4180: quoted fields with delimiters, newlines and doubled "
          "quotes, records that end with \\n or \\r\\n. Records with more or fewer fields "
          "than the header are rejected, blank lines passed over; an unquoted empty field "
          "is null.",
      .extensions = {"csv", "tsv"},
      .fields = csv_fields(),
      .needs_handover = csv_needs_handover,
      .form = csv_form,
      .check = check_csv,
      .infer = infer,
      .bind = bind,
  };
}

}  // namespace shardmill
