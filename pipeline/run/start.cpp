#include "pipeline/run/start.h"

#include <fmt/format.h>
#include <sched.h>

#include <algorithm>
#include <cstdlib>
#include <unordered_map>

#include "pipeline/base/build_id.h"
#include "pipeline/base/heap.h"
#include "pipeline/base/message.h"
#include "pipeline/run/shared_folder.h"
#include "pipeline/run/trace.h"

namespace shardmill {

namespace {

constexpr size_t kCoresMax = 8192;

std::vector<uint32_t> affinity_cores() {
  std::vector<uint32_t> cores;
  cpu_set_t* set = CPU_ALLOC(kCoresMax);
  const size_t bytes = CPU_ALLOC_SIZE(kCoresMax);
  if (set != nullptr && sched_getaffinity(0, bytes, set) == 0) {
    for (uint32_t core = 0; core < kCoresMax; ++core) {
      if (CPU_ISSET_S(core, bytes, set)) cores.push_back(core);
    }
  }
  CPU_FREE(set);
  return cores;
}

Hello own_hello(Comm& comm) {
  return {.build = program_build(),
          .host = comm.host(),
          .usable_cores = usable_cores(),
          .cores = affinity_cores()};
}

std::string encode_hello(const Hello& hello) {
  ByteWriter writer;
  writer.text(hello.build);
  writer.text(hello.host);
  writer.u32(hello.usable_cores);
  writer.varint(hello.cores.size());
  for (const uint32_t core : hello.cores) writer.varint(core);
  return writer.take();
}

Hello decode_hello(std::string_view bytes) {
  ByteReader reader(bytes);
  Hello hello;
  hello.build = reader.text();
  hello.host = reader.text();
  hello.usable_cores = std::max(1u, reader.u32());
  const uint64_t cores = reader.varint();
  if (!reader.count_fits(cores, 1)) return hello;
  for (uint64_t i = 0; i < cores; ++i) {
    hello.cores.push_back(static_cast<uint32_t>(reader.varint()));
  }
  return hello;
}

std::vector<Hello> gather_hellos(Inbox& inbox) {
  std::vector<Hello> hellos = {own_hello(inbox.comm())};
  for (int rank = 1; rank < inbox.comm().size(); ++rank) {
    hellos.push_back(decode_hello(inbox.receive(MessageKind::kHello, rank)));
  }
  return hellos;
}

std::string encode_start(const StartSetup& setup, const std::vector<Hello>& hellos) {
  const std::vector<unsigned> cores = share_cores(hellos);
  const std::vector<unsigned> neighbours = ranks_of_hosts(hellos);
  ByteWriter writer;
  encode_status(writer, setup.status.is_ok() ? check_same_build(hellos) : setup.status);
  writer.text(setup.plan != nullptr ? setup.plan->message.encode() : "");
  writer.text(setup.parts_dir);
  setup.checkpoints.encode(writer);
  writer.varint(setup.frozen.size());
  for (const FrozenFile& file : setup.frozen) {
    writer.text(file.name);
    writer.u64(file.bytes);
    writer.u64(file.checksum);
  }
  writer.u64(setup.records_before);
  for (size_t rank = 0; rank < cores.size(); ++rank) {
    writer.u32(cores[rank]);
    writer.u32(neighbours[rank]);
  }
  return writer.take();
}

std::vector<FrozenFile> decode_frozen(ByteReader& reader) {
  const uint64_t count = reader.varint();
  if (!reader.count_fits(count, 17)) return {};
  std::vector<FrozenFile> files(count);
  for (FrozenFile& file : files) {
    file.name = reader.text();
    file.bytes = reader.u64();
    file.checksum = reader.u64();
  }
  return files;
}

/// Each file is merged by one rank.
std::vector<FrozenFile> own_frozen(const std::vector<FrozenFile>& all, const Comm& comm) {
  std::vector<FrozenFile> own;
  for (size_t i = 0; i < all.size(); ++i) {
    if (static_cast<int>(i % static_cast<size_t>(comm.size())) == comm.rank()) {
      own.push_back(all[i]);
    }
  }
  return own;
}

void bind_here(Start& start, std::string_view plan_message) {
  start.bound_here = [&]() -> Status {
    ASSIGN_OR_RETURN(const PlanMessage message, PlanMessage::decode(plan_message));
    ASSIGN_OR_RETURN(start.own_job, bind_from_message(message));
    start.job = start.own_job.get();
    return {};
  }()
                                  .at(start.place);
}

bool overlap(const std::vector<uint32_t>& a, const std::vector<uint32_t>& b) {
  return std::any_of(a.begin(), a.end(),
                     [&](uint32_t core) { return std::find(b.begin(), b.end(), core) != b.end(); });
}

}  // namespace

unsigned omp_num_threads() {
  const char* text = std::getenv("OMP_NUM_THREADS");
  const long threads = text == nullptr ? 0 : std::strtol(text, nullptr, 10);
  return threads > 0 && threads < 65536 ? static_cast<unsigned>(threads) : 0;
}

unsigned choose_threads(const RunRequest& request, const BoundJob& job, unsigned cores) {
  if (request.threads > 0) return request.threads;
  if (job.job.run.threads > 0) return job.job.run.threads;
  const unsigned omp = omp_num_threads();
  return omp > 0 ? omp : cores;
}

Status check_same_build(const std::vector<Hello>& ranks) {
  for (size_t rank = 1; rank < ranks.size(); ++rank) {
    if (ranks[rank].build == ranks[0].build) continue;
    return Status::failed(Message{
        .place = fmt::format("rank {} ({})", rank, escaped(ranks[rank].host)),
        .found = "shardmill " + escaped(ranks[rank].build),
        .expected =
            fmt::format("{} as on rank 0 ({})", escaped(ranks[0].build), escaped(ranks[0].host)),
        .fix = "install the same build on all hosts"}
                              .text());
  }
  return {};
}

std::vector<unsigned> ranks_of_hosts(const std::vector<Hello>& ranks) {
  std::unordered_map<std::string, unsigned> count;
  for (const Hello& rank : ranks) ++count[rank.host];
  std::vector<unsigned> counts;
  for (const Hello& rank : ranks) counts.push_back(count[rank.host]);
  return counts;
}

std::vector<unsigned> share_cores(const std::vector<Hello>& ranks) {
  std::vector<unsigned> shares;
  for (const Hello& rank : ranks) {
    const auto sharing = std::count_if(ranks.begin(), ranks.end(), [&](const Hello& other) {
      return &other == &rank || (other.host == rank.host && overlap(other.cores, rank.cores));
    });
    shares.push_back(std::max(1u, rank.usable_cores / static_cast<unsigned>(sharing)));
  }
  return shares;
}

Result<Start> start_together(Inbox& inbox, const StartSetup* setup, const RunRequest& request) {
  Comm& comm = inbox.comm();
  Start start;
  start.rank = comm.rank();
  start.place = fmt::format("rank {} ({})", comm.rank(), comm.host());
  std::string message;
  if (setup != nullptr) {
    const std::vector<Hello> hellos = gather_hellos(inbox);
    for (const Hello& hello : hellos) start.hosts.push_back(hello.host);
    message = encode_start(*setup, hellos);
  } else {
    comm.send(0, tag_of(MessageKind::kHello, Phase::kOutside), encode_hello(own_hello(comm)));
  }
  message = inbox.broadcast(std::move(message));
  ByteReader reader(message);
  RETURN_IF_ERROR(decode_status(reader));
  const std::string_view plan_message = reader.text();
  start.parts_dir = reader.text();
  start.checkpoints = CheckpointPlan::decode(reader);
  start.frozen = own_frozen(decode_frozen(reader), comm);
  start.records_before = reader.u64();
  unsigned cores = 1;
  unsigned neighbours = 1;
  for (int rank = 0; rank <= comm.rank(); ++rank) {
    cores = std::max(1u, reader.u32());
    neighbours = reader.u32();
  }
  if (setup != nullptr) {
    start.job = setup->plan->bound.get();
  } else {
    bind_here(start, plan_message);
  }
  if (start.job == nullptr) return start;
  start.threads = choose_threads(request, *start.job, cores);
  start.is_traced = !request.trace.empty();
  if (start.is_traced) start.trace_spans = trace_capacity(comm.rank(), comm.size(), start.threads);
  start.memory =
      plan_memory(*start.job, setup != nullptr ? setup->plan : nullptr, start.threads,
                  memory_of_rank(start.job->job.run.memory_bytes, neighbours), resident_bytes());
  start.bound_here = start.memory.check().at(start.place);
  if (start.bound_here.is_ok() && setup == nullptr) {
    start.bound_here = check_folder_is_shared(start.checkpoints, start.parts_dir).at(start.place);
  }
  return start;
}

}  // namespace shardmill
