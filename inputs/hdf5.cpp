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
#include "inputs/support/hdf5_values.h"
#include "pipeline/base/glob.h"
#include "pipeline/base/text.h"
#include "pipeline/core/input.h"

namespace shardmill {

namespace {

constexpr uint64_t kColumnsMax = 100'000;
constexpr size_t kRowsOfBatch = 64 << 10;       ///< where columns say no less
constexpr uint64_t kMemoryBesides = 128 << 20;  ///< of a reader, for the library and what it knows

struct WantedColumn {
  std::string name;
  Type type = Type::kText;
  size_t slot = 0;
};

struct Hdf5Job {
  Hdf5Options options;
  std::vector<WantedColumn> columns;
  size_t slot_count = 0;
  bool offsets = false;
};

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

/// One column of the job, as this file has it.
class FileColumn {
 public:
  virtual ~FileColumn() = default;
  struct Range {
    uint64_t first = 0;  ///< record
    size_t count = 0;
  };
  /// Makes the values at `row` readable; the first row behind them goes to `end` if it is before.
  virtual Status load(uint64_t row, uint64_t& end) = 0;
  virtual void fill(const Range& range, const Hdf5ColumnFiller::Target& target) = 0;
};

/// How rows are records.
struct Records {
  uint64_t per_row = 1;
  bool is_constant = false;  ///< one element stands for all records
  uint64_t inner = 0;        ///< which element of each row, if a row is one record

  uint64_t row(uint64_t record) const { return record / per_row; }
};

class ElementsColumn final : public FileColumn {
 public:
  ElementsColumn(Hdf5Elements& elements, const Records& records, Hdf5ColumnFiller filler)
      : elements_(elements), records_(records), filler_(std::move(filler)) {}

  Status load(uint64_t row, uint64_t& end) override {
    if (records_.is_constant) return elements_.load(0, 1);
    RETURN_IF_ERROR(elements_.load(row, end));
    end = std::min(end, elements_.block().end);
    return {};
  }

  void fill(const Range& range, const Hdf5ColumnFiller::Target& target) override {
    const Hdf5Block& block = elements_.block();
    Hdf5Span span = {.first = block.data + filler_.form().leaf->offset, .count = range.count};
    if (records_.per_row > 1) {
      span.first += (range.first - block.begin * records_.per_row) * block.inner_stride;
      span.stride = block.inner_stride;
    } else if (!records_.is_constant) {
      span.first +=
          (range.first - block.begin) * block.row_stride + records_.inner * block.inner_stride;
      span.stride = block.row_stride;
    }
    filler_.fill(span, target);
  }

 private:
  Hdf5Elements& elements_;
  const Records records_;
  Hdf5ColumnFiller filler_;
};

class LibraryColumn final : public FileColumn {
 public:
  LibraryColumn(Hdf5LibraryColumn& values, const Records& records, Hdf5ColumnFiller filler)
      : values_(values), records_(records), filler_(std::move(filler)) {}

  Status load(uint64_t row, uint64_t& end) override {
    if (records_.is_constant) return values_.load(0, 1);
    RETURN_IF_ERROR(values_.load(row, end));
    end = std::min(end, values_.end());
    return {};
  }

  void fill(const Range& range, const Hdf5ColumnFiller::Target& target) override {
    from_.values = &values_;
    from_.positions.resize(range.count);
    for (size_t i = 0; i < range.count; ++i) {
      const uint64_t record = range.first + i;
      from_.positions[i] =
          records_.is_constant
              ? 0
              : values_.position(records_.row(record),
                                 records_.per_row > 1 ? record % records_.per_row : records_.inner);
    }
    filler_.fill(from_, target);
  }

 private:
  Hdf5LibraryColumn& values_;
  const Records records_;
  Hdf5ColumnFiller filler_;
  Hdf5ColumnFiller::FromLibrary from_;
};

/// The index along one dimension.
class IndexColumn final : public FileColumn {
 public:
  IndexColumn(uint64_t behind, uint64_t size, const WantedColumn& wanted)
      : behind_(std::max<uint64_t>(1, behind)),
        size_(std::max<uint64_t>(1, size)),
        leaf_{},
        filler_({.name = wanted.name, .type = wanted.type, .slot = wanted.slot, .leaf = &leaf_}) {
    leaf_.kind = Hdf5Kind::kInt;
    leaf_.size_bytes = sizeof(int64_t);
  }

