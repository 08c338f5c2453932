// A stage whose books are wrong, for the tests that look at what becomes of such a run. Not in the
// program: tests/faults only.
#include "pipeline/core/stage.h"

namespace shardmill {

StageSpec stage_liar();

namespace {

/// Loses every record that begins with "x" and tells nobody.
class LiarWorker final : public StageWorker {
 public:
  explicit LiarWorker(ColumnRef column) : column_(column) {}
  Status process(Batch& batch, const StageContext&, NextStage& next) override {
    const Column& column = batch.columns[column_.slot];
    batch.keep_rows([&](size_t row) { return !column.text[row].starts_with('x'); });
    return next.pass(batch);
  }

 private:
  ColumnRef column_;
};

class Liar final : public BoundStage {
 public:
  explicit Liar(ColumnRef column) : column_(column) {}
  std::unique_ptr<StageWorker> make_worker() const override {
    return std::make_unique<LiarWorker>(column_);
  }

 private:
  ColumnRef column_;
};

}  // namespace

StageSpec stage_liar() {
  return {.name = "liar",
          .kind = StageKind::kFilter,
          .summary = "lose records",
          .bind = [](const Options& options, Binder& binder) -> std::unique_ptr<BoundStage> {
            const auto column = binder.use("line", options.stage_line, {Type::kText});
            if (!column) return nullptr;
            return std::make_unique<Liar>(*column);
          }};
}

}  // namespace shardmill
