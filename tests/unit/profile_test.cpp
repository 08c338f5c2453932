// The profile stage: exact while few values differ, within its stated errors beyond, and the same
// however the records are cut and merged.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "pipeline/base/hash.h"
#include "stages/support/column_profile.h"
#include "stages/support/record_sample.h"
#include "tests/support/files.h"
#include "tests/support/job_runner.h"
#include "tests/support/stage_runner.h"

namespace shardmill {

StageSpec stage_profile();

namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr Type kTypes[] = {Type::kText, Type::kInt, Type::kFloat, Type::kBool, Type::kTime};

/// Rows of one column with about `different` different values, some null.
Column make_column(Type type, size_t rows, uint64_t different, uint64_t seed,
                   std::vector<std::string>& texts) {
  std::mt19937_64 random(seed);
  Column column;
  column.prepare(type, rows);
  texts.resize(rows);
  for (size_t row = 0; row < rows; ++row) {
    const uint64_t value = random() % different;
    switch (type) {
      case Type::kText:
        texts[row] = fmt::format("text {}{}", value, value % 7 == 0 ? std::string(200, 'x') : "");
        column.text[row] = texts[row];
        break;
      case Type::kFloat:
        column.floats[row] = value == 3 ? std::nan("") : static_cast<double>(value) / 8 - 5;
        break;
      case Type::kBool:
        column.bools[row] = value % 2;
        break;
      case Type::kInt:
      case Type::kTime:
        column.ints[row] = static_cast<int64_t>(value * 1000);
        break;
    }
    if (random() % 10 == 0) column.set_null(row);
  }
  return column;
}

/// As a worker does with a slice.
void add(ColumnProfile& profile, const Column& column, const uint32_t* rows, size_t count) {
  ProfileScratch scratch;
  const auto counter = ValueCounter::make(column.type, ValueCounter::kBytesLeast);
  profile.add(column, rows, count, *counter, scratch);
  profile.take_counts(*counter, scratch);
}

std::string encoded(const ColumnProfile& profile) {
  ByteWriter writer;
  profile.encode(writer);
  return writer.take();
}

TEST(ColumnProfile, IsTheSameHoweverTheRowsAreCut) {
  constexpr size_t kRows = 6000;
  constexpr uint32_t kExactValues = 100;
  for (const Type type : kTypes) {
    for (const uint64_t different : {2, 100, 101, 3000}) {
      std::vector<std::string> texts;
      const Column column = make_column(type, kRows, different, different, texts);
      ColumnProfile all(type, kExactValues);
      add(all, column, nullptr, kRows);
      std::mt19937_64 random(different);
      std::vector<ColumnProfile> parts;
      for (size_t i = 0; i < 9; ++i) parts.emplace_back(type, kExactValues);
      for (uint32_t row = 0; row < kRows;) {
        std::vector<uint32_t> rows;
        for (size_t count = 1 + random() % 900; count > 0 && row < kRows; --count) {
          rows.push_back(row++);
        }
        add(parts[random() % parts.size()], column, rows.data(), rows.size());
      }
      while (parts.size() > 1) {
        parts[random() % (parts.size() - 1)].merge(std::move(parts.back()));
        parts.pop_back();
      }
      const std::string bytes = encoded(all);
      EXPECT_EQ(encoded(parts[0]), bytes) << type_name(type) << " " << different;
      ColumnProfile again(type, kExactValues);
      ByteReader reader(bytes);
      again.decode(reader);
      EXPECT_TRUE(reader.done()) << type_name(type) << " " << different;
      EXPECT_EQ(encoded(again), bytes);
    }
  }
}

TEST(ColumnProfile, IsExactUpToItsLimitAndEstimatesBeyond) {
  for (const Type type : {Type::kText, Type::kInt, Type::kFloat, Type::kTime}) {
    std::vector<std::string> texts;
    const Column few = make_column(type, 50000, 1000, 1, texts);
    ColumnProfile exact(type, 1000);
    add(exact, few, nullptr, 50000);
    EXPECT_TRUE(exact.is_exact());
    EXPECT_EQ(exact.distinct(), 1000u);
    ColumnProfile beyond(type, 999);
    add(beyond, few, nullptr, 50000);
    EXPECT_FALSE(beyond.is_exact());
    EXPECT_NEAR(static_cast<double>(beyond.distinct()), 1000, 30);
    EXPECT_EQ(beyond.values() + beyond.nulls(), 50000u);
  }
}

TEST(ColumnProfile, EstimatesDifferentNumbersInARowAsWellAsAnyOthers) {
  constexpr uint32_t kLimit = 1000;
  double squares = 0;
  size_t runs = 0;
  for (const int64_t step : {1, 2, 1000, 1 << 20, 1000000000}) {
    for (const int64_t begin : {int64_t{0}, int64_t{1} << 40, -int64_t{7777777}}) {
      Column column;
      column.prepare(Type::kInt, 200000);
      for (size_t row = 0; row < 200000; ++row) {
        column.ints[row] = begin + step * static_cast<int64_t>(row);
      }
      ColumnProfile profile(Type::kInt, kLimit);
      add(profile, column, nullptr, 200000);
      const double error = static_cast<double>(profile.distinct()) / 200000 - 1;
      EXPECT_LT(std::fabs(error), 4 * 0.0081) << step << " from " << begin;
      squares += error * error;
      ++runs;
    }
  }
  EXPECT_LT(std::sqrt(squares / static_cast<double>(runs)), 1.5 * 0.0081);
}

TEST(RecordSample, IsTheSameHoweverTheRecordsAreCut) {
  constexpr size_t kRows = 5000;
  std::vector<std::string> texts;
  const Column text = make_column(Type::kText, kRows, 900, 1, texts);
  std::vector<std::string> none;
  const Column number = make_column(Type::kInt, kRows, 900, 2, none);
  const Column* const columns[] = {&text, &number};
  const std::vector<Type> types = {Type::kText, Type::kInt};
  const auto add = [&](RecordSample& sample, uint32_t first, uint32_t last) {
    RecordSample::Records records;
    for (uint32_t row = first; row < last; ++row) {
      const uint64_t hash = hash64({reinterpret_cast<const char*>(&row), sizeof row});
      if (hash > sample.threshold()) continue;
      records.rows.push_back(row);
      records.hashes.push_back(hash);
    }
    sample.add(records, columns);
  };
  const auto bytes_of = [](const RecordSample& sample) {
    ByteWriter writer;
    sample.encode(writer);
    return writer.take();
  };
  RecordSample all(types, 256);
  add(all, 0, kRows);
  EXPECT_GT(all.size(), 96u);
  EXPECT_LE(all.size(), 256u);
  RecordSample left(types, 256);
  RecordSample right(types, 256);
  add(left, 4000, 4100);
  for (uint32_t row = 0; row < 4000; row += 100) add(right, row, row + 100);
  add(right, 4100, kRows);
  left.merge(right);
  EXPECT_EQ(bytes_of(left), bytes_of(all));
  const std::string bytes = bytes_of(all);
  RecordSample again(types, 256);
  ByteReader reader(bytes);
  again.decode(reader);
  EXPECT_TRUE(reader.done());
  EXPECT_EQ(bytes_of(again), bytes);
  EXPECT_EQ(again.memory_bytes() > 256, true);
}

// ---- the stage

const Table& table(const std::vector<Table>& tables, const std::string& name) {
  for (const Table& candidate : tables) {
    if (candidate.name == name) return candidate;
  }
  ADD_FAILURE() << "no table " << name;
  return tables[0];
}

const TableColumn& column(const Table& table, const std::string& name) {
  for (const TableColumn& candidate : table.columns) {
    if (candidate.name == name) return candidate;
  }
  ADD_FAILURE() << "no column " << name;
  return table.columns[0];
}

TEST(Profile, FindsFrequentValuesAmongManyThatDiffer) {
  // One value in five is 7, one in twenty -1, all others are their own.
  std::vector<std::optional<int64_t>> values;
  for (int64_t i = 0; i < 60000; ++i) {
    values.push_back(i % 5 == 0 ? 7 : i % 20 == 1 ? -1 : 1000 + i);
  }
  const StageRun run =
      run_stage(stage_profile(), {{"exact_values", int64_t{1000}}}, {int_column("n", values)});
  const Table& frequent = table(run.tables, "most frequent");
  EXPECT_THAT(column(frequent, "value").text, ElementsAre("7", "-1"));
  const TableColumn& counts = column(frequent, "count");
  for (size_t i = 0; i < 2; ++i) {
    const double expected = i == 0 ? 12000 : 3000;
    const double sampled = static_cast<double>(column(frequent, "sampled").ints[i]);
    EXPECT_GE(sampled, 2048 * 0.9);
    // Four standard errors of a share in a sample.
    const double share = expected / 60000;
    const double error = 4 * std::sqrt(share * (1 - share) / sampled) * 60000;
    EXPECT_NEAR(static_cast<double>(counts.ints[i]), expected, error);
  }
  EXPECT_EQ(column(run.tables[0], "exact").bools[0], 0);
}

TEST(Profile, CountsValuesExactlyWhereFewDiffer) {
  const StageRun run =
      run_stage(stage_profile(), {{"frequent", int64_t{2}}},
                {text_column("t", {"b", "a", std::nullopt, "b", "c", std::string(150, 'l')}),
                 bool_column("yes", {true, std::nullopt, true, false, true, true}),
                 float_column("x", {0.5, std::nan(""), -0.0, 0.0, std::nullopt, 3.0}),
                 time_column("at", {"2026-01-01", "2026-01-03", "2026-01-03", std::nullopt,
                                    "2026-01-02", "2026-01-03"})});
  const Table& overview = run.tables[0];
  EXPECT_EQ(overview.name, "");
  EXPECT_THAT(column(overview, "distinct").ints, ElementsAre(4, 2, 4, 3));
  EXPECT_THAT(column(overview, "nulls").ints, ElementsAre(1, 1, 1, 1));
  EXPECT_THAT(column(overview, "min").text, ElementsAre("a", "false", "0", "2026-01-01T00:00:00Z"));
  EXPECT_THAT(column(overview, "max").text,
              ElementsAre(std::string(100, 'l') + "...", "true", "3", "2026-01-03T00:00:00Z"));
  const Table& frequent = table(run.tables, "most frequent");
  EXPECT_THAT(column(frequent, "value").text,
              ElementsAre("b", "a", "true", "false", "0", "0.5", "2026-01-03T00:00:00Z",
                          "2026-01-01T00:00:00Z"));
  EXPECT_THAT(column(frequent, "count").ints, ElementsAre(2, 1, 4, 1, 2, 1, 3, 1));
  const Table& numbers = table(run.tables, "numbers");
  EXPECT_THAT(column(numbers, "nan").ints, ElementsAre(1));
  EXPECT_THAT(column(numbers, "mean").floats, ElementsAre(0.875));
  EXPECT_THAT(column(numbers, "p50").floats, ElementsAre(0.0));
  const Table& texts = table(run.tables, "texts");
  EXPECT_THAT(column(texts, "longest").ints, ElementsAre(150));
  EXPECT_THAT(column(texts, "bytes").ints, ElementsAre(154));
}

TEST(Profile, OfColumnsWithoutValuesSaysSo) {
  const StageRun run =
      run_stage(stage_profile(), {},
                {int_column("n", {std::nullopt}), float_column("x", {std::nan("")}),
                 time_column("at", {std::nullopt}), text_column("t", {std::nullopt})});
  const Table& overview = run.tables[0];
  EXPECT_THAT(column(overview, "values").ints, ElementsAre(0, 1, 0, 0));
  EXPECT_THAT(column(overview, "min").null, ElementsAre(1, 1, 1, 1));
  EXPECT_THAT(column(table(run.tables, "numbers"), "mean").null, ElementsAre(1, 1));
  EXPECT_EQ(run.tables.size(), 3u) << "overview, numbers, and NaN as a frequent value";
}

TEST(Profile, SaysWhichColumnIsMissing) {
  const StageRun run =
      run_stage(stage_profile(), {{"columns", std::vector<std::string>{"price", "pric"}}},
                {float_column("price", {1.0})});
  ASSERT_EQ(run.problems.size(), 1u);
  EXPECT_THAT(run.problems[0], HasSubstr("did you mean \"price\"?"));
}

TEST(Profile, RefusesDamagedState) {
  const StageSpec spec = stage_profile();
  SlotPlan slots;
  slots.slots = {{.name = "line", .type = Type::kText, .used = false}};
  Schema schema;
  schema.columns = {{.name = "line", .type = Type::kText, .slot = 0}};
  Problems problems;
  Binder binder(schema, slots, {}, problems);
  const auto bound = spec.bind(make_options(spec, {}), binder);
  const auto partial = bound->make_partial();
  ByteWriter writer;
  partial->encode(writer);
  for (size_t size = 0; size < writer.size(); ++size) {
    ByteReader reader(std::string_view(writer.bytes()).substr(0, size));
    const Status status = bound->make_partial()->decode(reader);
    EXPECT_EQ(status.message(), "the state of a profile stage is damaged") << size;
  }
}

TEST(Profile, OfManyRecordsIsTheSameOnEveryLayout) {
  const TempFolder folder;
  std::mt19937_64 random(1);
  for (size_t file = 0; file < 4; ++file) {
    std::string content = "id,at,price,name,kind\n";
    for (size_t i = 0; i < 6000; ++i) {
      content += fmt::format("{},2026-0{}-{:02}T0{}:00:00Z,{}.{:02},{},{}\n", file * 10000 + i,
                             1 + random() % 9, 1 + random() % 28, random() % 10, random() % 300,
                             random() % 100, fmt::format("name {}", random() % 9000),
                             random() % 3 == 0   ? ""
                             : random() % 2 == 0 ? "a"
                                                 : "b");
    }
    folder.write(fmt::format("data/{}.csv", file), content);
  }
  const RunFiles files = expect_same_on(
      sample_layouts(), fmt::format("[input]\npaths = [\"{}/data\"]\n[[stage]]\nuse = "
                                    "\"profile\"\nname = \"columns\"\nexact_values = 500\n",
                                    folder.path().string()));
  const std::string& results = files.contents.at("results.json");
  EXPECT_THAT(results, HasSubstr("\"name\": \"columns\""));
  EXPECT_THAT(results, HasSubstr("\"name\": \"columns: most frequent\""));
  EXPECT_THAT(results, HasSubstr("[\"id\", \"int\", 24000, 0, "));
}

}  // namespace
}  // namespace shardmill
