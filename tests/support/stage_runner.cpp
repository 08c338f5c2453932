#include "tests/support/stage_runner.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <numeric>

#include "pipeline/base/message.h"
#include "pipeline/core/pipeline.h"
#include "pipeline/formats/numbers.h"
#include "pipeline/plan/fields.h"

namespace shardmill {

namespace {

template <typename T, typename Stored>
TestColumn make_column(std::string name, Type type, std::vector<std::optional<T>> values) {
  TestColumn column = {.name = std::move(name), .type = type, .cells = {}};
  for (const std::optional<T>& value : values) {
    column.cells.push_back(value ? Cell(static_cast<Stored>(*value)) : Cell());
  }
  return column;
}

/// `has_offsets`: the stage asked for them when it was bound, as it must to reject anything.
class RejectNotes final : public RejectLog {
 public:
  RejectNotes(StageRun& run, bool has_offsets) : run_(run), has_offsets_(has_offsets) {}
  void reject(std::string_view, uint64_t offset, std::string_view, uint64_t,
              std::string_view reason) override {
    EXPECT_TRUE(has_offsets_) << "the stage rejects without Binder::need_offsets";
    run_.rejects.push_back(std::to_string(offset) + ": " + std::string(reason));
  }
  void bad_value(std::string_view, uint64_t offset, std::string_view column,
                 std::string_view value) override {
    EXPECT_TRUE(has_offsets_) << "the stage has bad values without Binder::need_offsets";
    run_.bad_values.push_back(std::to_string(offset) + " " + std::string(column) + ": " +
                              std::string(value));
  }

