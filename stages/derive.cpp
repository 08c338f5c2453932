#include <memory>
#include <utility>
#include <vector>

#include "pipeline/core/stage.h"
#include "stages/support/expression.h"

namespace shardmill {

namespace {

/// A new column and how it is computed.
struct Derived {
  std::unique_ptr<const Expression> expression;
  ColumnRef column;
};

class DeriveWorker final : public StageWorker {
 public:
  /// `columns`: those that a later stage reads; the others are not computed.
  explicit DeriveWorker(const std::vector<const Derived*>& columns) {
    for (const Derived* derived : columns) {
      columns_.push_back({ExpressionWorker(*derived->expression), derived->column.slot});
    }
  }

  Status process(Batch& batch, const StageContext& context, NextStage& next) override {
    for (auto& [worker, slot] : columns_) worker.compute(batch, batch.columns[slot], context);
    return next.pass(batch);
  }

 private:
  std::vector<std::pair<ExpressionWorker, size_t>> columns_;
};

class Derive final : public BoundStage {
 public:
  Derive(std::vector<Derived> columns, const SlotPlan& slots)
      : columns_(std::move(columns)), slots_(slots) {}

  std::unique_ptr<StageWorker> make_worker() const override {
    std::vector<const Derived*> used;
    for (const Derived& derived : columns_) {
      if (slots_.slots[derived.column.slot].used) used.push_back(&derived);
    }
    return std::make_unique<DeriveWorker>(used);
  }

 private:
  std::vector<Derived> columns_;
  const SlotPlan& slots_;
};

/// The option as messages name it.
std::string field_of(const std::string& name) {
  return "columns." + escaped(name);
}

void check(const Options& options, Problems& problems) {
  const int line = options.line("columns");
  if (options.map("columns").empty()) {
    problems.add(line, {.place = {},
                        .found = "columns is an empty table",
                        .expected = "at least one new column",
                        .fix = "write columns = { seconds = \"ms / 1000\" }"});
  }
  for (const auto& [name, expression] : options.map("columns")) {
    if (name.empty() || name.front() == '$') {
      problems.add(line, {.place = {},
                          .found = "a new column with the name " + quoted(name),
                          .expected = "a name of at least one byte that does not begin with $",
                          .fix = {}});
    }
    check_expression(expression, field_of(name), line, problems);
  }
}

bool is_always_null(const Expression& expression) {
  return expression.program().nodes[expression.program().root].is_untyped_null;
}

std::unique_ptr<BoundStage> bind(const Options& options, Binder& binder) {
  const int line = options.line("columns");
  std::vector<Derived> columns;
  bool is_good = true;
  for (const auto& [name, text] : options.map("columns")) {
    const std::string field = field_of(name);
    auto expression = Expression::bind(text, field, line, binder, std::nullopt);
    if (expression == nullptr) {
      is_good = false;
      continue;
    }
    if (is_always_null(*expression)) {
      binder.problem(line, {.place = {},
                            .found = field + " is null, which has no type",
                            .expected = "a value",
                            .fix = "write if(false, 0, null) for a column of ints without values"});
      is_good = false;
      continue;
    }
    const auto made = binder.create(name, expression->type(), line, options.flag("replace"));
    is_good = is_good && made;
    if (made) columns.push_back({.expression = std::move(expression), .column = *made});
  }
  if (!is_good) return nullptr;
  return std::make_unique<Derive>(std::move(columns), binder.slots());
}

}  // namespace

StageSpec stage_derive() {
  return {
      .name = "derive",
      .kind = StageKind::kTransform,
      .summary = "make new columns by expressions over the others",
      .doc =
          "The columns are made in the order of the table, so that an expression may use those "
          "before it. With `replace` the expression of a column that is there already sees the "
          "old value. Columns that no later stage reads are not computed. Many columns are easier "
          "to read as a table of their own, `[stage.columns]`, below the `[[stage]]`.",
      .fields = {{.name = "columns",
                  .kind = FieldKind::kTextMap,
                  .doc = "New columns and their expressions: { seconds = \"ms / 1000\" }.",
                  .required = true},
                 {.name = "replace",
                  .kind = FieldKind::kBool,
                  .doc = "A new column takes the place of a column of the same name.",
                  .default_text = "false"}},
      .counters = expression_counters(),
      .check = check,
      .bind = bind,
      .examples = {{.title = "One column from two others, and one from the new one.",
                    .input_format = "csv",
                    .input = {"path,bytes,ms", "/a,3000,2", "/b,500,1000", "/c,10,0", "/d,,5"},
                    .stage = "columns = { rate = \"bytes / ms\", fast = \"rate > 100\" }",
                    .output = {"{ path = '/a', bytes = 3000, ms = 2, rate = 1500.0, fast = true }",
                               "{ path = '/b', bytes = 500, ms = 1000, rate = 0.5, fast = false }",
                               "{ path = '/c', bytes = 10, ms = 0 }", "{ path = '/d', ms = 5 }"}},
                   {.title = "A column in another form takes its place.",
                    .input_format = "csv",
                    .input = {"at,level", "31/Jan/2026:23:10:00 +0100,warn",
                              "01/Feb/2026:00:20:00 +0100,error"},
                    .stage = "replace = true\n"
                             "[stage.columns]\n"
                             "at    = \"bin(time(at, '%d/%b/%Y:%T %z'), '1h')\"\n"
                             "level = \"upper(level)\"",
                    .output = {"{ at = 2026-01-31T22:00:00Z, level = 'WARN' }",
                               "{ at = 2026-01-31T23:00:00Z, level = 'ERROR' }"}}},
  };
}

}  // namespace shardmill
