// Every aggregate of the table, over every type of column that it takes: a new entry is tested
// here without a line.
#include "stages/support/aggregate.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "pipeline/core/stage.h"
#include "stages/support/exact_sum.h"
#include "stages/support/moments.h"

namespace shardmill {

StageSpec stage_group();

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr Type kTypes[] = {Type::kText, Type::kInt, Type::kFloat, Type::kBool, Type::kTime};

/// Ways to write an aggregate of the column x.
std::vector<std::string> calls_of(const AggregateSpec& spec) {
  switch (spec.arguments) {
    case AggregateArguments::kColumn:
      return {spec.name + "(x)"};
    case AggregateArguments::kColumnOrNothing:
      return {spec.name + "()", spec.name + "(x)"};
    case AggregateArguments::kColumnAndShare:
      return {spec.name + "(x, 0.25)"};
    case AggregateArguments::kShareInName:
      return {"p1(x)", "p99.9(x)"};
  }
  return {};
}

struct Row {
  bool key_is_null = false;
  std::string key;
  bool x_is_null = false;
  std::string text;
  int64_t whole = 0;
  double number = 0;
};

std::vector<Row> random_rows(std::mt19937_64& random, size_t count) {
  const double specials[] = {0.0,       -0.0,       1e300, -1e300,  1e-300,       5e-324,
                             kInfinity, -kInfinity, 1e200, -1e-200, std::nan("3")};
  const size_t keys = 1 + random() % 40;
  const bool with_specials = random() % 2 == 0;
  std::vector<Row> rows(count);
  for (Row& row : rows) {
    row.key = fmt::format("{}{}", random() % keys, random() % 2 == 0 ? "" : ", and a long tail");
    row.key_is_null = random() % 20 == 0;
    row.x_is_null = random() % 10 == 0;
    row.text = std::string(random() % 30, static_cast<char>('a' + random() % 26));
    row.whole = static_cast<int64_t>(random()) >> (random() % 64);
    row.number = static_cast<double>(random() % 100000) / 100 - 200;
    if (random() % 3 == 0) row.number = std::ldexp(row.number, static_cast<int>(random() % 400));
    if (with_specials && random() % 50 == 0) row.number = specials[random() % std::size(specials)];
  }
  return rows;
}

class End : public NextStage {
 public:
  Status pass(Batch& batch) override {
    passed += batch.selected();
    return {};
  }
  size_t passed = 0;
};

/// A group stage over the columns k (text) and x.
class Grouping {
 public:
  Grouping(std::vector<std::string> by, std::vector<std::string> compute, Type type) : type_(type) {
    Schema schema;
    schema.columns = {{.name = "k", .type = Type::kText, .slot = 0},
                      {.name = "x", .type = type, .slot = 1}};
    slots_.slots = {{.name = "k", .type = Type::kText, .used = false},
                    {.name = "x", .type = type, .used = false}};
    Options options;
    options.set("by", std::move(by), 1);
    options.set("compute", std::move(compute), 2);
    Binder binder(schema, slots_, {}, problems_);
    bound_ = stage_group().bind(options, binder);
  }

  const BoundStage& bound() const { return *bound_; }
  bool is_bound() const { return bound_ != nullptr; }
  std::string problem() const {
    return problems_.empty() ? "" : problems_.list()[0].message.text();
  }

  /// The rows in batches of random sizes, some of them with rows that are not selected.
  void add(const std::vector<Row>& rows, Partial& partial, std::mt19937_64& random) const {
    const std::unique_ptr<StageWorker> worker = bound_->make_worker();
    StageBooks books;
    const StageContext context{.books = &books, .partial = &partial};
    End end;
    for (size_t at = 0; at < rows.size();) {
      const size_t count = std::min<size_t>(rows.size() - at, 1 + random() % 700);
      Batch batch = batch_of(rows, at, count, random);
      EXPECT_TRUE(worker->process(batch, context, end).is_ok());
      at += count;
    }
    EXPECT_EQ(end.passed, rows.size());
  }

