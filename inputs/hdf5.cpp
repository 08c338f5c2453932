// HDF5: datasets as columns, rows as records.
#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "inputs/support/hdf5_blocks.h"
#include "inputs/support/hdf5_client.h"
#include "inputs/support/hdf5_columns.h"
#include "inputs/support/hdf5_file_columns.h"
#include "pipeline/base/glob.h"
#include "pipeline/base/text.h"
#include "pipeline/core/input.h"

namespace shardmill {

namespace {

constexpr uint64_t kColumnsMax = 100'000;
constexpr size_t kRowsOfBatch = 64 << 10;       ///< where columns say no less
constexpr uint64_t kMemoryBesides = 128 << 20;  ///< of a reader, for the library and what it knows

Hdf5Selection selection_of(const std::string& path, const Hdf5Options& options,
                           const ReadLimits& limits) {
  return {.path = path,
          .datasets = options.datasets,
          .attributes = options.attributes,
          .external = options.external,
          .memory_bytes = limits.window_bytes_max + kMemoryBesides,
          .columns_max = kColumnsMax};
}

Hdf5File::Limits answer_limits(const ReadLimits& limits) {
  return {.answer_bytes_max = limits.window_bytes_max};
}

/// Where the rows of a byte of the file begin: a range of bytes stands for the same share of the
/// rows, from whole chunks to whole chunks.
///
///   bytes   0 ......... begin ............... end ......... size
///   rows    |      |      |      |      |      |      |      |     chunks
///                         ^ first of ours      ^ first of the next unit's
uint64_t row_at(uint64_t byte, uint64_t size_bytes, uint64_t rows, uint64_t chunk_rows) {
  if (byte == 0) return 0;
  if (byte >= size_bytes) return rows;
  const auto share = static_cast<uint64_t>(static_cast<UInt128>(rows) * byte / size_bytes);
  const UInt128 up = (static_cast<UInt128>(share) + chunk_rows - 1) / chunk_rows * chunk_rows;
  return up >= rows ? rows : static_cast<uint64_t>(up);
}

class Hdf5Records final : public Reader {
 public:
  struct Opened {
    std::unique_ptr<Hdf5File> file;
    std::unique_ptr<Hdf5Bytes> bytes;
    Hdf5Table table;
  };

  Hdf5Records(const Hdf5Job& job, const FileSlice& slice, const ReadContext& context, Opened opened)
      : job_(job),
        slice_(slice),
        limits_(context.limits),
        rejects_(context.rejects),
        file_(std::move(opened.file)),
        bytes_(std::move(opened.bytes)),
        columns_(job,
                 {.file = file_.get(),
                  .bytes = bytes_.get(),
                  .window_bytes_max = context.limits.window_bytes_max,
                  .clock = context.clock},
                 std::move(opened.table)) {
    const uint64_t rows = columns_.table().rows;
    const uint64_t per_row = columns_.table().records_per_row;
    const auto row = [&](uint64_t byte) {
      return row_at(byte, slice.size_bytes, rows, columns_.chunk_rows());
    };
    first_ = record_ = row(slice.begin) * per_row;
    last_ = row(slice.end) * per_row;
    end_.first_record = std::min(slice.begin, slice.size_bytes);
    end_.handover = std::min(slice.end, slice.size_bytes);
    end_.plain_bytes = end_.handover - end_.first_record;
  }

  Result<bool> next(Batch& batch) override {
    batch.clear();
    batch.slice = &slice_;
    grow_to(batch.columns, job_.slot_count);
    if (record_ >= last_) return finish();
    const uint64_t per_row = columns_.table().records_per_row;
    uint64_t end_row = last_ / per_row;
    for (const auto& column : columns_.columns()) {
      RETURN_IF_ERROR(column->load(record_ / per_row, end_row));
    }
    const auto count =
        static_cast<size_t>(std::min<uint64_t>(end_row * per_row - record_, records_at_once()));
    fill(batch, count);
    record_ += count;
    end_.records += count;
    return true;
  }

