#include "pipeline/run/in_memory.h"

#include <fmt/format.h>

#include <algorithm>

#include "pipeline/base/text.h"
#include "pipeline/core/pipeline.h"
#include "pipeline/formats/json_text.h"
#include "pipeline/formats/numbers.h"
#include "pipeline/plan/plan.h"
#include "pipeline/report/json_object.h"

namespace shardmill {

namespace {

/// Nobody keeps what is written.
class NoSink final : public Sink {
 public:
  Status append(const FramedRows&) override { return {}; }
};

class KeptRejects final : public RejectLog {
 public:
  explicit KeptRejects(InMemoryRun& run) : run_(run) {}
  void reject(std::string_view, uint64_t offset, std::string_view, uint64_t,
              std::string_view reason) override {
    run_.rejects.push_back({.offset = offset, .reason = std::string(reason)});
  }
  void bad_value(std::string_view, uint64_t, std::string_view column,
                 std::string_view value) override {
    run_.bad_values.push_back(std::string(column) + ": " + std::string(value));
  }

 private:
  InMemoryRun& run_;
};

std::string time_text(int64_t nanoseconds) {
  std::string text;
  append_time(text, nanoseconds);
  return text;
}

void append_cell(std::string& out, const Column& column, size_t row) {
  switch (column.type) {
    case Type::kText:
      return append_json_text(out, column.text[row]);
    case Type::kInt:
      return append_int(out, column.ints[row]);
    case Type::kFloat:
      return append_json_float(out, column.floats[row]);
    case Type::kBool:
      out += column.bools[row] != 0 ? "true" : "false";
      return;
    case Type::kTime:
      return append_json_text(out, time_text(column.ints[row]));
  }
}

/// Columns in the order of their names, as canonical JSON wants them.
std::vector<SchemaColumn> sorted_columns(const Schema& schema) {
  std::vector<SchemaColumn> columns = schema.columns;
  std::sort(columns.begin(), columns.end(),
            [](const SchemaColumn& a, const SchemaColumn& b) { return a.name < b.name; });
  return columns;
}

std::string record_json(const Batch& batch, const std::vector<SchemaColumn>& columns, size_t row) {
  std::string out = "{";
  for (const SchemaColumn& column : columns) {
    const Column& values = batch.columns[column.slot];
    if (values.is_null(row)) continue;
    if (out.size() > 1) out += ',';
    append_json_key(out, column.name);
    out += ':';
    append_cell(out, values, row);
  }
  return out + "}";
}

/// The one unit of a job in memory: the state of each stage.
class MemoryUnit {
 public:
  MemoryUnit(const BoundJob& job, InMemoryRun& run) : job_(job), run_(run), rejects_(run) {
    for (const PipelineStage& stage : job.stages) {
      run_.books.push_back(PipelineWorker::new_books(stage));
      partials_.push_back(stage.bound->make_partial());
    }
    for (size_t i = 0; i < job.stages.size(); ++i) {
      contexts_.push_back({.books = &run_.books[i],
                           .rejects = &rejects_,
                           .partial = partials_[i].get(),
                           .sink = job.stages[i].output ? &sink_ : nullptr});
    }
  }

  Status read(const FileSlice& slice, const std::string& content) {
    const Schema& last = job_.stages.back().schema_after;
    const std::vector<SchemaColumn> columns = sorted_columns(last);
    PipelineWorker worker(job_.stages, job_.slots, [&](Batch& batch) {
      batch.for_each_row(
          [&](size_t row) { run_.records.push_back(record_json(batch, columns, row)); });
      return Status::ok();
    });
    worker.begin_unit(contexts_);
    ReadContext context;
    context.limits = job_.job.input.limits;
    context.rejects = &rejects_;
    context.content = &content;
    ASSIGN_OR_RETURN(const std::unique_ptr<Reader> reader, job_.input->open(slice, context));
    RETURN_IF_ERROR(worker.begin_slice(slice));
    RETURN_IF_ERROR(read_all(*reader, slice, worker));
    run_.records_read = reader->end().records;
    return worker.end_slice();
  }

  void finish() {
    for (size_t i = 0; i < partials_.size(); ++i) {
      if (partials_[i] == nullptr) continue;
      for (Table& table : job_.stages[i].bound->finish(*partials_[i])) {
        table.stage = i;
        table.name = table_name(job_.stages[i].name, table.name);
        run_.tables.push_back(std::move(table));
      }
    }
  }

 private:
  static Status read_all(Reader& reader, const FileSlice& slice, PipelineWorker& worker) {
    Batch batch;
    for (;;) {
      ASSIGN_OR_RETURN(const bool more, reader.next(batch));
      if (!more) return {};
      batch.slice = &slice;
      RETURN_IF_ERROR(worker.process(batch));
    }
  }

