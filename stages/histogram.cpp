// Counts values by bins: of equal width, a number of them between two bounds, or by decades.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "pipeline/base/check.h"
#include "pipeline/base/quantity.h"
#include "pipeline/core/stage.h"
#include "pipeline/formats/numbers.h"
#include "stages/support/expression_math.h"

namespace shardmill {

namespace {

constexpr uint8_t kVersion = 1;

enum Counter : size_t { kNullValue, kNan, kBelow, kAbove };

/// Where a value lies.
enum class Place : uint8_t { kBin, kBelow, kAbove };

bool is_below(double value, double edge) {
  return value < edge;
}

/// Exact: the value is not rounded to a double.
bool is_below(int64_t value, double edge) {
  if (edge >= 0x1p63) return true;
  return edge > -0x1p63 && value < static_cast<int64_t>(std::ceil(edge));
}

/// Bins by number, from the left. One of three kinds; immutable.
class Ruler {
 public:
  virtual ~Ruler() = default;
  /// Finds the bin of a value, if there is one. REQUIRES: it is no NaN.
  virtual Place bin_of(double value, int64_t& bin) const = 0;
  virtual Place bin_of(int64_t value, int64_t& bin) const = 0;
  /// Of floats, ints or times.
  virtual Type type() const = 0;
  /// False for a number that bin_of never gives.
  virtual bool has_bin(int64_t bin) const = 0;
  /// Appends the edges of a bin: `from` belongs to it, `to` does not. REQUIRES: has_bin(bin).
  virtual void add_edges(int64_t bin, TableColumn& from, TableColumn& to) const = 0;
};

int64_t floor_quotient(int64_t value, int64_t width) {
  const int64_t quotient = value / width;
  return quotient - (value % width < 0 ? 1 : 0);
}

/// Whole numbers and times: [k * width, (k + 1) * width), all of it exact.
class WholeRuler final : public Ruler {
 public:
  WholeRuler(int64_t width, Type type) : width_(width), type_(type) {}
  Place bin_of(double, int64_t&) const override { SHARDMILL_CHECK(false); }
  Place bin_of(int64_t value, int64_t& bin) const override {
    bin = floor_quotient(value, width_);
    return Place::kBin;
  }
  Type type() const override { return type_; }
  bool has_bin(int64_t) const override { return true; }
  void add_edges(int64_t bin, TableColumn& from, TableColumn& to) const override {
    from.add_int(static_cast<Int128>(bin) * width_);
    to.add_int((static_cast<Int128>(bin) + 1) * width_);
  }

 private:
  int64_t width_;
  Type type_;
};

/// Floats: [k * width, (k + 1) * width) with both edges as doubles, so that the edges that the
/// table shows are those that were used: 0.3 is in the bin that begins there.
class FloatRuler final : public Ruler {
 public:
  explicit FloatRuler(double width) : width_(width), multiples_(width) {}
  Place bin_of(double value, int64_t& bin) const override { return find(value, value, bin); }
  Place bin_of(int64_t value, int64_t& bin) const override {
    return find(value, static_cast<double>(value), bin);
  }
  Type type() const override { return Type::kFloat; }
  bool has_bin(int64_t bin) const override {
    return static_cast<double>(bin) >= -kFarthest && static_cast<double>(bin) <= kFarthest;
  }
  void add_edges(int64_t bin, TableColumn& from, TableColumn& to) const override {
    from.add_float(multiples_.multiple(static_cast<double>(bin)));
    to.add_float(multiples_.multiple(static_cast<double>(bin) + 1));
  }

 private:
  static constexpr double kFarthest = 0x1p53;  ///< beyond, k and k + 1 are the same double

  template <typename Value>
  Place find(Value value, double rounded, int64_t& bin) const {
    double place = std::floor(rounded / width_);
    if (!(place > -kFarthest)) return Place::kBelow;
    if (!(place < kFarthest)) return Place::kAbove;
    // As in DecimalMultiples::floor.
    while (is_below(value, multiples_.multiple(place))) place -= 1;
    while (!is_below(value, multiples_.multiple(place + 1))) place += 1;
    bin = static_cast<int64_t>(place);
    return Place::kBin;
  }

