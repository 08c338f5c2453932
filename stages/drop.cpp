#include "stages/support/condition.h"

namespace shardmill {

namespace {

enum DropReason : size_t { kTrue };

std::unique_ptr<BoundStage> bind(const Options& options, Binder& binder) {
  return bind_condition(options, binder, {.if_true = kTrue});
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
      .check = check_condition,
      .bind = bind,
      .examples = {{.title = "Health checks go; a record without a path stays.",
                    .input_format = "csv",
                    .input = {"id,path", "1,/health", "2,/a", "3,"},
                    .stage = "where = \"path == '/health'\"",
                    .output = {"{ id = 2, path = '/a' }", "{ id = 3 }"}}},
  };
}

}  // namespace shardmill
