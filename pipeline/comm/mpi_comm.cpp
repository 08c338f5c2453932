// Ranks as processes. The only file that knows MPI: two-sided, non-blocking calls by one thread.
#include <fmt/format.h>
#include <mpi.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <deque>
#include <string_view>
#include <vector>

#include "pipeline/base/check.h"
#include "pipeline/base/message.h"
#include "pipeline/comm/comm.h"

namespace shardmill {

namespace {

constexpr size_t kPieceBytes = 16 << 20;

#ifdef OPEN_MPI
constexpr std::string_view kSlurmMpiType = "pmix";
#else
constexpr std::string_view kSlurmMpiType = "pmi2";
#endif

long number_in_environment(const char* name) {
  const char* text = std::getenv(name);
  return text == nullptr ? 0 : std::strtol(text, nullptr, 10);
}

/// How many tasks srun started in this step; 0 outside of one.
long srun_tasks() {
  if (std::getenv("SLURM_STEP_ID") == nullptr) return 0;
  const long tasks = number_in_environment("SLURM_STEP_NUM_TASKS");
  return tasks > 0 ? tasks : number_in_environment("SLURM_NTASKS");
}

/// Who started this process, and how many with it.
struct Launcher {
  const char* name = "";
  long processes = 0;  ///< 0: nobody did
};

Launcher launcher() {
  const long open_mpi = number_in_environment("OMPI_COMM_WORLD_SIZE");
  if (open_mpi > 0) return {.name = "mpirun", .processes = open_mpi};
  const long srun = srun_tasks();
  if (srun > 1) return {.name = "srun", .processes = srun};
  return {.name = "mpiexec", .processes = number_in_environment("PMI_SIZE")};  // MPICH and its kin
}

/// "Open MPI v4.1.4", "MPICH Version: 4.0.2": the first words of a long text.
std::string mpi_name() {
  char text[MPI_MAX_LIBRARY_VERSION_STRING] = {};
  int length = 0;
  MPI_Get_library_version(text, &length);
  std::string name(text, static_cast<size_t>(length));
  name.resize(std::min(name.size(), name.find_first_of(",\n")));
  std::replace(name.begin(), name.end(), '\t', ' ');
  return name;
}

Status strangers(const Launcher& from) {
  const bool is_srun = std::string_view(from.name) == "srun";
  return Status::usage(Message{
      .place = from.name,
      .found = fmt::format("{} {} that do not know of each other", from.processes,
                           is_srun ? "tasks" : "processes"),
      .expected = fmt::format("one MPI run of {} ranks", from.processes),
      .fix = is_srun ? fmt::format("start with srun --mpi={}, or with mpirun inside the allocation",
                                   kSlurmMpiType)
                     : "start with the launcher of the MPI that shardmill was built with (" +
                           mpi_name() + ")"}
                           .text());
}

/// Whether the launcher says that all ranks are on this node: then shared memory serves them all,
/// and Open MPI need not look for networks, which takes longer than all else before main.
bool runs_on_one_node() {
  const char* const all = std::getenv("OMPI_COMM_WORLD_SIZE");
  const char* const here = std::getenv("OMPI_COMM_WORLD_LOCAL_SIZE");
  if (all != nullptr && here != nullptr) return std::string_view(all) == here;
  const char* const nodes = std::getenv("SLURM_STEP_NUM_NODES");
  return std::getenv("SLURM_STEP_ID") != nullptr && nodes != nullptr &&
         std::string_view(nodes) == "1";
}

/// The tag on the wire also says whether another piece of the same message follows.
int wire_tag(MessageTag tag, bool more) {
  return tag * 2 + (more ? 1 : 0);
}

class MpiComm final : public Comm {
 public:
  MpiComm() {
    MPI_Comm_dup(MPI_COMM_WORLD, &comm_);
    MPI_Comm_rank(comm_, &rank_);
    MPI_Comm_size(comm_, &size_);
    unfinished_.resize(static_cast<size_t>(size_));
  }

  ~MpiComm() override {
    MPI_Comm_free(&comm_);
    MPI_Finalize();
  }

  int rank() const override { return rank_; }
  int size() const override { return size_; }

  std::string host() const override {
    char name[MPI_MAX_PROCESSOR_NAME] = {};
    int length = 0;
    MPI_Get_processor_name(name, &length);
    return {name, static_cast<size_t>(length)};
  }

  void send(int to, MessageTag tag, std::string bytes) override {
    SHARDMILL_CHECK(to >= 0 && to < size_ && tag >= 0 && tag <= kLargestTag);
    if (to == rank_) {
      arrived_.push_back({.from = rank_, .tag = tag, .bytes = std::move(bytes)});
      return;
    }
    const auto owned = std::make_shared<const std::string>(std::move(bytes));
    size_t at = 0;
    do {
      const size_t piece = std::min(kPieceBytes, owned->size() - at);
      const bool more = at + piece < owned->size();
      MPI_Request request = MPI_REQUEST_NULL;
      MPI_Isend(owned->data() + at, static_cast<int>(piece), MPI_BYTE, to, wire_tag(tag, more),
                comm_, &request);
      requests_.push_back(request);
      sending_.push_back(owned);
      at += piece;
    } while (at < owned->size());
  }

  std::optional<IncomingMessage> poll() override {
    move_sends_on();
    if (arrived_.empty()) receive_one();
    if (arrived_.empty()) return std::nullopt;
    IncomingMessage message = std::move(arrived_.front());
    arrived_.pop_front();
    return message;
  }

