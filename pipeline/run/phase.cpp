#include "pipeline/run/phase.h"

#include <fmt/format.h>
#include <time.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <utility>

#include "pipeline/base/check.h"
#include "pipeline/run/team.h"

namespace shardmill {

namespace {

constexpr double kHeartbeatSeconds = 1;
constexpr double kPatienceSeconds = 60;
constexpr double kKeepingPatienceSeconds = 600;
constexpr double kLookSeconds = 5;
constexpr double kBusyShareOfTime = 0.2;       ///< this thread's looks take far less
constexpr unsigned kLongestPause = 5000;       ///< microseconds
constexpr unsigned kLongestPauseHungry = 200;  ///< while a worker has just run out of work
constexpr unsigned kLongestPauseAlone = 50'000;
constexpr double kHungrySeconds = 0.1;
constexpr double kDrainSeconds = 1;
constexpr int kExitFailed = 3;
constexpr int kExitStopped = 75;

/// What this process has written to files and sockets, bytes; 0 where that is not told.
uint64_t bytes_written() {
  std::FILE* file = std::fopen("/proc/self/io", "re");
  if (file == nullptr) return 0;
  uint64_t bytes = 0;
  char line[128];
  while (std::fgets(line, sizeof line, file) != nullptr) {
    if (std::strncmp(line, "wchar:", 6) == 0) bytes = std::strtoull(line + 6, nullptr, 10);
  }
  std::fclose(file);
  return bytes;
}

double processor_seconds() {
  timespec time = {};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

/// How long workers are waited for that do not come back. While all of them keep what they have,
/// every sign of life counts: bytes that are written, or a processor that is busy with encoding.
class Patience {
 public:
  bool is_over(bool all_keep) {
    if (seconds_since(looked_) >= kLookSeconds) look(all_keep);
    return seconds_since(since_) >= (all_keep ? kKeepingPatienceSeconds : kPatienceSeconds);
  }
  double elapsed_seconds() const { return seconds_since(start_); }

 private:
  void look(bool all_keep) {
    const double elapsed = seconds_since(looked_);
    looked_ = Clock::now();
    const uint64_t written = bytes_written();
    const double computed = processor_seconds();
    const bool is_alive = written != written_ || computed - computed_ > elapsed * kBusyShareOfTime;
    written_ = written;
    computed_ = computed;
    if (all_keep && is_alive) since_ = looked_;
  }

  const Clock::time_point start_ = Clock::now();
  Clock::time_point since_ = start_;
  Clock::time_point looked_ = start_;
  uint64_t written_ = bytes_written();
  double computed_ = processor_seconds();
};

class PhaseLoop {
 public:
  PhaseLoop(Inbox& inbox, PhaseSetup& setup)
      : inbox_(inbox), comm_(inbox.comm()), setup_(setup), mailbox_(*setup.mailbox) {
    if (comm_.rank() != 0) return;
    setup_.dealer.ranks = comm_.size();
    dealer_.emplace(std::move(setup_.dealer));
  }

  Status run(unsigned workers) {
    start(workers);
    Backoff backoff;
    while (!end_) {
      const bool heard = hear_messages();
      const bool all_rest = mailbox_.idle_workers() == workers;
      const bool told = pass_events_on();
      if (setup_.leader != nullptr) setup_.leader->tick();
      if (setup_.tick) setup_.tick();
      tell_heartbeat();
      tell_stop_wish();
      if (draining_ && all_rest) tell_drained();
      if (drain_since_) end_drain();
      if (heard || told) {
        backoff.reset();
      } else {
        mailbox_.wait_for_event(backoff.next_microseconds(longest_pause()));
      }
    }
    see_workers_off(workers);
    return *end_;
  }

  /// The thread that talks for this rank cannot go on: nobody would ever hear of it.
  void give_up(const Status& status) {
    fmt::print(stderr, "{}\n", status.message());
    comm_.abort(status.code() == Code::kStopped ? kExitStopped : kExitFailed);
  }

 private:
  void start(unsigned workers) {
    if (!setup_.ready.is_ok()) {
      fail(setup_.ready);
      return;
    }
    ByteWriter writer;
    writer.u32(workers);
    tell_leader(MessageKind::kReady, writer.take());
  }

  void tell_leader(MessageKind kind, std::string bytes) {
    comm_.send(0, tag_of(kind, setup_.phase), std::move(bytes));
  }

  void fail(const Status& status) {
    mailbox_.stop(keeps_work(status.code()));
    if (failed_) return;
    failed_ = true;
    ByteWriter writer;
    encode_status(writer, status);
    tell_leader(MessageKind::kFailure, writer.take());
  }

  bool pass_events_on() {
    const std::vector<WorkerEvent> events = mailbox_.take_events();
    for (const WorkerEvent& event : events) {
      if (const auto* prepared = std::get_if<Prepared>(&event)) {
        tell_leader(MessageKind::kPrepared, prepared->encode());
      } else if (const auto* done = std::get_if<Done>(&event)) {
        tell_leader(MessageKind::kDone, done->encode());
      } else {
        fail(std::get<Status>(event));
      }
    }
    return !events.empty();
  }

  void tell_heartbeat() {
    if (!setup_.heartbeat) return;
    if (last_heartbeat_ && seconds_since(*last_heartbeat_) < kHeartbeatSeconds) return;
    last_heartbeat_ = Clock::now();
    tell_leader(MessageKind::kHeartbeat, setup_.heartbeat().encode());
  }

  void tell_stop_wish() {
    if (wished_ || !setup_.stop_wish) return;
    const std::optional<std::string> reason = setup_.stop_wish();
    if (!reason) return;
    wished_ = true;
    tell_leader(MessageKind::kStopWish, *reason);
  }

  /// What the workers did until they came to rest has been passed on before.
  void tell_drained() {
    draining_ = false;
    tell_leader(MessageKind::kDrained, {});
  }

  bool hear_messages() {
    bool heard = false;
    while (!end_) {
      const std::optional<IncomingMessage> message = inbox_.poll(setup_.phase);
      if (!message) break;
      heard = true;
      if (const Status status = hear(*message); !status.is_ok()) fail(status);
    }
    return heard;
  }

  Status hear(const IncomingMessage& message) {
    switch (kind_of(message.tag)) {
      case MessageKind::kDeal: {
        ASSIGN_OR_RETURN(Deal deal, Deal::decode(message.bytes));
        mailbox_.give(std::move(deal));
        return {};
      }
      case MessageKind::kVerdict: {
        ASSIGN_OR_RETURN(const VerdictFor verdict, VerdictFor::decode(message.bytes));
        mailbox_.answer(verdict);
        return {};
      }
      case MessageKind::kEnd: {
        ByteReader reader(message.bytes);
        end_ = decode_status(reader);
        return {};
      }
      case MessageKind::kDrain:
        mailbox_.drain();
        draining_ = true;
        return {};
      default:
        SHARDMILL_CHECK(dealer_);
        return lead(message);
    }
  }

  /// Rank 0's part.
  Status lead(const IncomingMessage& message) {
    if (over_) return {};
    const Status status = lead_one(message);
    if (!status.is_ok()) {
      end_for_all(status);
      return {};
    }
    send_orders();
    // Whoever has not come yet may come with a failure.
    if (ready_ranks_ == comm_.size() && dealer_->finished()) end_for_all(Status::ok());
    return {};
  }

  Status lead_one(const IncomingMessage& message) {
    ByteReader reader(message.bytes);
    switch (kind_of(message.tag)) {
      case MessageKind::kReady:
        dealer_->rank_ready(message.from, reader.u32());
        ++ready_ranks_;
        return reader.done() ? Status::ok() : damaged_message("ready");
      case MessageKind::kPrepared: {
        ASSIGN_OR_RETURN(const Prepared prepared, Prepared::decode(message.bytes));
        dealer_->prepared(message.from, prepared);
        return {};
      }
      case MessageKind::kDone: {
        ASSIGN_OR_RETURN(const Done done, Done::decode(message.bytes));
        dealer_->done(message.from, done);
        return setup_.leader->absorb(done);
      }
      case MessageKind::kHeartbeat: {
        const std::optional<Heartbeat> heartbeat = Heartbeat::decode(message.bytes);
        if (heartbeat) setup_.leader->hear(message.from, *heartbeat);
        return heartbeat ? Status::ok() : damaged_message("heartbeat");
      }
      case MessageKind::kFailure:
        return decode_status(reader);
      case MessageKind::kStopWish:
        begin_drain(message.bytes);
        return {};
      case MessageKind::kDrained:
        ++drained_ranks_;
        return {};
      default:
        return damaged_message("of an unknown kind");
    }
  }

  void send_orders() {
    for (const Order& order : dealer_->take_orders()) {
      if (const auto* verdict = std::get_if<VerdictOrder>(&order)) {
        comm_.send(verdict->to, tag_of(MessageKind::kVerdict, setup_.phase),
                   verdict->verdict.encode());
        continue;
      }
      const auto& deal = std::get<DealOrder>(order);
      const Deal message = {.item = deal.item,
                            .must_wait = deal.must_wait,
                            .verdict = deal.verdict,
                            .body = setup_.leader->body_of(deal.item)};
      comm_.send(deal.to, tag_of(MessageKind::kDeal, setup_.phase), message.encode());
    }
  }

  void begin_drain(const std::string& reason) {
    if (drain_since_) return;
    drain_since_ = Clock::now();
    drain_reason_ = reason;
    dealer_->stop_dealing();
    for (int rank = 0; rank < comm_.size(); ++rank) {
      comm_.send(rank, tag_of(MessageKind::kDrain, setup_.phase), {});
    }
  }

  void end_drain() {
    const bool drained = drained_ranks_ == comm_.size();
    if (over_ || (!drained && seconds_since(*drain_since_) < kDrainSeconds)) return;
    if (setup_.stopped_by != nullptr) *setup_.stopped_by = drain_reason_;
    end_for_all(Status::stopped(drain_reason_));
  }

  void end_for_all(const Status& status) {
    over_ = true;
    ByteWriter writer;
    encode_status(writer, status);
    for (int rank = 0; rank < comm_.size(); ++rank) {
      comm_.send(rank, tag_of(MessageKind::kEnd, setup_.phase), writer.bytes());
    }
  }

  unsigned longest_pause() {
    if (comm_.size() == 1) return kLongestPauseAlone;
    if (mailbox_.idle_workers() == 0) {
      hungry_since_ = Clock::now();
      return kLongestPause;
    }
    return seconds_since(hungry_since_) < kHungrySeconds ? kLongestPauseHungry : kLongestPause;
  }

  void see_workers_off(unsigned workers) {
    end_->is_ok() ? mailbox_.close() : mailbox_.stop(keeps_work(end_->code()));
    Patience patience;
    while (mailbox_.workers_gone() < workers) {
      mailbox_.wait_for_event(kLongestPause);
      mailbox_.take_events();
      const bool all_keep = mailbox_.workers_keeping() == workers;
      if (end_->is_ok() || !patience.is_over(all_keep)) continue;
      give_up(
          Status(end_->code(), fmt::format("a thread still hangs {:.0f} s after the run ended: {}",
                                           patience.elapsed_seconds(), end_->message()))
              .at(setup_.place));
    }
  }

  Inbox& inbox_;
  Comm& comm_;
  PhaseSetup& setup_;
  Mailbox& mailbox_;
  std::optional<Dealer> dealer_;
  std::optional<Status> end_;
  int ready_ranks_ = 0;
  bool over_ = false;    ///< rank 0 has told all ranks that it ends
  bool failed_ = false;  ///< this rank has told rank 0
  bool wished_ = false;  ///< likewise, that it is to stop
  bool draining_ = false;
  std::optional<Clock::time_point> drain_since_;  ///< rank 0 only
  std::string drain_reason_;
  int drained_ranks_ = 0;
  std::optional<Clock::time_point> last_heartbeat_;
  Clock::time_point hungry_since_ = Clock::now();
};

}  // namespace

Status run_phase(Inbox& inbox, PhaseSetup setup) {
  PhaseLoop loop(inbox, setup);
  Status status;
  run_team(
      setup.threads,
      [&](unsigned workers) {
        const Status thrown = without_exceptions(setup.place, [&] {
          status = loop.run(workers);
          return Status::ok();
        });
        if (!thrown.is_ok()) loop.give_up(thrown);
      },
      [&](unsigned worker) { work(worker, setup.make_craft, *setup.mailbox, setup.place); });
  return status;
}

}  // namespace shardmill
