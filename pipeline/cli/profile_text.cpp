#include "pipeline/cli/profile_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <utility>
#include <vector>

#include "pipeline/base/message.h"
#include "pipeline/base/text.h"
#include "pipeline/report/cells.h"
#include "pipeline/report/text_table.h"

namespace shardmill {

namespace {

constexpr size_t kWidth = 100;
constexpr size_t kLabelWidth = 10;
constexpr size_t kValueWidth = 40;
constexpr std::string_view kBlocks[] = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};

/// The rows of one table that are about one column.
class Facts {
 public:
  Facts(const RunDescription& run, std::string_view table, const std::string& column) {
    for (const Table& candidate : run.tables) {
      const bool is_it = table.empty() ? &candidate == &run.tables[0]
                                       : candidate.name.ends_with(": " + std::string(table));
      if (is_it) table_ = &candidate;
    }
    if (table_ == nullptr) return;
    for (size_t row = 0; row < table_->row_count(); ++row) {
      if (table_->columns[0].text[row] == column) rows_.push_back(row);
    }
  }

  size_t size() const { return rows_.size(); }
  bool has(std::string_view name, size_t i = 0) const {
    return i < size() && find(name).null[rows_[i]] == 0;
  }
  Int128 whole(std::string_view name, size_t i = 0) const { return find(name).ints[rows_[i]]; }
  double number(std::string_view name, size_t i = 0) const { return find(name).floats[rows_[i]]; }
  bool flag(std::string_view name) const { return find(name).bools[rows_[0]] != 0; }
  /// As people read it.
  std::string cell(std::string_view name, size_t i = 0) const {
    return cut_end(readable_cells(one_value(find(name), rows_[i]), 1)[0], kValueWidth);
  }

 private:
  const TableColumn& find(std::string_view name) const {
    const auto at = std::find_if(table_->columns.begin(), table_->columns.end(),
                                 [&](const TableColumn& column) { return column.name == name; });
    return *at;
  }

  /// Alone, so that its neighbours do not decide how many digits it has.
  static TableColumn one_value(const TableColumn& column, size_t row) {
    TableColumn one{.name = column.name, .type = column.type};
    if (column.null[row] != 0) {
      one.add_null();
    } else if (column.type == Type::kText) {
      one.add_text(column.text[row]);
    } else if (column.type == Type::kFloat) {
      one.add_float(column.floats[row]);
    } else if (column.type == Type::kBool) {
      one.add_bool(column.bools[row] != 0);
    } else {
      one.add_int(column.ints[row]);
    }
    return one;
  }

