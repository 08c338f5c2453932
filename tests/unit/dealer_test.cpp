// The dealer against simulated ranks and workers: whatever the order of events, every item is done
// once, chains get the right numbers, and nothing ever gets stuck.
#include "pipeline/run/dealer.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <map>
#include <numeric>
#include <random>

namespace shardmill {
namespace {

std::vector<uint64_t> in_order(uint64_t count) {
  std::vector<uint64_t> order(count);
  std::iota(order.begin(), order.end(), uint64_t{0});
  return order;
}

/// Items in chains of `length`; length 1: no chains.
std::function<ChainLinks(uint64_t)> chains_of(uint64_t length) {
  return [length](uint64_t item) {
    return ChainLinks{.needs = item % length > 0, .gives = item % length + 1 < length};
  };
}

/// What item hands on when it is done right: for chains that read, any number of its own.
uint64_t true_handover(uint64_t item) {
  return item * 100 + item * item % 7;
}

/// Workers of several ranks, advanced one random event at a time.
class Simulation {
 public:
  Simulation(DealerSetup setup, unsigned workers, unsigned seed)
      : rule_(setup.rule), links_(setup.links), random_(seed) {
    ranks_.resize(static_cast<size_t>(setup.ranks));
    items_ = setup.order.size();
    dealer_.emplace(std::move(setup));
    for (size_t rank = 0; rank < ranks_.size(); ++rank) {
      ranks_[rank].workers.resize(workers);
      events_.push_back(
          [this, rank, workers] { dealer_->rank_ready(static_cast<int>(rank), workers); });
    }
  }

  /// False if nothing can happen any more although not all is done.
  bool run() {
    while (!dealer_->finished()) {
      const bool moved = step_worker() || step_event();
      for (const Order& order : dealer_->take_orders()) receive(order);
      if (!moved && events_.empty() && !any_worker_can_move()) return false;
    }
    return true;
  }

  std::map<uint64_t, int> done;                              ///< item -> times
  std::map<uint64_t, std::optional<uint64_t>> committed_at;  ///< item -> number that it got
  std::map<uint64_t, uint64_t> assumed;

 private:
  struct Worker {
    std::optional<DealOrder> working;
    std::optional<DealOrder> held;
    std::optional<DealOrder> blocked;  ///< finished while another one is held
    std::optional<Verdict> verdict;
  };
  struct Rank {
    std::deque<DealOrder> deals;
    std::vector<Worker> workers;
  };

  void receive(const Order& order) {
    if (const auto* deal = std::get_if<DealOrder>(&order)) {
      Rank& rank = ranks_[static_cast<size_t>(deal->to)];
      rank.deals.push_back(*deal);
      return;
    }
    const auto& verdict = std::get<VerdictOrder>(order);
    for (Worker& worker : ranks_[static_cast<size_t>(verdict.to)].workers) {
      if (worker.held && worker.held->item == verdict.verdict.item) {
        worker.verdict = verdict.verdict.verdict;
        return;
      }
    }
    FAIL() << "a verdict for an item that nobody holds";
  }

  bool can_move(const Rank& rank, const Worker& worker) const {
    return worker.working || worker.verdict || (!worker.blocked && !rank.deals.empty());
  }

  bool any_worker_can_move() const {
    for (const Rank& rank : ranks_) {
      for (const Worker& worker : rank.workers) {
        if (can_move(rank, worker)) return true;
      }
    }
    return false;
  }

  bool step_worker() {
    if (random_() % 3 == 0 && !events_.empty()) return false;
    const size_t number = random_() % ranks_.size();
    Rank& rank = ranks_[number];
    Worker& worker = rank.workers[random_() % rank.workers.size()];
    if (!can_move(rank, worker)) return false;
    move(static_cast<int>(number), rank, worker);
    return true;
  }

  bool step_event() {
    if (events_.empty()) return false;
    events_.front()();
    events_.pop_front();
    return true;
  }

  void move(int number, Rank& rank, Worker& worker) {
    if (worker.working) {
      const DealOrder deal = *worker.working;
      worker.working.reset();
      finish(number, worker, deal);
    } else if (worker.verdict) {
      const DealOrder deal = *worker.held;
      const Verdict verdict = *worker.verdict;
      worker.held.reset();
      worker.verdict.reset();
      commit(number, deal.item, verdict);
      if (worker.blocked) {
        const DealOrder next = *worker.blocked;
        worker.blocked.reset();
        hold(number, worker, next);
      }
    } else {
      worker.working = rank.deals.front();
      rank.deals.pop_front();
    }
  }

