#include "pipeline/run/dealer.h"

#include <utility>

#include "pipeline/base/check.h"

namespace shardmill {

namespace {

/// Items beyond its workers that a rank gets ahead, so that no worker waits for a message: one for
/// each worker, since all may become free at once, and one more.
uint64_t ahead(uint64_t workers) {
  return workers + 1;
}

}  // namespace

Dealer::Dealer(DealerSetup setup)
    : setup_(std::move(setup)),
      ranks_(static_cast<size_t>(setup_.ranks)),
      known_(std::move(setup_.known)) {}

void Dealer::rank_ready(int rank, unsigned workers) {
  ranks_[static_cast<size_t>(rank)].workers = workers;
  may_have_place(rank);
  deal_more();
}

void Dealer::prepared(int rank, const Prepared& item) {
  --ranks_[static_cast<size_t>(rank)].busy;
  may_have_place(rank);
  const Waiting waiting = {.rank = rank, .report = item.report};
  if (const auto known = known_.find(item.item); known != known_.end()) {
    const Verdict verdict = known->second;
    known_.erase(known);
    answer(item.item, waiting, verdict);
  } else {
    waiting_.emplace(item.item, waiting);
  }
  handed_on_.try_emplace(item.item, 0);
  deal_more();
}

void Dealer::done(int rank, const Done& item) {
  const auto was_prepared = handed_on_.find(item.item);
  bool gave_already = false;
  if (was_prepared == handed_on_.end()) {
    --ranks_[static_cast<size_t>(rank)].busy;
    if (is_serial(item.item)) --ranks_[static_cast<size_t>(rank)].serial;
    may_have_place(rank);
  } else {
    gave_already = was_prepared->second != 0;
    handed_on_.erase(was_prepared);
  }
  waiting_.erase(item.item);
  ++done_;
  if (!gave_already) hand_on(item.item, item.next);
  if (item.drop_rest) next_ = setup_.order.size();
  deal_more();
}

void Dealer::stop_dealing() {
  is_stopped_ = is_stopped_ || next_ < setup_.order.size();
  next_ = setup_.order.size();
}

std::vector<Order> Dealer::take_orders() {
  return std::exchange(orders_, {});
}

/// Near the end nothing is dealt ahead: the last items go to whoever is free first.
uint64_t Dealer::places(const Rank& rank) const {
  if (rank.workers == 0) return 0;
  if (setup_.one_at_a_time) return &rank == &ranks_[0] ? 1 : 0;
  const uint64_t left = setup_.order.size() - next_;
  const bool plenty = left >= 2 * uint64_t{rank.workers} * ranks_.size();
  return rank.workers + (plenty ? ahead(rank.workers) : 0);
}

/// For the next item. Two ranks must not wait for one that has more than it can do.
bool Dealer::has_place(const Rank& rank) const {
  if (rank.busy >= places(rank)) return false;
  if (!is_serial(setup_.order[next_])) return true;
  const bool plenty = setup_.order.size() - next_ >= 2 * ranks_.size();
  return rank.serial < (plenty ? 2u : 1u);
}

void Dealer::may_have_place(int rank) {
  free_.any.insert(rank);
  if (setup_.is_serial) free_.serial.insert(rank);
}

/// One item to each rank in turn, as long as any has a place.
void Dealer::deal_more() {
  while (deal_round()) {
  }
}

/// True if a rank had a place. Each item may be of another kind than the one before.
bool Dealer::deal_round() {
  bool dealt = false;
  int from = 0;
  while (next_ < setup_.order.size()) {
    std::set<int>& free = is_serial(setup_.order[next_]) ? free_.serial : free_.any;
    const auto at = free.lower_bound(from);
    if (at == free.end()) break;
    const int rank = *at;
    from = rank + 1;
    if (has_place(ranks_[static_cast<size_t>(rank)])) {
      deal(rank);
      dealt = true;
    } else {
      free.erase(at);
    }
  }
  return dealt;
}

void Dealer::deal(int rank) {
  const uint64_t item = setup_.order[next_++];
  DealOrder order = {.to = rank, .item = item};
  if (setup_.links(item).needs) {
    if (const auto known = known_.find(item); known != known_.end()) {
      order.verdict = known->second;
      known_.erase(known);
    } else {
      order.must_wait = true;
    }
  }
  ++dealt_;
  ++ranks_[static_cast<size_t>(rank)].busy;
  if (is_serial(item)) ++ranks_[static_cast<size_t>(rank)].serial;
  orders_.push_back(order);
}

void Dealer::hand_on(uint64_t from_item, std::optional<uint64_t> value) {
  if (!setup_.links(from_item).gives) return;
  const uint64_t item = from_item + 1;
  const auto at = waiting_.find(item);
  if (at == waiting_.end()) {
    known_[item] = {.value = value};
    return;
  }
  const Waiting waiting = at->second;
  waiting_.erase(at);
  answer(item, waiting, {.value = value});
}

void Dealer::answer(uint64_t item, const Waiting& waiting, Verdict verdict) {
  orders_.emplace_back(VerdictOrder{.to = waiting.rank, .verdict = {item, verdict}});
  const bool adds = setup_.rule == ChainRule::kPosition;
  const bool stands = adds || !verdict.value || *verdict.value == waiting.report.assumed;
  if (!stands) return;  // it is redone, and says at the end what it hands on
  handed_on_[item] = 1;
  const uint64_t base = adds ? verdict.value.value_or(0) : 0;
  hand_on(item, base + waiting.report.next);
}

}  // namespace shardmill
