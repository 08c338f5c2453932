#include "pipeline/report/report_html_time.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "pipeline/report/json_object.h"
#include "pipeline/report/report_html_rows.h"

namespace shardmill {

namespace {

constexpr size_t kColumns = 120;
constexpr size_t kRowsShown = 128;
constexpr size_t kTimelineBytes = 250'000;
constexpr size_t kKinds = 4;

/// The axis: seconds since the first process began.
struct Axis {
  double ready = 0;     ///< when the ranks, which had met, began to work together
  double work_end = 0;  ///< the last unit was done
  double rows_end = 0;  ///< the last that is known of the workers
  double end = 0;

  double step() const { return end / kColumns; }
};

Axis axis_of(const RunDescription& run) {
  Axis axis;
  double last = 0;
  for (const RankResult& rank : run.ranks) {
    axis.ready = std::max(axis.ready, rank.start_up_seconds);
    if (!rank.timeline.spans.empty()) {
      last = std::max(last, rank.timeline.spans.back().end_seconds);
    }
  }
  axis.work_end = axis.ready + run.seconds.work;
  axis.rows_end = axis.ready + last;
  axis.end = std::max(axis.work_end + run.seconds.merge, axis.rows_end);
  return axis;
}

/// Calls `visit(column, share of the span that lies in it)` for each column that a span touches.
template <typename Visit>
void for_each_column(const Axis& axis, double begin, double end, Visit&& visit) {
  const double step = axis.step();
  if (!(end > begin) || !(step > 0)) return;
  size_t column = std::min(kColumns - 1, static_cast<size_t>(std::max(0.0, begin / step)));
  for (; column < kColumns; ++column) {
    const double left = std::max(begin, step * static_cast<double>(column));
    const double right = std::min(end, step * static_cast<double>(column + 1));
    if (right > left) visit(column, (right - left) / (end - begin));
    if (end <= step * static_cast<double>(column + 1)) break;
  }
}

/// Time of one or several workers by kind of work, in each column.
using Cells = std::array<std::array<double, kKinds>, kColumns>;

void add_line(Cells& cells, const Axis& axis, const RankTimeline& timeline, size_t line) {
  double begin = axis.ready;
  for (size_t i = 0; i < timeline.spans.size(); ++i) {
    const double end = axis.ready + timeline.spans[i].end_seconds;
    const WorkShares& shares = timeline.lines[line][i];
    const std::array<uint8_t, kKinds> kinds = {shares.reading, shares.decoding, shares.computing,
                                               shares.committing};
    for_each_column(axis, begin, end, [&](size_t column, double part) {
      for (size_t kind = 0; kind < kKinds; ++kind) {
        cells[column][kind] += part * (end - begin) * kinds[kind] / 255;
      }
    });
    begin = end;
  }
}

/// Percent of `workers` workers' time in each column, four numbers a column, as one text of two
/// characters a number. Columns in which nothing was done are left out at both ends.
std::string cells_json(const Cells& cells, const Axis& axis, size_t workers) {
  std::string text;
  size_t first = kColumns;
  size_t kept = 0;
  for (size_t column = 0; column < kColumns; ++column) {
    bool is_used = false;
    std::string numbers;
    for (const double seconds : cells[column]) {
      const double share = seconds / (axis.step() * static_cast<double>(workers));
      const auto percent = static_cast<unsigned>(std::clamp(share * 99 + 0.5, 0.0, 99.0));
      is_used |= percent > 0;
      numbers += fmt::format("{:02}", percent);
    }
    if (!is_used && first == kColumns) continue;
    first = std::min(first, column);
    text += numbers;
    if (is_used) kept = text.size();
  }
  return "[" + std::to_string(first) + ", \"" + text.substr(0, kept) + "\"]";
}

struct Line {
  size_t rank = 0;
  size_t line = 0;
};

/// "rank 3, worker 1", "ranks 0 to 78".
std::string row_name(const RunDescription& run, const Line& first, const Line& last) {
  if (first.rank != last.rank) return fmt::format("ranks {} to {}", first.rank, last.rank);
  const bool has_lines = run.ranks[first.rank].timeline.lines.size() > 1;
  const bool is_alone = run.ranks.size() == 1;
  if (!has_lines) return fmt::format("rank {}", first.rank);
  const std::string workers = first.line == last.line
                                  ? fmt::format("worker {}", first.line)
                                  : fmt::format("workers {} to {}", first.line, last.line);
  return is_alone ? workers : fmt::format("rank {}, {}", first.rank, workers);
}

std::string rows_json(const RunDescription& run, const Axis& axis) {
  std::vector<Line> lines;
  for (size_t rank = 0; rank < run.ranks.size(); ++rank) {
    for (size_t line = 0; line < run.ranks[rank].timeline.lines.size(); ++line) {
      lines.push_back({rank, line});
    }
  }
  const size_t rows = std::min(lines.size(), kRowsShown);
  PageRows out(kRowsShown, kTimelineBytes);
  for (size_t row = 0; row < rows; ++row) {
    const size_t begin = lines.size() * row / rows;
    const size_t end = lines.size() * (row + 1) / rows;
    Cells cells = {};
    double born = axis.ready;
    for (size_t i = begin; i < end; ++i) {
      const RankResult& rank = run.ranks[lines[i].rank];
      add_line(cells, axis, rank.timeline, lines[i].line);
      born = std::min(born, axis.ready - rank.start_up_seconds);
    }
    out.add({json_text(row_name(run, lines[begin], lines[end - 1])), page_number(born),
             cells_json(cells, axis, end - begin)});
  }
  return out.str();
}

/// Calls `visit(column, span, share of the span that lies in it)` for each span of every rank.
template <typename Visit>
void for_each_span(const RunDescription& run, const Axis& axis, Visit&& visit) {
  for (const RankResult& rank : run.ranks) {
    double begin = axis.ready;
    for (const TimeSpan& span : rank.timeline.spans) {
      const double end = axis.ready + span.end_seconds;
      for_each_column(axis, begin, end,
                      [&](size_t column, double part) { visit(column, span, part); });
      begin = end;
    }
  }
}

/// What all ranks read in each column, a second.
struct Rates {
  std::array<double, kColumns> disk_bytes = {};
  std::array<double, kColumns> records = {};
};

Rates rates_of(const RunDescription& run, const Axis& axis) {
  Rates rates;
  for_each_span(run, axis, [&](size_t column, const TimeSpan& span, double part) {
    rates.disk_bytes[column] += part * static_cast<double>(span.disk_bytes) / axis.step();
    rates.records[column] += part * static_cast<double>(span.records) / axis.step();
  });
  return rates;
}

/// The most that any rank had in each column; 0 where nobody looked.
struct Memory {
  std::array<double, kColumns> tables = {};
  std::array<double, kColumns> rss = {};
};

Memory memory_of(const RunDescription& run, const Axis& axis) {
  Memory memory;
  for_each_span(run, axis, [&](size_t column, const TimeSpan& span, double) {
    memory.tables[column] = std::max(memory.tables[column], static_cast<double>(span.table_bytes));
    memory.rss[column] = std::max(memory.rss[column], static_cast<double>(span.rss_bytes));
  });
  return memory;
}

std::string numbers_json(const std::array<double, kColumns>& values) {
  std::vector<std::string> items;
  for (const double value : values) items.push_back(page_number(value));
  return json_array(items);
}

}  // namespace

std::string page_timeline(const RunDescription& run) {
  const Axis axis = axis_of(run);
  const bool has_samples =
      std::any_of(run.ranks.begin(), run.ranks.end(),
                  [](const RankResult& rank) { return !rank.timeline.spans.empty(); });
  if (!has_samples || !(axis.end > 0)) return "null";
  const Rates rates = rates_of(run, axis);
  const Memory memory = memory_of(run, axis);
  return JsonObject()
      .json("seconds", page_number(axis.end))
      .json("ready", page_number(axis.ready))
      .json("work_end", page_number(axis.work_end))
      .json("rows_end", page_number(axis.rows_end))
      .integer("columns", kColumns)
      .json("rows", rows_json(run, axis))
      .json("disk_bytes", numbers_json(rates.disk_bytes))
      .json("records", numbers_json(rates.records))
      .json("tables", numbers_json(memory.tables))
      .json("rss", numbers_json(memory.rss))
      .str();
}

}  // namespace shardmill