  void finish(int number, Worker& worker, const DealOrder& deal) {
    const bool fails = random_() % 16 == 0 && rule_ == ChainRule::kHandover;
    if (fails) {
      failed_[deal.item] = true;
      send_done(number, deal.item, std::nullopt);
    } else if (!deal.must_wait) {
      commit(number, deal.item, deal.verdict);
    } else if (worker.held) {
      worker.blocked = deal;
    } else {
      hold(number, worker, deal);
    }
  }

  void hold(int number, Worker& worker, const DealOrder& deal) {
    worker.held = deal;
    // Half of the assumptions are wrong.
    const uint64_t right = deal.item > 0 ? true_handover(deal.item - 1) : 0;
    assumed[deal.item] = random_() % 2 == 0 ? right : right + 1;
    const ChainReport report = rule_ == ChainRule::kHandover
                                   ? ChainReport{assumed[deal.item], true_handover(deal.item)}
                                   : ChainReport{0, deal.item + 1};
    const Prepared prepared = {.item = deal.item, .report = report};
    events_.push_back([this, number, prepared] { dealer_->prepared(number, prepared); });
  }

  void commit(int number, uint64_t item, const std::optional<Verdict>& verdict) {
    if (verdict) committed_at[item] = verdict->value;
    const uint64_t next = rule_ == ChainRule::kHandover
                              ? true_handover(item)
                              : (verdict ? verdict->value.value_or(0) : 0) + item + 1;
    send_done(number, item, next);
  }

  void send_done(int number, uint64_t item, std::optional<uint64_t> next) {
    ++done[item];
    Done message;
    message.item = item;
    if (links_(item).gives) message.next = next;
    events_.push_back([this, number, message] { dealer_->done(number, message); });
  }

 public:
  bool failed(uint64_t item) const { return failed_.contains(item); }

