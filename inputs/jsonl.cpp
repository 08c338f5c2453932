// JSON lines: one object a line, its fields as columns.
#include <algorithm>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "inputs/support/chunk_reader.h"
#include "inputs/support/json_columns.h"
#include "inputs/support/json_extract.h"
#include "inputs/support/json_infer.h"
#include "inputs/support/json_walk.h"
#include "inputs/support/text_kernels.h"
#include "pipeline/base/parallel.h"
#include "pipeline/base/text.h"
#include "pipeline/core/input.h"
#include "pipeline/formats/json_paths.h"

namespace shardmill {

namespace {

constexpr size_t kPieceBytes = 128 << 10;  ///< indexed at once: fits the second-level cache
constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

/// What is to be filled.
struct WantedFields {
  std::vector<JsonColumn> columns;
  JsonPaths paths;
  size_t slot_count = 0;
  bool raw = false;
  bool offsets = false;
};

template <typename T>
void grow_to(std::vector<T>& values, size_t size) {
  if (values.size() < size) values.resize(size);
}

bool is_blank(std::string_view line) {
  return line.find_first_not_of(" \t\r") == std::string_view::npos;
}

class JsonlReader : public Reader {
 public:
  JsonlReader(const FileSlice& slice, const WantedFields& wanted,
              std::unique_ptr<ChunkReader> chunks)
      : slice_(slice),
        wanted_(wanted),
        chunks_(std::move(chunks)),
        columns_(wanted.columns),
        walker_(wanted.paths, columns_),
        extractor_(wanted.paths, columns_) {}

  Result<bool> next(Batch& batch) override {
    batch.clear();
    batch.slice = &slice_;
    grow_to(batch.columns, wanted_.slot_count);
    TextChunk chunk;
    ASSIGN_OR_RETURN(const bool more, chunks_->next(chunk));
    if (!more) return false;
    fill(chunk, batch);
    batch.rows = columns_.row();
    batch.raw_is_canonical = true;
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
    chunk_ = chunk;
    batch_ = &batch;
    make_room(chunk.text.size() + kMarkSlack + 1);
    const size_t lines = find_bytes(chunk.text, '\n', ends_.get());
    columns_.begin_batch(batch, lines + 1);
    if (wanted_.raw) grow_to(batch.raw, lines + 1);
    if (wanted_.offsets) grow_to(batch.offsets, lines + 1);
    const bool has_mark = chunk.offset == 0 && chunk.text.starts_with(kByteOrderMark);
    size_t begin = has_mark ? kByteOrderMark.size() : 0;
    for (size_t line = 0; line < lines;) {
      const size_t after = end_of_piece(line, lines, begin);
      begin = read_piece(begin, line, after);
      line = after;
    }
    if (begin < chunk.text.size()) read_plainly(begin, chunk.text.size());
  }

  // The line behind the piece that starts with `line`, at `begin`.
  size_t end_of_piece(size_t line, size_t lines, size_t begin) const {
    uint32_t* const first = ends_.get() + line;
    const uint32_t* const end = std::upper_bound(first, ends_.get() + lines, begin + kPieceBytes);
    return line + std::max<size_t>(1, static_cast<size_t>(end - first));
  }

  // Reads the lines [line, after), the first of which starts at `begin`; returns where the last one
  // ends.
  size_t read_piece(size_t begin, size_t line, size_t after) {
    const size_t end = ends_[after - 1] + size_t{1};
    if (!walker_.available()) {
      for (; line < after; begin = ends_[line++] + size_t{1}) read_plainly(begin, ends_[line]);
    } else if (!walker_.begin(chunk_.text.substr(begin, end - begin))) {
      // Some line has no sound strings; the others are read as fast as they can be alone.
      for (; line < after; begin = ends_[line++] + size_t{1}) read_alone(begin, ends_[line]);
    } else {
      const size_t piece = begin;
      for (; line < after; begin = ends_[line++] + size_t{1}) {
        walk_line(piece, begin, ends_[line]);
      }
    }
    return end;
  }

  void read_alone(size_t begin, size_t end) {
    if (walker_.begin(chunk_.text.substr(begin, end + 1 - begin))) {
      walk_line(begin, begin, end);
    } else {
      read_plainly(begin, end);
    }
  }

