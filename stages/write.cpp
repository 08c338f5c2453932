// Writes records to files.
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pipeline/base/text.h"
#include "pipeline/core/binary_row.h"
#include "pipeline/core/stage.h"
#include "pipeline/formats/numbers.h"
#include "stages/support/group_table.h"
#include "stages/support/output_path.h"
#include "stages/support/row_text.h"
#include "stages/support/write_options.h"

namespace shardmill {

namespace {

constexpr size_t kFlushBytes = 256 << 10;
constexpr std::string_view kLineColumn = "line";

/// What a worker needs to know.
struct WritePlan {
  std::optional<RowText> rows;    ///< unset: all records are written as they came, or for .h5
  std::vector<ColumnRef> binary;  ///< .h5: the columns
  bool raw_if_canonical = false;
  OutputSpec output;
  std::optional<OutputPath> by_column;
  std::vector<ColumnRef> keys;  ///< columns of the path
};

/// Values that come as keys of a path's names.
class PathKeys {
 public:
  explicit PathKeys(const WritePlan& plan) : plan_(plan), table_(types_of(plan), 0) {}

  /// New values of a batch; what it shows lives as long as the batch.
  void begin_batch(const Batch& batch) {
    columns_.clear();
    shortened_.clear();
    shortened_.reserve(plan_.keys.size());
    texts_.clear();
    for (const ColumnRef& key : plan_.keys) columns_.push_back(short_column(batch, key));
  }

  /// The files of a block's rows. kFailed: more files than allowed.
  Status find(const RowBlock& block, std::vector<uint32_t>& files) {
    const size_t first = files.size();
    files.resize(first + block.count);
    table_.find_or_add(columns_, block, scratch_, files.data() + first);
    if (table_.size() > plan_.output.max_files) return too_many_files(plan_.output);
    while (names_.size() < table_.size()) names_.push_back(name(names_.size()));
    return {};
  }

  const std::vector<std::string>& names() const { return names_; }

 private:
  static std::vector<Type> types_of(const WritePlan& plan) {
    std::vector<Type> types;
    for (const ColumnRef& key : plan.keys) types.push_back(key.type);
    return types;
  }

  /// The column, or a copy where keys stand for long texts.
  const Column* short_column(const Batch& batch, const ColumnRef& key) {
    const Column& column = batch.columns[key.slot];
    if (key.type != Type::kText) return &column;
    const auto is_long = [&](size_t row) {
      return !column.is_null(row) && column.text[row].size() > kWholeValueBytes;
    };
    bool has_long = false;
    batch.for_each_row([&](size_t row) { has_long = has_long || is_long(row); });
    if (!has_long) return &column;
    Column& copy = shortened_.emplace_back(column);
    batch.for_each_row([&](size_t row) {
      if (is_long(row)) copy.text[row] = texts_.copy(long_value_key(column.text[row]));
    });
    return &copy;
  }

  std::string name(size_t group) const {
    std::vector<std::optional<std::string>> values;
    for (size_t key = 0; key < plan_.keys.size(); ++key) {
      values.push_back(value(static_cast<uint32_t>(group), key));
    }
    return plan_.by_column->name(values);
  }

  std::optional<std::string> value(uint32_t group, size_t key) const {
    if (table_.is_null(group, key)) return std::nullopt;
    std::string text;
    switch (plan_.keys[key].type) {
      case Type::kText:
        text = table_.text(group, key);
        break;
      case Type::kInt:
        append_int(text, table_.integer(group, key));
        break;
      case Type::kFloat:
        append_float(text, table_.number(group, key));
        break;
      case Type::kBool:
        text = table_.integer(group, key) != 0 ? "true" : "false";
        break;
      case Type::kTime:
        append_time(text, table_.integer(group, key));
        break;
    }
    return text;
  }

  const WritePlan& plan_;
  GroupTable table_;
  KeyScratch scratch_;
  std::vector<std::string> names_;  ///< by group
  std::vector<const Column*> columns_;
  std::vector<Column> shortened_;
  Arena texts_;
};

class WriteWorker final : public StageWorker {
 public:
  explicit WriteWorker(const WritePlan& plan) : plan_(plan) {
    if (plan.by_column) keys_.emplace(plan);
    if (plan.output.packing == OutputPacking::kHdf5) binary_.emplace(plan.binary);
  }

  /// The limit of files is judged by unit: what a worker saw before depends on the layout.
  void begin_unit() override {
    if (keys_) keys_.emplace(plan_);
  }

