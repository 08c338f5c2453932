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
#include "inputs/support/json_infer.h"
#include "inputs/support/json_lines.h"
#include "inputs/support/json_sampler.h"
#include "pipeline/base/parallel.h"
#include "pipeline/base/text.h"
#include "pipeline/core/input.h"
#include "pipeline/formats/json_paths.h"

namespace shardmill {

namespace {

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

/// What is to be filled.
struct WantedFields {
  std::vector<JsonColumn> columns;
  JsonPaths paths;
  size_t slot_count = 0;
  bool raw = false;
};

class JsonlReader : public Reader {
 public:
  JsonlReader(const FileSlice& slice, const WantedFields& wanted,
              std::unique_ptr<ChunkReader> chunks)
      : slice_(slice),
        wanted_(wanted),
        chunks_(std::move(chunks)),
        lines_({.columns = wanted.columns, .paths = wanted.paths, .raw = wanted.raw}) {}

  Result<bool> next(Batch& batch) override {
    batch.clear();
    batch.slice = &slice_;
    grow_to(batch.columns, wanted_.slot_count);
    TextChunk chunk;
    ASSIGN_OR_RETURN(const bool more, chunks_->next(chunk));
    if (!more) return false;
    const bool has_mark = chunk.offset == 0 && chunk.text.starts_with(kByteOrderMark);
    const size_t begin = has_mark ? kByteOrderMark.size() : 0;
    batch.rows =
        lines_.read(chunk.text.substr(begin), chunk.offset + begin, batch, chunks_->rejects());
    batch.raw_is_canonical = true;
    chunks_->end().records += batch.rows;
    return true;
  }

  const SliceEnd& end() const override { return chunks_->end(); }
  uint64_t good_bytes() const override { return chunks_->good_bytes(); }
  uint64_t disk_position() const override { return chunks_->disk_position(); }

 private:
  const FileSlice& slice_;
  const WantedFields& wanted_;
  std::unique_ptr<ChunkReader> chunks_;
  JsonLines lines_;
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
  JsonSampler sampler(shape);
  TextChunk chunk;
  while (true) {
    const Result<bool> more = (*chunks)->next(chunk);
    if (!more.is_ok() || !*more) return;
    std::string_view text = chunk.text;
    if (chunk.offset == 0 && text.starts_with(kByteOrderMark)) {
      text.remove_prefix(kByteOrderMark.size());
    }
    sampler.add(text);
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
                                                   .raw = wanted.needs_raw});
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
