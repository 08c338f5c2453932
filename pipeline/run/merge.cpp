#include "pipeline/run/merge.h"

#include <atomic>
#include <mutex>
#include <utility>

#include "pipeline/run/team.h"
#include "pipeline/run/worker.h"

namespace shardmill {

namespace {

/// Below this, starting threads costs more than it saves.
constexpr uint64_t kParallelBytes = 1 << 20;

void merge_partial(std::unique_ptr<Partial>& to, std::unique_ptr<Partial> from) {
  if (from == nullptr) return;
  if (to == nullptr) {
    to = std::move(from);
  } else {
    to->merge(std::move(*from));
  }
}

/// One step of the tree over workers: `from` goes into `to`.
struct Pair {
  size_t to = 0;
  size_t from = 0;
};

std::vector<Pair> pairs_of_level(size_t count, size_t step) {
  std::vector<Pair> pairs;
  for (size_t to = 0; to + step < count; to += 2 * step) pairs.push_back({to, to + step});
  return pairs;
}

uint64_t memory_of(const std::vector<Totals>& workers) {
  uint64_t bytes = 0;
  for (const Totals& totals : workers) bytes += totals.memory_bytes();
  return bytes;
}

/// Every pair and stage is a job of its own: stages never meet.
Status merge_level(std::vector<Totals>& workers, const std::vector<Pair>& pairs, unsigned threads,
                   const std::string& place) {
  const size_t stages = workers[0].partials.size();
  std::atomic<size_t> next = 0;
  std::mutex mutex;
  Status failure;
  const auto merge_some = [&](unsigned) {
    const Status status = without_exceptions(place, [&] {
      for (size_t job = next++; job < pairs.size() * stages; job = next++) {
        const Pair pair = pairs[job / stages];
        const size_t stage = job % stages;
        merge_partial(workers[pair.to].partials[stage],
                      std::move(workers[pair.from].partials[stage]));
      }
      return Status::ok();
    });
    const std::lock_guard lock(mutex);
    if (!status.is_ok()) failure = status;
  };
  if (threads > 1) {
    run_team(
        threads, [](unsigned) {}, merge_some);
  } else {
    merge_some(0);
  }
  if (!failure.is_ok()) return failure;
  for (const Pair& pair : pairs) workers[pair.to].merge(std::move(workers[pair.from]));
  return {};
}

// Totals travel in pieces, a few at a time, so that neither side holds their encoded form:
//
//   sender    'd' bytes | 'd' bytes | ... | 'e' status
//   receiver  an empty message for each piece that it has taken
constexpr char kPiece = 'd';
constexpr char kLast = 'e';
constexpr unsigned kPiecesOnTheWay = 4;

/// Takes what a ByteWriter hands on to another rank.
class TotalsSender {
 public:
  TotalsSender(Inbox& inbox, int to) : inbox_(inbox), to_(to) {}

  void send(std::string_view bytes) {
    if (on_the_way_ == kPiecesOnTheWay) {
      (void)inbox_.receive(MessageKind::kTotalsTaken, to_);
      --on_the_way_;
    }
    std::string message(1, kPiece);
    message.append(bytes);
    post(std::move(message));
    ++on_the_way_;
  }

  void end(const Status& status) {
    ByteWriter writer;
    writer.u8(kLast);
    encode_status(writer, status);
    post(writer.take());
    for (; on_the_way_ > 0; --on_the_way_) (void)inbox_.receive(MessageKind::kTotalsTaken, to_);
  }

 private:
  void post(std::string message) {
    inbox_.comm().send(to_, tag_of(MessageKind::kTotals, Phase::kOutside), std::move(message));
  }

  Inbox& inbox_;
  const int to_;
  unsigned on_the_way_ = 0;
};

/// What another rank sends.
class TotalsReceiver final : public ByteSupply {
 public:
  TotalsReceiver(Inbox& inbox, int from) : inbox_(inbox), from_(from) {}

  bool more(std::string& out) override {
    if (ended_) return false;
    const std::string message = inbox_.receive(MessageKind::kTotals, from_);
    if (!message.empty() && message[0] == kPiece) {
      out.append(message, 1);
      inbox_.comm().send(from_, tag_of(MessageKind::kTotalsTaken, Phase::kOutside), {});
      return true;
    }
    ended_ = true;
    ByteReader reader(message);
    status_ = reader.u8() == static_cast<uint8_t>(kLast) ? decode_status(reader)
                                                         : damaged_message("totals");
    return false;
  }
  /// A rank of the same program is trusted as far as counts go.
  uint64_t left() const override { return uint64_t{1} << 48; }

  /// Takes the rest, so that the sender is not left waiting; says how the sender fared.
  Status finish() {
    std::string rest;
    while (more(rest)) rest.clear();
    return status_;
  }