  const SliceEnd& end() const override { return end_; }
  uint64_t good_bytes() const override { return disk_position() - end_.first_record; }

  uint64_t disk_position() const override {
    const uint64_t records = last_ - first_;
    const UInt128 done = static_cast<UInt128>(end_.plain_bytes) * (record_ - first_);
    return end_.first_record + (records == 0 ? 0 : static_cast<uint64_t>(done / records));
  }

 private:
  Result<bool> finish() {
    end_.disk_bytes = bytes_->bytes_read() + file_->bytes_received();
    return false;
  }

  uint64_t records_at_once() const {
    const uint64_t fitting = limits_.chunk_bytes / columns_.record_bytes();
    return std::clamp<uint64_t>(fitting, 1, kRowsOfBatch);
  }

  void fill(Batch& batch, size_t count) {
    const Hdf5ColumnFiller::Target target = {.batch = &batch,
                                             .rejects = rejects_,
                                             .path = slice_.path,
                                             .first_record = record_,
                                             .bad_values = &end_.bad_values};
    for (const auto& column : columns_.columns()) {
      column->fill({.first = record_, .count = count}, target);
    }
    batch.rows = count;
    batch.offsets.resize(std::max(batch.offsets.size(), count));
    for (size_t i = 0; i < count; ++i) batch.offsets[i] = record_ + i;
  }

  const Hdf5Job& job_;
  const FileSlice& slice_;
  const ReadLimits limits_;
  RejectLog* const rejects_;
  std::unique_ptr<Hdf5File> file_;
  std::unique_ptr<Hdf5Bytes> bytes_;
  Hdf5FileColumns columns_;
  uint64_t first_ = 0;
  uint64_t record_ = 0;
  uint64_t last_ = 0;
  SliceEnd end_;
};

/// HDF5 has no beginning that would stay good when a file grows.
Status check_unchanged(const FileSlice& slice, const Hdf5Bytes& bytes, const Hdf5FileId& id) {
  if (id.size_bytes != slice.size_bytes) {
    return Status::bad_file("has " + counted(id.size_bytes, "byte") + ", expected " +
                            counted(slice.size_bytes, "byte") + " as listed; it changed");
  }
  if (slice.mtime_ns != 0 && bytes.mtime_ns() != slice.mtime_ns) {
    return Status::bad_file(
        "was written to, expected it as it was listed; run again when it is "
        "complete");
  }
  return {};
}

class Hdf5Input final : public BoundInput {
 public:
  explicit Hdf5Input(Hdf5Job job) : job_(std::move(job)) {}

  Result<std::unique_ptr<Reader>> open(const FileSlice& slice, ReadContext context) const override {
    if (context.content != nullptr) {
      return Status::bad_file("the content of an HDF5 file was given as text, expected a file");
    }
    Hdf5Records::Opened opened;
    {
      const WorkSpan span(context.clock, WorkClock::kReading);
      ASSIGN_OR_RETURN(
          opened.file,
          Hdf5File::open(servers_, selection_of(slice.path, job_.options, context.limits),
                         answer_limits(context.limits)));
    }
    const Hdf5FileId& id = opened.file->description().file;
    ASSIGN_OR_RETURN(opened.bytes, Hdf5Bytes::open(slice.path, id));
    RETURN_IF_ERROR(check_unchanged(slice, *opened.bytes, id));
    ASSIGN_OR_RETURN(opened.table, hdf5_table(opened.file->description(), job_.options));
    RETURN_IF_ERROR(check_columns(opened));
    return std::unique_ptr<Reader>(
        std::make_unique<Hdf5Records>(job_, slice, context, std::move(opened)));
  }