 private:
  StageRun& run_;
  const bool has_offsets_;
};

void set_cell(Column& column, size_t row, const Cell& cell) {
  if (std::holds_alternative<std::monostate>(cell)) return column.set_null(row);
  switch (column.type) {
    case Type::kText:
      column.text[row] = std::get<std::string>(cell);
      break;
    case Type::kInt:
      column.ints[row] = std::get<int64_t>(cell);
      break;
    case Type::kFloat:
      column.floats[row] = std::get<double>(cell);
      break;
    case Type::kBool:
      column.bools[row] = std::get<bool>(cell) ? 1 : 0;
      break;
    case Type::kTime:
      EXPECT_TRUE(parse_time(std::get<std::string>(cell), column.ints[row]));
      break;
  }
}

std::string shown(const Column& column, size_t row) {
  if (column.is_null(row)) return "null";
  std::string out;
  switch (column.type) {
    case Type::kText:
      return quoted(column.text[row], 1000);
    case Type::kInt:
      append_int(out, column.ints[row]);
      break;
    case Type::kFloat:
      append_float(out, column.floats[row]);
      break;
    case Type::kBool:
      out = column.bools[row] != 0 ? "true" : "false";
      break;
    case Type::kTime:
      append_time(out, column.ints[row]);
      break;
  }
  return out;
}

void note_batch(const Batch& batch, const Schema& schema, const SlotPlan& slots, StageRun& run) {
  run.batches += 1;
  run.largest_batch = std::max(run.largest_batch, batch.selected());
  batch.for_each_row([&](size_t row) {
    std::string record;
    for (const SchemaColumn& column : schema.columns) {
      if (!slots.slots[column.slot].used) continue;
      EXPECT_EQ(batch.columns[column.slot].type, column.type) << column.name;
      record +=
          (record.empty() ? "" : " ") + column.name + "=" + shown(batch.columns[column.slot], row);
    }
    run.records.push_back(record);
    if (slots.needs_offsets) {
      run.identities.emplace_back(batch.offsets[row],
                                  batch.sub_indices.empty() ? 0 : batch.sub_indices[row]);
    }
  });
}

void expect_balanced(const StageBooks& books) {
  const uint64_t dropped = std::accumulate(books.dropped.begin(), books.dropped.end(), uint64_t{0});
  EXPECT_EQ(books.records_in + books.made, books.records_out + dropped + books.rejected);
}

/// Where the records come from: fills rows [first, first + rows) into the batch.
struct TestInput {
  Schema schema;
  size_t rows = 0;
  const std::vector<TestColumn>* columns = nullptr;
  std::vector<uint64_t> offsets;
  std::vector<std::string_view> lines;  ///< instead of cells, if not empty
};

void fill_batch(const TestInput& input, size_t first, size_t rows, const StageRunLayout& layout,
                const SlotPlan& slots, Batch& batch) {
  batch.clear();
  batch.rows = rows;
  batch.columns.resize(std::max(batch.columns.size(), slots.slots.size()));
  for (size_t c = 0; c < input.columns->size(); ++c) {
    const TestColumn& from = (*input.columns)[c];
    Column& column = batch.columns[input.schema.columns[c].slot];
    column.prepare(from.type, rows);
    for (size_t row = 0; row < rows; ++row) {
      if (!input.lines.empty()) {
        column.text[row] = input.lines[first + row];
      } else {
        set_cell(column, row, from.cells[first + row]);
      }
    }
  }
  batch.offsets.assign(input.offsets.begin() + static_cast<ptrdiff_t>(first),
                       input.offsets.begin() + static_cast<ptrdiff_t>(first + rows));
  batch.raw.assign(rows, "raw");
  if (layout.every > 1) {
    batch.keep_rows([&](size_t row) { return (first + row) % layout.every == 0; });
  }
}

void note_problems(const Problems& problems, StageRun& run) {
  for (const Problems::Problem& problem : problems.list()) {
    run.problems.push_back(problem.message.text());
  }
}

/// As the stage behind the one under test would.
void ask_for_columns(Binder& binder, const StageRunLayout& layout) {
  binder.begin_stage(1);
  if (layout.ask_for_offsets) binder.need_offsets();
  const std::vector<std::string> names = layout.used_later.value_or(binder.schema().names());
  for (const std::string& name : names) EXPECT_TRUE(binder.use(name, 0)) << name;
}

Status run_batches(const TestInput& input, const StageRunLayout& layout, const SlotPlan& slots,
                   PipelineWorker& worker) {
  FileSlice slice;
  slice.path = "test file";
  Batch batch;
  batch.slice = &slice;
  RETURN_IF_ERROR(worker.begin_slice(slice));
  for (size_t first = 0; first < input.rows; first += layout.batch_rows) {
    const size_t rows = std::min(layout.batch_rows, input.rows - first);
    fill_batch(input, first, rows, layout, slots, batch);
    if (batch.selected() > 0) RETURN_IF_ERROR(worker.process(batch));
  }
  return worker.end_slice();
}

StageRun run_on(const StageSpec& spec, const StageSettings& settings, TestInput input,
                const StageRunLayout& layout) {
  StageRun run;
  Problems problems;
  Options options = make_options(spec, settings);
  if (spec.check != nullptr) spec.check(options, problems);
  note_problems(problems, run);
  if (!problems.empty()) return run;

  SlotPlan slots;
  for (size_t c = 0; c < input.schema.columns.size(); ++c) {
    input.schema.columns[c].slot = c;
    slots.slots.push_back(
        {.name = input.schema.columns[c].name, .type = input.schema.columns[c].type});
  }
  for (const auto& [field, content] : layout.contents) {
    options.set_content(field, std::make_shared<const std::string>(content));
  }
  Binder binder(input.schema, slots, {.format = "lines"}, problems);
  std::vector<PipelineStage> stages(1);
  stages[0].spec = &spec;
  stages[0].bound = spec.bind(options, binder);
  const bool has_offsets = slots.needs_offsets;
  note_problems(problems, run);
  if (stages[0].bound == nullptr || !problems.empty()) {
    EXPECT_FALSE(problems.empty());
    return run;
  }
  stages[0].schema_after = binder.schema();
  for (const SchemaColumn& column : binder.schema().columns) {
    run.columns.push_back(column.name);
    run.types.push_back(column.type);
  }
  ask_for_columns(binder, layout);

  const Schema after = binder.schema();
  run.books = PipelineWorker::new_books(stages[0]);
  RejectNotes rejects(run, has_offsets);
  const std::unique_ptr<Partial> partial = stages[0].bound->make_partial();
  const StageContext context = {
      .books = &run.books, .rejects = &rejects, .partial = partial.get(), .sink = nullptr};
  PipelineWorker worker(stages, slots, [&](Batch& batch) {
    note_batch(batch, after, slots, run);
    return Status::ok();
  });
  worker.begin_unit({&context, 1});
  const Status status = run_batches(input, layout, slots, worker);
  EXPECT_TRUE(status.is_ok()) << status.message();
  expect_balanced(run.books);
  if (partial != nullptr) run.tables = stages[0].bound->finish(*partial);
  return run;
}

uint64_t named(const std::vector<NamedCount>& names, const std::vector<uint64_t>& values,
               std::string_view name) {
  for (size_t i = 0; i < names.size(); ++i) {
    if (names[i].name == name) return i < values.size() ? values[i] : 0;
  }
  ADD_FAILURE() << "not declared: " << name;
  return 0;
}

}  // namespace

TestColumn text_column(std::string name, std::vector<std::optional<std::string>> values) {
  return make_column<std::string, std::string>(std::move(name), Type::kText, std::move(values));
}
TestColumn int_column(std::string name, std::vector<std::optional<int64_t>> values) {
  return make_column<int64_t, int64_t>(std::move(name), Type::kInt, std::move(values));
}
TestColumn float_column(std::string name, std::vector<std::optional<double>> values) {
  return make_column<double, double>(std::move(name), Type::kFloat, std::move(values));
}
TestColumn bool_column(std::string name, std::vector<std::optional<bool>> values) {
  return make_column<bool, bool>(std::move(name), Type::kBool, std::move(values));
}
TestColumn time_column(std::string name, std::vector<std::optional<std::string>> values) {
  return make_column<std::string, std::string>(std::move(name), Type::kTime, std::move(values));
}

uint64_t StageRun::dropped(const StageSpec& spec, std::string_view reason) const {
  return named(spec.drop_reasons, books.dropped, reason);
}

uint64_t StageRun::count(const StageSpec& spec, std::string_view counter) const {
  return named(spec.counters, books.counts, counter);
}

Options make_options(const StageSpec& spec, const StageSettings& settings, int line) {
  Options options;
  options.stage_line = line;
  for (const FieldSpec& field : spec.fields) {
    if (!field.default_text.empty()) options.set(field.name, default_value(field), 0);
  }
  for (const auto& [name, value] : settings) {
    EXPECT_TRUE(
        std::any_of(spec.fields.begin(), spec.fields.end(),
                    [&, wanted = &name](const FieldSpec& field) { return field.name == *wanted; }))
        << name;
    options.set(name, value, line);
  }
  return options;
}

StageRun run_stage(const StageSpec& spec, const StageSettings& settings,
                   const std::vector<TestColumn>& columns, const StageRunLayout& layout) {
  TestInput input;
  input.columns = &columns;
  for (const TestColumn& column : columns) {
    input.schema.columns.push_back({.name = column.name, .type = column.type});
    input.rows = column.cells.size();
  }
  for (size_t row = 0; row < input.rows; ++row) input.offsets.push_back(row * 10);
  return run_on(spec, settings, std::move(input), layout);
}

StageRun run_stage_on_lines(const StageSpec& spec, const StageSettings& settings,
                            const std::vector<std::string>& lines, const StageRunLayout& layout) {
  const std::vector<TestColumn> columns = {{.name = "line", .type = Type::kText, .cells = {}}};
  TestInput input;
  input.columns = &columns;
  input.schema.columns.push_back({.name = "line", .type = Type::kText});
  std::string content;
  for (const std::string& line : lines) {
    input.offsets.push_back(content.size());
    content += line + "\n";
  }
  for (size_t i = 0; i < lines.size(); ++i) {
    input.lines.push_back(std::string_view(content).substr(input.offsets[i], lines[i].size()));
  }
  input.rows = lines.size();
  return run_on(spec, settings, std::move(input), layout);
}

}  // namespace shardmill
