#include "pipeline/core/pipeline.h"

#include <algorithm>

#include "pipeline/base/check.h"

namespace shardmill {

/// One stage of the row: counts what goes in, and what it passes on goes to the next link.
class PipelineWorker::Link final : public NextStage {
 public:
  /// `clock` is where a clock may stand; `place` is the stage's in the row.
  Link(const PipelineStage& stage, const SlotPlan& slots, WorkClock* const& clock, size_t place)
      : stage_(stage),
        clock_(clock),
        activity_(WorkClock::kFirstStage + place),
        worker_(stage.bound->make_worker()),
        takes_uncut_(stage.bound->takes_uncut()),
        before_(stage.schema_before, slots),
        after_(stage.schema_after, slots) {}

  void connect(Link* next, const std::function<Status(Batch&)>* last) {
    next_ = next;
    last_ = last;
  }
  void set_context(const StageContext& context) {
    SHARDMILL_CHECK(context.books->dropped.size() == stage_.spec->drop_reasons.size());
    SHARDMILL_CHECK(context.books->counts.size() == stage_.spec->counters.size());
    context_ = context;
    if (stage_.drop_examples > 0) context_.watch = &before_;
    worker_->begin_unit();
  }

  Status process(Batch& batch) {
    context_.books->records_in += batch.selected();
    if (!takes_uncut_) batch.cut();
    const WorkSpan span(clock_, activity_);
    return worker_->process(batch, context_, *this);
  }
  Status begin_slice(const FileSlice& slice) {
    before_.begin_file(slice.path);
    return worker_->begin_slice(slice, context_);
  }
  Status end_slice() {
    const WorkSpan span(clock_, activity_);
    return worker_->end_slice(context_, *this);
  }

  Status pass(Batch& batch) override {
    const size_t records = batch.selected();
    if (records == 0) return {};
    context_.books->records_out += records;
    if (stage_.shown > 0) {
      batch.cut();
      after_.offer_first(context_.books->shown, batch);
    }
    if (next_ != nullptr) return next_->process(batch);
    if (last_ == nullptr || !*last_) return {};
    batch.cut();
    return (*last_)(batch);
  }

 private:
  const PipelineStage& stage_;
  WorkClock* const& clock_;
  size_t activity_;
  std::unique_ptr<StageWorker> worker_;
  bool takes_uncut_;
  RecordWatch before_;
  RecordWatch after_;
  StageContext context_;
  Link* next_ = nullptr;
  const std::function<Status(Batch&)>* last_ = nullptr;
};

namespace {

void fill_file_column(const SlotPlan& slots, Batch& batch) {
  Column& column = batch.columns[*slots.file_slot];
  column.prepare(Type::kText, batch.rows);
  std::fill_n(column.text.begin(), batch.rows, std::string_view(batch.slice->path));
}

void fill_offset_column(const SlotPlan& slots, Batch& batch) {
  Column& column = batch.columns[*slots.offset_slot];
  column.prepare(Type::kInt, batch.rows);
  std::copy_n(batch.offsets.begin(), batch.rows, column.ints.begin());
}

}  // namespace

PipelineWorker::PipelineWorker(std::span<const PipelineStage> stages, const SlotPlan& slots,
                               std::function<Status(Batch&)> last)
    : slots_(slots), last_(std::move(last)) {
  for (const PipelineStage& stage : stages) {
    links_.push_back(std::make_unique<Link>(stage, slots, clock_, links_.size()));
  }
  for (size_t i = 0; i < links_.size(); ++i) {
    links_[i]->connect(i + 1 < links_.size() ? links_[i + 1].get() : nullptr, &last_);
  }
}

PipelineWorker::~PipelineWorker() = default;

void PipelineWorker::begin_unit(std::span<const StageContext> contexts) {
  SHARDMILL_CHECK(contexts.size() == links_.size());
  for (size_t i = 0; i < links_.size(); ++i) links_[i]->set_context(contexts[i]);
}

Status PipelineWorker::begin_slice(const FileSlice& slice) {
  for (const auto& link : links_) RETURN_IF_ERROR(link->begin_slice(slice));
  return {};
}

Status PipelineWorker::process(Batch& batch) {
  if (batch.rows == 0) return {};
  grow_to(batch.columns, slots_.slots.size());
  if (slots_.file_slot || slots_.offset_slot || links_.empty()) batch.cut();
  if (slots_.file_slot) fill_file_column(slots_, batch);
  if (slots_.offset_slot) fill_offset_column(slots_, batch);
  if (links_.empty()) return last_ ? last_(batch) : Status::ok();
  return links_.front()->process(batch);
}

Status PipelineWorker::end_slice() {
  for (const auto& link : links_) RETURN_IF_ERROR(link->end_slice());
  return {};
}

StageBooks PipelineWorker::new_books(const PipelineStage& stage) {
  StageBooks books;
  const size_t reasons = stage.spec->drop_reasons.size();
  books.dropped.resize(reasons);
  books.counts.resize(stage.spec->counters.size());
  books.examples.resize(reasons, RecordExamples(stage.drop_examples));
  books.shown = RecordExamples(stage.shown);
  return books;
}

}  // namespace shardmill
