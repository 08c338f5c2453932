#include "stages/support/condition.h"

namespace shardmill {

namespace {

enum DropReason : size_t { kNotTrue, kNull };

std::unique_ptr<BoundStage> bind(const Options& options, Binder& binder) {
  return bind_condition(options, binder, {.if_false = kNotTrue, .if_null = kNull});
}

}  // namespace

StageSpec stage_keep() {
  return {
      .name = "keep",
      .kind = StageKind::kFilter,
      .summary = "keep the records for which an expression is true",
      .doc =
          "A record for which the expression is null, because a value in it is null, is dropped "
          "and counted apart.",
      .fields = {{.name = "where",
                  .kind = FieldKind::kExpression,
                  .doc = "The condition, for instance \"status >= 500 or ms > 1000\".",
                  .required = true}},
      .drop_reasons = {{"not_true", "the expression is false"}, {"null", "the expression is null"}},
      .counters = expression_counters(),
      .check = check_condition,
      .bind = bind,
      .examples = {{.title =
                        "Failed or slow requests stay; one without a status is unknown and goes.",
                    .input_format = "csv",
                    .input = {"path,status,ms", "/a,500,3.5", "/b,200,1200.0", "/c,200,1.0",
                              "/d,,2.0"},
                    .stage = "where = \"status >= 500 or ms > 1000\"",
                    .output = {"{ path = '/a', status = 500, ms = 3.5 }",
                               "{ path = '/b', status = 200, ms = 1200.0 }"}},
                   {.title = "Text is in single quotes, a list in brackets.",
                    .input = {"GET /a", "PUT /b", "HEAD /c"},
                    .stage = "where = \"substr(line, 1, 4) in ['GET ', 'HEAD']\"",
                    .output = {"{ line = 'GET /a' }", "{ line = 'HEAD /c' }"}}},
  };
}

}  // namespace shardmill
