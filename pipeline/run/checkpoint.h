// What keeps a run alive: what workers have committed, on disk.
//
//   checkpoint/index-G                   generation G (one attempt) goes on from these frozen files
//   checkpoint/gen-G.rank-R.worker-W     the units that this worker committed in G, and their sum
//   checkpoint/last-gen-G...             the same at the end of the work, not durable: see
//   write_last
//
// A worker replaces its own file now and then, whole, by a rename; nobody else writes it. It covers
// only units dealt in its generation, so no unit is in two files. The next attempt reads the newest
// valid index, adds the valid files of that generation, writes the index of the next one, and
// starts with empty partials: frozen files are leaves of the last merge. A file that is torn,
// swapped or of another run is found by its checksum and identity; only its units are done again.
// The index of the generation before stays, in case the newest one is damaged.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/run/durable.h"
#include "pipeline/run/merge.h"
#include "pipeline/run/output_file.h"
#include "pipeline/run/progress.h"
#include "pipeline/run/run_lock.h"

namespace shardmill {

/// A unit that a file covers: what rank 0 must know of it.
struct CoveredUnit {
  uint64_t unit = 0;
  std::optional<uint64_t> next;  ///< what it hands on (Done::next)
  uint64_t first_record = 0;     ///< where its first record starts, if ranges hand that on
  std::string report;            ///< an encoded UnitReport
};

/// Where a worker's checkpoints go. The same on all workers of an attempt.
struct CheckpointPlan {
  std::string folder;  ///< empty: the run keeps none
  uint64_t identity = 0;
  uint32_t generation = 0;
  LockKey lock = {};  ///< of the run directory, for all ranks
  double interval_seconds =
      30;  ///< at least; longer if writing one would take more than 1/50 of it; 0: after every unit

  bool is_on() const { return !folder.empty(); }
  void encode(ByteWriter& writer) const;
  static CheckpointPlan decode(ByteReader& reader);
};

/// The checkpoints of one worker. One thread.
class CheckpointWriter {
 public:
  CheckpointWriter(const CheckpointPlan& plan, int rank, unsigned worker);

  /// From now on the worker's totals hold this unit.
  void cover(CoveredUnit unit);
  bool has_news() const { return has_news_; }
  /// Whether it is time to write totals that hold `state_bytes` in memory.
  bool is_due(uint64_t state_bytes) const;
  /// Replaces the file: `totals` is the sum of all units covered so far. `start`: when the work for
  /// this checkpoint began, what had to be made durable before it included. REQUIRES: the parts
  /// that the units wrote are durable. kStopped if the disk is full: the file before stays.
  Status write(const Totals& totals, Clock::time_point start = Clock::now());
  /// All units are done. If there is news, writes it down beside the last checkpoint, without
  /// waiting for the disk, unless that took long against what it may save: should the run end early
  /// while its outputs are assembled, keep_last makes it count. True if it did.
  bool write_last(const Totals& totals) const;
  const std::string& name() const { return name_; }

 private:
  void encode(const Totals& totals, ByteWriter& writer) const;
  WriteBytes bytes_of(const Totals& totals) const;

  const CheckpointPlan& plan_;
  std::string name_;
  uint32_t rank_;
  uint32_t worker_;
  std::vector<CoveredUnit> units_;
  bool has_news_ = false;
  double seconds_of_last_ = 0;
  double seconds_per_byte_;  ///< of memory; a guess until a large state was written
  Clock::time_point last_ = Clock::now();
};

/// What CheckpointWriter::write_last left, and the files of parts that it covers.
struct LastCheckpoint {
  std::string name;  ///< of the file that it replaces; empty: there is none
  std::vector<std::string> parts = {};
};
/// Makes the parts durable, and the checkpoint durable and valid. By the host that wrote them.
Status keep_last(const CheckpointPlan& plan, const std::string& parts_dir,
                 const LastCheckpoint& last);

/// A file that an index freezes.
struct FrozenFile {
  std::string name;
  uint64_t bytes = 0;
  uint64_t checksum = 0;  ///< XXH3-64 of the whole file
};

struct CheckpointIndex {
  uint64_t identity = 0;
  uint32_t generation = 0;
  std::string token;  ///< makes temporary names of this run unlike those of any other
  std::vector<FrozenFile> files;

  std::string text() const;
  /// kFailed if the text is not one, whole.
  static Result<CheckpointIndex> parse(std::string_view text);
};

/// The newest valid index in the folder, if there is one.
std::optional<CheckpointIndex> newest_index(const std::string& folder);

/// Indexes that are there and cannot be read, a message each.
std::vector<std::string> damaged_indexes(const std::string& folder);

/// The largest generation that any name in the folder tells of, sound or not; 0 if none does. What
/// an attempt writes must not have the names of what an earlier one wrote.
uint32_t last_generation(const std::string& folder);

/// A checkpoint that is read piece by piece: what it holds beside the checksum at its end.
class CheckpointFile final : public ByteSupply {
 public:
  /// Reads it once for its checksums. kFailed if it cannot be read or is no checkpoint.
  static Result<CheckpointFile> open(const std::string& folder, const std::string& name);

  uint64_t bytes() const { return sums_.bytes; }
  uint64_t checksum() const { return sums_.checksum; }  ///< XXH3-64 of the whole file
  /// Its last bytes are the checksum of all before.
  bool is_whole() const { return is_whole_; }
  void rewind() { at_ = 0; }

  bool more(std::string& out) override;
  uint64_t left() const override { return sums_.bytes - kTailBytes - at_; }

 private:
  static constexpr uint64_t kTailBytes = 8;
  CheckpointFile(FileHandle file, uint64_t bytes, std::string place);
  Status add_up();

  FileHandle file_;
  std::string place_;
  SealedFile sums_;
  bool is_whole_ = false;
  uint64_t at_ = 0;  ///< read so far
  Status error_;
};

/// The units that a file covers. The totals follow them.
using CheckpointHead = std::vector<CoveredUnit>;
/// kFailed with the reason if it is no head of a checkpoint of this run, or was written under
/// another name.
Result<CheckpointHead> parse_head(ByteReader& reader, uint64_t identity, std::string_view name);
/// The same of a file, which must be whole.
Result<CheckpointHead> read_head(CheckpointFile& file, uint64_t identity, std::string_view name);

/// Opens a frozen file; kFailed if it is not what the index says.
Result<CheckpointFile> open_frozen(const std::string& folder, const FrozenFile& file);

/// Adds what the files sum up to `totals`.
Status merge_frozen(const BoundJob& job, const CheckpointPlan& plan,
                    const std::vector<FrozenFile>& files, Totals& totals);

/// Calls `take` for each file that workers wrote since the index was made and that is valid, by
/// generation and name, with the units that it covers; what is not valid gives a line in
/// `damaged`: `checkpoint/gen-0.rank-1.worker-0: ..., its units are done again`. Of several
/// generations only if the indexes of later ones are damaged.
void files_since(const std::string& folder, const CheckpointIndex& index,
                 std::vector<std::string>& damaged,
                 const std::function<void(FrozenFile, CheckpointHead)>& take);

}  // namespace shardmill
