#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <random>

#include "pipeline/plan/plan.h"
#include "tests/support/stage_runner.h"

namespace shardmill {

StageSpec stage_histogram();

namespace {

using testing::ElementsAre;

StageRun histogram(StageSettings settings, const TestColumn& column) {
  settings.emplace_back("column", column.name);
  return run_stage(stage_histogram(), settings, {column});
}

TEST(Histogram, EveryFloatIsInTheBinWhoseEdgesTheTableShows) {
  std::mt19937_64 random(1);
  std::uniform_real_distribution<double> values(-5, 5);
  for (const double width : {0.1, 0.3, 1.0 / 3, 0.7, 2.5}) {
    std::vector<double> numbers;
    std::vector<std::optional<double>> column;
    for (int i = 0; i < 3000; ++i) {
      // Many multiples of the width, where rounding decides.
      const double value = i % 2 == 0 ? values(random) : width * static_cast<double>(i % 41 - 20);
      numbers.push_back(value);
      column.emplace_back(value);
    }
    const StageRun run = histogram({{"width", width}}, float_column("x", column));
    ASSERT_EQ(run.tables.size(), 1u);
    const Table& table = run.tables[0];
    for (size_t row = 0; row < table.row_count(); ++row) {
      const double from = table.columns[0].floats[row];
      const double to = table.columns[1].floats[row];
      const auto inside = std::count_if(numbers.begin(), numbers.end(),
                                        [&](double x) { return x >= from && x < to; });
      EXPECT_EQ(table.columns[2].ints[row], inside) << from << " " << to;
    }
  }
}

TEST(Histogram, BinsOfDecimalWidthsBeginWherePeopleWriteThem) {
  const StageRun run =
      histogram({{"width", 0.1}}, float_column("x", {0.3, 0.6, 0.7, -0.3, 1.1, 0.2}));
  const Table& table = run.tables[0];
  const std::vector<double> edges = {-0.3, -0.2, -0.1, 0,   0.1, 0.2, 0.3, 0.4,
                                     0.5,  0.6,  0.7,  0.8, 0.9, 1,   1.1};
  EXPECT_EQ(table.columns[0].floats, edges);
  EXPECT_THAT(table.columns[2].ints, ElementsAre(1, 0, 0, 0, 0, 1, 1, 0, 0, 1, 1, 0, 0, 0, 1));
}

TEST(Histogram, BinsOfLargeNumbersAreAsWideAsAllOthers) {
  const StageRun run = histogram({{"width", 0.5}}, float_column("x", {901717499284663.75, 1e15}));
  const Table& table = run.tables[0];
  ASSERT_EQ(table.row_count(), 2u);
  EXPECT_EQ(table.columns[0].floats, (std::vector<double>{901717499284663.5, 1e15}));
  EXPECT_EQ(table.columns[1].floats, (std::vector<double>{901717499284664.0, 1e15 + 0.5}));
}

TEST(Histogram, IntsAreExactAtBothEnds) {
  const StageRun run = histogram(
      {{"width", 10.0}},
      int_column("n", {std::numeric_limits<int64_t>::min(), std::numeric_limits<int64_t>::max()}));
  const Table& table = run.tables[0];
  ASSERT_EQ(table.row_count(), 2u);
  EXPECT_EQ(table.columns[0].ints[0], static_cast<Int128>(INT64_MIN) - 2);
  EXPECT_EQ(table.columns[1].ints[1], static_cast<Int128>(INT64_MAX) + 3);
}

TEST(Histogram, CountsApartWhatHasNoBin) {
  const StageSpec spec = stage_histogram();
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const double infinity = std::numeric_limits<double>::infinity();
  const StageRun run = histogram(
      {{"width", 1.0}}, float_column("x", {0.5, std::nullopt, nan, infinity, 1e300, -1e300}));
  EXPECT_EQ(run.tables[0].row_count(), 1u);
  EXPECT_EQ(run.count(spec, "null"), 1u);
  EXPECT_EQ(run.count(spec, "nan"), 1u);
  EXPECT_EQ(run.count(spec, "above"), 2u);
  EXPECT_EQ(run.count(spec, "below"), 1u);
  const StageRun decades = histogram({{"per_decade", std::string("3")}},
                                     float_column("x", {0.0, -1.0, 5e-320, 1.9, 2.0}));
  EXPECT_EQ(decades.count(spec, "below"), 3u);
  EXPECT_EQ(decades.tables[0].row_count(), 2u);
}

TEST(Histogram, BinsHoldTheirLowerEdgeAndNotTheirUpperOne) {
  const StageSpec spec = stage_histogram();
  const StageRun run = histogram({{"bins", int64_t{4}}, {"min", 0.0}, {"max", 1.0}},
                                 float_column("x", {-0.0, 0.25, 0.5, 1.0, -5e-324, 0.9999}));
  EXPECT_THAT(run.tables[0].columns[2].ints, ElementsAre(1, 1, 1, 1));
  EXPECT_EQ(run.count(spec, "below"), 1u);
  EXPECT_EQ(run.count(spec, "above"), 1u);
}

/// 2^60 + 1 and 10^18 - 1 are no doubles.
TEST(Histogram, LargeIntsAreNotRounded) {
  constexpr int64_t kTen18 = 1'000'000'000'000'000'000;
  const StageRun decades = histogram({{"per_decade", std::string("1")}},
                                     int_column("n", {kTen18 - 1, kTen18, INT64_MAX}));
  EXPECT_THAT(decades.tables[0].columns[0].floats, ElementsAre(1e17, 1e18));
  EXPECT_THAT(decades.tables[0].columns[2].ints, ElementsAre(1, 2));
  constexpr int64_t kEdge = int64_t{1} << 60;
  const StageRun wide = histogram({{"bins", int64_t{2}}, {"min", 0.0}, {"max", 0x1p61}},
                                  int_column("n", {kEdge - 1, kEdge, kEdge + 1}));
  EXPECT_THAT(wide.tables[0].columns[2].ints, ElementsAre(1, 2));
  // Edges that are rounded themselves, and values next to them.
  const double width = 0x1p40 + 0.5;
  std::vector<int64_t> numbers;
  std::vector<std::optional<int64_t>> column;
  for (int i = 1'000'000; i < 1'000'050; ++i) {
    for (int64_t step = -1; step <= 1; ++step) {
      numbers.push_back(static_cast<int64_t>(i * width) + step);
      column.emplace_back(numbers.back());
    }
  }
  const StageRun odd = histogram({{"width", width}}, int_column("n", column));
  const Table& table = odd.tables[0];
  for (size_t row = 0; row < table.row_count(); ++row) {
    const auto inside = std::count_if(numbers.begin(), numbers.end(), [&](int64_t n) {
      const auto exact = static_cast<long double>(n);
      return exact >= table.columns[0].floats[row] && exact < table.columns[1].floats[row];
    });
    EXPECT_EQ(table.columns[2].ints[row], inside);
  }
}

/// Steps smaller than what doubles tell apart must not make edges fall.
TEST(Histogram, EdgesRiseHoweverCloseTheyAre) {
  const StageSpec spec = stage_histogram();
  std::vector<std::optional<double>> values;
  for (int i = 0; i < 8; ++i) values.emplace_back(1e15 + i * 0.125);
  const StageRun run = histogram({{"bins", int64_t{1000}}, {"min", 1e15}, {"max", 1e15 + 1}},
                                 float_column("x", values));
  const Table& table = run.tables[0];
  Int128 counted = 0;
  for (size_t row = 0; row < table.row_count(); ++row) {
    counted += table.columns[2].ints[row];
    EXPECT_LE(table.columns[0].floats[row], table.columns[1].floats[row]);
    const double before = table.columns[1].floats[row > 0 ? row - 1 : 0];
    EXPECT_TRUE(row == 0 || table.columns[0].floats[row] == before);
  }
  EXPECT_EQ(counted, 8);
  EXPECT_EQ(run.count(spec, "below") + run.count(spec, "above"), 0u);
}

TEST(Histogram, SaysWhatIsMissingOrTooMuch) {
  const TestColumn number = int_column("n", {1});
  const TestColumn time = time_column("n", {"2026-01-31"});
  EXPECT_THAT(histogram({}, number).problems,
              ElementsAre("no bins are given, expected one of width (numbers), interval (times), "
                          "bins with min and max, or per_decade; write width = 10 for instance"));
  EXPECT_THAT(histogram({{"width", 1.0}, {"per_decade", std::string("1")}}, number).problems,
              ElementsAre("both width and per_decade are given, expected one of width (numbers), "
                          "interval (times), bins with min and max, or per_decade; leave one out"));
  EXPECT_THAT(histogram({{"bins", int64_t{3}}}, number).problems,
              ElementsAre("bins without min and max, expected the range that they divide; write "
                          "min = 0 and max = 100 for instance"));
  EXPECT_THAT(histogram({{"bins", int64_t{3}}, {"min", 2.0}, {"max", 1.0}}, number).problems,
              ElementsAre("max is 1, expected more than min, which is 2"));
  EXPECT_THAT(histogram({{"width", 1.0}, {"min", 2.0}}, number).problems,
              ElementsAre("min without bins, expected bins, min and max together; leave min out"));
  EXPECT_THAT(
      histogram({{"interval", 60.0}}, number).problems,
      ElementsAre("interval for a column of type int, expected a column of times; use width "
                  "for numbers"));
  EXPECT_THAT(histogram({{"width", 1.0}}, time).problems,
              ElementsAre("numeric bins for a column of type time, expected a column of numbers; "
                          "use interval = \"1h\" for times"));
}

/// The state of a histogram stage over the column `x` with one value in bin `bin`.
Status decode_state(const std::string& options, int64_t bin) {
  Problems problems;
  Job job = parse_job(
      "[input]\npaths = [\"a.csv\"]\n[[stage]]\nuse = \"histogram\"\n"
      "column = \"x\"\n" +
          options,
      "job.toml", {}, problems);
  set_format(job, "csv", problems);
  const InputSchema schema = {.columns = {{.name = "x", .type = Type::kFloat}}};
  const std::unique_ptr<BoundJob> bound = bind_job(std::move(job), schema, problems);
  EXPECT_EQ(problems_text("job.toml", problems), "");
  ByteWriter writer;
  writer.u8(1);
  writer.varint(1);
  writer.i64(bin);
  writer.varint(1);
  ByteReader reader(writer.bytes());
  return bound->stages[0].bound->make_partial()->decode(reader);
}

TEST(Histogram, RefusesAStateWithABinThatItDoesNotHave) {
  const std::string bins = "bins = 4\nmin = 0.0\nmax = 1.0\n";
  EXPECT_EQ(decode_state(bins, 0).message(), "");
  EXPECT_EQ(decode_state(bins, 3).message(), "");
  EXPECT_EQ(decode_state(bins, 4).message(), "the state of a histogram stage is damaged");
  EXPECT_EQ(decode_state(bins, -1).message(), "the state of a histogram stage is damaged");
  EXPECT_EQ(decode_state("width = 0.5\n", -(int64_t{1} << 53)).message(), "");
  EXPECT_EQ(decode_state("width = 0.5\n", INT64_MAX).message(),
            "the state of a histogram stage is damaged");
}

}  // namespace
}  // namespace shardmill