 private:
  Inbox& inbox_;
  const int from_;
  bool ended_ = false;
  Status status_;
};

void send_totals(Inbox& inbox, int to, const Result<Totals>& totals, const std::string& place) {
  TotalsSender sender(inbox, to);
  sender.end(without_exceptions(place, [&] {
    RETURN_IF_ERROR(totals.status());
    ByteWriter writer([&](std::string_view piece) { sender.send(piece); });
    totals->encode(writer);
    writer.flush();
    return Status::ok();
  }));
}

void merge_received(Inbox& inbox, int from, const BoundJob& job, Result<Totals>& own,
                    const std::string& place) {
  TotalsReceiver receiver(inbox, from);
  Status status = own.status();
  if (status.is_ok()) {
    status = without_exceptions(place, [&] {
      ByteReader reader(receiver);
      return own->merge_encoded(job, reader);
    });
  }
  // The sender's reason says more than that its bytes ended too early.
  const Status theirs = receiver.finish();
  if (!theirs.is_ok()) status = theirs;
  if (!status.is_ok()) own = status;
}

}  // namespace

Totals::Totals(const BoundJob& job)
    : partials(job.stages.size()), rejects(job.job.run.rejects_kept) {
  for (const PipelineStage& stage : job.stages) {
    books.push_back(PipelineWorker::new_books(stage));
  }
}

void Totals::make_partials(const BoundJob& job) {
  for (size_t i = 0; i < partials.size(); ++i) {
    if (partials[i] == nullptr) partials[i] = job.stages[i].bound->make_partial();
  }
}

void Totals::merge(Totals&& other) {
  for (size_t i = 0; i < partials.size(); ++i) {
    merge_partial(partials[i], std::move(other.partials[i]));
    books[i].merge(other.books[i]);
  }
  rejects.merge(std::move(other.rejects));
}

uint64_t Totals::memory_bytes() const {
  uint64_t bytes = 0;
  for (const auto& partial : partials) bytes += partial == nullptr ? 0 : partial->memory_bytes();
  return bytes;
}

void Totals::encode(ByteWriter& writer) const {
  writer.varint(partials.size());
  for (size_t i = 0; i < partials.size(); ++i) {
    writer.u8(partials[i] == nullptr ? 0 : 1);
    if (partials[i] != nullptr) partials[i]->encode(writer);
    books[i].encode(writer);
  }
  rejects.encode(writer);
}

Result<Totals> Totals::decode(const BoundJob& job, std::string_view bytes) {
  ByteReader reader(bytes);
  Totals totals(job);
  RETURN_IF_ERROR(totals.merge_encoded(job, reader));
  return totals;
}

Status Totals::merge_encoded(const BoundJob& job, ByteReader& reader) {
  if (reader.varint() != partials.size()) return damaged_message("totals");
  for (size_t i = 0; i < partials.size(); ++i) {
    const uint8_t has_partial = reader.u8();
    if (reader.failed() || has_partial > 1) return damaged_message("totals");
    if (has_partial == 1) {
      std::unique_ptr<Partial> partial = job.stages[i].bound->make_partial();
      if (partial == nullptr) return damaged_message("totals");
      RETURN_IF_ERROR(partial->decode(reader));
      merge_partial(partials[i], std::move(partial));
    }
    const StageBooks theirs = StageBooks::decode(reader);
    const StageBooks expected = PipelineWorker::new_books(job.stages[i]);
    if (theirs.dropped.size() != expected.dropped.size() ||
        theirs.counts.size() != expected.counts.size() ||
        theirs.examples.size() != expected.examples.size()) {
      return damaged_message("totals");
    }
    books[i].merge(theirs);
  }
  rejects.merge(Rejects::decode(reader, job.job.run.rejects_kept));
  return reader.done() ? Status::ok() : damaged_message("totals");
}

Result<Totals> merge_workers(std::vector<Totals> workers, unsigned threads,
                             const std::string& place) {
  for (size_t step = 1; step < workers.size(); step *= 2) {
    const std::vector<Pair> pairs = pairs_of_level(workers.size(), step);
    const bool pays = threads > 1 && memory_of(workers) >= kParallelBytes;
    RETURN_IF_ERROR(merge_level(workers, pairs, pays ? threads : 1, place));
  }
  return std::move(workers[0]);
}

// A binomial tree: rank r takes the totals of r+1, r+2, r+4, ... and gives its own to r minus its
// lowest bit.
Result<Totals> merge_ranks(Inbox& inbox, const BoundJob& job, Result<Totals> own,
                           const std::string& place) {
  const int rank = inbox.comm().rank();
  const int size = inbox.comm().size();
  for (int bit = 1; bit < size; bit *= 2) {
    if ((rank & bit) != 0) {
      send_totals(inbox, rank - bit, own, place);
      break;
    }
    if (rank + bit < size) merge_received(inbox, rank + bit, job, own, place);
  }
  return own;
}

}  // namespace shardmill
