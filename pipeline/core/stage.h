// One step of a pipeline: changes batches, or watches them and keeps a partial, or writes them.
//
// A stage is one file in stages/, named like the stage, that defines `StageSpec stage_NAME()`. The
// build finds it; nothing else is touched. Three objects share the work:
//
//   StageSpec     what there is: name, fields, doc, examples            one per program
//   BoundStage    this stage in this job: options checked, columns found one per rank, immutable,
//   shared by workers StageWorker   scratch memory                                         one per
//   worker, used by one thread
//
// and a summarising stage has a Partial (partial.h) per unit.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/base/status.h"
#include "pipeline/core/batch.h"
#include "pipeline/core/bind.h"
#include "pipeline/core/options.h"
#include "pipeline/core/partial.h"
#include "pipeline/core/record_examples.h"
#include "pipeline/core/reject.h"
#include "pipeline/core/sink.h"
#include "pipeline/core/table.h"

namespace shardmill {

/// What a stage counted in one unit, later in the whole run: sums, and a few records to look at.
struct StageBooks {
  uint64_t records_in = 0;
  uint64_t records_out = 0;
  std::vector<uint64_t> dropped;  ///< by declared reason
  uint64_t rejected = 0;
  uint64_t made = 0;             ///< records added by a stage that makes several of one (split)
  std::vector<uint64_t> counts;  ///< by declared counter, for instance integer overflows
  std::vector<RecordExamples> examples;      ///< of dropped records, by declared reason
  RecordExamples shown = RecordExamples(0);  ///< the first that were passed on, if asked for

  void merge(const StageBooks& other);
  void encode(ByteWriter& writer) const;
  static StageBooks decode(ByteReader& reader);
};

/// What a stage works with in one unit. Made by the engine; one worker.
struct StageContext {
  StageBooks* books = nullptr;
  RejectLog* rejects = nullptr;
  Partial* partial = nullptr;  ///< this unit's; nullptr unless the stage makes partials
  Sink* sink = nullptr;        ///< nullptr unless the stage declared an output
  RecordWatch* watch =
      nullptr;  ///< nullptr: nobody wants to see what is dropped; set by the engine
  /// True once the run ends early: a stage that waits for something gives up, with any error, which
  /// is not shown. nullptr: never.
  const std::atomic<bool>* stopped = nullptr;

  void drop(size_t reason, const Batch& batch, size_t row) const {
    books->dropped[reason] += 1;
    show_dropped(reason, batch, row);
  }
  /// For loops that count by themselves: `drop` without a record counts, `show_dropped` with each
  /// of them is called only while someone watches.
  void drop(size_t reason, uint64_t records) const { books->dropped[reason] += records; }
  bool is_watched() const { return watch != nullptr; }
  void show_dropped(size_t reason, const Batch& batch, size_t row) const {
    if (watch != nullptr) watch->offer(books->examples[reason], batch, row);
  }
  /// False if nobody needs to be shown the records that are dropped of those between two rows,
  /// these included, of a batch in file order.
  bool may_show_dropped(size_t reason, const Batch& batch, size_t first_row,
                        size_t last_row) const {
    return watch != nullptr && watch->may_want(books->examples[reason], batch, first_row, last_row);
  }
  /// `show_dropped` with the lines [begin, end) of `lines`; `row` of the batch has room for one of
  /// them, and is written over. REQUIRES: `begin` and `end` are where lines start, or the end.
  void show_dropped(size_t reason, Batch& batch, const UncutLines& lines, LineRange range,
                    size_t row) const {
    if (watch != nullptr) watch->offer_lines(books->examples[reason], batch, lines, range, row);
  }
  void count(size_t counter, uint64_t events) const { books->counts[counter] += events; }
  /// Rejects the record of `row`; the stage takes the row out of the selection itself.
  /// REQUIRES: Binder::need_offsets was called.
  void reject(const Batch& batch, size_t row, std::string_view reason) const;
};

/// The rest of the pipeline, as a stage sees it.
class NextStage {
 public:
  virtual ~NextStage() = default;
  /// Passes the selected records on. The batch is unspecified afterwards.
  virtual Status pass(Batch& batch) = 0;
};

/// A worker's own copy of a stage. Used by one thread, for one unit after another.
class StageWorker {
 public:
  virtual ~StageWorker() = default;

