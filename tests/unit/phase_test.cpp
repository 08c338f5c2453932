// What ranks owe each other whoever comes first: messages that overtake others, ranks that come
// late.
#include "pipeline/run/phase.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <thread>

namespace shardmill {
namespace {

TEST(Inbox, HearsABroadcastThatOvertookAnotherMessage) {
  run_local_ranks(3, [](Comm& comm) {
    Inbox inbox(comm);
    if (comm.rank() == 0) {
      EXPECT_EQ(inbox.broadcast("news"), "news");
      for (const int to : {1, 2}) {
        comm.send(to, tag_of(MessageKind::kTotals, Phase::kOutside), "late");
      }
    } else {
      EXPECT_EQ(inbox.receive(MessageKind::kTotals, 0), "late");
      EXPECT_EQ(inbox.broadcast({}), "news");
    }
    comm.finish();
  });
}

/// Nothing is to be done; counts how often it was asked to look around.
class IdleLeader final : public Leader {
 public:
  explicit IdleLeader(std::atomic<int>& ticks) : ticks_(ticks) {}
  std::string body_of(uint64_t) override { return {}; }
  Status absorb(const Done&) override { return {}; }
  void tick() override { ++ticks_; }

 private:
  std::atomic<int>& ticks_;
};

TEST(Phase, EndsWithTheFailureOfARankThatComesWhenAllIsDone) {
  std::atomic<int> ticks = 0;
  run_local_ranks(2, [&](Comm& comm) {
    Inbox inbox(comm);
    Mailbox mailbox(1);
    IdleLeader leader(ticks);
    PhaseSetup setup = {.place = "here", .mailbox = &mailbox};
    setup.make_craft = [](unsigned) { return std::unique_ptr<Craft>(); };
    if (comm.rank() == 0) {
      setup.leader = &leader;
      setup.dealer.links = [](uint64_t) { return ChainLinks(); };
    } else {
      while (ticks < 5) std::this_thread::sleep_for(std::chrono::milliseconds(1));
      setup.ready = Status::failed("a table is not there");
    }
    EXPECT_EQ(run_phase(inbox, std::move(setup)).message(), "a table is not there");
    comm.finish();
  });
}

}  // namespace
}  // namespace shardmill
