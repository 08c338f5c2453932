#include "pipeline/run/worker.h"

#include <exception>
#include <new>
#include <utility>

#include "pipeline/base/message.h"

namespace shardmill {

namespace {

class Worker {
 public:
  Worker(unsigned index, Craft& craft, Mailbox& mailbox)
      : index_(index), craft_(craft), mailbox_(mailbox) {}

  Status run() {
    for (;;) {
      craft_.rest();
      Mailbox::Next next = mailbox_.next(index_, true);
      if (auto* deal = std::get_if<Deal>(&next)) {
        RETURN_IF_ERROR(take(std::move(*deal)));
      } else if (auto* verdict = std::get_if<Verdict>(&next)) {
        RETURN_IF_ERROR(commit_held(*verdict));
      } else {
        return {};
      }
    }
  }

 private:
  Status take(Deal deal) {
    const uint64_t item = deal.item;
    ASSIGN_OR_RETURN(std::unique_ptr<Task> task, craft_.begin(std::move(deal)));
    RETURN_IF_ERROR(task->perform());
    if (!task->must_wait()) return commit(item, *task, std::nullopt);
    return hold(item, std::move(task));
  }

  Status hold(uint64_t item, std::unique_ptr<Task> task) {
    if (held_ != nullptr) {
      craft_.rest();
      const Mailbox::Next next = mailbox_.next(index_, false);
      if (!std::holds_alternative<Verdict>(next)) return {};  // stopped
      RETURN_IF_ERROR(commit_held(std::get<Verdict>(next)));
    }
    held_item_ = item;
    held_ = std::move(task);
    mailbox_.post_prepared(index_, {.item = item, .report = held_->report()});
    return {};
  }

  Status commit_held(const Verdict& verdict) {
    const std::unique_ptr<Task> task = std::move(held_);
    return commit(held_item_, *task, verdict);
  }

  Status commit(uint64_t item, Task& task, const std::optional<Verdict>& verdict) {
    ASSIGN_OR_RETURN(Done done, task.commit(verdict));
    done.item = item;
    mailbox_.post(std::move(done));
    return {};
  }

  unsigned index_;
  Craft& craft_;
  Mailbox& mailbox_;
  uint64_t held_item_ = 0;
  std::unique_ptr<Task> held_;
};

}  // namespace

Status without_exceptions(const std::string& place, const std::function<Status()>& body) {
  try {
    return body();
  } catch (const std::bad_alloc&) {
    return Status::stopped(
        Message{.place = place,
                .found = "no memory left",
                .expected = "enough for all workers",
                .fix = "use fewer threads (--threads), or give the run more memory (--memory)"}
            .text());
  } catch (const std::exception& error) {
    return Status::failed(Message{.place = place, .found = error.what()}.text());
  }
}

void work(unsigned worker, const MakeCraft& make_craft, Mailbox& mailbox,
          const std::string& place) {
  const Status status = without_exceptions(place, [&] {
    const std::unique_ptr<Craft> craft = make_craft(worker);
    if (craft == nullptr) return Status::ok();
    Status result = Worker(worker, *craft, mailbox).run();
    craft->rest();
    if (!result.is_ok() && !mailbox.stopped()) mailbox.post(result);
    if (!result.is_ok()) mailbox.stop(keeps_work(result.code()));
    if (mailbox.stopped()) {
      mailbox.begin_keeping();
      craft->leave_early(mailbox.keeps());
    } else {
      craft->finish();
    }
    return Status::ok();
  });
  if (!status.is_ok() && !mailbox.stopped()) mailbox.post(status);
  mailbox.leave();
}

}  // namespace shardmill
