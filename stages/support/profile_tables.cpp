#include "stages/support/profile_tables.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <string_view>
#include <utility>

#include "pipeline/base/check.h"
#include "pipeline/formats/numbers.h"
#include "stages/support/bins.h"
#include "stages/support/text_key.h"

namespace shardmill {

namespace {

constexpr const char* kDistinctError = "0.8% standard error where exact is false";
constexpr const char* kQuantileError = "0.4% of the value where the values are not exact";
constexpr const char* kTimeError = "1/4000 of the range where the values are not exact";
constexpr const char* kCountError =
    "standard error sqrt(count / sampled) where sampled is not null";
constexpr const char* kBinError = "values within 0.4% of an edge (times: 1/4000 of the range)";

/// A value that so few of a sample have says nothing about the share of all records.
constexpr uint64_t kSampledMin = 10;

struct NamedShare {
  const char* name;
  QuantileShare share;
};
constexpr NamedShare kShares[] = {{"p1", {1, 100}},   {"p5", {5, 100}},   {"p25", {25, 100}},
                                  {"p50", {50, 100}}, {"p75", {75, 100}}, {"p95", {95, 100}},
                                  {"p99", {99, 100}}};

/// A table that is filled row by row, cell by cell.
class Rows {
 public:
  Rows(std::string name, std::vector<TableColumn> columns, size_t key_columns = 1) {
    table_.key_columns = key_columns;
    table_.name = std::move(name);
    table_.columns = std::move(columns);
  }

  TableColumn& next() { return table_.columns[at_++ % table_.columns.size()]; }
  void text(std::string_view value) { next().add_text(value); }
  void whole(Int128 value) { next().add_int(value); }
  void number(double value) { next().add_float(value); }
  void flag(bool value) { next().add_bool(value); }
  void nothing() { next().add_null(); }
  /// `part` of `all`, null of nothing.
  void share(uint64_t part, uint64_t all) {
    all == 0 ? nothing() : number(static_cast<double>(part) / static_cast<double>(all));
  }

  void take_into(std::vector<Table>& tables) {
    if (table_.row_count() > 0) tables.push_back(std::move(table_));
  }