  void put_back(IncomingMessage message) override { arrived_.push_front(std::move(message)); }

  [[noreturn]] void abort(int exit_code) override {
    MPI_Abort(MPI_COMM_WORLD, exit_code);
    std::_Exit(exit_code);
  }

  void finish() override {
    Backoff backoff;
    for (move_sends_on(); !requests_.empty(); move_sends_on()) {
      receive_one() ? backoff.reset() : backoff.wait();
    }
    MPI_Request barrier = MPI_REQUEST_NULL;
    MPI_Ibarrier(comm_, &barrier);
    for (;;) {
      int everyone_is_here = 0;
      MPI_Test(&barrier, &everyone_is_here, MPI_STATUS_IGNORE);
      if (everyone_is_here != 0) return;
      receive_one() ? backoff.reset() : backoff.wait();
    }
  }

 private:
  /// Lets go of the buffers of sends that are through.
  void move_sends_on() {
    if (requests_.empty()) return;
    std::vector<int> through(requests_.size());
    int count = 0;
    MPI_Testsome(static_cast<int>(requests_.size()), requests_.data(), &count, through.data(),
                 MPI_STATUSES_IGNORE);
    if (count <= 0) return;
    size_t kept = 0;
    for (size_t i = 0; i < requests_.size(); ++i) {
      if (requests_[i] == MPI_REQUEST_NULL) continue;
      requests_[kept] = requests_[i];
      sending_[kept] = std::move(sending_[i]);
      ++kept;
    }
    requests_.resize(kept);
    sending_.resize(kept);
  }

  /// Moves the piece that is coming in one step on, or starts with the next; one at a time, so that
  /// order is kept. True if a piece is complete.
  bool receive_one() {
    if (receiving_ == MPI_REQUEST_NULL && !start_receiving()) return false;
    int complete = 0;
    MPI_Test(&receiving_, &complete, MPI_STATUS_IGNORE);
    if (complete == 0) return false;
    take_piece();
    return true;
  }

  bool start_receiving() {
    int found = 0;
    MPI_Message handle = MPI_MESSAGE_NULL;
    MPI_Status status;
    MPI_Improbe(MPI_ANY_SOURCE, MPI_ANY_TAG, comm_, &found, &handle, &status);
    if (found == 0) return false;
    int count = 0;
    MPI_Get_count(&status, MPI_BYTE, &count);
    piece_.resize(static_cast<size_t>(count));
    piece_from_ = status.MPI_SOURCE;
    piece_tag_ = status.MPI_TAG;
    MPI_Imrecv(piece_.data(), count, MPI_BYTE, &handle, &receiving_);
    return true;
  }

  void take_piece() {
    std::string& message = unfinished_[static_cast<size_t>(piece_from_)];
    if (message.empty()) {
      message = std::move(piece_);
    } else {
      message += piece_;
    }
    piece_.clear();
    const bool more = piece_tag_ % 2 != 0;
    if (more) return;
    arrived_.push_back({.from = piece_from_, .tag = piece_tag_ / 2, .bytes = std::move(message)});
    message.clear();
  }

  MPI_Comm comm_ = MPI_COMM_NULL;
  int rank_ = 0;
  int size_ = 1;

  std::vector<MPI_Request> requests_;  ///< sends under way, each with the bytes that it needs
  std::vector<std::shared_ptr<const std::string>> sending_;

  MPI_Request receiving_ = MPI_REQUEST_NULL;  ///< the piece that is coming in
  std::string piece_;
  int piece_from_ = 0;
  int piece_tag_ = 0;
  std::vector<std::string> unfinished_;  ///< by rank: the pieces so far of a longer message
  std::deque<IncomingMessage> arrived_;
};

}  // namespace

bool launched_by_mpi() {
  return std::getenv("PMIX_RANK") != nullptr || launcher().processes > 0;
}

bool is_first_of_launcher() {
  for (const char* name : {"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK", "SLURM_PROCID"}) {
    const char* rank = std::getenv(name);
    if (rank != nullptr) return std::string_view(rank) == "0";
  }
  return true;
}

std::string_view slurm_mpi_type() {
  return kSlurmMpiType;
}

Result<std::unique_ptr<Comm>> make_mpi_comm() {
  if (runs_on_one_node()) setenv("OMPI_MCA_pml", "ob1", 0);
  int provided = MPI_THREAD_SINGLE;
  if (MPI_Init_thread(nullptr, nullptr, MPI_THREAD_FUNNELED, &provided) != MPI_SUCCESS) {
    return Status::failed(Message{.place = "mpi",
                                  .found = "MPI_Init_thread failed",
                                  .expected = "a working MPI",
                                  .fix = "start with mpirun, or without any launcher"}
                              .text());
  }
  auto comm = std::make_unique<MpiComm>();
  if (provided < MPI_THREAD_FUNNELED) {
    return Status::failed(
        Message{.place = "mpi",
                .found = fmt::format("thread support level {}", provided),
                .expected = fmt::format("MPI_THREAD_FUNNELED ({}) or more", MPI_THREAD_FUNNELED),
                .fix = "use an MPI library that was built with thread support"}
            .text());
  }
  const Launcher from = launcher();
  if (comm->size() == 1 && from.processes > 1) return strangers(from);
  return std::unique_ptr<Comm>(std::move(comm));
}

}  // namespace shardmill
