// Writes records to files.
#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pipeline/base/text.h"
#include "pipeline/core/stage.h"
#include "stages/support/row_text.h"

namespace shardmill {

namespace {

constexpr size_t kFlushBytes = 256 << 10;
constexpr std::string_view kLineColumn = "line";
const char* const kExtensions = ".txt, .csv, .tsv or .jsonl, and then .gz or .zst or nothing";

/// A path as it asks for a format.
struct Target {
  RowFormat format = RowFormat::kJsonl;
  OutputPacking packing = OutputPacking::kPlain;
  std::string extension;  ///< ".jsonl.gz"
  std::string stem;       ///< the path before it
};

bool take_suffix(std::string_view& text, std::string_view suffix) {
  if (!text.ends_with(suffix)) return false;
  text.remove_suffix(suffix.size());
  return true;
}

OutputPacking take_packing(std::string_view& path) {
  if (take_suffix(path, ".gz")) return OutputPacking::kGzip;
  if (take_suffix(path, ".zst")) return OutputPacking::kZstd;
  return OutputPacking::kPlain;
}

std::optional<RowFormat> take_format(std::string_view& path) {
  for (const RowFormat format :
       {RowFormat::kTxt, RowFormat::kCsv, RowFormat::kTsv, RowFormat::kJsonl}) {
    if (take_suffix(path, "." + std::string(row_format_name(format)))) return format;
  }
  return std::nullopt;
}

std::optional<Target> target_of(std::string_view path) {
  std::string_view stem = path;
  Target target;
  target.packing = take_packing(stem);
  const std::optional<RowFormat> format = take_format(stem);
  if (!format) return std::nullopt;
  target.format = *format;
  target.stem = stem;
  target.extension = path.substr(stem.size());
  return target;
}

OutputLayout layout_of(const Options& options) {
  return options.text("layout") == "per_input" ? OutputLayout::kPerInput : OutputLayout::kSingle;
}

bool has_parent_part(std::string_view path) {
  while (!path.empty()) {
    const size_t slash = std::min(path.find('/'), path.size());
    if (path.substr(0, slash) == "..") return true;
    path.remove_prefix(std::min(slash + 1, path.size()));
  }
  return false;
}

Message unknown_extension(const std::string& path) {
  std::string_view stem = path;
  take_packing(stem);
  if (take_suffix(stem, ".h5")) {
    return {.found = "path " + quoted(path) + ": .h5 output is not supported yet",
            .expected = kExtensions,
            .fix = "tables of summarising stages are in results.h5"};
  }
  return {.found = "path " + quoted(path),
          .expected = std::string("a name that ends in ") + kExtensions,
          .fix = "the extension chooses the format"};
}

void check_path(const Options& options, Problems& problems) {
  const std::string& path = options.text("path");
  const int line = options.line("path");
  const std::optional<Target> target = target_of(path);
  if (!target) {
    problems.add(line, unknown_extension(path));
    return;
  }
  if (path.find('\0') != std::string::npos) {
    problems.add(line, {.found = "path " + quoted(path) + " with a NUL byte",
                        .expected = "a name that a file can have"});
  }
  if (path[0] != '/' && has_parent_part(path)) {
    problems.add(line, {.found = "path " + quoted(path) + " with \"..\"",
                        .expected = "a path below the run's output folder",
                        .fix = "write an absolute path to leave it"});
  }
  const bool is_single = layout_of(options) == OutputLayout::kSingle;
  if (path.find_first_of("{}") != std::string::npos) {
    problems.add(line, {.found = "path " + quoted(path) + " with braces",
                        .expected = "a path without them",
                        .fix = "paths by column are not supported yet"});
  } else if (is_single && path.find('*') != std::string::npos) {
    problems.add(line, {.found = "path " + quoted(path) + " with \"*\"",
                        .expected = "the name of one file",
                        .fix = "set layout = \"per_input\" for a file for each input"});
  } else if (is_single && (target->stem.empty() || target->stem.back() == '/')) {
    problems.add(line, {.found = "path " + quoted(path) + " without a name",
                        .expected = "a name before " + quoted(target->extension)});
  }
}

void check_level(const Options& options, Problems& problems) {
  const int64_t level = options.integer("level");
  const std::optional<Target> target = target_of(options.text("path"));
  if (level == 0 || !target) return;
  if (target->packing == OutputPacking::kPlain) {
    problems.add(options.line("level"),
                 {.found = "a level for " + quoted(options.text("path")),
                  .expected = "a compressed file",
                  .fix = "add .gz or .zst to the path, or leave `level` out"});
  } else if (target->packing == OutputPacking::kGzip && level > 12) {
    problems.add(options.line("level"),
                 {.found = "level " + std::to_string(level), .expected = "at most 12 for .gz"});
  }
}

void check(const Options& options, Problems& problems) {
  check_path(options, problems);
  check_level(options, problems);
  const std::optional<Target> target = target_of(options.text("path"));
  if (options.has("column") && target && target->format != RowFormat::kTxt) {
    problems.add(
        options.line("column"),
        {.found = "`column` for a ." + std::string(row_format_name(target->format)) + " file",
         .expected = "it only for .txt",
         .fix = "choose columns with a stage `select` before"});
  }
}

/// What a worker needs to know.
struct WritePlan {
  std::optional<RowText> rows;  ///< unset: all records are written as they came
  bool raw_if_canonical = false;
};

class WriteWorker final : public StageWorker {
 public:
  explicit WriteWorker(const WritePlan& plan) : plan_(plan) {}