 private:
  Table table_;
  size_t at_ = 0;
};

TableColumn column(const char* name, Type type, const char* error = "") {
  return {.name = name, .type = type, .error = error};
}

std::string whole_text(int64_t value, Type type) {
  std::string text;
  if (type == Type::kBool) {
    text = value != 0 ? "true" : "false";
  } else if (type == Type::kTime) {
    append_time(text, value);
  } else {
    append_int(text, value);
  }
  return text;
}

std::string number_text(double value) {
  std::string text;
  append_float(text, value);
  return text;
}

/// One column of the profile, by its name.
struct Profiled {
  const std::string& name;
  const ColumnProfile& profile;
  size_t position = 0;
};

// ---- one row a column

/// The smallest and the largest value.
std::pair<std::string, std::string> ends(const ColumnProfile& profile) {
  const Type type = profile.type();
  switch (type) {
    case Type::kText:
      return {profile.texts().first().shown(), profile.texts().last().shown()};
    case Type::kFloat:
      return {number_text(profile.numbers().min()), number_text(profile.numbers().max())};
    case Type::kTime:
      return {whole_text(profile.times().min(), type), whole_text(profile.times().max(), type)};
    case Type::kInt:
    case Type::kBool:
      break;
  }
  return {whole_text(profile.whole().min(), type), whole_text(profile.whole().max(), type)};
}

bool has_ends(const ColumnProfile& profile) {
  if (profile.type() == Type::kFloat) return profile.numbers().count() > 0;
  return profile.values() > 0;
}

Rows overview() {
  return {"",
          {column("column", Type::kText), column("type", Type::kText), column("values", Type::kInt),
           column("nulls", Type::kInt), column("distinct", Type::kInt, kDistinctError),
           column("exact", Type::kBool), column("min", Type::kText), column("max", Type::kText)}};
}

void add_overview(const Profiled& of, Rows& rows) {
  const ColumnProfile& profile = of.profile;
  rows.text(of.name);
  rows.text(type_name(profile.type()));
  rows.whole(profile.values());
  rows.whole(profile.nulls());
  rows.whole(profile.distinct());
  rows.flag(profile.is_exact());
  if (!has_ends(profile)) {
    rows.nothing();
    rows.nothing();
    return;
  }
  const auto [low, high] = ends(profile);
  rows.text(low);
  rows.text(high);
}

// ---- numbers

Rows numbers() {
  std::vector<TableColumn> columns = {column("column", Type::kText), column("mean", Type::kFloat),
                                      column("deviation", Type::kFloat),
                                      column("min", Type::kFloat)};
  for (const NamedShare& share : kShares) {
    columns.push_back(column(share.name, Type::kFloat, kQuantileError));
  }
  columns.push_back(column("max", Type::kFloat));
  columns.push_back(column("nan", Type::kInt));
  return {"numbers", std::move(columns)};
}

template <typename T>
void add_numbers(const Profiled& of, const NumberTotals<T>& totals,
                 const std::function<double(uint64_t)>& value_at, Rows& rows) {
  rows.text(of.name);
  if (totals.count() == 0) {
    for (size_t i = 0; i < std::size(kShares) + 4; ++i) rows.nothing();
  } else {
    rows.number(totals.mean());
    totals.count() > 1 ? rows.number(totals.deviation()) : rows.nothing();
    rows.number(static_cast<double>(totals.min()));
    for (const NamedShare& share : kShares) {
      rows.number(value_at(quantile_rank(share.share, totals.count())));
    }
    rows.number(static_cast<double>(totals.max()));
  }
  rows.whole(totals.nans());
}

void add_numbers(const Profiled& of, Rows& rows) {
  const ColumnProfile& profile = of.profile;
  if (profile.type() == Type::kInt) {
    const auto value_at = [&](uint64_t rank) {
      return static_cast<double>(profile.whole_at(rank));
    };
    add_numbers(of, profile.whole(), value_at, rows);
  } else if (profile.type() == Type::kFloat) {
    // NaN sorts last, so the ranks of the numbers are their own.
    const auto value_at = [&](uint64_t rank) { return profile.number_at(rank) + 0.0; };
    add_numbers(of, profile.numbers(), value_at, rows);
  }
}

// ---- times

Rows times() {
  std::vector<TableColumn> columns = {column("column", Type::kText), column("mean", Type::kTime),
                                      column("min", Type::kTime)};
  for (const NamedShare& share : kShares) {
    columns.push_back(column(share.name, Type::kTime, kTimeError));
  }
  columns.push_back(column("max", Type::kTime));
  return {"times", std::move(columns)};
}

void add_times(const Profiled& of, Rows& rows) {
  const ColumnProfile& profile = of.profile;
  if (profile.type() != Type::kTime || profile.values() == 0) return;
  rows.text(of.name);
  rows.whole(profile.times().mean());
  rows.whole(profile.times().min());
  for (const NamedShare& share : kShares) {
    rows.whole(profile.whole_at(quantile_rank(share.share, profile.values())));
  }
  rows.whole(profile.times().max());
}

// ---- texts

Rows texts() {
  return {"texts",
          {column("column", Type::kText), column("bytes", Type::kInt),
           column("characters", Type::kInt), column("words", Type::kInt),
           column("shortest", Type::kInt), column("mean_bytes", Type::kFloat),
           column("longest", Type::kInt), column("not_utf8", Type::kFloat),
           column("numbers", Type::kFloat), column("times", Type::kFloat),
           column("shortest_text", Type::kText), column("longest_text", Type::kText)}};
}

void add_texts(const Profiled& of, Rows& rows) {
  if (of.profile.type() != Type::kText || of.profile.values() == 0) return;
  const TextTotals& totals = of.profile.texts();
  const uint64_t count = totals.count();
  rows.text(of.name);
  rows.whole(totals.sizes().sum());
  rows.whole(totals.characters());
  rows.whole(totals.words());
  rows.whole(totals.sizes().min());
  rows.number(totals.sizes().mean());
  rows.whole(totals.sizes().max());
  rows.share(totals.not_utf8(), count);
  rows.share(totals.numbers(), count);
  rows.share(totals.times(), count);
  rows.text(totals.shortest().shown());
  rows.text(totals.longest().shown());
}

// ---- most frequent values

Rows frequent() {
  return {"most frequent",
          {column("column", Type::kText), column("value", Type::kText),
           column("count", Type::kInt, kCountError), column("share", Type::kFloat),
           column("sampled", Type::kInt)},
          2};
}

std::string group_text(const GroupTable& table, uint32_t group) {
  switch (table.key_types()[0]) {
    case Type::kText:
      return shown_text(table.text(group, 0));
    case Type::kFloat:
      return number_text(table.number(group, 0));
    case Type::kInt:
    case Type::kTime:
    case Type::kBool:
      break;
  }
  return whole_text(table.integer(group, 0), table.key_types()[0]);
}

/// Groups by descending count, equal ones by value.
std::vector<uint32_t> most_frequent(const GroupTable& table, size_t most) {
  std::vector<uint32_t> order(table.size());
  for (uint32_t group = 0; group < order.size(); ++group) order[group] = group;
  const StateWords counts = table.state();
  const size_t kept = std::min(most, order.size());
  std::partial_sort(order.begin(), order.begin() + static_cast<ptrdiff_t>(kept), order.end(),
                    [&](uint32_t a, uint32_t b) {
                      const uint64_t a_count = *counts.at(a);
                      const uint64_t b_count = *counts.at(b);
                      return a_count != b_count ? a_count > b_count : table.compare(a, b) < 0;
                    });
  order.resize(kept);
  return order;
}

void add_counted(const Profiled& of, size_t most, Rows& rows) {
  const GroupTable& table = *of.profile.table();
  for (const uint32_t group : most_frequent(table, most)) {
    const uint64_t count = *table.state().at(group);
    rows.text(of.name);
    rows.text(group_text(table, group));
    rows.whole(count);
    rows.share(count, of.profile.values());
    rows.nothing();
  }
}

void add_sampled(const Profiled& of, const RecordSample& sample, size_t most, Rows& rows) {
  const Column values = sample.values_of(of.position);
  GroupTable table({of.profile.type()}, 1);
  KeyScratch scratch;
  uint32_t group = 0;
  uint64_t sampled = 0;
  for (size_t row = 0; row < sample.size(); ++row) {
    if (values.is_null(row)) continue;
    const Column* const keys[] = {&values};
    table.find_or_add(keys, RowBlock{.first = row, .count = 1}, scratch, &group);
    *table.state().at(group) += 1;
    ++sampled;
  }
  for (const uint32_t best : most_frequent(table, most)) {
    const uint64_t found = *table.state().at(best);
    if (found < kSampledMin) break;
    const UInt128 scaled = static_cast<UInt128>(found) * of.profile.values();
    rows.text(of.name);
    rows.text(group_text(table, best));
    rows.whole(static_cast<Int128>((2 * scaled + sampled) / (2 * sampled)));
    rows.share(found, sampled);
    rows.whole(sampled);
  }
}

// ---- histogram

Rows histogram() {
  return {"histogram",
          {column("column", Type::kText), column("of", Type::kText), column("from", Type::kText),
           column("to", Type::kText), column("count", Type::kInt, kBinError)},
          3};
}

void add_bins(const Profiled& of, const char* what, const std::vector<Bin>& bins, Rows& rows) {
  for (const Bin& bin : bins) {
    rows.text(of.name);
    rows.text(what);
    rows.text(bin.from);
    rows.text(bin.to);
    rows.whole(bin.count);
  }
}

std::vector<Bin> whole_bins(const NumberTotals<int64_t>& totals, const GroupTable* table,
                            size_t bins_max) {
  WholeBins bins(totals.min(), totals.max(), bins_max, WholeBins::Kind::kInts);
  if (table != nullptr) {
    for (uint32_t group = 0; group < table->size(); ++group) {
      bins.add(table->integer(group, 0), *table->state().at(group));
    }
  } else {
    for (const auto& [bucket, count] : totals.sketch().buckets()) {
      const int64_t middle = QuantileSketch::whole_middle_of(bucket);
      bins.add(std::clamp(middle, totals.min(), totals.max()), count);
    }
  }
  return bins.bins();
}

std::vector<Bin> number_bins(const NumberTotals<double>& totals, const GroupTable* table,
                             size_t bins_max) {
  NumberBins bins(totals.min(), totals.max(), bins_max);
  if (table != nullptr) {
    for (uint32_t group = 0; group < table->size(); ++group) {
      const double value = table->number(group, 0);
      if (!std::isnan(value)) bins.add(value, *table->state().at(group));
    }
  } else {
    for (const auto& [bucket, count] : totals.sketch().buckets()) {
      bins.add(QuantileSketch::middle_of(bucket), count);
    }
  }
  return bins.bins();
}

std::vector<Bin> time_bins(const TimeTotals& totals, const GroupTable* table, size_t bins_max) {
  WholeBins bins(totals.min(), totals.max(), bins_max, WholeBins::Kind::kTimes);
  if (table != nullptr) {
    for (uint32_t group = 0; group < table->size(); ++group) {
      bins.add(table->integer(group, 0), *table->state().at(group));
    }
  } else {
    for (const TimeTotals::Stretch& stretch : totals.stretches()) {
      bins.add(stretch.middle, stretch.count);
    }
  }
  return bins.bins();
}

void add_histogram(const Profiled& of, size_t bins_max, Rows& rows) {
  const ColumnProfile& profile = of.profile;
  if (!has_ends(profile) || profile.type() == Type::kBool) return;
  switch (profile.type()) {
    case Type::kText:
      return add_bins(of, "bytes", whole_bins(profile.texts().sizes(), nullptr, bins_max), rows);
    case Type::kFloat:
      return add_bins(of, "values", number_bins(profile.numbers(), profile.table(), bins_max),
                      rows);
    case Type::kTime:
      return add_bins(of, "values", time_bins(profile.times(), profile.table(), bins_max), rows);
    case Type::kInt:
    case Type::kBool:
      return add_bins(of, "values", whole_bins(profile.whole(), profile.table(), bins_max), rows);
  }
}

}  // namespace

std::vector<Table> profile_tables(const std::vector<std::string>& names,
                                  const std::vector<ColumnProfile>& columns,
                                  const RecordSample& sample,
                                  const ProfileTableSettings& settings) {
  SHARDMILL_CHECK(names.size() == columns.size());
  Rows parts[] = {overview(), numbers(), times(), texts(), frequent(), histogram()};
  for (size_t i = 0; i < names.size(); ++i) {
    const Profiled of{.name = names[i], .profile = columns[i], .position = i};
    add_overview(of, parts[0]);
    add_numbers(of, parts[1]);
    add_times(of, parts[2]);
    add_texts(of, parts[3]);
    if (columns[i].is_exact()) {
      add_counted(of, settings.frequent, parts[4]);
    } else {
      add_sampled(of, sample, settings.frequent, parts[4]);
    }
    add_histogram(of, settings.bins, parts[5]);
  }
  std::vector<Table> tables;
  for (Rows& part : parts) part.take_into(tables);
  return tables;
}

}  // namespace shardmill
