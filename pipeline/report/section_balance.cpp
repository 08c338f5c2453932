#include <fmt/format.h>

#include <algorithm>

#include "pipeline/base/message.h"
#include "pipeline/base/quantity.h"
#include "pipeline/base/text.h"
#include "pipeline/report/cells.h"
#include "pipeline/report/sections.h"

namespace shardmill {

namespace {

constexpr size_t kBarCells = 16;

/// Columns that say nothing in most runs.
struct RankColumns {
  bool hosts = false;   ///< there are several
  bool redone = false;  ///< CSV ranges had to be done again
};

RankColumns rank_columns(const RunDescription& run) {
  RankColumns columns;
  for (const RankResult& rank : run.ranks) {
    columns.hosts |= rank.host != run.ranks[0].host;
    columns.redone |= rank.redone_units > 0;
  }
  return columns;
}

TextTable rank_table(const RankColumns& wanted) {
  std::vector<TextColumn> columns = {{.title = "rank", .right = true}};
  if (wanted.hosts) columns.push_back({.title = "host", .may_shrink = true});
  columns.push_back({.title = "units", .right = true});
  if (wanted.redone) columns.push_back({.title = "redone", .right = true});
  columns.insert(columns.end(), {{.title = "read", .right = true},
                                 {.title = "records", .right = true},
                                 {.title = "busy", .right = true},
                                 {.title = "", .tint = Tint::kGreen},
                                 {.title = "peak memory", .right = true}});
  return TextTable(std::move(columns));
}

/// Share of its workers' time that a rank worked.
double busy_share(const RunDescription& run, const RankResult& rank) {
  const double available = run.seconds.work * rank.threads;
  return available > 0 ? rank.busy_seconds / available : 0;
}

void add_rank(TextTable& table, const RunDescription& run, size_t number,
              const RankColumns& wanted) {
  const RankResult& rank = run.ranks[number];
  const double share = busy_share(run, rank);
  std::vector<std::string> cells = {std::to_string(number)};
  if (wanted.hosts) cells.push_back(escaped(rank.host));
  cells.push_back(with_separators(rank.units));
  if (wanted.redone) cells.push_back(with_separators(rank.redone_units));
  cells.insert(cells.end(),
               {format_bytes(rank.disk_bytes), with_separators(rank.records),
                format_share(share, 1), bar(share, kBarCells), format_bytes(rank.peak_rss_bytes)});
  table.add(std::move(cells));
}

}  // namespace

std::string slow_files_section(const RunDescription& run, const Page& page) {
  constexpr size_t kShown = 5;
  if (run.files.size() < 2) return {};
  std::vector<const FileResult*> files;
  for (const FileResult& file : run.files) {
    if (file.seconds > 0 && file.disk_bytes > 0) files.push_back(&file);
  }
  const size_t shown = std::min(files.size(), kShown);
  std::partial_sort(files.begin(), files.begin() + static_cast<std::ptrdiff_t>(shown), files.end(),
                    [](const FileResult* a, const FileResult* b) {
                      return a->seconds != b->seconds ? a->seconds > b->seconds : a->path < b->path;
                    });
  TextTable table({{.title = "time", .right = true},
                   {.title = "size", .right = true},
                   {.title = "speed", .right = true},
                   {.title = "records", .right = true},
                   {.title = "file", .cut_front = true, .may_shrink = true}});
  for (size_t i = 0; i < shown; ++i) {
    const FileResult& file = *files[i];
    table.add({readable_seconds(file.seconds), format_bytes(file.disk_bytes),
               format_rate(static_cast<double>(file.disk_bytes) / file.seconds),
               with_separators(file.records), escaped(file.path)});
  }
  if (table.empty()) return {};
  return heading("The slowest files", "", page) + table.str(page.width, page.paint);
}

std::string ranks_section(const RunDescription& run, const Page& page) {
  constexpr size_t kAllShown = 16;
  if (run.ranks.size() < 2) return {};
  std::vector<size_t> order;
  for (size_t i = 0; i < run.ranks.size(); ++i) order.push_back(i);
  std::string remark;
  if (order.size() > kAllShown) {
    std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
      return busy_share(run, run.ranks[a]) < busy_share(run, run.ranks[b]);
    });
    order.erase(order.begin() + 5, order.end() - 5);
    remark = fmt::format("the 5 least and the 5 most busy of {}", run.ranks.size());
  }
  const RankColumns wanted = rank_columns(run);
  TextTable table = rank_table(wanted);
  for (const size_t number : order) add_rank(table, run, number, wanted);
  return heading("Balance over the ranks", remark, page) + table.str(page.width, page.paint);
}

std::string outputs_section(const RunDescription& run, const Page& page) {
  constexpr size_t kShown = 10;
  std::string out;
  if (!run.outputs.empty()) {
    TextTable table({{.title = "file", .cut_front = true, .may_shrink = true},
                     {.title = "records", .right = true},
                     {.title = "size", .right = true}});
    for (size_t i = 0; i < std::min(run.outputs.size(), kShown); ++i) {
      const OutputResult& output = run.outputs[i];
      table.add(
          {escaped(output.path), with_separators(output.records), format_bytes(output.bytes)});
    }
    out += heading("Written", counted(run.outputs.size(), "file"), page) +
           table.str(page.width, page.paint);
    if (run.outputs.size() > kShown) {
      out += note("... " + counted(run.outputs.size() - kShown, "more file"), page);
    }
  }
  if (run.run_dir.empty()) return out;
  return out + (out.empty() ? "" : "\n") + page.paint.dim("everything is in ") +
         cut_start(escaped(run.run_dir), page.width - 17) + "\n";
}

}  // namespace shardmill