 private:
  /// What this file does not have is null; what it has must be readable.
  Status check_columns(const Hdf5Records::Opened& opened) const {
    if (opened.file->description().passed_over.empty()) return {};
    std::set<std::string_view> there;
    for (const Hdf5Column& column : opened.table.columns) there.insert(column.name);
    for (const Hdf5WantedColumn& wanted : job_.columns) {
      if (there.count(wanted.name) > 0) continue;
      RETURN_IF_ERROR(why_missing(opened.file->description(), wanted.name));
    }
    return {};
  }

  const Hdf5Job job_;
  mutable Hdf5Servers servers_;
};

void check_hdf5(const Options& options, Problems& problems) {
  for (const auto& [name, type] : options.map("types")) {
    if (type_from_name(type)) continue;
    problems.add(options.line("types"),
                 {.found = "type " + quoted(type) + " of column " + quoted(name),
                  .expected = "one of text, int, float, bool, time",
                  .fix = "change it in `types`"});
  }
}

/// Datasets that the job names, and why no sample has them.
class NamedDatasets {
 public:
  explicit NamedDatasets(const std::vector<std::string>& wanted) {
    for (const std::string& path : wanted) {
      if (has_glob(path)) continue;
      missing_[path.starts_with('/') ? path : "/" + path] = "is in none of the samples";
    }
  }

  void see(const Hdf5Description& description) {
    for (const Hdf5PassedOver& one : description.passed_over) {
      const auto at = missing_.find(one.path);
      if (at != missing_.end()) at->second = one.reason;
    }
    for (const Hdf5Dataset& dataset : description.datasets) found_.insert(dataset.path);
  }

  void report(int line, Problems& problems) const {
    for (const auto& [path, reason] : missing_) {
      if (found_.count(path) > 0) continue;
      problems.add(line, {.found = "dataset " + quoted(path, 400) + " " + reason,
                          .expected = "a dataset that columns can be made of",
                          .fix = "mend the path in `datasets`, or leave it out"});
    }
  }

 private:
  std::map<std::string, std::string> missing_;
  std::set<std::string> found_;
};

/// The columns of all samples, each with the type that fits all.
class SchemaMaker {
 public:
  void add(const Hdf5Table& table) {
    for (const Hdf5Column& column : table.columns) {
      const auto [at, is_new] = by_name_.try_emplace(column.name, columns_.size());
      if (is_new) {
        columns_.push_back({.name = column.name, .type = column.type});
      } else {
        InputColumn& known = columns_[at->second];
        known.type = common_type(known.type, column.type);
      }
    }
  }

  void apply(const Options& options, Problems& problems) {
    std::vector<std::string> names;
    for (const InputColumn& column : columns_) names.push_back(column.name);
    for (const auto& [name, text] : options.map("types")) {
      const Type type = type_from_name(text).value_or(Type::kText);
      const auto at = by_name_.find(name);
      if (at != by_name_.end()) {
        columns_[at->second].type = type;
      } else if (const auto near = near_match(name, names)) {
        problems.add(options.line("types"), {.found = "a type for column " + quoted(name),
                                             .expected = "one of " + listed(names),
                                             .fix = "did you mean " + quoted(*near) + "?"});
      } else {
        columns_.push_back({.name = name, .type = type});
      }
    }
  }

  std::vector<InputColumn> take() { return std::move(columns_); }