  double width_;
  DecimalMultiples multiples_;
};

/// Between given edges, ascending; what lies outside has no bin.
class EdgeRuler final : public Ruler {
 public:
  explicit EdgeRuler(std::vector<double> edges) : edges_(std::move(edges)) {}
  Place bin_of(double value, int64_t& bin) const override { return find(value, bin); }
  Place bin_of(int64_t value, int64_t& bin) const override { return find(value, bin); }
  Type type() const override { return Type::kFloat; }
  bool has_bin(int64_t bin) const override {
    return bin >= 0 && static_cast<size_t>(bin) + 1 < edges_.size();
  }
  void add_edges(int64_t bin, TableColumn& from, TableColumn& to) const override {
    from.add_float(edges_[static_cast<size_t>(bin)]);
    to.add_float(edges_[static_cast<size_t>(bin) + 1]);
  }

 private:
  template <typename Value>
  Place find(Value value, int64_t& bin) const {
    const auto above =
        std::upper_bound(edges_.begin(), edges_.end(), value,
                         [](Value wanted, double edge) { return is_below(wanted, edge); });
    if (above == edges_.begin()) return Place::kBelow;
    if (above == edges_.end()) return Place::kAbove;
    bin = above - edges_.begin() - 1;
    return Place::kBin;
  }

  std::vector<double> edges_;
};

class HistogramPartial final : public Partial {
 public:
  explicit HistogramPartial(const Ruler& ruler) : ruler_(ruler) {}

  void add(int64_t bin) {
    // Neighbours often fall into the same bin.
    if (last_ == nullptr || last_bin_ != bin) {
      last_ = &counts_[bin];
      last_bin_ = bin;
    }
    ++*last_;
  }

  void merge(Partial&& other) override {
    for (const auto& [bin, count] : static_cast<HistogramPartial&>(other).counts_) {
      counts_[bin] += count;
    }
  }
  void encode(ByteWriter& writer) const override {
    writer.u8(kVersion);
    writer.varint(counts_.size());
    for (const auto& [bin, count] : counts_) {
      writer.i64(bin);
      writer.varint(count);
    }
  }
  Status decode(ByteReader& reader) override {
    counts_.clear();
    last_ = nullptr;
    if (reader.u8() != kVersion) reader.fail();
    const uint64_t bins = reader.varint();
    if (reader.count_fits(bins, sizeof(int64_t) + 1)) {
      for (uint64_t i = 0; i < bins && !reader.failed(); ++i) {
        const int64_t bin = reader.i64();
        // Canonical: ascending.
        if (!counts_.empty() && bin <= counts_.rbegin()->first) reader.fail();
        if (!ruler_.has_bin(bin)) reader.fail();
        counts_[bin] = reader.varint();
      }
    }
    if (reader.failed()) return Status::failed("the state of a histogram stage is damaged");
    return {};
  }
  size_t memory_bytes() const override {
    constexpr size_t kNode = 64;  // of the tree, with what the allocator adds
    return sizeof *this + counts_.size() * kNode;
  }

  const std::map<int64_t, uint64_t>& counts() const { return counts_; }

 private:
  const Ruler& ruler_;
  std::map<int64_t, uint64_t> counts_;
  uint64_t* last_ = nullptr;
  int64_t last_bin_ = 0;
};

class HistogramWorker final : public StageWorker {
 public:
  HistogramWorker(ColumnRef column, const Ruler& ruler) : column_(column), ruler_(ruler) {}

  Status process(Batch& batch, const StageContext& context, NextStage& next) override {
    auto& partial = static_cast<HistogramPartial&>(*context.partial);
    const Column& column = batch.columns[column_.slot];
    batch.for_each_row([&](size_t row) {
      if (column.is_null(row)) return context.count(kNullValue, 1);
      const bool is_float = column_.type == Type::kFloat;
      if (is_float && std::isnan(column.floats[row])) return context.count(kNan, 1);
      int64_t bin = 0;
      switch (is_float ? ruler_.bin_of(column.floats[row], bin)
                       : ruler_.bin_of(column.ints[row], bin)) {
        case Place::kBin:
          return partial.add(bin);
        case Place::kBelow:
          return context.count(kBelow, 1);
        case Place::kAbove:
          return context.count(kAbove, 1);
      }
    });
    return next.pass(batch);
  }

