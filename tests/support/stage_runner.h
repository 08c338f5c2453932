// Runs one stage alone on hand-made columns or lines, without a job, an input or an engine.
//
//   const StageRun run = run_stage(stage_keep(), {{"where", "n > 1"}}, {int_column("n", {1, 2})});
//   EXPECT_THAT(run.records, ElementsAre("n=2"));
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "pipeline/core/stage.h"

namespace shardmill {

/// One value of a test column; monostate is null.
using Cell = std::variant<std::monostate, std::string, int64_t, double, bool>;

/// A column that reaches the stage. A time is given as ISO text.
struct TestColumn {
  std::string name;
  Type type = Type::kText;
  std::vector<Cell> cells;
};

TestColumn text_column(std::string name, std::vector<std::optional<std::string>> values);
TestColumn int_column(std::string name, std::vector<std::optional<int64_t>> values);
TestColumn float_column(std::string name, std::vector<std::optional<double>> values);
TestColumn bool_column(std::string name, std::vector<std::optional<bool>> values);
TestColumn time_column(std::string name, std::vector<std::optional<std::string>> values);

using StageSettings = std::vector<std::pair<std::string, OptionValue>>;

struct StageRunLayout {
  size_t batch_rows = 1000;  ///< records of one batch handed to the stage
  /// Rows of the batch that an earlier stage has dropped: every row whose index modulo this is not
  /// 0; 1 keeps all.
  size_t every = 1;
  /// Columns that a later stage reads; unset: all that the stage passes on.
  std::optional<std::vector<std::string>> used_later;
  bool ask_for_offsets = true;  ///< as a later stage that needs the identity of records would
  /// What files hold that the stage reads, by field.
  std::vector<std::pair<std::string, std::string>> contents = {};
};

struct StageRun {
  std::vector<std::string> problems;  ///< texts of the messages of check and bind
  std::vector<std::string> columns;   ///< names after the stage
  std::vector<Type> types;            ///< of these
  /// What was passed on: `a=1 b="x" c=null`, text quoted and escaped, time as ISO text.
  std::vector<std::string> records;
  std::vector<std::pair<uint64_t, uint32_t>> identities;  ///< (offset, sub-index) of these
  StageBooks books;
  std::vector<std::string> rejects;     ///< "offset: reason"
  std::vector<std::string> bad_values;  ///< "offset column: value"
  std::vector<Table> tables;
  size_t batches = 0;  ///< passed on
  size_t largest_batch = 0;

  uint64_t dropped(const StageSpec& spec, std::string_view reason) const;
  uint64_t count(const StageSpec& spec, std::string_view counter) const;
};

/// The settings with the declared defaults filled in; `line` for all that were given.
Options make_options(const StageSpec& spec, const StageSettings& settings, int line = 1);

/// Checks, binds and runs the stage in one unit of one slice. If there are problems, nothing ran.
/// Fails the test if the books do not balance: in + made = out + dropped + rejected.
StageRun run_stage(const StageSpec& spec, const StageSettings& settings,
                   const std::vector<TestColumn>& columns, const StageRunLayout& layout = {});

/// The same on the one column `line`, with offsets as the lines of a file have them, and the lines
/// adjacent in one buffer, as a reader leaves them.
StageRun run_stage_on_lines(const StageSpec& spec, const StageSettings& settings,
                            const std::vector<std::string>& lines,
                            const StageRunLayout& layout = {});

}  // namespace shardmill