  Status process(Batch& batch, const StageContext& context, NextStage& next) override {
    // Without a sink (a test of the job) records only pass.
    if (context.sink != nullptr) RETURN_IF_ERROR(write(batch, *context.sink));
    return next.pass(batch);
  }

 private:
  Status write(const Batch& batch, Sink& sink) {
    const bool raw = plan_.raw_if_canonical && batch.raw_is_canonical;
    SHARDMILL_CHECK(raw || plan_.rows || binary_);
    if (keys_) keys_->begin_batch(batch);
    Status status;
    for_each_block(batch, GroupTable::kBlockRows, [&](const RowBlock& block) {
      if (status.is_ok()) status = write_block(batch, block, raw, sink);
    });
    if (status.is_ok()) status = flush(sink);
    return status;
  }

  Status write_block(const Batch& batch, const RowBlock& block, bool raw, Sink& sink) {
    if (keys_) RETURN_IF_ERROR(keys_->find(block, block_files_));
    if (binary_) {
      binary_->append_rows(batch, block.first, block.count, bytes_, ends_);
      files_.insert(files_.end(), block_files_.begin(), block_files_.end());
      block_files_.clear();
      return bytes_.size() >= kFlushBytes ? flush(sink) : Status::ok();
    }
    for (size_t i = 0; i < block.count; ++i) {
      append_row(batch, block.row(i), raw);
      if (keys_) files_.push_back(block_files_[i]);
      if (bytes_.size() >= kFlushBytes) RETURN_IF_ERROR(flush(sink));
    }
    block_files_.clear();
    return {};
  }

  void append_row(const Batch& batch, size_t row, bool raw) {
    if (raw) {
      bytes_ += batch.raw[row];
      bytes_ += '\n';
    } else {
      plan_.rows->append_row(batch, row, bytes_);
    }
    ends_.push_back(bytes_.size());
  }

  Status flush(Sink& sink) {
    FramedRows rows = {.bytes = bytes_, .ends = ends_};
    if (keys_) rows.files = files_;
    if (keys_) rows.names = keys_->names();
    if (binary_) rows.columns = binary_->totals();
    const Status status = sink.append(rows);
    if (binary_) binary_->forget_totals();
    bytes_.clear();
    ends_.clear();
    files_.clear();
    return status;
  }

  const WritePlan& plan_;
  std::optional<PathKeys> keys_;
  std::optional<BinaryRows> binary_;
  std::vector<uint32_t> block_files_;
  std::string bytes_;
  std::vector<size_t> ends_;     ///< of the rows in `bytes_`
  std::vector<uint32_t> files_;  ///< of these rows
};

class Write final : public BoundStage {
 public:
  explicit Write(WritePlan plan) : plan_(std::move(plan)) {}
  std::unique_ptr<StageWorker> make_worker() const override {
    return std::make_unique<WriteWorker>(plan_);
  }