  const Table* table_ = nullptr;
  std::vector<size_t> rows_;
};

std::string line(std::string_view label, std::string_view text) {
  std::string out = wrapped(text, kLabelWidth + 4, kWidth);
  out.replace(2, label.size(), label);
  return out;
}

std::string percent(double share) {
  if (share > 0 && share < 0.0005) return "under 0.1%";
  return fmt::format("{:.1f}%", share * 100);
}

/// "1,234 values, 5 nulls, about 300 different".
std::string counts_line(const Facts& overview) {
  const bool no_nulls = overview.whole("nulls") == 0;
  return line("values",
              fmt::format("{}, {} null, {}{} different", overview.cell("values"),
                          no_nulls ? "none" : overview.cell("nulls"),
                          overview.flag("exact") ? "" : "about ", overview.cell("distinct")));
}

std::string range_line(const Facts& overview) {
  if (!overview.has("min")) return "";
  return line("range", overview.cell("min") + " to " + overview.cell("max"));
}

/// `cell(name)` writes a quantile.
template <typename Cell>
std::string quantiles_line(Cell&& cell) {
  std::string text;
  for (const auto& [name, title] :
       {std::pair("p5", "5%"), std::pair("p25", "25%"), std::pair("p50", "half"),
        std::pair("p75", "75%"), std::pair("p95", "95%"), std::pair("p99", "99%")}) {
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", title, cell(name));
  }
  return line("up to", text);
}

std::string numbers_lines(const Facts& facts) {
  std::string out;
  if (facts.has("mean")) {
    const std::string deviation =
        facts.has("deviation") ? ", deviation " + facts.cell("deviation") : "";
    out += line("mean", facts.cell("mean") + deviation) +
           quantiles_line([&](const char* name) { return facts.cell(name); });
  }
  if (facts.size() > 0 && facts.whole("nan") > 0) out += line("nan", facts.cell("nan"));
  return out;
}

/// Where times are hours apart, what is computed of them is told to the second.
std::string times_lines(const Facts& facts) {
  constexpr Int128 kSecond = 1'000'000'000;
  if (!facts.has("mean")) return "";
  const bool is_wide = facts.whole("max") - facts.whole("min") > 3600 * kSecond;
  const auto cell = [&](const char* name) {
    const std::string text = facts.cell(name);
    const size_t point = is_wide ? text.find('.') : std::string::npos;
    return point == std::string::npos ? text : text.substr(0, point) + "Z";
  };
  return line("mean", cell("mean")) + quantiles_line(cell);
}

std::string texts_lines(const Facts& facts) {
  if (facts.size() == 0) return "";
  std::string out = line(
      "size", fmt::format("{} bytes, {} characters, {} words; {} to {} bytes each, {} on average",
                          facts.cell("bytes"), facts.cell("characters"), facts.cell("words"),
                          facts.cell("shortest"), facts.cell("longest"), facts.cell("mean_bytes")));
  out += line("longest", facts.cell("longest_text"));
  std::string kinds;
  for (const auto& [name, title] :
       {std::pair("numbers", "read as numbers"), std::pair("times", "read as times"),
        std::pair("not_utf8", "are not UTF-8")}) {
    if (facts.number(name) == 0) continue;
    kinds += (kinds.empty() ? "" : ", ") + percent(facts.number(name)) + " " + title;
  }
  return kinds.empty() ? out : out + line("of these", kinds);
}

std::string frequent_line(const Facts& facts) {
  if (facts.size() == 0) return "";
  const bool is_sampled = facts.has("sampled");
  if (!is_sampled && facts.whole("count") == 1) return line("frequent", "each value is there once");
  std::string text;
  for (size_t i = 0; i < facts.size(); ++i) {
    text += fmt::format("{}{} {}{} ({})", i == 0 ? "" : "; ", facts.cell("value", i),
                        is_sampled ? "~" : "", facts.cell("count", i),
                        percent(facts.number("share", i)));
  }
  if (is_sampled) text += fmt::format("; from {} sampled values", facts.cell("sampled"));
  return line("frequent", text);
}

/// A character for each bin, its height the share of the largest.
std::string histogram_line(const Facts& facts) {
  if (facts.size() < 2) return "";
  Int128 most = 1;
  for (size_t i = 0; i < facts.size(); ++i) most = std::max(most, facts.whole("count", i));
  std::string bars;
  for (size_t i = 0; i < facts.size(); ++i) {
    const Int128 count = facts.whole("count", i);
    const Int128 eighths = (8 * count + most - 1) / most;  // what is there shows
    bars += kBlocks[static_cast<size_t>(eighths)];
  }
  const std::string of = facts.cell("of") == "bytes" ? " bytes" : "";
  return line("histogram",
              facts.cell("from") + " |" + bars + "| " + facts.cell("to", facts.size() - 1) + of);
}

std::string column_text(const RunDescription& run, const std::string& name) {
  const Facts overview(run, "", name);
  return escaped(name) + "  " + overview.cell("type") + "\n" + counts_line(overview) +
         range_line(overview) + numbers_lines(Facts(run, "numbers", name)) +
         times_lines(Facts(run, "times", name)) + texts_lines(Facts(run, "texts", name)) +
         frequent_line(Facts(run, "most frequent", name)) +
         histogram_line(Facts(run, "histogram", name));
}

}  // namespace

std::string profile_text(const RunDescription& run) {
  if (run.tables.empty()) return "no columns: no file has a record\n";
  const Table& overview = run.tables[0];
  std::string out = fmt::format("{}, {}, {}, {}\n", counted(run.files.size(), "file"),
                                counted(run.plain_bytes, "byte"), counted(run.records, "record"),
                                counted(overview.row_count(), "column"));
  if (run.bad_records > 0) out += counted(run.bad_records, "bad record") + " left out\n";
  for (const BadValueCount& bad : run.bad_values) {
    out += fmt::format("{} of column {} left out, for instance {}\n", counted(bad.count, "value"),
                       quoted(bad.column), bad.examples.empty() ? "" : quoted(bad.examples[0]));
  }
  for (const std::string& name : overview.columns[0].text) out += "\n" + column_text(run, name);
  return out;
}

}  // namespace shardmill