 private:
  Batch batch_of(const std::vector<Row>& rows, size_t first, size_t count,
                 std::mt19937_64& random) const {
    const bool with_gaps = random() % 2 == 0;
    const size_t step = with_gaps ? 2 : 1;
    Batch batch;
    batch.rows = count * step;
    batch.columns.resize(2);
    batch.columns[0].prepare(Type::kText, batch.rows);
    batch.columns[1].prepare(type_, batch.rows);
    batch.selection.all = !with_gaps;
    for (size_t i = 0; i < count; ++i) {
      const size_t row = i * step;
      if (with_gaps) batch.selection.rows.push_back(static_cast<uint32_t>(row));
      set(rows[first + i], row, batch.columns);
    }
    return batch;
  }

  void set(const Row& from, size_t row, std::vector<Column>& columns) const {
    Column& x = columns[1];
    columns[0].text[row] = from.key;
    if (from.key_is_null) columns[0].set_null(row);
    switch (type_) {
      case Type::kText:
        x.text[row] = from.text;
        break;
      case Type::kInt:
      case Type::kTime:
        x.ints[row] = from.whole;
        break;
      case Type::kFloat:
        x.floats[row] = from.number;
        break;
      case Type::kBool:
        x.bools[row] = from.whole & 1;
        break;
    }
    if (from.x_is_null) x.set_null(row);
  }