  /// Takes the selected records of `batch` and passes on what it wants, as the same batch or as
  /// others, in order. The result for a record depends on the record and the options only.
  /// Everything not passed on is counted: dropped by a declared reason or rejected. Errors end the
  /// unit.
  virtual Status process(Batch& batch, const StageContext& context, NextStage& next) = 0;

  /// A unit begins, or begins again because one of its files is bad: forgets every slice whose end
  /// never came, with all that was started for it. The worker itself goes when the run ends.
  virtual void begin_unit() {}
  /// Around the records of each slice of the unit, for stages with a state per file (head). A stage
  /// that declares `passes_late` passes on what it still holds when the slice ends; what is to be
  /// in the unit's partial has to be there then.
  virtual Status begin_slice(const FileSlice&, const StageContext&) { return {}; }
  virtual Status end_slice(const StageContext&, NextStage&) { return {}; }
};

/// A stage of this job. Immutable; shared by all workers of a rank.
class BoundStage {
 public:
  virtual ~BoundStage() = default;
  virtual std::unique_ptr<StageWorker> make_worker() const = 0;
  /// An empty state; nullptr if the stage does not summarise.
  virtual std::unique_ptr<Partial> make_partial() const { return nullptr; }
  /// The stage looks at lines that are not cut yet (Batch::uncut), if it is the first one.
  virtual bool takes_uncut() const { return false; }
  /// Most memory of a worker's copy, beyond a few times a chunk; for the plan of the memory.
  virtual uint64_t worker_bytes() const { return 0; }
  /// The result. `partial` is the whole run's, one that make_partial made; it may be taken apart.
  virtual std::vector<Table> finish(Partial& partial) const;
};

enum class StageKind : uint8_t { kFilter, kTransform, kSummarise, kWrite };
std::string_view stage_kind_name(StageKind kind);

/// A small job that shows the stage at work: documentation, test, and seed of the matrix in one.
struct StageExample {
  std::string title;                   ///< what it shows, as a sentence
  std::string input_format = "lines";  ///< "lines", "csv", "jsonl"
  std::string input_options;           ///< further lines of the [input] table, TOML
  std::vector<std::string> input;      ///< the lines of one file
  std::string stage;                   ///< the lines of this [[stage]] table, TOML, without `use`
  /// The lines of files that the stage reads, by the path in `stage`.
  std::vector<std::pair<std::string, std::vector<std::string>>> files = {};
  std::vector<std::string> output;  ///< what the stage passes on: one TOML inline table per record
  std::vector<std::string> tables;  ///< summaries: one TOML array of rows per table
};

/// A drop reason or a counter: stable name (in results.json) and what it means.
struct NamedCount {
  std::string name;
  std::string doc;
};

/// The one declaration of a stage: gives parsing, validation, help, docs, completion and tests.
struct StageSpec {
  std::string name;
  StageKind kind = StageKind::kFilter;
  std::string summary;  ///< one line
  std::string doc;      ///< paragraphs in Markdown; may be empty
  std::vector<FieldSpec> fields;
  std::vector<NamedCount> drop_reasons = {};
  std::vector<NamedCount> counters = {};
  bool needs_whole_files = false;  ///< jobs with this stage do not cut files
  /// The same for stages with which it depends on the options. May be nullptr.
  bool (*needs_whole_files_if)(const Options& options) = nullptr;
  /// The stage may pass records on, or reject them, in a later call than the one that brought them,
  /// but within the slice and in order. In such jobs the numbers of rejected records are not told.
  bool passes_late = false;
  /// Finds mistakes that show without the input (syntax of a pattern or an expression). May be
  /// nullptr.
  void (*check)(const Options& options, Problems& problems) = nullptr;
  /// The stage in this job, or nullptr after reporting at least one problem.
  std::unique_ptr<BoundStage> (*bind)(const Options& options, Binder& binder) = nullptr;
  std::vector<StageExample> examples;  ///< at least one
};

}  // namespace shardmill