  Status load(uint64_t, uint64_t&) override { return {}; }

  void fill(const Range& range, const Hdf5ColumnFiller::Target& target) override {
    values_.resize(range.count);
    for (size_t i = 0; i < range.count; ++i) {
      values_[i] = static_cast<int64_t>((range.first + i) / behind_ % size_);
    }
    filler_.fill({.first = reinterpret_cast<const char*>(values_.data()),
                  .stride = sizeof(int64_t),
                  .count = range.count},
                 target);
  }

 private:
  uint64_t behind_;  ///< records for each step of the index
  uint64_t size_;
  Hdf5Leaf leaf_;
  Hdf5ColumnFiller filler_;
  std::vector<int64_t> values_;
};

class AttributeColumn final : public FileColumn {
 public:
  AttributeColumn(const Hdf5Attribute& attribute, const WantedColumn& wanted)
      : filler_({.name = wanted.name, .type = wanted.type, .slot = wanted.slot, .leaf = &leaf_}) {
    leaf_.kind = attribute.kind;
    leaf_.size_bytes = sizeof(uint64_t);
    bytes_.assign(reinterpret_cast<const char*>(&attribute.integer), sizeof attribute.integer);
    if (attribute.kind == Hdf5Kind::kFloat) {
      bytes_.assign(reinterpret_cast<const char*>(&attribute.number), sizeof attribute.number);
    } else if (attribute.kind == Hdf5Kind::kText) {
      leaf_.kind = Hdf5Kind::kBytes;
      leaf_.size_bytes = attribute.text.size();
      bytes_ = attribute.text;
    }
  }

  Status load(uint64_t, uint64_t&) override { return {}; }

  void fill(const Range& range, const Hdf5ColumnFiller::Target& target) override {
    filler_.fill({.first = bytes_.data(), .stride = 0, .count = range.count}, target);
  }

 private:
  Hdf5Leaf leaf_;
  std::string bytes_;
  Hdf5ColumnFiller filler_;
};

class NullColumn final : public FileColumn {
 public:
  explicit NullColumn(const WantedColumn& wanted) : wanted_(wanted) {}
  Status load(uint64_t, uint64_t&) override { return {}; }
  void fill(const Range& range, const Hdf5ColumnFiller::Target& target) override {
    Column& column = target.batch->columns[wanted_.slot];
    column.prepare(wanted_.type, range.count);
    for (size_t i = 0; i < range.count; ++i) column.set_null(i);
  }

 private:
  const WantedColumn& wanted_;
};

/// The columns that a job wants, of one open file.
class FileColumns {
 public:
  FileColumns(const Hdf5Job& job, const Hdf5Access& access, Hdf5Table table)
      : job_(job), access_(access), table_(std::move(table)) {
    std::map<std::string_view, const Hdf5Column*> by_name;
    for (const Hdf5Column& column : table_.columns) by_name[column.name] = &column;
    for (const WantedColumn& wanted : job_.columns) {
      const auto at = by_name.find(wanted.name);
      columns_.push_back(at == by_name.end() ? std::make_unique<NullColumn>(wanted)
                                             : make(wanted, at->second->source));
    }
  }

  const Hdf5Table& table() const { return table_; }
  std::vector<std::unique_ptr<FileColumn>>& columns() { return columns_; }
  /// Of the columns of one record.
  uint64_t record_bytes() const { return std::max<uint64_t>(record_bytes_, 1); }
  /// Rows that are stored together in any of them.
  uint64_t chunk_rows() const { return chunk_rows_; }

 private:
  const Hdf5Description& file() const { return access_.file->description(); }

