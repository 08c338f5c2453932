// Who does what next. A pure state machine: events in, orders out; no I/O, no clock, no thread.
//
// Items are dealt in one fixed order, to whichever rank has a free place. Some items form chains:
// item i hands a number on to item i + 1, which may do its work at once but commits only when it
// knows that number.
//
//   reading  a range of a CSV file hands on where the next record starts; the next range has
//            assumed a start, and if it assumed wrongly, it is redone from the right one
//   writing  a block of a compressed file hands on where it ends; the next block is written there
//
// No deadlock. Take the first item U, in the order of dealing, that is not done. REQUIRES of the
// order: an item comes after its predecessor. So U's predecessor is done, and U's number is known
// as soon as U is prepared.
//  * If U was not dealt: everything that was dealt comes before U in the order, hence is done, so
//    places are free and U is dealt.
//  * If U was dealt: its rank's workers take items in the order of dealing, so a worker that is
//    stuck - it holds a prepared item and finished another one that must wait - took both before
//    anyone took U. But what comes before U is done. So no worker of that rank is stuck before U is
//    taken, U gets a worker, is prepared, and its verdict is at hand.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <unordered_map>
#include <variant>
#include <vector>

#include "pipeline/run/protocol.h"

namespace shardmill {

/// How an item stands to its neighbours, item - 1 and item + 1.
struct ChainLinks {
  bool needs = false;  ///< commits only after its predecessor's number is known
  bool gives = false;  ///< the next item needs its number
};

enum class ChainRule : uint8_t {
  /// A prepared item that assumed the number it gets hands on `next` at once; one that assumed
  /// another number is redone, and hands on what it finds then.
  kHandover,
  /// A prepared item hands on the number that it gets plus `next`.
  kPosition,
};

struct DealerSetup {
  std::vector<uint64_t> order;  ///< all items, in the order of dealing
  std::function<ChainLinks(uint64_t item)> links;
  /// May be empty. Items of which a rank does the larger part one at a time, whatever its workers:
  /// it gets two of them, so that the rest of one is done beside the next, and one near the end.
  /// REQUIRES: they have no links.
  std::function<bool(uint64_t item)> is_serial;
  ChainRule rule = ChainRule::kHandover;
  int ranks = 1;
  bool one_at_a_time = false;  ///< a single worker on rank 0 does everything in order (--limit)
  /// What items of `order` get from predecessors that are not in it: they were done before.
  std::unordered_map<uint64_t, Verdict> known;
};

struct DealOrder {
  int to = 0;
  uint64_t item = 0;
  bool must_wait = false;
  std::optional<Verdict> verdict;
};

struct VerdictOrder {
  int to = 0;
  VerdictFor verdict;
};

using Order = std::variant<DealOrder, VerdictOrder>;

/// Lives on rank 0; one thread.
class Dealer {
 public:
  explicit Dealer(DealerSetup setup);

  void rank_ready(int rank, unsigned workers);
  void prepared(int rank, const Prepared& item);
  void done(int rank, const Done& item);

  /// Nothing else is dealt; unless everything was, the dealer will never have finished.
  void stop_dealing();

  /// What is to be sent now, in order.
  std::vector<Order> take_orders();
  /// Every item is done (or was dropped after a limit).
  bool finished() const { return done_ == dealt_ && next_ == setup_.order.size() && !is_stopped_; }
  uint64_t done_count() const { return done_; }

 private:
  struct Rank {
    unsigned workers = 0;
    uint64_t busy = 0;    ///< items dealt that are neither prepared nor done
    uint64_t serial = 0;  ///< those among them of is_serial
  };
  struct Waiting {
    int rank = 0;
    ChainReport report;
  };

  /// Ranks that may have a place, in their order: all that have one, and perhaps some that have
  /// lost theirs since, as places only become fewer towards the end.
  struct FreeRanks {
    std::set<int> any;     ///< for an item
    std::set<int> serial;  ///< for one of is_serial
  };

  uint64_t places(const Rank& rank) const;
  bool has_place(const Rank& rank) const;
  void may_have_place(int rank);
  bool is_serial(uint64_t item) const { return setup_.is_serial && setup_.is_serial(item); }
  void deal_more();
  bool deal_round();
  void deal(int rank);
  void hand_on(uint64_t from_item, std::optional<uint64_t> value);
  void answer(uint64_t item, const Waiting& waiting, Verdict verdict);

  DealerSetup setup_;
  std::vector<Rank> ranks_;
  FreeRanks free_;           ///< so that a deal costs the same with many ranks
  size_t next_ = 0;          ///< position in the order
  bool is_stopped_ = false;  ///< before everything was dealt
  uint64_t dealt_ = 0;
  uint64_t done_ = 0;
  std::unordered_map<uint64_t, Verdict> known_;    ///< verdicts, by the item that needs them
  std::unordered_map<uint64_t, Waiting> waiting_;  ///< prepared items without a verdict
  std::unordered_map<uint64_t, int> handed_on_;    ///< prepared items that gave their number
  std::vector<Order> orders_;
};

}  // namespace shardmill