 private:
  ColumnRef column_;
  const Ruler& ruler_;
};

class Histogram final : public BoundStage {
 public:
  Histogram(ColumnRef column, std::unique_ptr<const Ruler> ruler)
      : column_(column), ruler_(std::move(ruler)) {}

  std::unique_ptr<StageWorker> make_worker() const override {
    return std::make_unique<HistogramWorker>(column_, *ruler_);
  }
  std::unique_ptr<Partial> make_partial() const override {
    return std::make_unique<HistogramPartial>(*ruler_);
  }

  std::vector<Table> finish(Partial& partial) const override {
    Table table;
    TableColumn from = {.name = "from", .type = ruler_->type()};
    TableColumn to = {.name = "to", .type = ruler_->type()};
    TableColumn count = {.name = "count", .type = Type::kInt};
    const auto add = [&](int64_t bin, uint64_t values) {
      ruler_->add_edges(bin, from, to);
      count.add_int(static_cast<Int128>(values));
    };
    const auto& counts = static_cast<HistogramPartial&>(partial).counts();
    // Empty bins between others are shown, unless there are very many of them.
    constexpr int64_t kGapMax = 1000;
    const int64_t* before = nullptr;
    for (const auto& [bin, values] : counts) {
      const bool is_small_gap = before != nullptr && static_cast<Int128>(bin) - *before <= kGapMax;
      for (int64_t empty = is_small_gap ? *before + 1 : bin; empty < bin; ++empty) add(empty, 0);
      add(bin, values);
      before = &bin;
    }
    table.columns = {std::move(from), std::move(to), std::move(count)};
    table.key_columns = 2;
    return {std::move(table)};
  }

