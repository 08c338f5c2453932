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

std::string encode_contribution(const Result<Totals>& totals, const std::string& place) {
  ByteWriter writer;
  const Status status = without_exceptions(place, [&] {
    if (!totals.is_ok()) return totals.status();
    encode_status(writer, Status::ok());
    totals->encode(writer);
    return Status::ok();
  });
  if (status.is_ok()) return writer.take();
  ByteWriter failure;
  encode_status(failure, status);
  return failure.take();
}

Status merge_contribution(Result<Totals>& own, const BoundJob& job, std::string_view bytes) {
  ByteReader reader(bytes);
  RETURN_IF_ERROR(decode_status(reader));
  if (!own.is_ok()) return own.status();
  ASSIGN_OR_RETURN(Totals theirs, Totals::decode(job, reader.raw(reader.remaining())));
  own->merge(std::move(theirs));
  return {};
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
    ByteWriter partial;
    if (partials[i] != nullptr) partials[i]->encode(partial);
    writer.text(partial.bytes());
    books[i].encode(writer);
  }
  rejects.encode(writer);
}

Result<Totals> Totals::decode(const BoundJob& job, std::string_view bytes) {
  ByteReader reader(bytes);
  Totals totals(job);
  if (reader.varint() != totals.partials.size()) return damaged_message("totals");
  for (size_t i = 0; i < totals.partials.size(); ++i) {
    const std::string_view encoded = reader.text();
    if (!encoded.empty()) {
      totals.partials[i] = job.stages[i].bound->make_partial();
      if (totals.partials[i] == nullptr) return damaged_message("totals");
      ByteReader partial(encoded);
      RETURN_IF_ERROR(totals.partials[i]->decode(partial));
      if (!partial.done()) return damaged_message("totals of " + job.stages[i].name);
    }
    totals.books[i] = StageBooks::decode(reader);
    const StageBooks expected = PipelineWorker::new_books(job.stages[i]);
    if (totals.books[i].dropped.size() != expected.dropped.size() ||
        totals.books[i].counts.size() != expected.counts.size() ||
        totals.books[i].examples.size() != expected.examples.size()) {
      return damaged_message("totals");
    }
  }
  totals.rejects = Rejects::decode(reader, job.job.run.rejects_kept);
  if (!reader.done()) return damaged_message("totals");
  return totals;
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
      inbox.comm().send(rank - bit, tag_of(MessageKind::kTotals, Phase::kOutside),
                        encode_contribution(own, place));
      break;
    }
    if (rank + bit >= size) continue;
    const std::string theirs = inbox.receive(MessageKind::kTotals, rank + bit);
    const Status status =
        without_exceptions(place, [&] { return merge_contribution(own, job, theirs); });
    if (!status.is_ok()) own = status;
  }
  return own;
}

}  // namespace shardmill
