// Aggregates as people write them: "count()", "mean(ms)", "slowest = max(ms)". One table declares
// them all; parsing, messages, docs and the property tests come from it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/base/status.h"
#include "pipeline/core/batch.h"
#include "pipeline/core/bind.h"
#include "pipeline/core/table.h"
#include "stages/support/aggregate_state.h"
#include "stages/support/float_states.h"
#include "stages/support/group_table.h"
#include "stages/support/quantile_sketch.h"

namespace shardmill {

/// What an aggregate may look at when one group is finished.
struct GroupFacts {
  Type type = Type::kInt;  ///< of the column
  uint64_t records = 0;    ///< of the group
  uint64_t values = 0;     ///< of the column that are not null
  uint32_t group = 0;
  QuantileShare share;
  /// By StateKind: the column's state, and its words; nullptr if no aggregate wanted it.
  const AggregateState* states[6] = {};
  StateWords words[6] = {};

  template <typename State>
  const State& state(StateKind kind) const {
    return static_cast<const State&>(*states[static_cast<size_t>(kind)]);
  }
  const uint64_t* at(StateKind kind) const { return words[static_cast<size_t>(kind)].at(group); }
};

/// What an aggregate takes besides the column.
enum class AggregateArguments : uint8_t {
  kColumn,
  kColumnOrNothing,  ///< count()
  kColumnAndShare,   ///< quantile(ms, 0.99)
  kShareInName,      ///< p99(ms), p99.9(ms)
};

/// The declaration of one aggregate.
struct AggregateSpec {
  std::string name;   ///< "pNN" for the family p1 ... p99.9
  std::string usage;  ///< "quantile(column, share)"
  std::string doc;    ///< one sentence
  AggregateArguments arguments = AggregateArguments::kColumn;
  std::vector<Type> types;        ///< that the column may have
  std::vector<StateKind> states;  ///< that it needs
  Type (*result)(Type column) = nullptr;
  /// Appends the group's value; null if there is nothing to say. May state the column's error.
  void (*finish)(const GroupFacts& facts, TableColumn& column) = nullptr;
};

/// All aggregates, in the order of the docs. Immutable; any thread.
const std::vector<AggregateSpec>& all_aggregates();
/// A Markdown table of them.
std::string aggregates_doc();

/// One entry of `compute`.
struct AggregateCall {
  const AggregateSpec* spec = nullptr;
  std::string title;   ///< of the result's column: as written without spaces, or the name before =
  std::string column;  ///< empty for count()
  QuantileShare share;
};

/// Parses one entry: `[title =] name(column[, share])`, the column in backquotes if it has a comma
/// or a parenthesis. The message says what was found, expected and how to mend it.
struct ParsedAggregate {
  std::optional<AggregateCall> call;
  Message problem;  ///< if there is no call
};
ParsedAggregate parse_aggregate(std::string_view text);
/// An entry without its title.
std::string_view without_title(std::string_view text);

/// The states that a list of aggregates needs, each once. Immutable once made; any thread.
class AggregatePlan {
 public:
  /// Groups hold exact sets of at most this many values for distinct(), a single group more.
  static constexpr uint32_t kDistinctLimit = 256;
  static constexpr uint32_t kDistinctLimitOfOneGroup = 65536;

  /// Finds the columns; reports problems at `line` and returns nothing if there were any.
  static std::optional<AggregatePlan> bind(const std::vector<AggregateCall>& calls, Binder& binder,
                                           int line, uint32_t distinct_limit);

  size_t state_words() const { return words_; }

 private:
  friend class Aggregates;
  struct Input {
    ColumnRef column;
    std::vector<size_t> states;  ///< positions in states_
  };
  struct State {
    StateKind kind = StateKind::kSum;
    size_t input = 0;
    size_t first_word = 0;
  };
  struct Output {
    AggregateCall call;
    Type type = Type::kInt;
    std::optional<size_t> input;
  };

  size_t input_of(const ColumnRef& column);
  void need_state(size_t input, StateKind kind);

  std::vector<Input> inputs_;
  std::vector<State> states_;
  std::vector<Output> outputs_;
  size_t words_ = 1;  ///< the first counts the group's records
  uint32_t distinct_limit_ = kDistinctLimit;
};

/// Memory of one worker for adding blocks.
struct AggregateScratch {
  std::vector<double> floats;
  std::vector<int64_t> ints;
  std::vector<std::string_view> texts;
  std::vector<uint32_t> groups;
  bool one_group = false;  ///< the block's rows are all of one
};

/// The aggregates of all groups of a GroupTable with the plan's state words. The plan must outlive
/// it. One owner, one thread.
class Aggregates {
 public:
  explicit Aggregates(const AggregatePlan& plan);

  /// Counts the rows of a block, whose groups are `groups`, in `table`.
  void add(const Batch& batch, const RowBlock& block, const uint32_t* groups,
           const GroupTable& table, AggregateScratch& scratch);
  void merge(const GroupTable& table, Aggregates& other, const GroupTable& other_table,
             const GroupMapping& mapping);
  /// Appends the states of `groups` in that order.
  void encode(const GroupTable& table, std::span<const uint32_t> groups, ByteWriter& writer) const;
  /// REQUIRES: nothing was added yet, the table has its groups in the order of the bytes.
  void decode(const GroupTable& table, ByteReader& reader);
  /// One column for each aggregate, one row for each of `groups`.
  std::vector<TableColumn> finish(const GroupTable& table, std::span<const uint32_t> groups) const;

  size_t memory_bytes() const;

 private:
  void make_room(size_t groups);
  FloatStates float_states_of(const AggregatePlan::Input& input) const;
  void make_room_for_nulls(size_t input);
  void add_nulls(size_t input, uint32_t group, uint64_t nulls);
  uint64_t nulls(size_t input, uint32_t group) const;
  ValueBlock values_of(size_t input, const Column& column, const RowBlock& block,
                       const uint32_t* groups, AggregateScratch& scratch);
  GroupFacts facts_of(const AggregatePlan::Output& output, const GroupTable& table) const;

  const AggregatePlan& plan_;
  std::vector<std::unique_ptr<AggregateState>> states_;  ///< as in the plan
  std::vector<FloatStates> float_states_;  ///< by input: those that are added to together
  /// By input, then by group: values that were null. Empty for an input without any.
  std::vector<std::vector<uint64_t>> nulls_;
  size_t groups_ = 0;
};

}  // namespace shardmill
