#include "stages/support/condition.h"

#include <utility>

namespace shardmill {

namespace {

class ConditionWorker final : public StageWorker {
 public:
  ConditionWorker(const Expression& where, const ExpressionWorker::Fates& fates)
      : where_(where), fates_(fates) {}

  Status process(Batch& batch, const StageContext& context, NextStage& next) override {
    where_.filter(batch, fates_, context);
    return next.pass(batch);
  }

 private:
  ExpressionWorker where_;
  ExpressionWorker::Fates fates_;
};

class Condition final : public BoundStage {
 public:
  Condition(std::unique_ptr<const Expression> where, const ExpressionWorker::Fates& fates)
      : where_(std::move(where)), fates_(fates) {}

  std::unique_ptr<StageWorker> make_worker() const override {
    return std::make_unique<ConditionWorker>(*where_, fates_);
  }

 private:
  std::unique_ptr<const Expression> where_;
  ExpressionWorker::Fates fates_;
};

}  // namespace

void check_condition(const Options& options, Problems& problems) {
  check_expression(options.text("where"), "where", options.line("where"), problems);
}

std::unique_ptr<BoundStage> bind_condition(const Options& options, Binder& binder,
                                           const ExpressionWorker::Fates& fates) {
  auto where =
      Expression::bind(options.text("where"), "where", options.line("where"), binder, Type::kBool);
  if (where == nullptr) return nullptr;
  return std::make_unique<Condition>(std::move(where), fates);
}

}  // namespace shardmill
