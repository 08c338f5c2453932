#include "pipeline/run/clocked_craft.h"

#include <utility>

namespace shardmill {

namespace {

struct Place {
  WorkClock* clock = nullptr;
  size_t activity = 0;
};

class ClockedTask final : public Task {
 public:
  ClockedTask(std::unique_ptr<Task> task, const Place& place)
      : task_(std::move(task)), place_(place) {}

  Status perform() override {
    const WorkSpan span(place_.clock, place_.activity);
    return task_->perform();
  }
  bool must_wait() const override { return task_->must_wait(); }
  ChainReport report() const override { return task_->report(); }
  Result<Done> commit(const std::optional<Verdict>& verdict) override {
    const WorkSpan span(place_.clock, place_.activity);
    return task_->commit(verdict);
  }

 private:
  std::unique_ptr<Task> task_;
  Place place_;
};

class ClockedCraft final : public Craft {
 public:
  ClockedCraft(std::unique_ptr<Craft> craft, const Place& place)
      : craft_(std::move(craft)), place_(place) {}

  Result<std::unique_ptr<Task>> begin(Deal deal) override {
    ASSIGN_OR_RETURN(std::unique_ptr<Task> task, craft_->begin(std::move(deal)));
    return std::unique_ptr<Task>(std::make_unique<ClockedTask>(std::move(task), place_));
  }
  void rest() override { craft_->rest(); }
  void finish() override { craft_->finish(); }
  void leave_early(bool keep) override { craft_->leave_early(keep); }

 private:
  std::unique_ptr<Craft> craft_;
  Place place_;
};

}  // namespace

std::unique_ptr<Craft> with_clock(std::unique_ptr<Craft> craft, WorkClock* clock, size_t activity) {
  if (clock == nullptr) return craft;
  return std::make_unique<ClockedCraft>(std::move(craft),
                                        Place{.clock = clock, .activity = activity});
}

}  // namespace shardmill