 private:
  WritePlan plan_;
};

// Whether the records' own bytes are rows of `format` already.
bool is_same_form(const RecordForm& form, RowFormat format) {
  switch (format) {
    case RowFormat::kJsonl:
      return form.format == "jsonl";
    case RowFormat::kCsv:
      return form.format == "csv" && form.delimiter == ',' && form.quote == '"';
    case RowFormat::kTsv:
      return form.format == "csv" && form.delimiter == '\t' && form.quote == '"';
    case RowFormat::kTxt:
      return form.format == "lines";
  }
  return false;
}

// The column of a .txt file: the one that was asked for, else `line`, else the only one of text.
std::optional<std::string> text_column(const Options& options, Binder& binder) {
  if (options.has("column")) return options.text("column");
  std::vector<std::string> texts;
  for (const SchemaColumn& column : binder.schema().columns) {
    if (column.type != Type::kText) continue;
    if (column.name == kLineColumn) return column.name;
    texts.push_back(column.name);
  }
  if (texts.size() == 1) return texts[0];
  binder.problem(options.line("path"), {.found = texts.empty() ? "no text column to write"
                                                               : "text columns " + listed(texts),
                                        .expected = "one column for a .txt file",
                                        .fix = "set `column`"});
  return std::nullopt;
}

std::optional<std::vector<std::string>> written_names(const Options& options, RowFormat format,
                                                      Binder& binder) {
  if (format != RowFormat::kTxt) return binder.schema().names();
  const std::optional<std::string> name = text_column(options, binder);
  if (!name) return std::nullopt;
  return std::vector<std::string>{*name};
}

// The columns, marked as read; nothing after a problem.
std::optional<std::vector<RowColumn>> use_columns(RowFormat format, const std::string& text_column,
                                                  int line, Binder& binder) {
  std::vector<RowColumn> columns;
  if (format != RowFormat::kTxt) {
    for (const SchemaColumn& column : binder.schema().columns) {
      columns.push_back({.name = column.name, .ref = binder.use(column)});
    }
    return columns;
  }
  const auto ref = binder.use(text_column, line);
  if (!ref) return std::nullopt;
  columns.push_back({.name = text_column, .ref = *ref});
  return columns;
}

// The columns' names without reading them: for the header of records that are written as they came.
std::string header_of(RowFormat format, const std::vector<std::string>& names) {
  if (format == RowFormat::kTxt) return "";
  std::vector<RowColumn> columns;
  for (const std::string& name : names) columns.push_back({.name = name});
  return RowText(format, std::move(columns)).header();
}

// The columns and numbers of the path. False after a problem.
bool use_path(const Options& options, const WriteTarget& target, Binder& binder, WritePlan& plan) {
  const int line = options.line("path");
  if (is_per_input(options)) return true;
  Message problem;
  std::optional<OutputPath> path = output_path_of(options, target, problem);
  if (!path) {
    binder.problem(line, problem);
    return false;
  }
  plan.output.path = path->folder();
  if (path->columns().empty()) return true;
  plan.output.layout = OutputLayout::kByColumn;
  plan.output.pattern = path->pattern();
  for (const std::string& column : path->columns()) {
    const std::optional<ColumnRef> ref = binder.use(column, line);
    if (!ref) return false;
    plan.keys.push_back(*ref);
  }
  plan.by_column = std::move(path);
  return true;
}

std::unique_ptr<BoundStage> bind_hdf5(const Options& options, const WriteTarget& target,
                                      Binder& binder) {
  WritePlan plan = {.output = write_output(options, target, "")};
  if (!use_path(options, target, binder, plan)) return nullptr;
  for (const SchemaColumn& column : binder.schema().columns) {
    plan.binary.push_back(binder.use(column));
    plan.output.hdf5.columns.push_back({.name = column.name, .type = column.type});
  }
  binder.set_output(plan.output);
  return std::make_unique<Write>(std::move(plan));
}

std::unique_ptr<BoundStage> bind(const Options& options, Binder& binder) {
  const std::optional<WriteTarget> target = write_target(options.text("path"));
  if (!target) {
    binder.problem(options.line("path"), unknown_extension(options.text("path")));
    return nullptr;
  }
  if (target->packing == OutputPacking::kHdf5) return bind_hdf5(options, *target, binder);
  const auto names = written_names(options, target->format, binder);
  if (!names) return nullptr;
  const bool as_it_came = binder.records_untouched() &&
                          is_same_form(binder.form(), target->format) &&
                          (target->format != RowFormat::kTxt || names->front() == kLineColumn);
  // Of these formats every record is canonical, so that no column needs to be read.
  const bool always_canonical =
      as_it_came && (target->format == RowFormat::kTxt || target->format == RowFormat::kJsonl);
  WritePlan plan = {.raw_if_canonical = as_it_came,
                    .output = write_output(options, *target, header_of(target->format, *names))};
  if (!use_path(options, *target, binder, plan)) return nullptr;
  if (as_it_came) binder.need_raw();
  if (!always_canonical) {
    const int line = options.line(options.has("column") ? "column" : "path");
    auto columns = use_columns(target->format, names->front(), line, binder);
    if (!columns) return nullptr;
    plan.rows.emplace(target->format, std::move(*columns));
  }
  binder.set_output(plan.output);
  return std::make_unique<Write>(std::move(plan));
}

std::vector<StageExample> examples() {
  return {
      {.title = "Lines that a filter left, as they came.",
       .input = {"GET /a 200", "GET /b 500"},
       .stage = "path = \"requests.txt.gz\"",
       .output = {"{ line = 'GET /a 200' }", "{ line = 'GET /b 500' }"}},
      {.title = "CSV records as JSON lines; an unquoted empty field is null.",
       .input_format = "csv",
       .input = {"city,people", "Oslo,709000", "Bergen,"},
       .stage = "path = \"cities.jsonl\"",
       .output = {"{ city = 'Oslo', people = 709000 }", "{ city = 'Bergen' }"}},
      {.title = "JSON records as CSV, a file for each input.",
       .input_format = "jsonl",
       .input = {R"({"id":1,"user":{"country":"NO"},"tags":["a","b"]})",
                 R"({"id":2,"user":{"country":"say \"hi\""},"tags":[]})"},
       .stage = "path = \"csv/*.csv.zst\"\nlayout = \"per_input\"",
       .output = {R"({ id = 1, "user.country" = "NO", tags = '["a","b"]' })",
                  R"({ id = 2, "user.country" = 'say "hi"', tags = '[]' })"}},
      {.title = "A file for each country: `by/NO.csv`, `by/%2E.csv`, `by/%null.csv`.",
       .input_format = "csv",
       .input = {"city,country", "Oslo,NO", "Nowhere,.", "Anywhere,"},
       .stage = "path = \"by/{country}.csv\"",
       .output = {"{ city = 'Oslo', country = 'NO' }", "{ city = 'Nowhere', country = '.' }",
                  "{ city = 'Anywhere' }"}},
      {.title =
           "Numbers and texts as datasets of an HDF5 file; the mask of nulls is `/nulls/people`.",
       .input_format = "csv",
       .input = {"city,people", "Oslo,709000", "Bergen,"},
       .stage = "path = \"cities.h5\"",
       .output = {"{ city = 'Oslo', people = 709000 }", "{ city = 'Bergen' }"}},
      {.title =
           "The same in three files, `cities-00001.h5` and so on, which `cities.h5` shows as one.",
       .input_format = "csv",
       .input = {"city,people", "Oslo,709000", "Bergen,"},
       .stage = "path = \"cities.h5\"\nshards = 3",
       .output = {"{ city = 'Oslo', people = 709000 }", "{ city = 'Bergen' }"}},
      {.title = "Parts of a hundred records: `lines-00001.txt`, `lines-00002.txt` and so on.",
       .input = {"one", "two", "three"},
       .stage = "path = \"lines.txt\"\nmax_records = 100",
       .output = {"{ line = 'one' }", "{ line = 'two' }", "{ line = 'three' }"}},
  };
}

}  // namespace

