// One description of a run, from which every report is made. Plain data.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "pipeline/core/stage.h"
#include "pipeline/core/table.h"
#include "pipeline/core/unit.h"

namespace shardmill {

/// An option that the job gives, as text for people.
struct AskedOption {
  std::string name;
  std::string value;
};

struct StageResult {
  std::string use;
  std::string name;
  std::vector<AskedOption> asked;
  std::vector<std::string> drop_reasons;  ///< names, for books.dropped
  std::vector<std::string> counters;      ///< names, for books.counts
  StageBooks books;
};

/// A file in files.tsv. Summed over its slices.
struct FileResult {
  std::string path;
  uint64_t size_bytes = 0;
  uint64_t disk_bytes = 0;
  uint64_t plain_bytes = 0;
  uint64_t records = 0;
  uint64_t rejected = 0;
  uint64_t bad_values = 0;
  uint64_t lost_bytes = 0;  ///< of size_bytes: what does not count since it could not be read
  uint64_t units = 0;
  double seconds = 0;
  std::string outcome;  ///< "read", "empty", "bad", "partly read", "grew"
  std::string reason;   ///< of a bad file
};

/// True if some of the file's records may be missing from the results.
bool is_bad_file(const FileResult& file);

struct BadRecord {
  std::string path;
  uint64_t offset = 0;
  uint64_t record_number = 0;  ///< from 1, over the file's records and rejects
  std::string reason;
  std::string bytes;  ///< bounded
  uint64_t record_bytes = 0;
  bool by_stage = false;  ///< rejected by a stage, not by the reader
};

struct BadValueCount {
  std::string column;
  uint64_t count = 0;
  std::vector<std::string> examples;  ///< the first by identity, bounded
};

/// What a worker did in a span of time, in 255ths of it; it waited for the rest.
struct WorkShares {
  uint8_t reading = 0;
  uint8_t decoding = 0;  ///< unpacking and parsing
  uint8_t computing = 0;
  uint8_t committing = 0;
};

/// Spans follow each other; each begins where the one before ends.
struct TimeSpan {
  double end_seconds = 0;  ///< since the rank's workers could begin
  uint64_t disk_bytes = 0;
  uint64_t records = 0;
  uint64_t table_bytes = 0;  ///< memory at the span's end
  uint64_t rss_bytes = 0;    ///< likewise
};

/// How a rank spent its time. Bounded, see run/timeline.h.
struct RankTimeline {
  std::vector<TimeSpan> spans;
  /// By worker, of each span; one line for all workers of a rank where a run has very many.
  std::vector<std::vector<WorkShares>> lines;
};

/// Seconds of workers, added up.
struct WorkSeconds {
  double waiting = 0;
  double reading = 0;
  double unpacking = 0;
  double parsing = 0;
  double committing = 0;
  double writing = 0;  ///< the outputs
  std::vector<double> stages;
};

struct RankResult {
  std::string host;
  unsigned threads = 0;
  uint64_t units = 0;
  uint64_t disk_bytes = 0;
  uint64_t records = 0;
  double busy_seconds = 0;  ///< summed over workers
  uint64_t peak_rss_bytes = 0;
  uint64_t redone_units = 0;     ///< CSV ranges whose start was assumed wrongly
  uint64_t abandoned_bytes = 0;  ///< read of units that did not commit, since the run stopped
  double start_up_seconds = 0;   ///< from its process's start until its workers could begin
  WorkSeconds spent;
  RankTimeline timeline;
};

struct OutputResult {
  std::string path;  ///< relative to the run directory, or absolute
  uint64_t bytes = 0;
  uint64_t records = 0;
};

/// One begin of a run, of perhaps several.
struct AttemptResult {
  uint64_t number = 0;         ///< from 1
  std::string begun = {};      ///< UTC
  std::string ended = {};      ///< UTC; empty if it was killed
  std::string last_sign = {};  ///< UTC; when one that was killed told how far it was; empty: never
  /// "finished", "stopped", "memory", "failed", "killed"; empty: at work, or killed since.
  std::string how = {};
  std::string reason = {};    ///< for whose wish it stopped, or the message that it ended with
  uint64_t units = 0;         ///< done in it, that count
  uint64_t units_before = 0;  ///< that counted when it began
  uint64_t ranks = 0;         ///< 0: it ended before they had met
  uint64_t threads = 0;       ///< of a rank
  uint64_t host_count = 0;
  std::vector<std::string> hosts = {};  ///< the first ones
  std::string slurm_job = {};           ///< empty outside of one
};

struct RunSeconds {
  double total = 0;
  double plan = 0;
  double work = 0;   ///< first deal to last commit
  double merge = 0;  ///< partials, tables, outputs, report
};

/// Of all ranks.
WorkSeconds work_seconds(const std::vector<RankResult>& ranks);

struct RunDescription {
  std::string job_name;
  std::string job_text;                  ///< TOML, every --set applied
  std::vector<std::string> input_paths;  ///< as the job gives them
  std::string input_format;              ///< "csv"
  std::string run_dir;
  uint64_t plain_bytes = 0;
  uint64_t disk_bytes = 0;
  uint64_t records = 0;
  uint64_t bad_records = 0;
  std::vector<FileResult> files;  ///< manifest order
  std::vector<StageResult> stages;
  std::vector<Table> tables;  ///< in stage order
  std::vector<BadRecord> bad_records_kept;
  std::vector<BadValueCount> bad_values;
  std::vector<OutputResult> outputs;
  std::vector<RankResult> ranks;
  RunSeconds seconds;
  uint64_t units = 0;
  uint64_t rows_in_report = 1000;
  uint64_t memory_bytes = 0;  ///< that rank 0 might use; 0: not told
  std::string memory_source;  ///< why just so much
  std::string version;
  std::string started_utc;                  ///< ISO 8601, run.json only
  std::vector<std::string> books_problems;  ///< where the books do not balance; empty is good
  std::string stopped_by;     ///< not empty: the run ended early; what is here is its part so far
  uint64_t units_done = 0;    ///< of `units`; all of them unless the run ended early
  uint64_t bytes_total = 0;   ///< on disk, of all inputs
  uint64_t attempt = 1;       ///< from 1
  uint64_t units_before = 0;  ///< committed by earlier attempts
  uint64_t bytes_done_again = 0;              ///< read by earlier attempts and read again since
  std::vector<std::string> checkpoint_notes;  ///< checkpoints that did not count
  /// In order, this one last; of very many those in the middle are missing. Empty if no run
  /// directory is kept.
  std::vector<AttemptResult> attempts;
};

/// Deterministic: the same bytes on any layout. Ends with a newline.
std::string results_json(const RunDescription& run);
/// How it ran.
std::string run_json(const RunDescription& run);
/// A JSON array, as run.json has it.
std::string attempts_json(const std::vector<AttemptResult>& attempts);
std::string files_tsv(const RunDescription& run);
std::string bad_records_jsonl(const RunDescription& run);

struct TextStyle {
  bool colour = false;
  unsigned width = 100;  ///< columns, 80 to 120
};
std::string report_text(const RunDescription& run, TextStyle style);

/// Every table as a group of datasets, one per column. kFailed with the reason if it cannot be
/// written.
/// `disk_error` gets the errno of what the disk refused, 0 if the failure is another.
Status write_results_h5(const RunDescription& run, const std::string& path,
                        int* disk_error = nullptr);

}  // namespace shardmill
