// Measures dealing alone: units that cost nothing, so that only the dealer and the messages are
// left.
//
//   dealing states UNITS RANKS WORKERS   the state machine and the encoding, one thread, no
//   messages dealing loop UNITS RANKS WORKERS     one dealer and clients of one thread each, over
//   Comm dealing phase UNITS RANKS WORKERS    the whole of run_phase: mailbox, workers, heartbeats
//
// `loop` and `phase` run over MPI under mpirun (RANKS is then what mpirun says), else over threads.
// Rank 0 deals; with `loop` it does nothing else. What one unit says in either direction is what a
// unit of one small file says. Prints units/s by the clock, and by the seconds that the processor
// spent in the dealing thread, which is what the dealer could do if it had a core for itself.
#include <fmt/format.h>
#include <time.h>

#include <chrono>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/comm/comm.h"
#include "pipeline/plan/units.h"
#include "pipeline/run/dealer.h"
#include "pipeline/run/protocol.h"
#include "pipeline/run/unit_report.h"
#ifndef SHARDMILL_SIMULATED
#include "pipeline/run/phase.h"
#endif

namespace shardmill {

namespace {

struct Asked {
  std::string_view mode;
  uint64_t units = 0;
  int ranks = 0;
  unsigned workers = 1;
};

double seconds_of(clockid_t clock) {
  timespec time = {};
  ::clock_gettime(clock, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

struct Watch {
  double clock = seconds_of(CLOCK_MONOTONIC);
  double thread = seconds_of(CLOCK_THREAD_CPUTIME_ID);
};

/// What rank 0 knows and learns of units of one file each.
class Files {
 public:
  explicit Files(uint64_t count) : reports_(count) {
    for (uint64_t i = 0; i < count; ++i) {
      manifest_.files.push_back(
          {.path = fmt::format("/scratch/project/day-{:05}/part-{:05}.log.gz", i / 1000, i % 1000),
           .size_bytes = 1 << 20,
           .mtime_ns = 1});
    }
    units_ = make_units(manifest_, {.unit_bytes = 0}, [](const ManifestFile&) { return false; });
  }

  DealerSetup dealer(int ranks) const {
    return {.order = dealing_order(manifest_, units_),
            .links = [](uint64_t) { return ChainLinks{}; },
            .is_serial = {},
            .ranks = ranks,
            .known = {}};
  }

  std::string body_of(uint64_t item) const {
    ByteWriter writer;
    expand_unit(manifest_, units_, item).encode(writer);
    return writer.take();
  }

  Status absorb(const Done& done) {
    ASSIGN_OR_RETURN(UnitReport report, UnitReport::decode(done.body));
    reports_[done.item] = std::move(report.slices);
    return {};
  }

  void count_bytes(size_t deal, size_t done) {
    deal_bytes_ += deal;
    done_bytes_ += done;
  }

  void print(const Asked& asked, std::string_view over, const Watch& start) const {
    const Watch now;
    const auto units = static_cast<double>(asked.units);
    fmt::print(
        "{} over {}: {} units, {} ranks x {} workers: {:.0f} units/s by the clock, {:.0f} units/s "
        "by "
        "the dealing thread's processor seconds ({:.2f} us a unit)",
        asked.mode, over, asked.units, asked.ranks, asked.workers,
        units / (now.clock - start.clock), units / (now.thread - start.thread),
        (now.thread - start.thread) / units * 1e6);
    if (deal_bytes_ > 0) {
      fmt::print(", {:.0f} + {:.0f} bytes a unit", static_cast<double>(deal_bytes_) / units,
                 static_cast<double>(done_bytes_) / units);
    }
    fmt::print("\n");
  }

 private:
  Manifest manifest_;
  std::vector<UnitRange> units_;
  std::vector<std::vector<SliceBooks>> reports_;
  uint64_t deal_bytes_ = 0;
  uint64_t done_bytes_ = 0;
};

/// What a worker does with a unit that costs nothing.
Result<Done> do_nothing(const Deal& deal) {
  ByteReader reader(deal.body);
  const Unit unit = Unit::decode(reader);
  if (!reader.done()) return damaged_message("unit");
  UnitReport report;
  report.slices.push_back({.file_index = unit.slices.at(0).file_index,
                           .disk_bytes = unit.slices[0].size_bytes,
                           .plain_bytes = unit.slices[0].size_bytes,
                           .records = 10'000});
  return Done{.item = deal.item, .next = {}, .body = report.encode()};
}

void deal_to_states(const Asked& asked) {
  Files files(asked.units);
  Dealer dealer(files.dealer(asked.ranks));
  const Watch start;
  for (int rank = 0; rank < asked.ranks; ++rank) dealer.rank_ready(rank, asked.workers);
  std::vector<std::pair<int, Done>> answers;
  while (!dealer.finished()) {
    for (const Order& order : dealer.take_orders()) {
      const auto& deal = std::get<DealOrder>(order);
      const std::string sent =
          Deal{.item = deal.item, .verdict = {}, .body = files.body_of(deal.item)}.encode();
      answers.emplace_back(deal.to, *do_nothing(*Deal::decode(sent)));
      files.count_bytes(sent.size(), answers.back().second.encode().size());
    }
    for (const auto& [rank, done] : answers) {
      dealer.done(rank, done);
      if (!files.absorb(done).is_ok()) std::abort();
    }
    answers.clear();
  }
  files.print(asked, "nothing", start);
}

void lead_loop(Comm& comm, const Asked& asked, std::string_view over) {
  Files files(asked.units);
  DealerSetup setup = files.dealer(comm.size());
  Dealer dealer(std::move(setup));
  const Watch start;
  Backoff backoff;
  while (!dealer.finished()) {
    const std::optional<IncomingMessage> message = comm.poll();
    if (!message) {
      backoff.wait();
      continue;
    }
    backoff.reset();
    if (kind_of(message->tag) == MessageKind::kReady) {
      dealer.rank_ready(message->from, asked.workers);
    } else {
      const Result<Done> done = Done::decode(message->bytes);
      if (!done.is_ok() || !files.absorb(*done).is_ok()) comm.abort(3);
      files.count_bytes(0, message->bytes.size());
      dealer.done(message->from, *done);
    }
    for (const Order& order : dealer.take_orders()) {
      const auto& deal = std::get<DealOrder>(order);
      std::string bytes =
          Deal{.item = deal.item, .verdict = {}, .body = files.body_of(deal.item)}.encode();
      files.count_bytes(bytes.size(), 0);
      comm.send(deal.to, tag_of(MessageKind::kDeal, Phase::kWork), std::move(bytes));
    }
  }
  files.print(asked, over, start);
  for (int rank = 1; rank < comm.size(); ++rank) {
    comm.send(rank, tag_of(MessageKind::kEnd, Phase::kWork), {});
  }
}

void follow_loop(Comm& comm) {
  comm.send(0, tag_of(MessageKind::kReady, Phase::kWork), {});
  Backoff backoff;
  for (;;) {
    const std::optional<IncomingMessage> message = comm.poll();
    if (!message) {
      backoff.wait();
      continue;
    }
    backoff.reset();
    if (kind_of(message->tag) == MessageKind::kEnd) return;
    const Result<Done> done = do_nothing(*Deal::decode(message->bytes));
    if (!done.is_ok()) comm.abort(3);
    comm.send(0, tag_of(MessageKind::kDone, Phase::kWork), done->encode());
  }
}

void deal_in_loop(Comm& comm, const Asked& asked, std::string_view over) {
  comm.rank() == 0 ? lead_loop(comm, asked, over) : follow_loop(comm);
  comm.finish();
}

#ifndef SHARDMILL_SIMULATED
class NoLeader final : public Leader {
 public:
  explicit NoLeader(uint64_t units) : files(units) {}
  std::string body_of(uint64_t item) override { return files.body_of(item); }
  Status absorb(const Done& done) override { return files.absorb(done); }
  Files files;
};

class NoTask final : public Task {
 public:
  explicit NoTask(Deal deal) : deal_(std::move(deal)) {}
  Status perform() override { return {}; }
  bool must_wait() const override { return false; }
  ChainReport report() const override { return {}; }
  Result<Done> commit(const std::optional<Verdict>&) override { return do_nothing(deal_); }

 private:
  Deal deal_;
};

class NoCraft final : public Craft {
 public:
  Result<std::unique_ptr<Task>> begin(Deal deal) override {
    return std::unique_ptr<Task>(std::make_unique<NoTask>(std::move(deal)));
  }
};

void deal_in_phase(Comm& comm, const Asked& asked, std::string_view over) {
  Inbox inbox(comm);
  Mailbox mailbox(asked.workers);
  std::optional<NoLeader> leader;
  PhaseSetup setup = {.place = fmt::format("rank {}", comm.rank()),
                      .threads = asked.workers,
                      .mailbox = &mailbox,
                      .make_craft = [](unsigned) { return std::make_unique<NoCraft>(); },
                      .heartbeat = [] { return Heartbeat{}; },
                      .tick = {},
                      .stop_wish = {}};
  if (comm.rank() == 0) {
    leader.emplace(asked.units);
    setup.leader = &*leader;
    setup.dealer = leader->files.dealer(comm.size());
  }
  const Watch start;
  const Status status = run_phase(inbox, std::move(setup));
  if (!status.is_ok()) comm.abort(3);
  if (leader) leader->files.print(asked, over, start);
  comm.finish();
}
#else
void deal_in_phase(Comm& comm, const Asked&, std::string_view) {
  comm.abort(2);  // has threads, of which the simulator knows nothing
}
#endif

int run_asked(Asked asked) {
  const auto deal = asked.mode == "loop" ? deal_in_loop : deal_in_phase;
  if (asked.mode == "states") {
    deal_to_states(asked);
  } else if (launched_by_mpi()) {
    const Result<std::unique_ptr<Comm>> comm = make_mpi_comm();
    if (!comm.is_ok()) return 2;
    asked.ranks = (*comm)->size();
    deal(**comm, asked, "mpi");
  } else {
    run_local_ranks(asked.ranks, [&](Comm& comm) { deal(comm, asked, "threads"); });
  }
  return 0;
}

}  // namespace

}  // namespace shardmill

int main(int argc, char** argv) {
  if (argc != 5) {
    fmt::print(stderr, "dealing states|loop|phase UNITS RANKS WORKERS\n");
    return 2;
  }
  return shardmill::run_asked({.mode = argv[1],
                               .units = std::strtoull(argv[2], nullptr, 10),
                               .ranks = std::atoi(argv[3]),
                               .workers = static_cast<unsigned>(std::atoi(argv[4]))});
}
