// The stage behind `keep` and `drop`: a condition in the option `where` decides over each record.
#pragma once

#include <memory>

#include "pipeline/core/stage.h"
#include "stages/support/expression.h"

namespace shardmill {

/// Reports what is wrong with `where` as far as the job file shows it.
void check_condition(const Options& options, Problems& problems);

/// A stage that gives every record the fate of its value of `where`; nullptr if the expression
/// does not fit the columns, which the binder's problems then say.
std::unique_ptr<BoundStage> bind_condition(const Options& options, Binder& binder,
                                           const ExpressionWorker::Fates& fates);

}  // namespace shardmill