 private:
  std::vector<InputColumn> columns_;
  std::map<std::string, size_t> by_name_;
};

Result<InputSchema> infer_hdf5(const Options& options, const ReadLimits& limits,
                               const SampleFiles& files, Problems& problems) {
  if (files.content != nullptr) {
    problems.add(options.line("format"), {.found = "records as text for a job that reads hdf5",
                                          .expected = "files",
                                          .fix = "test its stages with records of another format: "
                                                 "format = \"jsonl\""});
    return InputSchema{};
  }
  const Hdf5Options wanted = Hdf5Options::of(options);
  Hdf5Servers servers;
  SchemaMaker schema;
  NamedDatasets named(wanted.datasets);
  Status first_error;
  bool is_any_good = false;
  for (const FileSlice& slice : files.types) {
    const Result<std::unique_ptr<Hdf5File>> file =
        Hdf5File::open(servers, selection_of(slice.path, wanted, limits), answer_limits(limits));
    if (!file.is_ok() && file.status().code() == Code::kFailed) return file.status();
    if (file.is_ok()) named.see((*file)->description());
    const Result<Hdf5Table> table =
        file.is_ok() ? hdf5_table((*file)->description(), wanted) : file.status();
    if (table.is_ok()) {
      is_any_good = true;
      schema.add(*table);
    } else if (first_error.is_ok()) {
      first_error = table.status().at(escaped(slice.path));
    }
  }
  if (!is_any_good && !first_error.is_ok()) {
    problems.add(options.line("datasets"),
                 {.found = "no file can be read, the first is " + first_error.message()});
  }
  if (is_any_good) named.report(options.line("datasets"), problems);
  schema.apply(options, problems);
  return InputSchema{.columns = schema.take()};
}

std::unique_ptr<BoundInput> bind_hdf5(const Options& options, const InputSchema& schema,
                                      const WantedColumns& wanted) {
  SHARDMILL_CHECK(schema.columns.size() == wanted.slots.size());
  Hdf5Job job = {.options = Hdf5Options::of(options), .slot_count = wanted.slot_count};
  for (size_t i = 0; i < schema.columns.size(); ++i) {
    if (!wanted.slots[i]) continue;
    job.columns.push_back(
        {.name = schema.columns[i].name, .type = schema.columns[i].type, .slot = *wanted.slots[i]});
  }
  return std::make_unique<Hdf5Input>(std::move(job));
}

}  // namespace

InputSpec input_hdf5() {
  return {
      .name = "hdf5",
      .summary =
          "Datasets are columns, and what has the same index along their first dimension is a "
          "record. A dataset of two dimensions is a column for each second index (`x.0`, `x.1`), "
          "one of a compound type a column for each member (`table.price`). A dataset without "
          "dimensions has its value in every record. Enums are text by name. Only the datasets "
          "that the job uses are read.",
      .extensions = {"h5", "hdf5", "he5", "nc", "nc4", "mat", "hdf"},
      .fields =
          {{.name = "datasets",
            .kind = FieldKind::kTextList,
            .doc = "Which datasets: paths (`/entry/data/x`) and patterns (`/entry/*`, `**/temp`); "
                   "all if unset. They must have the same length."},
           {.name = "attributes",
            .kind = FieldKind::kTextList,
            .doc = "Attributes that become columns `$attr.NAME`: `title` of the file, "
                   "`entry.x.units` of the dataset or group `/entry/x`."},
           {.name = "flatten",
            .kind = FieldKind::kBool,
            .doc = "A record for each value of datasets of several dimensions, with its indices in "
                   "`$index.0`, `$index.1` and so on.",
            .default_text = "false"},
           {.name = "fill_is_null",
            .kind = FieldKind::kBool,
            .doc = "Values that equal the fill value which was chosen for the dataset are null.",
            .default_text = "false"},
           {.name = "nan_is_null",
            .kind = FieldKind::kBool,
            .doc = "Numbers that are NaN are null.",
            .default_text = "false"},
           {.name = "external",
            .kind = FieldKind::kBool,
            .doc = "Reads other files on behalf of one: external links, external storage, virtual "
                   "datasets over other files. Only for files that you trust.",
            .default_text = "false"},
           {.name = "types",
            .kind = FieldKind::kTextMap,
            .doc = "Types of columns (text, int, float, bool, time) instead of those that the "
                   "files have; a time is made of whole nanoseconds since 1970 or of text."}},
      .check = check_hdf5,
      .infer = infer_hdf5,
      .bind = bind_hdf5,
  };
}

}  // namespace shardmill