  Status process(Batch& batch, const StageContext& context, NextStage& next) override {
    // Without a sink (a test of the job) records only pass.
    if (context.sink != nullptr) RETURN_IF_ERROR(write(batch, *context.sink));
    return next.pass(batch);
  }

 private:
  Status write(const Batch& batch, Sink& sink) {
    const bool raw = plan_.raw_if_canonical && batch.raw_is_canonical;
    SHARDMILL_CHECK(raw || plan_.rows);
    Status status;
    batch.for_each_row([&](size_t row) {
      if (raw) {
        bytes_ += batch.raw[row];
        bytes_ += '\n';
      } else {
        plan_.rows->append_row(batch, row, bytes_);
      }
      ++rows_;
      if (bytes_.size() >= kFlushBytes && status.is_ok()) status = flush(sink);
    });
    if (status.is_ok()) status = flush(sink);
    return status;
  }

  Status flush(Sink& sink) {
    const Status status = sink.append(bytes_, rows_);
    bytes_.clear();
    rows_ = 0;
    return status;
  }

  const WritePlan& plan_;
  std::string bytes_;
  uint64_t rows_ = 0;
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

OutputSpec output_of(const Options& options, const Target& target, std::string header) {
  OutputSpec output = {.path = options.text("path"),
                       .layout = layout_of(options),
                       .packing = target.packing,
                       .level = static_cast<int>(options.integer("level")),
                       .header = std::move(header)};
  if (output.layout == OutputLayout::kPerInput) {
    std::string_view folder = target.stem;
    if (take_suffix(folder, "*")) take_suffix(folder, "/");
    output.path = folder;
    output.extension = target.extension;
  }
  return output;
}

std::unique_ptr<BoundStage> bind(const Options& options, Binder& binder) {
  const std::optional<Target> target = target_of(options.text("path"));
  if (!target) {
    binder.problem(options.line("path"), unknown_extension(options.text("path")));
    return nullptr;
  }
  const auto names = written_names(options, target->format, binder);
  if (!names) return nullptr;
  const bool as_it_came = binder.records_untouched() &&
                          is_same_form(binder.form(), target->format) &&
                          (target->format != RowFormat::kTxt || names->front() == kLineColumn);
  // Of these formats every record is canonical, so that no column needs to be read.
  const bool always_canonical =
      as_it_came && (target->format == RowFormat::kTxt || target->format == RowFormat::kJsonl);
  WritePlan plan = {.raw_if_canonical = as_it_came};
  if (as_it_came) binder.need_raw();
  if (!always_canonical) {
    const int line = options.line(options.has("column") ? "column" : "path");
    auto columns = use_columns(target->format, names->front(), line, binder);
    if (!columns) return nullptr;
    plan.rows.emplace(target->format, std::move(*columns));
  }
  binder.set_output(output_of(options, *target, header_of(target->format, *names)));
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
          "then `.gz`, `.zst` or nothing. Rows stand in the order of the input's paths and bytes, "
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
          "* `.txt` takes one column; a newline within its text stays one.",
      .fields =
          {{.name = "path",
            .kind = FieldKind::kText,
            .doc = "File below the run's output folder, or an absolute path. With layout "
                   "\"per_input\" the folder and the extension, as in \"clean/*.jsonl.gz\".",
            .required = true},
           {.name = "layout",
            .kind = FieldKind::kChoice,
            .doc = "\"single\": one file. \"per_input\": a file for each input, whose path below "
                   "the inputs' common folder is kept, with the extension added.",
            .default_text = "single",
            .choices = {"single", "per_input"}},
           {.name = "level",
            .kind = FieldKind::kInt,
            .doc = "Compression level, 1 to 12 for .gz and 1 to 19 for .zst; 0 is the usual one (6 "
                   "and 3). Higher is smaller and slower.",
            .default_text = "0",
            .min = 0,
            .max = 19},
           {.name = "column",
            .kind = FieldKind::kColumn,
            .doc = "The column of a .txt file; by default `line`, or the only text column."}},
      .check = check,
      .bind = bind,
      .examples = examples(),
  };
}

}  // namespace shardmill