  std::unique_ptr<FileColumn> make(const WantedColumn& wanted, const Hdf5Source& source) {
    record_bytes_ += sizeof(uint64_t);
    switch (source.kind) {
      case Hdf5Source::Kind::kValue:
        return make_value(wanted, source);
      case Hdf5Source::Kind::kIndex:
        return make_index(wanted, source.dimension);
      case Hdf5Source::Kind::kAttribute:
        break;
    }
    return std::make_unique<AttributeColumn>(file().attributes[source.attribute], wanted);
  }

  std::unique_ptr<FileColumn> make_index(const WantedColumn& wanted, size_t dimension) {
    uint64_t behind = 1;
    for (size_t i = dimension + 1; i < table_.dims.size(); ++i) behind *= table_.dims[i];
    return std::make_unique<IndexColumn>(behind, table_.dims[dimension], wanted);
  }

  std::unique_ptr<FileColumn> make_value(const WantedColumn& wanted, const Hdf5Source& source) {
    const Hdf5Dataset& dataset = file().datasets[source.dataset];
    const Hdf5Leaf& leaf = dataset.leaves[source.leaf];
    const Hdf5Shape& shape = table_.shapes[source.dataset];
    const Records records = {.per_row = table_.records_per_row,
                             .is_constant = table_.is_constant[source.dataset] != 0,
                             .inner = source.inner};
    if (dataset.is_empty) return std::make_unique<NullColumn>(wanted);
    record_bytes_ += leaf.size_bytes;
    if (!records.is_constant) chunk_rows_ = std::max(chunk_rows_, shape.chunk_rows);
    Hdf5ColumnFiller filler({.name = wanted.name,
                             .type = wanted.type,
                             .slot = wanted.slot,
                             .leaf = &leaf,
                             .fill = fill_of(dataset, leaf),
                             .nan_is_null = job_.options.nan_is_null});
    if (leaf.from_library) {
      return std::make_unique<LibraryColumn>(library_column(source, shape), records,
                                             std::move(filler));
    }
    return std::make_unique<ElementsColumn>(elements(source.dataset, shape), records,
                                            std::move(filler));
  }

  std::string fill_of(const Hdf5Dataset& dataset, const Hdf5Leaf& leaf) const {
    if (!job_.options.fill_is_null || !dataset.fill_is_users) return {};
    return dataset.fill.substr(leaf.offset, leaf.size_bytes);
  }

  Hdf5Elements& elements(uint64_t dataset, const Hdf5Shape& shape) {
    std::unique_ptr<Hdf5Elements>& elements = elements_[dataset];
    if (elements == nullptr) elements = std::make_unique<Hdf5Elements>(access_, dataset, shape);
    return *elements;
  }

  Hdf5LibraryColumn& library_column(const Hdf5Source& source, const Hdf5Shape& shape) {
    auto& column = library_columns_[{source.dataset, source.leaf}];
    if (column == nullptr) {
      column = std::make_unique<Hdf5LibraryColumn>(access_, source.dataset, source.leaf, shape);
    }
    return *column;
  }

  const Hdf5Job& job_;
  const Hdf5Access access_;
  const Hdf5Table table_;
  std::map<uint64_t, std::unique_ptr<Hdf5Elements>> elements_;
  std::map<std::pair<uint64_t, uint64_t>, std::unique_ptr<Hdf5LibraryColumn>> library_columns_;
  std::vector<std::unique_ptr<FileColumn>> columns_;
  uint64_t record_bytes_ = 0;
  uint64_t chunk_rows_ = 1;
};

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
    if (batch.columns.size() < job_.slot_count) batch.columns.resize(job_.slot_count);
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
    if (!job_.offsets) return;
    batch.offsets.resize(std::max(batch.offsets.size(), count));
    for (size_t i = 0; i < count; ++i) batch.offsets[i] = record_ + i;
  }

  const Hdf5Job& job_;
  const FileSlice& slice_;
  const ReadLimits limits_;
  RejectLog* const rejects_;
  std::unique_ptr<Hdf5File> file_;
  std::unique_ptr<Hdf5Bytes> bytes_;
  FileColumns columns_;
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
    for (const WantedColumn& wanted : job_.columns) {
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
  Hdf5Job job = {.options = Hdf5Options::of(options),
                 .slot_count = wanted.slot_count,
                 .offsets = wanted.needs_offsets};
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