  Type type_;
  SlotPlan slots_;
  Problems problems_;
  std::unique_ptr<BoundStage> bound_;
};

std::string encoded(const Partial& partial) {
  ByteWriter writer;
  partial.encode(writer);
  return writer.take();
}

/// All that a table says, bit for bit.
std::string table_text(const Table& table) {
  std::string text;
  for (const TableColumn& column : table.columns) {
    text += fmt::format("{} {} {}:", column.name, type_name(column.type), column.error);
    for (size_t row = 0; row < column.size(); ++row) {
      if (column.null[row] != 0) {
        text += " null";
      } else if (column.type == Type::kText) {
        text += " " + column.text[row];
      } else if (column.type == Type::kFloat) {
        text += fmt::format(" {:x}", std::bit_cast<uint64_t>(column.floats[row]));
      } else if (column.type == Type::kBool) {
        text += fmt::format(" {}", column.bools[row]);
      } else {
        text += fmt::format(" {}:{}", static_cast<int64_t>(column.ints[row] >> 64),
                            static_cast<uint64_t>(column.ints[row]));
      }
    }
    text += "\n";
  }
  return text;
}

struct AggregateCase {
  std::string label;
  std::string call;
  Type type = Type::kInt;
};

void PrintTo(const AggregateCase& test, std::ostream* out) {
  *out << test.label;
}

std::vector<AggregateCase> all_cases() {
  std::vector<AggregateCase> cases;
  for (const AggregateSpec& spec : all_aggregates()) {
    for (const Type type : kTypes) {
      if (std::find(spec.types.begin(), spec.types.end(), type) == spec.types.end()) continue;
      for (const std::string& call : calls_of(spec)) {
        const std::string label = fmt::format("{}_{}_{}", spec.name, type_name(type), cases.size());
        cases.push_back({.label = label, .call = call, .type = type});
      }
    }
  }
  return cases;
}

class EveryAggregate : public testing::TestWithParam<AggregateCase> {};

TEST_P(EveryAggregate, IsAFunctionOfTheMultisetWhateverTheOrderAndThePartition) {
  std::mt19937_64 random(42);
  for (const bool keyed : {true, false}) {
    const Grouping grouping(keyed ? std::vector<std::string>{"k"} : std::vector<std::string>{},
                            {GetParam().call}, GetParam().type);
    ASSERT_TRUE(grouping.is_bound()) << grouping.problem();
    for (size_t round = 0; round < 12; ++round) {
      std::vector<Row> rows = random_rows(random, random() % (round == 0 ? 1 : 3000));
      const std::unique_ptr<Partial> whole = grouping.bound().make_partial();
      grouping.add(rows, *whole, random);

      std::shuffle(rows.begin(), rows.end(), random);
      std::vector<std::vector<Row>> shares(1 + random() % 6);
      for (const Row& row : rows) shares[random() % shares.size()].push_back(row);
      std::vector<std::unique_ptr<Partial>> parts;
      for (const std::vector<Row>& share : shares) {
        parts.push_back(grouping.bound().make_partial());
        grouping.add(share, *parts.back(), random);
      }
      while (parts.size() > 1) {
        std::shuffle(parts.begin(), parts.end(), random);
        if (random() % 2 == 0) {  // as if it had travelled between ranks
          const std::string bytes = encoded(*parts[1]);
          parts[1] = grouping.bound().make_partial();
          ByteReader reader(bytes);
          ASSERT_TRUE(parts[1]->decode(reader).is_ok());
          ASSERT_TRUE(reader.done());
          ASSERT_EQ(encoded(*parts[1]), bytes);
        }
        parts[1]->merge(std::move(*parts[0]));
        parts.erase(parts.begin());
      }
      ASSERT_EQ(encoded(*parts[0]), encoded(*whole)) << round;
      ASSERT_EQ(table_text(grouping.bound().finish(*parts[0])[0]),
                table_text(grouping.bound().finish(*whole)[0]));
      EXPECT_GT(whole->memory_bytes(), 0u);
    }
  }
}

TEST_P(EveryAggregate, RefusesDamagedBytes) {
  std::mt19937_64 random(43);
  const Grouping grouping({"k"}, {GetParam().call}, GetParam().type);
  const std::unique_ptr<Partial> partial = grouping.bound().make_partial();
  grouping.add(random_rows(random, 60), *partial, random);
  const std::string bytes = encoded(*partial);
  for (size_t size = 0; size < bytes.size(); size += 1 + random() % 3) {
    ByteReader reader(std::string_view(bytes).substr(0, size));
    EXPECT_FALSE(grouping.bound().make_partial()->decode(reader).is_ok()) << size;
  }
  for (size_t i = 0; i < 2000; ++i) {  // whatever it makes of it, it must not crash
    std::string damaged = bytes;
    for (size_t j = 0; j < 1 + i % 3; ++j) {
      damaged[random() % damaged.size()] = static_cast<char>(random());
    }
    ByteReader reader(damaged);
    const std::unique_ptr<Partial> decoded = grouping.bound().make_partial();
    if (!decoded->decode(reader).is_ok()) continue;
    const Table table = grouping.bound().finish(*decoded)[0];
    EXPECT_EQ(table.columns[0].size(), table.columns[1].size());
  }
}

TEST_P(EveryAggregate, SaysNothingOrZeroOfAGroupWithoutValues) {
  std::mt19937_64 random(44);
  const Grouping grouping({}, {GetParam().call}, GetParam().type);
  std::vector<Row> rows(5);
  for (Row& row : rows) row.x_is_null = true;
  for (const std::vector<Row>& some : {std::vector<Row>(), rows}) {
    const std::unique_ptr<Partial> partial = grouping.bound().make_partial();
    grouping.add(some, *partial, random);
    const Table table = grouping.bound().finish(*partial)[0];
    ASSERT_EQ(table.row_count(), 1u);
    const TableColumn& column = table.columns[0];
    EXPECT_EQ(column.error, "");
    if (column.null[0] == 0) {
      const size_t expected = GetParam().call == "count()" ? some.size() : 0;
      EXPECT_EQ(static_cast<size_t>(column.ints.at(0)), expected);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(AllTypes, EveryAggregate, testing::ValuesIn(all_cases()),
                         [](const auto& test) { return test.param.label; });

/// The one row of a table without `by`.
Table totals(const std::vector<Row>& rows, std::vector<std::string> compute, Type type) {
  std::mt19937_64 random(45);
  const Grouping grouping({}, std::move(compute), type);
  EXPECT_TRUE(grouping.is_bound()) << grouping.problem();
  const std::unique_ptr<Partial> partial = grouping.bound().make_partial();
  grouping.add(rows, *partial, random);
  return grouping.bound().finish(*partial)[0];
}

TEST(Aggregates, OfIntsAreWhatPlainWideArithmeticSays) {
  std::mt19937_64 random(46);
  std::vector<Row> rows = random_rows(random, 2000);
  for (Row& row : rows) row.whole = static_cast<int64_t>(random());  // squares beyond 128 bits
  Int128 sum = 0;
  int64_t min = std::numeric_limits<int64_t>::max();
  int64_t max = std::numeric_limits<int64_t>::min();
  std::set<int64_t> distinct;
  size_t count = 0;
  long double mean = 0;
  long double squares = 0;
  for (const Row& row : rows) {
    if (row.x_is_null) continue;
    sum += row.whole;
    min = std::min(min, row.whole);
    max = std::max(max, row.whole);
    distinct.insert(row.whole);
    ++count;
  }
  mean = static_cast<long double>(sum) / static_cast<long double>(count);
  for (const Row& row : rows) {
    const long double off = static_cast<long double>(row.whole) - mean;
    if (!row.x_is_null) squares += off * off;
  }
  const Table table =
      totals(rows, {"count()", "count(x)", "sum(x)", "min(x)", "max(x)", "distinct(x)", "var(x)"},
             Type::kInt);
  EXPECT_EQ(static_cast<size_t>(table.columns[0].ints[0]), rows.size());
  EXPECT_EQ(static_cast<size_t>(table.columns[1].ints[0]), count);
  EXPECT_TRUE(table.columns[2].ints[0] == sum);
  EXPECT_TRUE(table.columns[3].ints[0] == min);
  EXPECT_TRUE(table.columns[4].ints[0] == max);
  EXPECT_EQ(static_cast<size_t>(table.columns[5].ints[0]), distinct.size());
  const double variance = static_cast<double>(squares / static_cast<long double>(count - 1));
  EXPECT_NEAR(table.columns[6].floats[0] / variance, 1, 1e-12);
}

std::vector<Row> rows_of(const std::vector<double>& numbers) {
  std::vector<Row> rows(numbers.size());
  for (size_t i = 0; i < numbers.size(); ++i) rows[i].number = numbers[i];
  return rows;
}

TEST(Aggregates, SumsOfFloatsAreExactInEveryWindow) {
  std::mt19937_64 random(47);
  // Magnitudes on both sides of every limit of the fast paths, each list in one magnitude or mixed.
  for (int exponent = -90; exponent <= 90; ++exponent) {
    std::vector<double> numbers;
    ExactSum expected;
    ExactSum squares;
    for (size_t i = 0; i < 300; ++i) {
      const double unit = static_cast<double>(random() >> 11) * 0x1p-53 - 0.5;
      const int scale = exponent % 3 == 0 ? static_cast<int>(random() % 180) - 90 : exponent;
      numbers.push_back(std::ldexp(unit, scale));
      expected.add(numbers.back());
      squares.add_square(numbers.back());
    }
    const Table table = totals(rows_of(numbers), {"sum(x)", "var(x)"}, Type::kFloat);
    EXPECT_EQ(table.columns[0].floats[0], expected.rounded()) << exponent;
    const Moments moments{.count = 300, .sum = expected.value(), .squares = squares.value()};
    EXPECT_EQ(table.columns[1].floats[0], variance_of(moments)) << exponent;
  }
}

TEST(Aggregates, SumsOfFloatsOutgrowTheirWindow) {
  const std::vector<double> numbers(100000, 0x1p46 + 0.25);  // beyond 2^48 after four
  const Table table = totals(rows_of(numbers), {"sum(x)", "mean(x)", "var(x)"}, Type::kFloat);
  EXPECT_EQ(table.columns[0].floats[0], 100000 * (0x1p46 + 0.25));
  EXPECT_EQ(table.columns[1].floats[0], 0x1p46 + 0.25);
  EXPECT_EQ(table.columns[2].floats[0], 0);
}

TEST(Aggregates, NanAndInfinitiesFollowTheirRules) {
  const double nan = std::nan("");
  Table table = totals(rows_of({1, nan, -3}), {"min(x)", "max(x)", "sum(x)", "p50(x)", "std(x)"},
                       Type::kFloat);
  EXPECT_EQ(table.columns[0].floats[0], -3);
  EXPECT_EQ(table.columns[1].floats[0], 1);
  EXPECT_TRUE(std::isnan(table.columns[2].floats[0]));
  EXPECT_EQ(table.columns[3].floats[0], -3);
  EXPECT_TRUE(std::isnan(table.columns[4].floats[0]));
  table = totals(rows_of({nan, nan}), {"min(x)", "max(x)", "p50(x)", "distinct(x)"}, Type::kFloat);
  EXPECT_EQ(table.columns[0].null[0] + table.columns[1].null[0] + table.columns[2].null[0], 3);
  EXPECT_EQ(static_cast<int>(table.columns[3].ints[0]), 1);
  table = totals(rows_of({5, -kInfinity, kInfinity}), {"min(x)", "max(x)", "p99(x)"}, Type::kFloat);
  EXPECT_EQ(table.columns[0].floats[0], -kInfinity);
  EXPECT_EQ(table.columns[1].floats[0], kInfinity);
  EXPECT_EQ(table.columns[2].floats[0], kInfinity);
}

TEST(Aggregates, ZeroHasOneFormWhateverItsSign) {
  const Table table =
      totals(rows_of({-0.0, 0.0}),
             {"sum(x)", "min(x)", "max(x)", "mean(x)", "p50(x)", "distinct(x)"}, Type::kFloat);
  for (size_t i = 0; i < 5; ++i) EXPECT_FALSE(std::signbit(table.columns[i].floats[0])) << i;
  EXPECT_EQ(static_cast<int>(table.columns[5].ints[0]), 1);
}

TEST(Aggregates, QuantilesStayBetweenMinimumAndMaximumAndSayTheirError) {
  const Table table = totals(rows_of({5.01, 5.02}),
                             {"p0(x)", "median(x)", "p100(x)", "quantile(x, 1)"}, Type::kFloat);
  EXPECT_EQ(table.columns[0].floats[0], 5.015625);  // the middle of the bucket of both
  EXPECT_EQ(table.columns[1].error, "0.4% relative");
  const Table one = totals(rows_of({5.01}), {"p50(x)"}, Type::kFloat);
  EXPECT_EQ(one.columns[0].floats[0], 5.01);
}

TEST(Aggregates, DistinctSaysItsErrorOnlyWhereItEstimates) {
  std::vector<Row> rows(70000);
  for (size_t i = 0; i < rows.size(); ++i) rows[i].whole = static_cast<int64_t>(i / 2);
  Table table = totals(rows, {"distinct(x)"}, Type::kInt);
  EXPECT_EQ(static_cast<int>(table.columns[0].ints[0]), 35000);
  EXPECT_EQ(table.columns[0].error, "");
  for (size_t i = 0; i < rows.size(); ++i) rows[i].whole = static_cast<int64_t>(i);
  table = totals(rows, {"distinct(x)"}, Type::kInt);
  EXPECT_NEAR(static_cast<double>(table.columns[0].ints[0]), 70000, 70000 * 0.04);
  EXPECT_EQ(table.columns[0].error, "0.8% relative (standard error)");
}

TEST(AggregateText, IsReadWithSpacesNamesAndOddColumns) {
  struct Case {
    std::string text;
    std::string title;
    std::string column;
  };
  const Case cases[] = {
      {"count()", "count", ""},
      {" count ( ) ", "count", ""},
      {"sum( price )", "sum(price)", "price"},
      {"total = sum(price)", "total", "price"},
      {"max(user.age in years)", "max(user.age in years)", "user.age in years"},
      {"max(`odd, (name) = x`)", "max(odd, (name) = x)", "odd, (name) = x"},
      {"p99.9(ms)", "p99.9(ms)", "ms"},
      {"p99_9(ms)", "p99_9(ms)", "ms"},
      {"quantile(ms,0.5)", "quantile(ms, 0.5)", "ms"},
  };
  for (const Case& test : cases) {
    const ParsedAggregate parsed = parse_aggregate(test.text);
    ASSERT_TRUE(parsed.call.has_value()) << test.text << ": " << parsed.problem.text();
    EXPECT_EQ(parsed.call->title, test.title);
    EXPECT_EQ(parsed.call->column, test.column);
  }
  EXPECT_EQ(parse_aggregate("p99_9(ms)").call->share.numerator, 999u);
  EXPECT_EQ(parse_aggregate("p99_9(ms)").call->share.denominator, 1000u);
}

TEST(AggregateText, MistakesAreNamedWithAWayToMendThem) {
  struct Case {
    std::string text;
    std::string message;
  };
  const Case cases[] = {
      {"meen(x)",
       "there is no aggregate \"meen\", expected one of count, sum, mean, min, max, var, std, "
       "median, quantile, distinct, p50, p99.9; did you mean \"mean\"?"},
      {"p101(x)",
       "there is no aggregate \"p101\", expected one of count, sum, mean, min, max, var, std, "
       "median, quantile, distinct, p50, p99.9; choose one of these"},
      {"sum",
       "compute has \"sum\", expected an aggregate like \"sum(price)\" or \"total = sum(price)\"; "
       "write it as sum(column)"},
      {"sum()",
       "compute has \"sum()\", expected an aggregate like \"sum(price)\" or \"total = "
       "sum(price)\"; write it as sum(column)"},
      {"sum(a, b)",
       "compute has \"sum(a, b)\", expected an aggregate like \"sum(price)\" or \"total = "
       "sum(price)\"; write it as sum(column); put a column name with a comma in backquotes"},
      {"= sum(a)",
       "compute has \"= sum(a)\", expected an aggregate like \"sum(price)\" or \"total = "
       "sum(price)\"; write a name before \"=\""},
      {"quantile(ms, 2)",
       "compute has \"quantile(ms, 2)\", expected an aggregate like \"sum(price)\" or \"total = "
       "sum(price)\"; give a share from 0 to 1, like quantile(ms, 0.99)"},
      {"",
       "compute has \"\", expected an aggregate like \"sum(price)\" or \"total = sum(price)\"; "
       "write the aggregate's name before \"(\""},
  };
  for (const Case& test : cases) {
    const ParsedAggregate parsed = parse_aggregate(test.text);
    EXPECT_FALSE(parsed.call.has_value()) << test.text;
    EXPECT_EQ(parsed.problem.text(), test.message);
  }
}

TEST(AggregateText, AColumnOfTheWrongTypeIsAProblemOfThePlan) {
  const Grouping of_text({"k"}, {"sum(x)"}, Type::kText);
  EXPECT_FALSE(of_text.is_bound());
  EXPECT_EQ(of_text.problem(),
            "column \"x\" is text, expected int or float; set its type where it is made, for "
            "instance types = { x = \"int\" }");
  const Grouping unknown({"k"}, {"sum(y)"}, Type::kInt);
  EXPECT_FALSE(unknown.is_bound());
  EXPECT_NE(unknown.problem().find("there is no column \"y\" here"), std::string::npos);
  const Grouping twice({"k"}, {"sum(x)", "k = max(x)"}, Type::kInt);
  EXPECT_FALSE(twice.is_bound());
  EXPECT_EQ(twice.problem(),
            "two columns of the table would be named \"k\", expected different names; name one of "
            "them, for instance \"other = max(x)\"");
}

TEST(AggregateText, TheDocsNameEveryAggregate) {
  const std::string doc = aggregates_doc();
  for (const AggregateSpec& spec : all_aggregates()) {
    EXPECT_NE(doc.find(spec.usage), std::string::npos);
    EXPECT_NE(doc.find(spec.doc), std::string::npos);
  }
}

/// The state of a single group after the values were added.
std::string state_of(StateKind kind, const std::vector<double>& values, size_t at_once,
                     bool one_group) {
  const std::unique_ptr<AggregateState> state = make_aggregate_state(kind, Type::kFloat, 1);
  std::vector<uint64_t> words(state->words());
  const StateWords record{words.data(), words.size()};
  const std::vector<uint32_t> groups(at_once, 0);
  state->make_room(1);
  for (size_t at = 0; at < values.size(); at += at_once) {
    state->add({.floats = values.data() + at,
                .groups = groups.data(),
                .count = std::min(at_once, values.size() - at),
                .one_group = one_group},
               record);
  }
  ByteWriter writer;
  state->encode(record, {groups.data(), 1}, writer);
  return writer.take();
}

TEST(AggregateState, TakesManyValuesOfOneGroupAsItTakesEach) {
  std::mt19937_64 random(5);
  for (int round = 0; round < 200; ++round) {
    const int spread = 1 + static_cast<int>(random() % (round % 2 == 0 ? 20 : 1000));
    std::vector<double> values;
    for (size_t i = 0; i < 600; ++i) {
      const double value = static_cast<double>(static_cast<int64_t>(random()) >> (random() % 64));
      values.push_back(std::ldexp(value, static_cast<int>(random() % spread) - spread / 2));
    }
    for (const double special : {0.0, -0.0, kInfinity, -kInfinity, std::nan(""), 5e-324, 1e308}) {
      if (round % 3 == 0) values[random() % values.size()] = special;
    }
    if (round % 10 == 0) values.assign(300, round % 20 == 0 ? std::nan("") : -kInfinity);
    for (const StateKind kind :
         {StateKind::kSum, StateKind::kSquares, StateKind::kMin, StateKind::kMax}) {
      const std::string each = state_of(kind, values, 1, false);
      EXPECT_EQ(state_of(kind, values, 256, true), each) << round;
      EXPECT_EQ(state_of(kind, values, 600, true), each) << round;
      EXPECT_EQ(state_of(kind, values, 256, false), each) << round;
    }
  }
}

}  // namespace
}  // namespace shardmill