  void walk_line(size_t piece, size_t begin, size_t end) {
    columns_.begin_record();
    switch (walker_.next(end - piece)) {
      case JsonWalker::Outcome::kRecord:
        end_record(begin, end);
        break;
      case JsonWalker::Outcome::kBlank:
        break;
      case JsonWalker::Outcome::kUnsure:
        columns_.undo_record();
        read_plainly(begin, end);
    }
  }

  void read_plainly(size_t begin, size_t end) {
    const std::string_view line = chunk_.text.substr(begin, end - begin);
    if (is_blank(line)) return;
    columns_.begin_record();
    if (const auto mistake = extractor_.extract(line)) {
      columns_.undo_record();
      chunks_->rejects().reject(chunk_.offset + begin, line, line.size(), mistake->text());
    } else {
      end_record(begin, end);
    }
  }

  void end_record(size_t begin, size_t end) {
    const size_t row = columns_.row();
    if (wanted_.raw) batch_->raw[row] = chunk_.text.substr(begin, end - begin);
    if (wanted_.offsets) batch_->offsets[row] = chunk_.offset + begin;
    columns_.end_record(chunk_.offset + begin, chunks_->rejects());
  }

  const FileSlice& slice_;
  const WantedFields& wanted_;
  std::unique_ptr<ChunkReader> chunks_;
  JsonColumns columns_;
  JsonWalker walker_;
  JsonExtractor extractor_;
  TextChunk chunk_;
  Batch* batch_ = nullptr;
  std::unique_ptr<uint32_t[]> ends_;  ///< where the chunk's lines end
  size_t room_ = 0;
};

class JsonlInput : public BoundInput {
 public:
  explicit JsonlInput(WantedFields wanted) : wanted_(std::move(wanted)) {}

  Result<std::unique_ptr<Reader>> open(const FileSlice& slice, ReadContext context) const override {
    ASSIGN_OR_RETURN(std::unique_ptr<ChunkReader> chunks, ChunkReader::open(slice, context));
    return std::unique_ptr<Reader>(
        std::make_unique<JsonlReader>(slice, wanted_, std::move(chunks)));
  }

