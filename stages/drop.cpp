#include "pipeline/core/stage.h"
#include "stages/support/expression.h"

namespace shardmill {

namespace {

enum DropReason : size_t { kTrue };

class DropWorker final : public StageWorker {
 public:
  explicit DropWorker(const Expression& where) : where_(where) {}

  Status process(Batch& batch, const StageContext& context, NextStage& next) override {
    where_.filter(batch, {.if_true = kTrue}, context);
    return next.pass(batch);
  }

 private:
  ExpressionWorker where_;
};

class Drop final : public BoundStage {
 public:
  explicit Drop(std::unique_ptr<const Expression> where) : where_(std::move(where)) {}
  std::unique_ptr<StageWorker> make_worker() const override {
    return std::make_unique<DropWorker>(*where_);
  }

 private:
  std::unique_ptr<const Expression> where_;
};

void check(const Options& options, Problems& problems) {
  check_expression(options.text("where"), "where", options.line("where"), problems);
}

std::unique_ptr<BoundStage> bind(const Options& options, Binder& binder) {
  auto where =
      Expression::bind(options.text("where"), "where", options.line("where"), binder, Type::kBool);
  if (where == nullptr) return nullptr;
  return std::make_unique<Drop>(std::move(where));
}

}  // namespace

StageSpec stage_drop() {
  return {
      .name = "drop",
      .kind = StageKind::kFilter,
      .summary = "drop the records for which an expression is true",
      .doc = "Records for which the expression is false or null stay.",
      .fields = {{.name = "where",
                  .kind = FieldKind::kExpression,
                  .doc = "The condition, for instance \"path == '/health'\".",
                  .required = true}},
      .drop_reasons = {{"true", "the expression is true"}},
      .counters = expression_counters(),
      .check = check,
      .bind = bind,
      .examples = {{.title = "Health checks go; a record without a path stays.",
                    .input_format = "csv",
                    .input = {"id,path", "1,/health", "2,/a", "3,"},
                    .stage = "where = \"path == '/health'\"",
                    .output = {"{ id = 2, path = '/a' }", "{ id = 3 }"}}},
  };
}

}  // namespace shardmill
