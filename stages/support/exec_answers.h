// What an exec stage sends to a program and makes of the lines that it prints.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/core/stage.h"
#include "pipeline/formats/json_fields.h"
#include "stages/support/line_program.h"
#include "stages/support/row_text.h"

namespace shardmill {

/// Counters and reasons of the stage, by their place in its declaration.
enum ExecCounter : size_t { kExecBadValue };
enum ExecDropReason : size_t { kExecConsumed };

/// A column that comes back from the program.
struct AnswerColumn {
  std::string name;
  ColumnRef ref;
};

/// An exec stage in its job. Immutable; shared by all workers.
struct ExecSettings {
  LineProgramSettings program;
  bool is_json = false;
  RowText sent;      ///< how records are written for the program
  ColumnRef column;  ///< of lines: what is sent
  std::string column_name;
  std::vector<AnswerColumn> answers;  ///< exactly one, of type text, for lines
  std::vector<size_t> schema_slots;   ///< of the columns behind the stage that are no answers
  size_t stage = 0;                   ///< position in the job
};

/// Writes the record for the program. Why it cannot be sent, if it cannot.
std::optional<std::string> pack_record(const ExecSettings& settings, const Batch& batch, size_t row,
                                       std::string& out);

/// Turns lines into values of the answer columns that later stages read. One worker.
class AnswerReader {
 public:
  AnswerReader(const ExecSettings& settings, const SlotPlan& plan);

  /// Makes room for `rows` answers in `batch`.
  void prepare(Batch& batch, size_t rows) const;
  /// Writes the values of `line` to `row`, copied to the batch's arena; or says why it is no
  /// answer. REQUIRES: batch.offsets are there.
  std::optional<std::string> read(std::string_view line, Batch& batch, size_t row,
                                  const StageContext& context);
  /// The answer to what was not sent because it is null: null.
  void write_nulls(Batch& batch, size_t row) const;

 private:
  struct Wanted {
    const AnswerColumn* column = nullptr;
    size_t path = 0;
  };

  const ExecSettings& settings_;
  std::vector<Wanted> wanted_;
  std::optional<JsonPaths> paths_;
  std::optional<JsonFields> fields_;  ///< every line is checked, whatever is used of it
};

std::unique_ptr<StageWorker> make_exec_map_worker(const ExecSettings& settings,
                                                  const SlotPlan& plan);
std::unique_ptr<StageWorker> make_exec_stream_worker(const ExecSettings& settings,
                                                     const SlotPlan& plan);

}  // namespace shardmill
