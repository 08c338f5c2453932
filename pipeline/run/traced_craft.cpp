#include "pipeline/run/traced_craft.h"

#include <utility>

#include "pipeline/base/work_clock.h"

namespace shardmill {

namespace {

/// A span of the log for its own lifetime.
class LoggedSpan {
 public:
  LoggedSpan(SpanLog& log, size_t activity) : log_(log) {
    log_.open(activity, WorkClock::kAboutNothing, WorkClock::now_ns());
  }
  ~LoggedSpan() { log_.close(WorkClock::now_ns()); }
  LoggedSpan(const LoggedSpan&) = delete;
  LoggedSpan& operator=(const LoggedSpan&) = delete;

 private:
  SpanLog& log_;
};

class TracedTask final : public Task {
 public:
  TracedTask(std::unique_ptr<Task> task, SpanLog& log, size_t activity)
      : task_(std::move(task)), log_(log), activity_(activity) {}

  Status perform() override {
    const LoggedSpan span(log_, activity_);
    return task_->perform();
  }
  bool must_wait() const override { return task_->must_wait(); }
  ChainReport report() const override { return task_->report(); }
  Result<Done> commit(const std::optional<Verdict>& verdict) override {
    const LoggedSpan span(log_, WorkClock::kCommitting);
    return task_->commit(verdict);
  }

 private:
  std::unique_ptr<Task> task_;
  SpanLog& log_;
  size_t activity_;
};

class TracedCraft final : public Craft {
 public:
  TracedCraft(std::unique_ptr<Craft> craft, SpanLog& log, size_t activity)
      : craft_(std::move(craft)), log_(log), activity_(activity) {}

  Result<std::unique_ptr<Task>> begin(Deal deal) override {
    ASSIGN_OR_RETURN(std::unique_ptr<Task> task, craft_->begin(std::move(deal)));
    return std::unique_ptr<Task>(std::make_unique<TracedTask>(std::move(task), log_, activity_));
  }
  void rest() override { craft_->rest(); }
  void finish() override { craft_->finish(); }
  void leave_early(bool keep) override { craft_->leave_early(keep); }

 private:
  std::unique_ptr<Craft> craft_;
  SpanLog& log_;
  size_t activity_;
};

}  // namespace

std::unique_ptr<Craft> with_spans(std::unique_ptr<Craft> craft, SpanLog* log, size_t activity) {
  if (log == nullptr) return craft;
  return std::make_unique<TracedCraft>(std::move(craft), *log, activity);
}

}  // namespace shardmill