 private:
  ColumnRef column_;
  std::unique_ptr<const Ruler> ruler_;
};

/// Which of the three ways the options choose; a problem if not just one.
enum class Way : uint8_t { kNone, kWidth, kInterval, kBins, kDecades };

Way chosen_way(const Options& options, Problems& problems) {
  Way way = Way::kNone;
  std::vector<std::string> given;
  for (const auto& [name, is] : {std::pair{"width", Way::kWidth},
                                 {"interval", Way::kInterval},
                                 {"bins", Way::kBins},
                                 {"per_decade", Way::kDecades}}) {
    if (!options.has(name)) continue;
    given.emplace_back(name);
    way = is;
  }
  if (given.size() == 1) return way;
  problems.add(
      given.empty() ? options.stage_line : options.line(given[1]),
      {.place = {},
       .found = given.empty() ? "no bins are given"
                              : fmt::format("both {} and {} are given", given[0], given[1]),
       .expected = "one of width (numbers), interval (times), bins with min and max, or per_decade",
       .fix = given.empty() ? "write width = 10 for instance" : "leave one out"});
  return Way::kNone;
}

void check(const Options& options, Problems& problems) {
  const Way way = chosen_way(options, problems);
  if (way != Way::kBins) {
    for (const char* name : {"min", "max"}) {
      if (way == Way::kNone || !options.has(name)) continue;
      problems.add(options.line(name), {.place = {},
                                        .found = fmt::format("{} without bins", name),
                                        .expected = "bins, min and max together",
                                        .fix = fmt::format("leave {} out", name)});
    }
    return;
  }
  if (!options.has("min") || !options.has("max")) {
    problems.add(options.line("bins"), {.place = {},
                                        .found = "bins without min and max",
                                        .expected = "the range that they divide",
                                        .fix = "write min = 0 and max = 100 for instance"});
  } else if (options.number("min") >= options.number("max")) {
    problems.add(options.line("max"),
                 {.place = {},
                  .found = fmt::format("max is {}", options.number("max")),
                  .expected = fmt::format("more than min, which is {}", options.number("min")),
                  .fix = {}});
  }
}

/// Ascending whatever is rounded: each step is a monotone function of the one before.
std::vector<double> even_edges(double min, double max, int64_t bins) {
  std::vector<double> edges;
  for (int64_t i = 0; i < bins; ++i) {
    const double share = static_cast<double>(i) / static_cast<double>(bins);
    edges.push_back(std::min(min + (max - min) * share, max));
  }
  edges.push_back(max);
  return edges;
}

/// All powers of ten that doubles have, and `per_decade` - 1 round numbers between two of them.
std::vector<double> decade_edges(std::string_view per_decade) {
  const std::string_view digits = per_decade == "1" ? "1" : per_decade == "3" ? "125" : "123456789";
  std::vector<double> edges;
  for (int exponent = -307; exponent <= 308; ++exponent) {
    for (const char digit : digits) {
      double edge = 0;
      if (parse_float(fmt::format("{}e{}", digit, exponent), edge) && std::isfinite(edge)) {
        edges.push_back(edge);
      }
    }
  }
  return edges;
}

Message wrong_type(const char* option, Type type, const char* expected, const char* fix) {
  return {.place = {},
          .found = fmt::format("{} for a column of type {}", option, type_name(type)),
          .expected = expected,
          .fix = fix};
}

std::unique_ptr<const Ruler> make_ruler(const Options& options, Type type, Problems& problems) {
  const Way way = chosen_way(options, problems);
  const bool is_time = type == Type::kTime;
  if (way == Way::kInterval && !is_time) {
    problems.add(options.line("interval"),
                 wrong_type("interval", type, "a column of times", "use width for numbers"));
    return nullptr;
  }
  if (way != Way::kInterval && way != Way::kNone && is_time) {
    problems.add(options.stage_line, wrong_type("numeric bins", type, "a column of numbers",
                                                "use interval = \"1h\" for times"));
    return nullptr;
  }
  switch (way) {
    case Way::kNone:
      return nullptr;
    case Way::kInterval:
      return std::make_unique<WholeRuler>(
          static_cast<int64_t>(std::floor(options.number("interval") * 1e9 + 0.5)), Type::kTime);
    case Way::kWidth: {
      const double width = options.number("width");
      const bool is_whole = width == std::floor(width) && width < 0x1p53;
      if (type == Type::kInt && is_whole) {
        return std::make_unique<WholeRuler>(static_cast<int64_t>(width), Type::kInt);
      }
      return std::make_unique<FloatRuler>(width);
    }
    case Way::kBins:
      return std::make_unique<EdgeRuler>(
          even_edges(options.number("min"), options.number("max"), options.integer("bins")));
    case Way::kDecades:
      return std::make_unique<EdgeRuler>(decade_edges(options.text("per_decade")));
  }
  return nullptr;
}

std::unique_ptr<BoundStage> bind(const Options& options, Binder& binder) {
  const auto column = binder.use(options.text("column"), options.line("column"),
                                 {Type::kInt, Type::kFloat, Type::kTime});
  if (!column) return nullptr;
  auto ruler = make_ruler(options, column->type, binder.problems());
  if (ruler == nullptr) return nullptr;
  return std::make_unique<Histogram>(*column, std::move(ruler));
}

}  // namespace

StageSpec stage_histogram() {
  return {
      .name = "histogram",
      .kind = StageKind::kSummarise,
      .summary = "count the values of a column by bins",
      .doc =
          "Rows `from`, `to` and `count`, ascending; a bin holds `from` and not `to`. Bins are "
          "multiples of `width` (numbers) or of `interval` since 1970 (times), or `bins` of equal "
          "width from `min` to `max`, or steps of 1, of 1-2-5, or of 1-2-3-...-9 times powers of "
          "ten "
          "(`per_decade` 1, 3 or 9). Empty bins between others are rows too, up to a thousand in a "
          "row. Nulls, NaNs, and values below and above all bins are counted apart.",
      .fields = {{.name = "column",
                  .kind = FieldKind::kColumn,
                  .doc = "A column of numbers or times.",
                  .required = true},
                 {.name = "width",
                  .kind = FieldKind::kFloat,
                  .doc = "Width of each bin, for numbers. A whole number for ints is exact.",
                  .min = 1e-300,
                  .max = 1e300},
                 {.name = "interval",
                  .kind = FieldKind::kSeconds,
                  .doc = "Width of each bin, for times: 60 or \"15min\".",
                  .min = 1e-9,
                  .max = 1e9},
                 {.name = "bins",
                  .kind = FieldKind::kInt,
                  .doc = "Number of bins between `min` and `max`.",
                  .min = 1,
                  .max = 100000},
                 {.name = "min",
                  .kind = FieldKind::kFloat,
                  .doc = "Where the first of `bins` begins.",
                  .min = -1e300,
                  .max = 1e300},
                 {.name = "max",
                  .kind = FieldKind::kFloat,
                  .doc = "Where the last of `bins` ends; not in it.",
                  .min = -1e300,
                  .max = 1e300},
                 {.name = "per_decade",
                  .kind = FieldKind::kChoice,
                  .doc = "Logarithmic bins, so many for a factor of ten; for numbers above 0.",
                  .choices = {"1", "3", "9"}}},
      .counters = {{"null", "nulls"},
                   {"nan", "values that are no number (NaN)"},
                   {"below", "values below the first bin there can be"},
                   {"above", "values above the last bin there can be"}},
      .check = check,
      .bind = bind,
      .examples =
          {{.title = "Bins of one width.",
            .input_format = "csv",
            .input = {"ms", "3", "7", "9", "25", "30", "-1"},
            .stage = "column = 'ms'\nwidth = 10",
            .output = {"{ ms = 3 }", "{ ms = 7 }", "{ ms = 9 }", "{ ms = 25 }", "{ ms = 30 }",
                       "{ ms = -1 }"},
            .tables = {"[[-10, 0, 1], [0, 10, 3], [10, 20, 0], [20, 30, 1], [30, 40, 1]]"}},
           {.title = "Requests by the hour.",
            .input_format = "csv",
            .input = {"at", "2026-01-31T22:10:00Z", "2026-01-31T22:59:59Z", "2026-02-01T00:00:00Z"},
            .stage = "column = 'at'\ninterval = '1h'",
            .output = {"{ at = 2026-01-31T22:10:00Z }", "{ at = 2026-01-31T22:59:59Z }",
                       "{ at = 2026-02-01T00:00:00Z }"},
            .tables = {"[[2026-01-31T22:00:00Z, 2026-01-31T23:00:00Z, 2], "
                       "[2026-01-31T23:00:00Z, 2026-02-01T00:00:00Z, 0], "
                       "[2026-02-01T00:00:00Z, 2026-02-01T01:00:00Z, 1]]"}},
           {.title = "Four bins between bounds; the upper bound is in none.",
            .input_format = "csv",
            .input = {"x", "0", "0.25", "0.9", "1.0"},
            .stage = "column = 'x'\nbins = 4\nmin = 0\nmax = 1",
            .output = {"{ x = 0.0 }", "{ x = 0.25 }", "{ x = 0.9 }", "{ x = 1.0 }"},
            .tables = {"[[0.0, 0.25, 1], [0.25, 0.5, 1], [0.5, 0.75, 0], [0.75, 1.0, 1]]"}},
           {.title = "Sizes by powers of ten.",
            .input_format = "csv",
            .input = {"bytes", "5", "10", "99", "2000", "0"},
            .stage = "column = 'bytes'\nper_decade = '1'",
            .output = {"{ bytes = 5 }", "{ bytes = 10 }", "{ bytes = 99 }", "{ bytes = 2000 }",
                       "{ bytes = 0 }"},
            .tables =
                {"[[1.0, 10.0, 1], [10.0, 100.0, 2], [100.0, 1000.0, 0], [1000.0, 10000.0, 1]]"}}},
  };
}

}  // namespace shardmill
