#include "pipeline/core/stage.h"

namespace shardmill {

namespace {

enum DropReason : size_t { kAfterHead };

class HeadWorker final : public StageWorker {
 public:
  explicit HeadWorker(uint64_t records) : records_(records) {}

  Status begin_slice(const FileSlice&, const StageContext&) override {
    left_ = records_;
    return {};
  }

  Status process(Batch& batch, const StageContext& context, NextStage& next) override {
    const size_t before = batch.selected();
    if (before > left_) {
      uint64_t left = left_;
      batch.keep_rows([&](size_t row) {
        if (left > 0) return left-- > 0;
        context.drop(kAfterHead, batch, row);
        return false;
      });
    }
    left_ -= batch.selected();
    return next.pass(batch);
  }

 private:
  uint64_t records_;
  uint64_t left_ = 0;
};

class Head final : public BoundStage {
 public:
  explicit Head(uint64_t records) : records_(records) {}
  std::unique_ptr<StageWorker> make_worker() const override {
    return std::make_unique<HeadWorker>(records_);
  }

 private:
  uint64_t records_;
};

std::unique_ptr<BoundStage> bind(const Options& options, Binder&) {
  return std::make_unique<Head>(static_cast<uint64_t>(options.integer("n")));
}

}  // namespace

StageSpec stage_head() {
  return {
      .name = "head",
      .kind = StageKind::kFilter,
      .summary = "keep the first records of each file",
      .doc =
          "Counts the records that reach this stage, so a filter before it comes first. A job with "
          "`head` does not "
          "cut files: one large file is read by one worker, to its end.",
      .fields = {{.name = "n",
                  .kind = FieldKind::kInt,
                  .doc = "Records to keep of each file.",
                  .default_text = "10",
                  .min = 0,
                  .max = 9.0e18}},
      .drop_reasons = {{"after_head", "the file gave its first records already"}},
      .needs_whole_files = true,
      .bind = bind,
      .examples = {{.title = "The first two records of the file stay.",
                    .input = {"a", "b", "c"},
                    .stage = "n = 2",
                    .output = {"{ line = 'a' }", "{ line = 'b' }"}}},
  };
}

}  // namespace shardmill