StageSpec stage_write() {
  return {
      .name = "write",
      .kind = StageKind::kWrite,
      .summary = "write the records to a file, and pass them on",
      .doc =
          "The path's extension chooses format and packing: `.txt`, `.csv`, `.tsv` or `.jsonl`, "
          "then `.gz`, `.zst` or nothing; or `.h5`. Rows stand in the order of the input's paths "
          "and bytes, "
          "the same on any number of ranks.\n\n"
          "Records that no stage has changed are written byte for byte where the input has the "
          "output's format: lines to `.txt`, CSV with the same delimiter and quotes to `.csv` or "
          "`.tsv` where a file's header has all columns in order, JSON lines to `.jsonl`. All "
          "others are written column by column:\n\n"
          "* Null is an unquoted empty field in CSV (in a file of one column a quoted one, since "
          "an "
          "empty line is no record), `null` in JSON, an empty line in `.txt`.\n"
          "* JSON rows have all keys in column order. A column `user.country` becomes the key "
          "`\"user.country\"`, which is read back as that column. Arrays that came in as JSON are "
          "text columns, hence strings.\n"
          "* Floats have the fewest digits that read back as the same number, times are ISO 8601 "
          "in UTC. NaN and infinities are strings in JSON. Text that is not UTF-8 becomes "
          "`{\"base64\": \"...\"}` in JSON, and is written as it is elsewhere.\n"
          "* `.txt` takes one column; a newline within its text stays one.\n\n"
          "**HDF5.** A `.h5` file has a dataset for each column, named as the column, in chunks of "
          "at most 32,768 rows that are shuffled and compressed by deflate. Int and time (ns "
          "since 1970, UTC) are 64-bit integers, float is a double, bool is what h5py reads as "
          "bool, text is UTF-8. A null is NaN in a float, else 0, false or empty; where a column "
          "has nulls, `/nulls/COLUMN` is true for them. Text that HDF5 cannot hold, with NUL "
          "bytes or not UTF-8, becomes `{\"base64\": \"...\"}`. The file's attribute `columns` has "
          "the datasets in order: `pandas.DataFrame({c: f[c][:] for c in f.attrs[\"columns\"]})`."
          "\n\n"
          "**A file for each value.** Columns in braces in the path, as in "
          "`by/{country}/{year}.csv`, make a file for each combination of their values, with the "
          "header and all columns in it. A value stands in its name as it is (times as ISO 8601), "
          "but so that no name leaves the folder and different values have different names: `/`, "
          "`%`, control characters and bytes that are not UTF-8 become `%2F` and the like, a dot "
          "at the start `%2E`, null `%null`, empty text `%empty`. Between two columns of one name "
          "there must be a character that is no letter or digit, and it is escaped in the first: "
          "in `{a}-{b}`, `x-y` is `x%2Dy`. Case is kept. A name has at most 255 bytes: of a value "
          "that does not fit it has the start, `%~` and 32 hexadecimal digits (XXH3-128 of the "
          "value). Without records there are no files. In an absolute folder, files of earlier "
          "runs stay.\n\n"
          "**Parts.** With `max_records` or `max_bytes` the output is cut into numbered files, "
          "`out-00001.csv`, `out-00002.csv` and so on, each with the header. The number stands "
          "before the extension, or where `{part}` is in the path. A part ends before the record "
          "that would make it too large; a record larger than `max_bytes` is a part of its own. "
          "The same records are in the same part on any number of ranks.\n\n"
          "**Shards.** One worker finishes a `.h5` file, and reads it for its checksum. With "
          "`shards = 8` the rows of a large `out.h5` stand in `out-00001.h5` to `out-00008.h5`, "
          "which workers finish side by side, and `out.h5` shows all of them as one by "
          "virtual datasets, with the same names, attributes and masks. Each shard is a whole file "
          "with the next rows, all of as many chunks or the first ones of one more, so that of a "
          "small output the last ones are empty. Keep the files together: they find each other by "
          "name, in whatever folder. Where a shard is missing, HDF5 shows NaN and zeros without "
          "an error; `shardmill verify` finds it. Reading `out.h5` as an input takes "
          "`external = true`; reading `out-*.h5` does not.",
      .fields =
          {{.name = "path",
            .kind = FieldKind::kText,
            .doc = "File below the run's output folder, or an absolute path. With layout "
                   "\"per_input\" the folder and the extension, as in \"clean/*.jsonl.gz\". With "
                   "columns "
                   "in braces a file for each value, as in \"by/{country}.csv\"; {part} is the "
                   "number of a part.",
            .required = true},
           {.name = "layout",
            .kind = FieldKind::kChoice,
            .doc = "\"single\": one file. \"per_input\": a file for each input, whose path below "
                   "the inputs' common folder is kept, with the extension added. With columns in "
                   "the path, \"single\" is a file for each value.",
            .default_text = "single",
            .choices = {"single", "per_input"}},
           {.name = "level",
            .kind = FieldKind::kInt,
            .doc = "Compression level, 1 to 12 for .gz and 1 to 19 for .zst; 0 is the usual one (6 "
                   "and 3); 1 to 12 for .h5, usually 4. Higher is smaller and slower.",
            .default_text = "0",
            .min = 0,
            .max = 19},
           {.name = "max_records",
            .kind = FieldKind::kInt,
            .doc = "Most records of a file; what follows goes to the next part, out-00002.csv.",
            .min = 1,
            .max = 9.0e18},
           {.name = "max_bytes",
            .kind = FieldKind::kBytes,
            .doc = "Most bytes of a file before compression, header included; what follows goes to "
                   "the next part.",
            .min = 1,
            .max = 9.0e18},
           {.name = "max_files",
            .kind = FieldKind::kInt,
            .doc = "The run fails if values or parts make more files. Each takes memory of rank 0: "
                   "some hundred bytes, and 60 for each unit with a row for it.",
            .default_text = "10000",
            .min = 1,
            .max = 100'000'000},
           {.name = "compression",
            .kind = FieldKind::kChoice,
            .doc = "Of the values in a .h5 file; deflate if left out.",
            .choices = {"deflate", "none"}},
           {.name = "texts",
            .kind = FieldKind::kChoice,
            .doc = "Texts in a .h5 file: \"fixed\", all as long as the longest, is faster to read; "
                   "\"variable\" takes less room where a few are long, and is not compressed. "
                   "\"auto\" (if left out) is fixed for a column without a text of more than 128 "
                   "bytes.",
            .choices = {"auto", "fixed", "variable"}},
           {.name = "shards",
            .kind = FieldKind::kInt,
            .doc = "Files that hold the rows of a .h5 output, which shows them as one; they are "
                   "finished side by side.",
            .min = 1,
            .max = 500},
           {.name = "column",
            .kind = FieldKind::kColumn,
            .doc = "The column of a .txt file; by default `line`, or the only text column."}},
      .check = check_write_options,
      .bind = bind,
      .examples = examples(),
  };
}

}  // namespace shardmill
