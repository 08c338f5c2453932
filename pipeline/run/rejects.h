// Rejected records and values: all are counted, the first ones by identity are kept. An exact,
// mergeable partial: what is kept never depends on who saw which record when.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/base/bytes.h"
#include "pipeline/core/batch.h"
#include "pipeline/core/reject.h"

namespace shardmill {

inline constexpr size_t kBadValueBytesKept = 256;
inline constexpr size_t kBadValuesKept = 3;  ///< examples of a column

/// Where a record starts. Orders everything.
struct RecordIdentity {
  uint64_t file_index = 0;
  uint64_t offset = 0;
  friend auto operator<=>(const RecordIdentity&, const RecordIdentity&) = default;
};

struct KeptReject {
  RecordIdentity identity;
  std::string reason;
  std::string bytes;
  uint64_t record_bytes = 0;
  uint64_t slice_begin = 0;
  /// From 0 among the records and rejects of its slice; nothing if the job's input gives no offsets
  /// to tell by.
  std::optional<uint64_t> ordinal;
  bool by_stage = false;  ///< otherwise the reader could not understand it

  friend auto operator<=>(const KeptReject&, const KeptReject&) = default;
};

struct BadValues {
  uint64_t count = 0;
  std::vector<std::pair<RecordIdentity, std::string>> examples;  ///< the smallest, sorted
};

/// The rejects of any set of units. One owner, one thread.
class Rejects {
 public:
  explicit Rejects(uint64_t most_kept) : most_kept_(most_kept) {}

  void add(KeptReject reject);
  /// True if a reject there would be kept: its text need not be copied otherwise.
  bool would_keep(const RecordIdentity& identity) const;
  void count_one() { ++count_; }
  void add_bad_value(const RecordIdentity& identity, std::string_view column,
                     std::string_view value);
  void merge(Rejects&& other);
  void encode(ByteWriter& writer) const;
  /// Marks `reader` failed if the bytes are not that.
  static Rejects decode(ByteReader& reader, uint64_t most_kept);

  uint64_t count() const { return count_; }
  const std::vector<KeptReject>& kept() const { return kept_; }  ///< sorted
  const std::map<std::string, BadValues, std::less<>>& bad_values() const { return bad_values_; }

 private:
  void cut();

  uint64_t most_kept_;
  uint64_t count_ = 0;
  std::vector<KeptReject> kept_;
  std::map<std::string, BadValues, std::less<>> bad_values_;
};

/// The rejects of one unit while it is read. Memory is bounded by what is kept and one batch:
/// within a slice, what comes with a later batch lies behind what came before.
class UnitRejectLog final : public RejectLog {
 public:
  /// `in_order`: the stages reject records while the batch that brought them is at hand. Otherwise
  /// a late one may come first in the file, and the numbers of records are not known.
  explicit UnitRejectLog(uint64_t most_kept, bool in_order = true, uint64_t bytes_kept = 4096)
      : rejects_(most_kept), most_kept_(most_kept), bytes_kept_(bytes_kept), in_order_(in_order) {}

  /// The records from now on are those of `slice`; rejects are the reader's.
  void begin_slice(const FileSlice& slice);
  /// The reader has given a batch: its rejects since the last one lie before or in it. From now on
  /// rejects are the stages', of this batch, which must stay until `begin_read` or `end_slice`.
  void see_batch(const Batch& batch);
  /// The reader is asked for more.
  void begin_read();
  /// The reader has said that there is no more; stages may still have something to reject.
  void end_read() { reading_ = false; }
  /// No more records in this slice.
  void end_slice();

  void reject(std::string_view path, uint64_t offset, std::string_view bytes, uint64_t record_bytes,
              std::string_view reason) override;
  void bad_value(std::string_view path, uint64_t offset, std::string_view column,
                 std::string_view value) override;

  /// What the reader rejected in the current slice so far, and its bad values.
  uint64_t rejected_by_reader() const { return by_reader_; }
  uint64_t bad_values() const { return bad_values_; }
  /// One of those that are kept; nullptr if none is.
  const KeptReject* example() const;
  const Rejects& rejects() const { return rejects_; }
  Rejects take() { return std::move(rejects_); }

 private:
  struct Seen {
    KeptReject reject;
    bool by_reader = false;
    std::optional<uint64_t> records_before;
  };

  uint64_t records_before(uint64_t offset) const;

  Rejects rejects_;
  uint64_t most_kept_;
  uint64_t bytes_kept_;
  bool in_order_;
  uint64_t file_index_ = 0;
  uint64_t slice_begin_ = 0;
  std::vector<Seen> of_slice_;  ///< those that may be kept
  size_t before_batch_ = 0;     ///< of_slice_ before the current batch was asked for
  uint64_t by_reader_kept_ = 0;
  uint64_t by_reader_ = 0;
  uint64_t bad_values_ = 0;
  uint64_t records_ = 0;               ///< in batches before the current one
  const Batch* batch_ = nullptr;       ///< while stages see it
  const UncutLines* uncut_ = nullptr;  ///< what the batch came as
  size_t batch_rows_ = 0;              ///< when it came
  bool reading_ = true;                ///< the reader is at work, not the stages
  bool has_offsets_ = true;
};

/// Why a run stops before its end, if that is why.
inline constexpr std::string_view kTooManyRejects = "too many rejected records";

/// How many rejects are certainly too many, if `limit` is a number and no share.
std::optional<uint64_t> most_rejects(std::string_view limit);

/// Judges `max_rejects`: "1000" or "0.1%" of all records. True if there are too many.
/// REQUIRES: `limit` was checked with the job.
bool too_many_rejects(std::string_view limit, uint64_t rejects, uint64_t records);

}  // namespace shardmill
