#include "stages/support/aggregate.h"

#include <algorithm>
#include <utility>

#include "pipeline/base/check.h"
#include "pipeline/base/text.h"
#include "stages/support/aggregate_sums.h"

namespace shardmill {

// ---- parsing

namespace {

/// "99", "99.9" or "99_9" in units of `whole` (100 for percent, 1 for shares), up to 12 digits
/// after the point.
std::optional<QuantileShare> parse_share(std::string_view text, uint64_t whole) {
  QuantileShare share{.numerator = 0, .denominator = whole};
  bool in_fraction = false;
  size_t digits = 0;
  for (const char c : text) {
    if ((c == '.' || c == '_') && !in_fraction && digits > 0) {
      in_fraction = true;
      continue;
    }
    if (c < '0' || c > '9' || ++digits > 14) return std::nullopt;
    share.numerator = share.numerator * 10 + static_cast<uint64_t>(c - '0');
    if (in_fraction) share.denominator *= 10;
  }
  if (digits == 0 || text.back() < '0' || text.back() > '9' || share.numerator > share.denominator)
    return std::nullopt;
  return share;
}

ParsedAggregate failure(Message message) {
  return {.call = std::nullopt, .problem = std::move(message)};
}

ParsedAggregate bad_form(std::string_view text, std::string fix) {
  return failure({.place = {},
                  .found = "compute has " + quoted(text),
                  .expected = "an aggregate like \"sum(price)\" or \"total = sum(price)\"",
                  .fix = std::move(fix)});
}

ParsedAggregate unknown_function(std::string_view name) {
  std::vector<std::string> names;
  for (const AggregateSpec& spec : all_aggregates()) {
    if (spec.arguments != AggregateArguments::kShareInName) names.push_back(spec.name);
  }
  const std::optional<std::string> near = near_match(name, names);
  names.emplace_back("p50");
  names.emplace_back("p99.9");
  return failure({.place = {},
                  .found = "there is no aggregate " + quoted(name),
                  .expected = "one of " + listed(names, 20),
                  .fix = near ? "did you mean " + quoted(*near) + "?" : "choose one of these"});
}

/// "ms" or "`odd, name`"; takes it off the front of `text` with the spaces around it.
std::optional<std::string> take_column(std::string_view& text) {
  text = trimmed(text);
  if (!text.empty() && text.front() == '`') {
    const size_t end = text.find('`', 1);
    if (end == std::string_view::npos || end == 1) return std::nullopt;
    std::string name(text.substr(1, end - 1));
    text = trimmed(text.substr(end + 1));
    return name;
  }
  const size_t end = std::min(text.find(','), text.size());
  const std::string_view name = trimmed(text.substr(0, end));
  if (name.empty() || name.find_first_of("()`") != std::string_view::npos) return std::nullopt;
  text = trimmed(text.substr(end));
  return std::string(name);
}

const AggregateSpec* find_aggregate(std::string_view name, QuantileShare& share) {
  if (name == "median") share = {.numerator = 1, .denominator = 2};
  for (const AggregateSpec& spec : all_aggregates()) {
    if (spec.arguments != AggregateArguments::kShareInName) {
      if (spec.name == name) return &spec;
    } else if (name.size() > 1 && name.front() == 'p') {
      const std::optional<QuantileShare> parsed = parse_share(name.substr(1), 100);
      if (!parsed) continue;
      share = *parsed;
      return &spec;
    }
  }
  return nullptr;
}

/// The place of the "=" of a title, outside backquotes and before the parenthesis.
size_t title_end(std::string_view text) {
  const size_t open = text.find('(');
  const size_t equals = text.find('=');
  return equals < open ? equals : std::string_view::npos;
}

}  // namespace

std::string_view without_title(std::string_view text) {
  const size_t equals = title_end(text);
  return trimmed(equals == std::string_view::npos ? text : text.substr(equals + 1));
}

ParsedAggregate parse_aggregate(std::string_view text) {
  const std::string_view rest = without_title(text);
  AggregateCall call;
  const size_t equals = title_end(text);
  if (equals != std::string_view::npos) {
    call.title = trimmed(text.substr(0, equals));
    if (call.title.empty()) return bad_form(text, "write a name before \"=\"");
  }
  const size_t open = rest.find('(');
  const std::string_view name = trimmed(rest.substr(0, open));
  if (name.empty()) return bad_form(text, "write the aggregate's name before \"(\"");
  call.spec = find_aggregate(name, call.share);
  if (call.spec == nullptr) return unknown_function(name);
  if (open == std::string_view::npos || rest.back() != ')') {
    return bad_form(text, "write it as " + call.spec->usage);
  }
  std::string_view arguments = trimmed(rest.substr(open + 1, rest.size() - open - 2));
  const bool optional_column = call.spec->arguments == AggregateArguments::kColumnOrNothing;
  std::string share_text;
  if (!arguments.empty() || !optional_column) {
    const std::optional<std::string> column = take_column(arguments);
    if (!column) return bad_form(text, "write it as " + call.spec->usage);
    call.column = *column;
    if (call.spec->arguments == AggregateArguments::kColumnAndShare) {
      if (arguments.empty() || arguments.front() != ',') {
        return bad_form(text, "write it as " + call.spec->usage);
      }
      share_text = trimmed(arguments.substr(1));
      const std::optional<QuantileShare> share = parse_share(share_text, 1);
      if (!share) return bad_form(text, "give a share from 0 to 1, like quantile(ms, 0.99)");
      call.share = *share;
    } else if (!arguments.empty()) {
      return bad_form(text, "write it as " + call.spec->usage +
                                "; put a column name with a comma in backquotes");
    }
  }
  if (call.title.empty()) {
    call.title = std::string(name);
    if (!call.column.empty()) {
      call.title += "(" + call.column + (share_text.empty() ? "" : ", " + share_text) + ")";
    }
  }
  return {.call = std::move(call), .problem = {}};
}

// ---- the plan

size_t AggregatePlan::input_of(const ColumnRef& column) {
  for (size_t i = 0; i < inputs_.size(); ++i) {
    if (inputs_[i].column.slot == column.slot) return i;
  }
  inputs_.push_back({.column = column, .states = {}});
  return inputs_.size() - 1;
}

void AggregatePlan::need_state(size_t input, StateKind kind) {
  for (const size_t state : inputs_[input].states) {
    if (states_[state].kind == kind) return;
  }
  inputs_[input].states.push_back(states_.size());
  states_.push_back({.kind = kind, .input = input, .first_word = words_});
  words_ += make_aggregate_state(kind, inputs_[input].column.type, distinct_limit_)->words();
}

std::optional<AggregatePlan> AggregatePlan::bind(const std::vector<AggregateCall>& calls,
                                                 Binder& binder, int line,
                                                 uint32_t distinct_limit) {
  AggregatePlan plan;
  plan.distinct_limit_ = distinct_limit;
  bool good = true;
  for (const AggregateCall& call : calls) {
    Output output{.call = call};
    if (!call.column.empty()) {
      const std::optional<ColumnRef> column = binder.use(call.column, line, call.spec->types);
      if (!column) {
        good = false;
        continue;
      }
      output.input = plan.input_of(*column);
      for (const StateKind kind : call.spec->states) plan.need_state(*output.input, kind);
      output.type = call.spec->result(column->type);
    } else {
      output.type = call.spec->result(Type::kInt);
    }
    plan.outputs_.push_back(std::move(output));
  }
  if (!good) return std::nullopt;
  return plan;
}

// ---- the states of all groups

Aggregates::Aggregates(const AggregatePlan& plan) : plan_(plan), nulls_(plan.inputs_.size()) {
  states_.reserve(plan.states_.size());
  for (const AggregatePlan::State& state : plan.states_) {
    const Type type = plan.inputs_[state.input].column.type;
    states_.push_back(make_aggregate_state(state.kind, type, plan.distinct_limit_));
  }
  for (const AggregatePlan::Input& input : plan.inputs_) {
    float_states_.push_back(float_states_of(input));
  }
}

FloatStates Aggregates::float_states_of(const AggregatePlan::Input& input) const {
  FloatStates found;
  if (input.column.type != Type::kFloat) return found;
  for (const size_t state : input.states) {
    const size_t word = plan_.states_[state].first_word;
    switch (plan_.states_[state].kind) {
      case StateKind::kSum:
        found.sum = static_cast<FloatSums*>(states_[state].get());
        found.sum_word = word;
        break;
      case StateKind::kMin:
        found.smallest = static_cast<NumberExtremes*>(states_[state].get());
        found.smallest_word = word;
        break;
      case StateKind::kMax:
        found.largest = static_cast<NumberExtremes*>(states_[state].get());
        found.largest_word = word;
        break;
      default:
        break;
    }
  }
  return found;
}

void Aggregates::make_room(size_t groups) {
  if (groups <= groups_) return;
  groups_ = groups;
  for (const std::unique_ptr<AggregateState>& state : states_) state->make_room(groups);
}

void Aggregates::make_room_for_nulls(size_t input) {
  if (nulls_[input].size() < groups_) nulls_[input].resize(groups_);
}

void Aggregates::add_nulls(size_t input, uint32_t group, uint64_t nulls) {
  make_room_for_nulls(input);
  nulls_[input][group] += nulls;
}

uint64_t Aggregates::nulls(size_t input, uint32_t group) const {
  return group < nulls_[input].size() ? nulls_[input][group] : 0;
}

namespace {

/// Copies the values of the block's rows that are not null, with their groups; the others are
/// counted in `nulls`, by group. Nothing is foretold: what is null stays where the next one goes.
template <typename To, typename From>
size_t gather(const From* from, const Column& column, const RowBlock& block, const uint32_t* groups,
              To* values, uint32_t* kept_groups, uint64_t* nulls) {
  if (!column.has_nulls) {
    for (size_t i = 0; i < block.count; ++i) values[i] = static_cast<To>(from[block.row(i)]);
    std::copy_n(groups, block.count, kept_groups);
    return block.count;
  }
  size_t count = 0;
  for (size_t i = 0; i < block.count; ++i) {
    const size_t row = block.row(i);
    const bool is_null = column.null[row] != 0;
    values[count] = static_cast<To>(from[row]);
    kept_groups[count] = groups[i];
    nulls[groups[i]] += is_null ? 1 : 0;
    count += is_null ? 0 : 1;
  }
  return count;
}

/// True for a table without keys, and for many blocks of sorted input.
bool is_one_group(const uint32_t* groups, size_t count) {
  if (count == 0 || groups[0] != groups[count - 1]) return false;
  uint32_t others = 0;
  for (size_t i = 0; i < count; ++i) others |= groups[i] ^ groups[0];
  return others == 0;
}

}  // namespace

ValueBlock Aggregates::values_of(size_t input, const Column& column, const RowBlock& block,
                                 const uint32_t* groups, AggregateScratch& scratch) {
  const bool as_it_is = block.list == nullptr && !column.has_nulls;
  ValueBlock values{.groups = groups, .count = block.count, .one_group = scratch.one_group};
  const auto gather_into = [&](const auto* from, auto& to) {
    grow_to(to, block.count);
    grow_to(scratch.groups, block.count);
    if (column.has_nulls) make_room_for_nulls(input);
    values.count =
        gather(from, column, block, groups, to.data(), scratch.groups.data(), nulls_[input].data());
    values.groups = scratch.groups.data();
    return to.data();
  };
  switch (column.type) {
    case Type::kFloat:
      values.floats = as_it_is ? column.floats.data() + block.first
                               : gather_into(column.floats.data(), scratch.floats);
      break;
    case Type::kInt:
    case Type::kTime:
      values.ints = as_it_is ? column.ints.data() + block.first
                             : gather_into(column.ints.data(), scratch.ints);
      break;
    case Type::kBool:
      values.ints = gather_into(column.bools.data(), scratch.ints);
      break;
    case Type::kText:
      values.texts = as_it_is ? column.text.data() + block.first
                              : gather_into(column.text.data(), scratch.texts);
      break;
  }
  return values;
}

void Aggregates::add(const Batch& batch, const RowBlock& block, const uint32_t* groups,
                     const GroupTable& table, AggregateScratch& scratch) {
  make_room(table.size());
  const StateWords words = table.state();
  scratch.one_group = is_one_group(groups, block.count);
  bool counted = scratch.one_group;
  if (scratch.one_group) *words.at(groups[0]) += block.count;
  for (size_t input = 0; input < plan_.inputs_.size(); ++input) {
    const AggregatePlan::Input& plan = plan_.inputs_[input];
    const Column& column = batch.columns[plan.column.slot];
    SHARDMILL_CHECK(column.type == plan.column.type);
    const ValueBlock values = values_of(input, column, block, groups, scratch);
    const FloatStates& together = float_states_[input];
    const bool is_together = together.any() && !scratch.one_group;
    if (is_together) {
      const bool counts = !counted && values.groups == groups;  // each row has a value
      together.add(values, words, counts ? 1 : 0);
      counted = counted || counts;
    }
    for (const size_t state : plan.states) {
      const StateKind kind = plan_.states_[state].kind;
      if (is_together && FloatStates::has(kind)) continue;
      states_[state]->add(values, words.from(plan_.states_[state].first_word));
    }
  }
  if (counted) return;
  for (size_t i = 0; i < block.count; ++i) ++*words.at(groups[i]);
}

void Aggregates::merge(const GroupTable& table, Aggregates& other, const GroupTable& other_table,
                       const GroupMapping& mapping) {
  make_room(table.size());
  other.make_room(other_table.size());
  const StateWords words = table.state();
  const StateWords others = other_table.state();
  for (size_t i = 0; i < mapping.count; ++i) {
    const uint32_t there = static_cast<uint32_t>(mapping.first + i);
    *words.at(mapping.into[i]) += *others.at(there);
    for (size_t input = 0; input < nulls_.size(); ++input) {
      const uint64_t count = other.nulls(input, there);
      if (count > 0) add_nulls(input, mapping.into[i], count);
    }
  }
  for (size_t state = 0; state < states_.size(); ++state) {
    const size_t first_word = plan_.states_[state].first_word;
    states_[state]->merge(words.from(first_word), *other.states_[state], others.from(first_word),
                          mapping);
  }
}

void Aggregates::encode(const GroupTable& table, std::span<const uint32_t> groups,
                        ByteWriter& writer) const {
  for (const std::unique_ptr<AggregateState>& state : states_) state->make_room(table.size());
  const StateWords words = table.state();
  for (const uint32_t group : groups) {
    writer.varint(*words.at(group));
    for (size_t input = 0; input < nulls_.size(); ++input) writer.varint(nulls(input, group));
  }
  for (size_t state = 0; state < states_.size(); ++state) {
    states_[state]->encode(words.from(plan_.states_[state].first_word), groups, writer);
  }
}

void Aggregates::decode(const GroupTable& table, ByteReader& reader) {
  make_room(table.size());
  const StateWords words = table.state();
  for (uint32_t group = 0; group < table.size() && !reader.failed(); ++group) {
    const uint64_t records = reader.varint();
    *words.at(group) = records;
    for (size_t input = 0; input < nulls_.size(); ++input) {
      const uint64_t count = reader.varint();
      if (count > records) reader.fail();
      if (count > 0 && !reader.failed()) add_nulls(input, group, count);
    }
  }
  for (size_t state = 0; state < states_.size() && !reader.failed(); ++state) {
    states_[state]->decode(words.from(plan_.states_[state].first_word), table.size(), reader);
  }
}

GroupFacts Aggregates::facts_of(const AggregatePlan::Output& output,
                                const GroupTable& table) const {
  GroupFacts facts;
  facts.share = output.call.share;
  if (!output.input) return facts;
  const AggregatePlan::Input& input = plan_.inputs_[*output.input];
  facts.type = input.column.type;
  for (const size_t state : input.states) {
    const size_t kind = static_cast<size_t>(plan_.states_[state].kind);
    facts.states[kind] = states_[state].get();
    facts.words[kind] = table.state().from(plan_.states_[state].first_word);
  }
  return facts;
}

std::vector<TableColumn> Aggregates::finish(const GroupTable& table,
                                            std::span<const uint32_t> groups) const {
  for (const std::unique_ptr<AggregateState>& state : states_) state->make_room(table.size());
  std::vector<TableColumn> columns;
  for (const AggregatePlan::Output& output : plan_.outputs_) {
    TableColumn column;
    column.name = output.call.title;
    column.type = output.type;
    GroupFacts facts = facts_of(output, table);
    for (const uint32_t group : groups) {
      facts.group = group;
      facts.records = *table.state().at(group);
      facts.values = facts.records - (output.input ? nulls(*output.input, group) : 0);
      output.call.spec->finish(facts, column);
    }
    columns.push_back(std::move(column));
  }
  return columns;
}

size_t Aggregates::memory_bytes() const {
  size_t bytes = sizeof *this;
  for (const std::unique_ptr<AggregateState>& state : states_) bytes += state->held_bytes();
  for (const std::vector<uint64_t>& list : nulls_) bytes += list.capacity() * sizeof(uint64_t);
  return bytes;
}

}  // namespace shardmill
