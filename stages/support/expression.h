// Expressions over the columns of a record: `status >= 500 or ms > 1000`. What they mean is in
// docs/semantics.md and docs/expressions.md.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "pipeline/core/batch.h"
#include "pipeline/core/bind.h"
#include "pipeline/core/stage.h"
#include "stages/support/expression_evaluate.h"
#include "stages/support/expression_program.h"

namespace shardmill {

/// Reports the mistakes of an expression that show without knowing the columns: syntax, unknown
/// functions, wrong patterns. `field` is the option it was given for, `line` its line.
void check_expression(std::string_view text, std::string_view field, int line, Problems& problems);

/// A checked expression. Immutable; shared by workers.
class Expression {
 public:
  /// nullptr after reporting at least one problem. Marks the columns as read. `wanted`: the type
  /// that it must have.
  static std::unique_ptr<const Expression> bind(std::string_view text, std::string_view field,
                                                int line, Binder& binder,
                                                std::optional<Type> wanted);

  Type type() const { return program_.nodes[program_.root].type; }
  const Program& program() const { return program_; }

 private:
  Program program_;
};

/// What a stage that computes expressions counts; it declares these counters first.
std::vector<NamedCount> expression_counters();

/// Computes an expression for batches. One worker's.
class ExpressionWorker {
 public:
  /// `expression` must outlive the worker.
  explicit ExpressionWorker(const Expression& expression);

  static constexpr int kStays = -1;
  /// What becomes of a record by the value of a bool expression: it stays, or is dropped for this
  /// reason of the stage.
  struct Fates {
    int if_true = kStays;
    int if_false = kStays;
    int if_null = kStays;
  };
  /// Narrows the selection to the records that stay, counting the others; rejects those on which
  /// matching met its limit; counts expression_counters(). REQUIRES: the expression is bool.
  void filter(Batch& batch, const Fates& fates, const StageContext& context);

  /// Writes the values of the selected rows to `column`, new text into the batch's arena; rejects
  /// and counts as `filter` does. `column` must not be one that the expression reads.
  void compute(Batch& batch, Column& column, const StageContext& context);

 private:
  template <typename Visit>
  void for_each_block(Batch& batch, Arena& arena, Visit&& visit);
  void take_counts(const StageContext& context);

  const Expression& expression_;
  ProgramEvaluator evaluator_;
  Arena arena_;
  std::vector<uint32_t> rejected_;
};

}  // namespace shardmill