 private:
  ChainRule rule_;
  std::function<ChainLinks(uint64_t)> links_;
  std::mt19937 random_;
  uint64_t items_ = 0;
  std::optional<Dealer> dealer_;
  std::vector<Rank> ranks_;
  std::deque<std::function<void()>> events_;  ///< messages on their way to the dealer
  std::map<uint64_t, bool> failed_;
};

/// Each third item, where there are no chains.
std::function<bool(uint64_t)> serial_without_chains(uint64_t length) {
  return [length](uint64_t item) { return length == 1 && item % 3 == 0; };
}

struct Shape {
  int ranks;
  unsigned workers;
  uint64_t items;
  uint64_t chain;
};

std::vector<Shape> shapes() {
  std::vector<Shape> shapes;
  for (const int ranks : {1, 2, 7}) {
    for (const unsigned workers : {1u, 3u}) {
      for (const uint64_t items : {0u, 1u, 5u, 60u}) {
        for (const uint64_t chain : {1u, 4u, 60u}) shapes.push_back({ranks, workers, items, chain});
      }
    }
  }
  return shapes;
}

TEST(Dealer, GetsEverythingDoneOnceInAnyOrderOfEvents) {
  for (const Shape& shape : shapes()) {
    for (unsigned seed = 0; seed < 20; ++seed) {
      Simulation simulation({.order = in_order(shape.items),
                             .links = chains_of(shape.chain),
                             .is_serial = serial_without_chains(shape.chain),
                             .rule = ChainRule::kHandover,
                             .ranks = shape.ranks},
                            shape.workers, seed);
      const std::string where =
          fmt::format("{} ranks, {} workers, {} items, chains of {}, seed {}", shape.ranks,
                      shape.workers, shape.items, shape.chain, seed);
      ASSERT_TRUE(simulation.run()) << "stuck: " << where;
      ASSERT_EQ(simulation.done.size(), shape.items) << where;
      for (const auto& [item, times] : simulation.done) ASSERT_EQ(times, 1) << where;
    }
  }
}

TEST(Dealer, HandsOnWhatThePredecessorFound) {
  for (unsigned seed = 0; seed < 50; ++seed) {
    Simulation simulation({.order = in_order(80), .links = chains_of(20), .ranks = 3}, 2, seed);
    ASSERT_TRUE(simulation.run());
    size_t checked = 0;
    for (const auto& [item, value] : simulation.committed_at) {
      ASSERT_GT(item % 20, 0u);
      if (simulation.failed(item - 1)) {
        EXPECT_EQ(value, std::nullopt) << "a failed range has no place to hand on";
      } else {
        EXPECT_EQ(value, std::optional(true_handover(item - 1)));
      }
      ++checked;
    }
    EXPECT_GT(checked, 40u);
  }
}

TEST(Dealer, AddsUpPlacesAlongAChain) {
  for (unsigned seed = 0; seed < 50; ++seed) {
    Simulation simulation(
        {.order = in_order(60), .links = chains_of(30), .rule = ChainRule::kPosition, .ranks = 4},
        3, seed);
    ASSERT_TRUE(simulation.run());
    for (const auto& [item, place] : simulation.committed_at) {
      uint64_t expected = 0;
      for (uint64_t before = item - item % 30; before < item; ++before) expected += before + 1;
      EXPECT_EQ(place, std::optional(expected)) << "item " << item << ", seed " << seed;
    }
    EXPECT_EQ(simulation.committed_at.size(), 58u);
  }
}

size_t deals_to(const std::vector<Order>& orders, int rank) {
  size_t count = 0;
  for (const Order& order : orders) {
    const auto* deal = std::get_if<DealOrder>(&order);
    count += deal != nullptr && deal->to == rank ? 1 : 0;
  }
  return count;
}

TEST(Dealer, DealsAheadWhileThereIsPlenty) {
  Dealer dealer({.order = in_order(100), .links = chains_of(1), .ranks = 2});
  dealer.rank_ready(1, 3);
  EXPECT_EQ(deals_to(dealer.take_orders(), 1), 7u) << "three workers, as many ahead and one more";
}

TEST(Dealer, LeavesTheLastItemsToWhoeverIsFree) {
  Dealer dealer({.order = in_order(5), .links = chains_of(1), .ranks = 2});
  dealer.rank_ready(0, 2);
  EXPECT_EQ(deals_to(dealer.take_orders(), 0), 2u)
      << "nothing ahead, the other rank wants some too";
  dealer.rank_ready(1, 2);
  EXPECT_EQ(deals_to(dealer.take_orders(), 1), 2u);
}

Done done_with(uint64_t item) {
  Done done;
  done.item = item;
  return done;
}

TEST(Dealer, SpreadsOverTheRanksWhatEachDoesOneAtATime) {
  const auto serial = [](uint64_t item) { return item >= 2; };
  Dealer dealer({.order = in_order(8), .links = chains_of(1), .is_serial = serial, .ranks = 2});
  dealer.rank_ready(0, 4);
  EXPECT_EQ(deals_to(dealer.take_orders(), 0), 4u) << "two of each kind, the rest for others";
  dealer.rank_ready(1, 4);
  EXPECT_EQ(deals_to(dealer.take_orders(), 1), 1u) << "near the end one is enough";
  dealer.done(0, done_with(0));
  EXPECT_TRUE(dealer.take_orders().empty()) << "its free workers could only wait";
  dealer.done(0, done_with(2));
  EXPECT_TRUE(dealer.take_orders().empty()) << "it has one";
  dealer.done(0, done_with(3));
  EXPECT_EQ(deals_to(dealer.take_orders(), 0), 1u);
}

/// The policy in plain words, which looks at every rank: one item to each in turn, as long as any
/// has a place.
class PlainPolicy {
 public:
  PlainPolicy(const DealerSetup& setup, bool one_at_a_time)
      : order_(setup.order),
        is_serial_(setup.is_serial),
        one_at_a_time_(one_at_a_time),
        ranks_(static_cast<size_t>(setup.ranks)) {}

  void rank_ready(int rank, unsigned workers) { at(rank).workers = workers; }
  void is_free(int rank, uint64_t item) {
    --at(rank).busy;
    if (is_serial_(item)) --at(rank).serial;
  }
  void drop_rest() { next_ = order_.size(); }

  std::vector<std::pair<int, uint64_t>> deals() {
    std::vector<std::pair<int, uint64_t>> deals;
    for (bool dealt = true; dealt;) {
      dealt = false;
      for (size_t rank = 0; rank < ranks_.size() && next_ < order_.size(); ++rank) {
        if (!has_place(rank)) continue;
        const uint64_t item = order_[next_++];
        ++ranks_[rank].busy;
        if (is_serial_(item)) ++ranks_[rank].serial;
        deals.emplace_back(static_cast<int>(rank), item);
        dealt = true;
      }
    }
    return deals;
  }

 private:
  struct Rank {
    uint64_t workers = 0;
    uint64_t busy = 0;
    uint64_t serial = 0;
  };

  Rank& at(int rank) { return ranks_[static_cast<size_t>(rank)]; }

  bool has_place(size_t rank) const {
    const auto& [workers, busy, serial] = ranks_[rank];
    const uint64_t left = order_.size() - next_;
    if (workers == 0) return false;
    if (one_at_a_time_) return rank == 0 && busy == 0;
    const bool plenty = left >= 2 * workers * ranks_.size();
    if (busy >= (plenty ? 2 * workers + 1 : workers)) return false;
    return !is_serial_(order_[next_]) || serial < (left >= 2 * ranks_.size() ? 2u : 1u);
  }

