// How a stage meets the columns that reach it, once, when the plan is made.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/core/column.h"
#include "pipeline/core/options.h"
#include "pipeline/core/sink.h"

namespace shardmill {

/// Where a bound stage finds or leaves the values of a column.
struct ColumnRef {
  size_t slot = 0;
  Type type = Type::kText;
};

/// Columns that are always there, filled only if used.
inline constexpr std::string_view kFileColumn = "$file";
inline constexpr std::string_view kOffsetColumn = "$offset";

/// What the whole pipeline needs from the input, known when the last stage is bound. Every column
/// gets a slot of its own for the whole pipeline, so that choosing, ordering and renaming cost
/// nothing while records flow.
struct SlotPlan {
  struct Slot {
    std::string name;  ///< as first created
    Type type = Type::kText;
    bool used = false;  ///< some stage reads it
  };
  std::vector<Slot> slots;
  std::optional<size_t> file_slot;
  std::optional<size_t> offset_slot;
  bool needs_raw = false;
  bool needs_offsets = false;
  /// One behind the last stage that needs the identity of the records that reach it.
  size_t identity_end = 0;
};

/// What the input's records are, for a stage that wants to write them as they came.
struct RecordForm {
  std::string format;  ///< "lines", "csv", "jsonl", "hdf5"
  char delimiter = 0;  ///< csv
  char quote = 0;      ///< csv; 0 if quoting is off
};

/// Handed to a stage when it is bound: the columns that reach it, and what it may ask for.
/// The stage changes the schema that the next stage will see. One thread, plan time only.
class Binder {
 public:
  Binder(Schema schema, SlotPlan& slots, RecordForm form, Problems& problems)
      : schema_(std::move(schema)), slots_(slots), form_(std::move(form)), problems_(problems) {}

  const Schema& schema() const { return schema_; }

  /// The column `name` (also $file and $offset), marked as read. Reports a problem at `line` with
  /// near matches and returns nothing if there is none.
  std::optional<ColumnRef> use(std::string_view name, int line);
  /// The same if its type is one of `types`; otherwise a problem that says how to get one (`types =
  /// {...}`).
  std::optional<ColumnRef> use(std::string_view name, int line, const std::vector<Type>& types);
  /// A column of this schema, marked as read: for all of many, since finding each by its name would
  /// take a square of time.
  ColumnRef use(const SchemaColumn& column);
  /// The type of a column without reading it; nothing if there is none.
  std::optional<Type> type_of(std::string_view name) const;

  /// A new column at the end. A problem at `line` if the name is taken, unless `replace`, which
  /// takes its place.
  std::optional<ColumnRef> create(std::string_view name, Type type, int line, bool replace = false);
  /// Takes the column out of sight of later stages. REQUIRES: it is there.
  void remove(std::string_view name);
  /// The columns that later stages see, in this order. REQUIRES: slots from this binder's schema.
  void set_columns(std::vector<SchemaColumn> columns) {
    schema_.columns = std::move(columns);
    touch_records();
  }

  /// The stage changes records, so that their own bytes are no longer what they say. `create` and
  /// `remove` imply it.
  void touch_records() { records_untouched_ = false; }
  /// True while every record that passes still is its own bytes (only filters and summaries so
  /// far).
  bool records_untouched() const { return records_untouched_; }
  const RecordForm& form() const { return form_; }
  /// Asks for Batch::raw. REQUIRES: records_untouched().
  void need_raw() { slots_.needs_raw = true; }
  /// Asks for Batch::offsets (and sub_indices): the identity of records.
  void need_offsets() {
    slots_.needs_offsets = true;
    slots_.identity_end = stage_ + 1;
  }
  /// Position of the stage that is being bound.
  size_t stage() const { return stage_; }
  /// True if a later stage than the one that asks reads `slot`. Only valid once all stages are
  /// bound: for use while records flow, by a stage that copies columns (split).
  const SlotPlan& slots() const { return slots_; }

  /// This stage writes: gives the worker a Sink for it. At most once a stage.
  void set_output(OutputSpec output) { output_ = std::move(output); }
  const std::optional<OutputSpec>& output() const { return output_; }

  void problem(int line, Message message) { problems_.add(line, std::move(message)); }
  Problems& problems() { return problems_; }

  /// For the engine: prepares for the next stage.
  void begin_stage(size_t stage) {
    stage_ = stage;
    output_.reset();
  }

 private:
  Schema schema_;
  SlotPlan& slots_;
  RecordForm form_;
  Problems& problems_;
  std::optional<OutputSpec> output_;
  bool records_untouched_ = true;
  size_t stage_ = 0;
};

}  // namespace shardmill
