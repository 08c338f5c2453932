#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "pipeline/base/text.h"
#include "pipeline/core/stage.h"

namespace shardmill {

namespace {

class SelectWorker final : public StageWorker {
 public:
  Status process(Batch& batch, const StageContext&, NextStage& next) override {
    return next.pass(batch);
  }
};

/// All is done when the plan is made: columns have a place of their own for the whole pipeline.
class Select final : public BoundStage {
 public:
  std::unique_ptr<StageWorker> make_worker() const override {
    return std::make_unique<SelectWorker>();
  }
};

/// "old", or "new = old".
struct Entry {
  std::string name;
  std::string source;
};

Entry entry_of(std::string_view text) {
  const size_t equals = text.find(" = ");
  if (equals == std::string_view::npos) return {std::string(text), std::string(text)};
  return {std::string(trimmed(text.substr(0, equals))),
          std::string(trimmed(text.substr(equals + 3)))};
}

/// Finds a column without marking it as read; a problem if there is none.
std::optional<SchemaColumn> find(std::string_view name, int line, Binder& binder) {
  if (const SchemaColumn* column = binder.schema().find(name)) return *column;
  // $file and $offset have no place until they are asked for.
  const auto made = binder.use(name, line);
  if (!made) return std::nullopt;
  return SchemaColumn{.name = std::string(name), .type = made->type, .slot = made->slot};
}

void report_twice(std::string_view name, int line, Binder& binder) {
  binder.problem(line, {.place = {},
                        .found = fmt::format("column {} is there twice", quoted(name)),
                        .expected = "every name once",
                        .fix = "give one of them a new name: \"new = old\""});
}

void check(const Options& options, Problems& problems) {
  if (options.has("columns") && options.list("columns").empty()) {
    problems.add(options.line("columns"), {.place = {},
                                           .found = "columns is empty",
                                           .expected = "at least one column",
                                           .fix = "write columns = [\"a\", \"new = b\"]"});
  }
  if (options.has("columns") || options.has("rename")) return;
  problems.add(options.stage_line, {.place = {},
                                    .found = "neither columns nor rename is given",
                                    .expected = "at least one of them",
                                    .fix = "write columns = [\"a\", \"new = b\"]"});
}

/// The columns with the names that `rename` gives them; nothing after a problem.
std::optional<std::vector<SchemaColumn>> renamed(const Options& options, Binder& binder) {
  std::vector<SchemaColumn> columns = binder.schema().columns;
  bool is_good = true;
  const int line = options.line("rename");
  for (const auto& [name, source] : options.map("rename")) {
    const auto at = std::find_if(
        binder.schema().columns.begin(), binder.schema().columns.end(),
        [&, wanted = &source](const SchemaColumn& column) { return column.name == *wanted; });
    if (at != binder.schema().columns.end()) {
      columns[static_cast<size_t>(at - binder.schema().columns.begin())].name = name;
      continue;
    }
    auto column = find(source, line, binder);
    is_good = is_good && column;
    if (!column) continue;
    column->name = name;
    columns.push_back(*column);
  }
  if (!is_good) return std::nullopt;
  return columns;
}

/// No name may be there twice. False after a problem.
bool check_names(const std::vector<SchemaColumn>& columns, int line, Binder& binder) {
  std::vector<std::string> names;
  for (const SchemaColumn& column : columns) names.push_back(column.name);
  std::sort(names.begin(), names.end());
  const auto twice = std::adjacent_find(names.begin(), names.end());
  if (twice == names.end()) return true;
  report_twice(*twice, line, binder);
  return false;
}

std::unique_ptr<BoundStage> bind(const Options& options, Binder& binder) {
  if (options.has("rename")) {
    auto columns = renamed(options, binder);
    if (!columns || !check_names(*columns, options.line("rename"), binder)) return nullptr;
    binder.set_columns(std::move(*columns));
  }
  if (options.has("columns")) {
    const int line = options.line("columns");
    std::vector<SchemaColumn> columns;
    bool is_good = true;
    for (const std::string& text : options.list("columns")) {
      // A column whose own name looks like an entry is meant as it is.
      const bool is_name = binder.schema().find(text) != nullptr;
      const Entry entry = is_name ? Entry{text, text} : entry_of(text);
      auto column = find(entry.source, line, binder);
      is_good = is_good && column;
      if (!column) continue;
      column->name = entry.name;
      columns.push_back(std::move(*column));
    }
    if (!is_good || !check_names(columns, line, binder)) return nullptr;
    binder.set_columns(std::move(columns));
  }
  return std::make_unique<Select>();
}

}  // namespace

StageSpec stage_select() {
  return {
      .name = "select",
      .kind = StageKind::kTransform,
      .summary = "choose, order and rename columns",
      .doc =
          "Costs nothing while records flow. `rename` comes first, then `columns` chooses among "
          "the new names. $file and $offset may be chosen too.",
      .fields = {{.name = "columns",
                  .kind = FieldKind::kColumnList,
                  .doc = "The columns to pass on, in this order, each as \"name\" or \"new = "
                         "old\"; all if left out."},
                 {.name = "rename",
                  .kind = FieldKind::kTextMap,
                  .doc = "New names, each as new = \"old\"; the columns stay where they are."}},
      .check = check,
      .bind = bind,
      .examples = {{.title = "Two of three columns, the last one first and with a new name.",
                    .input_format = "csv",
                    .input = {"id,name,price", "1,pen,2.5"},
                    .stage = "columns = [\"cost = price\", \"id\"]",
                    .output = {"{ cost = 2.5, id = 1 }"}},
                   {.title = "One column gets a new name, all stay.",
                    .input_format = "csv",
                    .input = {"id,name", "1,pen"},
                    .stage = "rename = { title = \"name\" }",
                    .output = {"{ id = 1, title = 'pen' }"}}},
  };
}

}  // namespace shardmill