  std::vector<uint64_t> order_;
  std::function<bool(uint64_t)> is_serial_;
  bool one_at_a_time_;
  std::vector<Rank> ranks_;
  size_t next_ = 0;
};

/// Sends a dealer and the policy the same events, in any order, and compares what they deal.
class PolicyCheck {
 public:
  explicit PolicyCheck(unsigned seed) : random_(seed) {
    DealerSetup setup = {.order = in_order(random_() % 300),
                         .links = [](uint64_t item) { return ChainLinks{.needs = item % 5 == 1}; },
                         .is_serial = serial(random_() % 4),
                         .ranks = 1 + static_cast<int>(random_() % 9),
                         .one_at_a_time = random_() % 8 == 0};
    for (int rank = 0; rank < setup.ranks; ++rank) not_ready_.push_back(rank);
    std::shuffle(not_ready_.begin(), not_ready_.end(), random_);
    policy_.emplace(setup, setup.one_at_a_time);
    dealer_.emplace(std::move(setup));
  }

  /// How many items were dealt.
  size_t run() {
    while (!not_ready_.empty() || !dealt_.empty()) {
      const bool is_ready = !not_ready_.empty() && (dealt_.empty() || random_() % 4 == 0);
      is_ready ? ready_one() : answer_one();
      compare();
      if (::testing::Test::HasFatalFailure()) break;
    }
    return count_;
  }

 private:
  struct Dealt {
    int rank = 0;
    uint64_t item = 0;
    bool is_prepared = false;
  };

  /// Runs of serial items between runs of others.
  static std::function<bool(uint64_t)> serial(uint64_t kind) {
    return [kind](uint64_t item) { return item % 5 != 1 && item / 7 % 4 < kind; };
  }

  void ready_one() {
    const unsigned workers = 1 + random_() % 4;
    dealer_->rank_ready(not_ready_.back(), workers);
    policy_->rank_ready(not_ready_.back(), workers);
    not_ready_.pop_back();
  }

  void answer_one() {
    Dealt& dealt = dealt_[random_() % dealt_.size()];
    if (!dealt.is_prepared) policy_->is_free(dealt.rank, dealt.item);
    if (dealt.item % 5 == 1 && !dealt.is_prepared) {
      dealt.is_prepared = true;
      dealer_->prepared(dealt.rank, {.item = dealt.item, .report = {}});
      return;
    }
    Done done;
    done.item = dealt.item;
    done.drop_rest = random_() % 500 == 0;
    if (done.drop_rest) policy_->drop_rest();
    dealer_->done(dealt.rank, done);
    dealt = dealt_.back();
    dealt_.pop_back();
  }

  void compare() {
    std::vector<std::pair<int, uint64_t>> deals;
    for (const Order& order : dealer_->take_orders()) {
      const auto& deal = std::get<DealOrder>(order);
      deals.emplace_back(deal.to, deal.item);
      dealt_.push_back({.rank = deal.to, .item = deal.item});
    }
    count_ += deals.size();
    ASSERT_EQ(deals, policy_->deals());
  }

  std::mt19937 random_;
  std::vector<int> not_ready_;
  std::vector<Dealt> dealt_;
  size_t count_ = 0;
  std::optional<PlainPolicy> policy_;
  std::optional<Dealer> dealer_;
};

TEST(Dealer, DealsAsIfItLookedAtEveryRank) {
  size_t dealt = 0;
  for (unsigned seed = 0; seed < 1000; ++seed) {
    dealt += PolicyCheck(seed).run();
    ASSERT_FALSE(HasFatalFailure()) << "seed " << seed;
  }
  EXPECT_GT(dealt, 50'000u);
}

TEST(Dealer, GivesOneAfterTheOtherForALimitAndDropsTheRest) {
  Dealer dealer({.order = in_order(10), .links = chains_of(10), .ranks = 2, .one_at_a_time = true});
  dealer.rank_ready(1, 4);
  EXPECT_TRUE(dealer.take_orders().empty()) << "only rank 0 works";
  dealer.rank_ready(0, 4);
  for (uint64_t item = 0; item < 3; ++item) {
    const std::vector<Order> orders = dealer.take_orders();
    ASSERT_EQ(orders.size(), 1u);
    const auto& deal = std::get<DealOrder>(orders[0]);
    EXPECT_EQ(deal.item, item);
    EXPECT_FALSE(deal.must_wait) << "its predecessor is done";
    EXPECT_FALSE(dealer.finished());
    Done done;
    done.item = item;
    done.next = 7;
    done.drop_rest = item == 2;
    dealer.done(0, done);
  }
  EXPECT_TRUE(dealer.take_orders().empty());
  EXPECT_TRUE(dealer.finished());
}

}  // namespace
}  // namespace shardmill