 private:
  WantedFields wanted_;
};

RecordForm jsonl_form(const Options&) {
  return {.format = "jsonl"};
}

void check_types(const Options& options, Problems& problems) {
  const std::vector<std::string>& columns = options.list("columns");
  for (const auto& [name, type] : options.map("types")) {
    if (!type_from_name(type)) {
      problems.add(options.line("types"),
                   {.found = "type " + quoted(type) + " of column " + quoted(name),
                    .expected = "one of text, int, float, bool, time",
                    .fix = "change it in `types`"});
    }
    if (columns.empty() || std::find(columns.begin(), columns.end(), name) != columns.end()) {
      continue;
    }
    const auto near = near_match(name, columns);
    problems.add(options.line("types"),
                 {.found = "a type for column " + quoted(name),
                  .expected = "one of `columns`: " + listed(columns),
                  .fix = near ? "did you mean " + quoted(*near) + "?"
                              : "add it to `columns` or take it out of `types`"});
  }
}

void check_jsonl(const Options& options, Problems& problems) {
  std::set<std::string_view> seen;
  for (const std::string& column : options.list("columns")) {
    if (seen.insert(column).second) continue;
    problems.add(options.line("columns"), {.found = "column " + quoted(column) + " twice",
                                           .expected = "each name once",
                                           .fix = "take one out of `columns`"});
  }
  check_types(options, problems);
}

// What can be read of the sample; a bad file ends where it is bad.
void add_sample(FileSlice slice, uint64_t bytes, const ReadContext& context, JsonShape& shape) {
  slice.end = std::min(slice.end, bytes);
  auto chunks = ChunkReader::open(slice, context);
  if (!chunks.is_ok()) return;
  TextChunk chunk;
  while (true) {
    const Result<bool> more = (*chunks)->next(chunk);
    if (!more.is_ok() || !*more) return;
    std::string_view rest = chunk.text;
    if (chunk.offset == 0 && rest.starts_with(kByteOrderMark)) {
      rest.remove_prefix(kByteOrderMark.size());
    }
    while (!rest.empty()) {
      const size_t newline = std::min(rest.find('\n'), rest.size() - 1);
      shape.add(rest.substr(0, newline + 1));
      rest.remove_prefix(newline + 1);
    }
  }
}

void apply_types(const TextMap& types, std::vector<InputColumn>& columns) {
  for (const auto& [name, type_text] : types) {
    const Type type = type_from_name(type_text).value_or(Type::kText);
    const auto at = std::find_if(columns.begin(), columns.end(),
                                 [&, &wanted = name](const auto& c) { return c.name == wanted; });
    if (at != columns.end()) {
      at->type = type;
    } else {
      columns.push_back({.name = name, .type = type});
    }
  }
}

std::vector<InputColumn> choose_columns(const Options& options,
                                        const std::vector<InputColumn>& columns,
                                        Problems& problems) {
  std::vector<std::string> names;
  for (const InputColumn& column : columns) names.push_back(column.name);
  std::vector<InputColumn> chosen;
  for (const std::string& name : options.list("columns")) {
    const auto at = std::find(names.begin(), names.end(), name);
    if (at != names.end()) {
      chosen.push_back(columns[static_cast<size_t>(at - names.begin())]);
      continue;
    }
    const auto near = near_match(name, names);
    problems.add(options.line("columns"),
                 {.found = "no field " + quoted(name) + " in the samples",
                  .expected = names.empty() ? "fields, but there are none" : listed(names),
                  .fix = (near ? "did you mean " + quoted(*near) + "? else " : "") +
                         "give its type in `types`"});
  }
  return chosen;
}

/// Some files at once, added up in their order.
JsonShape shape_of_samples(const ReadLimits& limits, const SampleFiles& files) {
  JsonShape shape;
  const size_t at_once = 8 * files.threads;
  for (size_t first = 0; first < files.types.size(); first += at_once) {
    std::vector<JsonShape> shapes(std::min(at_once, files.types.size() - first));
    for_each_parallel(shapes.size(), files.threads, [&](size_t, size_t i) {
      add_sample(files.types[first + i], files.type_bytes,
                 {.limits = limits, .content = files.content}, shapes[i]);
    });
    for (const JsonShape& one : shapes) shape.add(one);
  }
  return shape;
}

Result<InputSchema> infer_jsonl(const Options& options, const ReadLimits& limits,
                                const SampleFiles& files, Problems& problems) {
  const JsonShape shape = shape_of_samples(limits, files);
  InputSchema schema = {.columns = shape.columns()};
  apply_types(options.map("types"), schema.columns);
  if (!options.list("columns").empty()) {
    schema.columns = choose_columns(options, schema.columns, problems);
  }
  return schema;
}

std::unique_ptr<BoundInput> bind_jsonl(const Options&, const InputSchema& schema,
                                       const WantedColumns& wanted) {
  SHARDMILL_CHECK(schema.columns.size() == wanted.slots.size());
  std::vector<JsonColumn> columns;
  std::vector<std::string> names;
  for (size_t i = 0; i < schema.columns.size(); ++i) {
    if (!wanted.slots[i]) continue;
    const InputColumn& column = schema.columns[i];
    columns.push_back({.name = column.name, .type = column.type, .slot = *wanted.slots[i]});
    names.push_back(column.name);
  }
  return std::make_unique<JsonlInput>(WantedFields{.columns = std::move(columns),
                                                   .paths = JsonPaths(names),
                                                   .slot_count = wanted.slot_count,
                                                   .raw = wanted.needs_raw,
                                                   .offsets = wanted.needs_offsets});
}

}  // namespace

InputSpec input_jsonl() {
  return {
      .name = "jsonl",
      .summary =
          "Each line is a JSON object whose members are columns, those of nested objects with "
          "dots: `user.country`. Every record is checked whole (RFC 8259, UTF-8); a line that is "
          "no sound object is rejected with the byte where it goes wrong. Blank lines are passed "
          "over. Of equal keys the last counts. Arrays, and objects where a text column wants "
          "them, are JSON text as in the source; numbers in a text column keep their digits.",
      .extensions = {"jsonl", "ndjson", "jsonlines"},
      .fields = {{.name = "columns",
                  .kind = FieldKind::kColumnList,
                  .doc = "Only these columns, in this order; all that the samples show if unset. "
                         "Columns that no stage uses cost nothing either way."},
                 {.name = "types",
                  .kind = FieldKind::kTextMap,
                  .doc =
                      "Types of columns (text, int, float, bool, time) instead of those that the "
                      "samples suggest, for instance { \"user.zip\" = \"text\" }; names columns "
                      "that the samples do not show as well."}},
      .form = jsonl_form,
      .check = check_jsonl,
      .infer = infer_jsonl,
      .bind = bind_jsonl,
  };
}

}  // namespace shardmill