  const BoundJob& job_;
  InMemoryRun& run_;
  KeptRejects rejects_;
  NoSink sink_;
  std::vector<std::unique_ptr<Partial>> partials_;
  std::vector<StageContext> contexts_;
};

FileSlice memory_file(const JobInput& input, const std::string& content) {
  std::string extension = input.paths.empty() ? "" : format_extension(input.paths[0]);
  if (extension.empty() || extension.find_first_of("*?[/") != std::string::npos) {
    extension = input.format->extensions[0];
  }
  return {.path = "test." + extension, .size_bytes = content.size()};
}

std::string expected_and_found(const std::string& what, const std::string& expected,
                               const std::string& found) {
  return what + "\n    expected " + expected + "\n    found    " + found;
}

void compare_lists(const std::string& what, const std::vector<std::string>& expected,
                   const std::vector<std::string>& found, std::vector<std::string>& differences) {
  for (size_t i = 0; i < std::max(expected.size(), found.size()); ++i) {
    const std::string& wanted = i < expected.size() ? expected[i] : "nothing";
    const std::string& got = i < found.size() ? found[i] : "nothing";
    if (wanted == got) continue;
    differences.push_back(expected_and_found(fmt::format("{} {}", what, i + 1), wanted, got));
  }
}

/// The items of a canonical JSON list, cut at the commas between them.
std::vector<std::string> items_of(std::string_view list) {
  std::vector<std::string> items;
  if (list.size() <= 2) return items;
  list = list.substr(1, list.size() - 2);
  int depth = 0;
  bool in_text = false;
  size_t begin = 0;
  for (size_t i = 0; i < list.size(); ++i) {
    const char c = list[i];
    if (in_text) {
      if (c == '\\') ++i;
      if (c == '"') in_text = false;
    } else if (c == '"') {
      in_text = true;
    } else if (c == '[' || c == '{') {
      ++depth;
    } else if (c == ']' || c == '}') {
      --depth;
    } else if (c == ',' && depth == 0) {
      items.emplace_back(list.substr(begin, i - begin));
      begin = i + 1;
    }
  }
  items.emplace_back(list.substr(begin));
  return items;
}

}  // namespace

std::string joined_lines(const std::vector<std::string>& lines) {
  std::string content;
  for (const std::string& line : lines) content += line + "\n";
  return content;
}

std::string table_rows_json(const Table& table) {
  std::string out = "[";
  for (size_t row = 0; row < table.row_count(); ++row) {
    out += row == 0 ? "[" : ",[";
    for (size_t i = 0; i < table.columns.size(); ++i) {
      if (i > 0) out += ',';
      append_json_value(out, table.columns[i], row);
    }
    out += ']';
  }
  return out + "]";
}

Result<InMemoryRun> run_in_memory(Job job, const std::string& content, Problems& problems,
                                  const TestFiles& files) {
  const auto refusal = [&] { return Status::usage(problems_text(job.place, problems)); };
  if (!problems.empty()) return refusal();
  if (job.input.format == nullptr) set_format(job, guess_format(job.input.paths), problems);
  if (!problems.empty()) return refusal();
  const FileSlice slice = memory_file(job.input, content);
  const SampleFiles samples = {.headers = {slice}, .types = {slice}, .content = &content};
  Problems found;
  ASSIGN_OR_RETURN(InputSchema schema, job.input.format->infer(job.input.format_options,
                                                               job.input.limits, samples, found));
  read_side_files(job, found, files);
  add_problems(found, job.settings, problems);
  if (!problems.empty()) return refusal();
  const std::unique_ptr<BoundJob> bound = bind_job(job, std::move(schema), problems, true);
  if (bound == nullptr) return refusal();
  InMemoryRun run;
  run.columns = bound->stages.back().schema_after.names();
  MemoryUnit unit(*bound, run);
  RETURN_IF_ERROR(unit.read(slice, content));
  unit.finish();
  return run;
}

std::vector<std::string> compare_with_test(const JobTest& test, const InMemoryRun& run) {
  std::vector<std::string> differences;
  if (test.has_output) compare_lists("record", test.output, run.records, differences);
  std::vector<std::string> names;
  for (const Table& table : run.tables) names.push_back(table.name);
  for (const auto& [name, rows] : test.tables) {
    const auto at = std::find(names.begin(), names.end(), name);
    if (at == names.end()) {
      differences.push_back("there is no table " + quoted(name) + ", expected one of " +
                            listed(names));
      continue;
    }
    const Table& table = run.tables[static_cast<size_t>(at - names.begin())];
    compare_lists("table " + quoted(name) + ", row", items_of(rows),
                  items_of(table_rows_json(table)), differences);
  }
  return differences;
}

}  // namespace shardmill
