// The table of aggregates: what each is called, needs, and says of a group.
#include <algorithm>
#include <limits>

#include "pipeline/base/text.h"
#include "stages/support/aggregate.h"
#include "stages/support/aggregate_sums.h"
#include "stages/support/moments.h"

namespace shardmill {

// ---- what each says of a group

namespace {

Type result_int(Type) {
  return Type::kInt;
}
Type result_float(Type) {
  return Type::kFloat;
}
Type result_same(Type column) {
  return column;
}

ExactSum float_total(const GroupFacts& facts, StateKind kind) {
  const size_t at = static_cast<size_t>(kind);
  return static_cast<const WindowedSums&>(*facts.states[at]).total(facts.words[at], facts.group);
}

void finish_count(const GroupFacts& facts, TableColumn& column) {
  column.add_int(static_cast<Int128>(facts.values));
}

void finish_sum(const GroupFacts& facts, TableColumn& column) {
  if (facts.values == 0) return column.add_null();
  if (facts.type == Type::kFloat) {
    column.add_float(float_total(facts, StateKind::kSum).rounded());
  } else {
    column.add_int(IntSums::total(facts.at(StateKind::kSum)));
  }
}

void finish_mean(const GroupFacts& facts, TableColumn& column) {
  if (facts.values == 0) return column.add_null();
  if (facts.type == Type::kFloat) {
    const ExactSum sum = float_total(facts, StateKind::kSum);
    column.add_float(sum.is_finite() ? mean_of(sum.value(), facts.values) : sum.not_finite());
  } else {
    column.add_float(mean_of(BigNumber(IntSums::total(facts.at(StateKind::kSum))), facts.values));
  }
}

/// Nothing if a value was not finite.
std::optional<Moments> moments_of(const GroupFacts& facts) {
  if (facts.type == Type::kFloat) {
    const ExactSum sum = float_total(facts, StateKind::kSum);
    if (!sum.is_finite()) return std::nullopt;
    return Moments{.count = facts.values,
                   .sum = sum.value(),
                   .squares = float_total(facts, StateKind::kSquares).value()};
  }
  return Moments{.count = facts.values,
                 .sum = BigNumber(IntSums::total(facts.at(StateKind::kSum))),
                 .squares = IntSquares::total(facts.at(StateKind::kSquares))};
}

template <double (*kOf)(const Moments&)>
void finish_spread(const GroupFacts& facts, TableColumn& column) {
  if (facts.values < 2) return column.add_null();
  const std::optional<Moments> moments = moments_of(facts);
  column.add_float(moments ? kOf(*moments) : std::numeric_limits<double>::quiet_NaN());
}

template <StateKind kKind>
void finish_extreme(const GroupFacts& facts, TableColumn& column) {
  if (facts.values == 0) return column.add_null();
  if (facts.type == Type::kText) {
    return column.add_text(facts.state<TextExtremes>(kKind).text(facts.group));
  }
  const NumberExtremes& state = facts.state<NumberExtremes>(kKind);
  const uint64_t* const words = facts.at(kKind);
  switch (facts.type) {
    case Type::kFloat:
      return NumberExtremes::has_number(words) ? column.add_float(state.number(words))
                                               : column.add_null();
    case Type::kBool:
      return column.add_bool(state.whole(words) != 0);
    default:
      return column.add_int(state.whole(words));
  }
}

void finish_quantile(const GroupFacts& facts, TableColumn& column) {
  const QuantileSketch& sketch = facts.state<Quantiles>(StateKind::kQuantiles).sketch(facts.group);
  const uint64_t count = sketch.count();
  if (count == 0) return column.add_null();
  column.error = "0.4% relative";
  const uint32_t bucket = sketch.bucket_at(quantile_rank(facts.share, count));
  const NumberExtremes& min = facts.state<NumberExtremes>(StateKind::kMin);
  const NumberExtremes& max = facts.state<NumberExtremes>(StateKind::kMax);
  const uint64_t* const min_words = facts.at(StateKind::kMin);
  const uint64_t* const max_words = facts.at(StateKind::kMax);
  if (facts.type == Type::kFloat) {
    const double middle = QuantileSketch::middle_of(bucket);
    column.add_float(std::min(std::max(middle, min.number(min_words)), max.number(max_words)));
  } else {
    const int64_t middle = QuantileSketch::whole_middle_of(bucket);
    column.add_int(std::min(std::max(middle, min.whole(min_words)), max.whole(max_words)));
  }
}

void finish_distinct(const GroupFacts& facts, TableColumn& column) {
  const Distincts& state = facts.state<Distincts>(StateKind::kDistinct);
  if (!state.is_exact(facts.group)) column.error = "0.8% relative (standard error)";
  column.add_int(static_cast<Int128>(state.count(facts.group)));
}

}  // namespace

// ---- the table

const std::vector<AggregateSpec>& all_aggregates() {
  using enum StateKind;
  static const std::vector<Type> numbers = {Type::kInt, Type::kFloat};
  static const std::vector<Type> any = {Type::kText, Type::kInt, Type::kFloat, Type::kBool,
                                        Type::kTime};
  static const std::vector<AggregateSpec> specs = {
      {.name = "count",
       .usage = "count(), count(column)",
       .doc = "Records of the group; with a column, its values that are not null.",
       .arguments = AggregateArguments::kColumnOrNothing,
       .types = any,
       .states = {},
       .result = result_int,
       .finish = finish_count},
      {.name = "sum",
       .usage = "sum(column)",
       .doc = "Exact: ints in 128 bits, floats added without rounding and rounded once.",
       .types = numbers,
       .states = {kSum},
       .result = result_same,
       .finish = finish_sum},
      {.name = "mean",
       .usage = "mean(column)",
       .doc = "The exact sum divided by the number of values, rounded once.",
       .types = numbers,
       .states = {kSum},
       .result = result_float,
       .finish = finish_mean},
      {.name = "min",
       .usage = "min(column)",
       .doc = "The smallest value; text by bytes, NaN passed over.",
       .types = any,
       .states = {kMin},
       .result = result_same,
       .finish = finish_extreme<kMin>},
      {.name = "max",
       .usage = "max(column)",
       .doc = "The largest value; text by bytes, NaN passed over.",
       .types = any,
       .states = {kMax},
       .result = result_same,
       .finish = finish_extreme<kMax>},
      {.name = "var",
       .usage = "var(column)",
       .doc = "The sample variance (divided by n - 1), exact before one rounding; null for fewer "
              "than two values.",
       .types = numbers,
       .states = {kSum, kSquares},
       .result = result_float,
       .finish = finish_spread<variance_of>},
      {.name = "std",
       .usage = "std(column)",
       .doc = "The sample standard deviation, exact before one rounding.",
       .types = numbers,
       .states = {kSum, kSquares},
       .result = result_float,
       .finish = finish_spread<deviation_of>},
      {.name = "median",
       .usage = "median(column)",
       .doc = "The same as p50.",
       .types = numbers,
       .states = {kQuantiles, kMin, kMax},
       .result = result_same,
       .finish = finish_quantile},
      {.name = "pNN",
       .usage = "p50(column), p99(column), p99.9(column)",
       .doc = "The percentile by nearest rank, within 0.4 % of the value (whole numbers below 256 "
              "exactly), never outside the exact minimum and maximum; NaN passed over.",
       .arguments = AggregateArguments::kShareInName,
       .types = numbers,
       .states = {kQuantiles, kMin, kMax},
       .result = result_same,
       .finish = finish_quantile},
      {.name = "quantile",
       .usage = "quantile(column, 0.99)",
       .doc = "The same for any share from 0 to 1.",
       .arguments = AggregateArguments::kColumnAndShare,
       .types = numbers,
       .states = {kQuantiles, kMin, kMax},
       .result = result_same,
       .finish = finish_quantile},
      {.name = "distinct",
       .usage = "distinct(column)",
       .doc = "How many different values that are not null: exact up to 256 in a group (65,536 "
              "without `by`), beyond that within 0.8 % (standard error).",
       .types = any,
       .states = {kDistinct},
       .result = result_int,
       .finish = finish_distinct},
  };
  return specs;
}

std::string aggregates_doc() {
  std::string doc = "| aggregate | of | gives |\n|---|---|---|\n";
  for (const AggregateSpec& spec : all_aggregates()) {
    std::vector<std::string> types;
    for (const Type type : spec.types) types.emplace_back(type_name(type));
    const std::string of = types.size() == 5 ? "any" : listed(types);
    doc += "| `" + spec.usage + "` | " + of + " | " + spec.doc + " |\n";
  }
  return doc;
}

}  // namespace shardmill
