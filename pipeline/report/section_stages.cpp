#include <fmt/format.h>

#include <algorithm>

#include "pipeline/base/message.h"
#include "pipeline/base/quantity.h"
#include "pipeline/base/text.h"
#include "pipeline/report/sections.h"

namespace shardmill {

namespace {

constexpr size_t kBarCells = 10;

std::string stage_label(const StageResult& stage) {
  const std::string use = escaped(stage.use);
  return stage.name.empty() || stage.name == stage.use ? use : use + " " + quoted(stage.name, 60);
}

/// What happened to records in a stage besides being passed on: each a count and a name.
struct Departure {
  uint64_t count = 0;
  std::string name;
  bool is_share = true;  ///< of the records in
};

std::vector<Departure> departures(const StageResult& stage) {
  std::vector<Departure> list;
  for (size_t i = 0; i < stage.drop_reasons.size() && i < stage.books.dropped.size(); ++i) {
    if (stage.books.dropped[i] > 0) list.push_back({stage.books.dropped[i], stage.drop_reasons[i]});
  }
  if (stage.books.rejected > 0) list.push_back({stage.books.rejected, "rejected"});
  if (stage.books.made > 0) list.push_back({stage.books.made, "made from them", false});
  for (size_t i = 0; i < stage.counters.size() && i < stage.books.counts.size(); ++i) {
    if (stage.books.counts[i] > 0) {
      list.push_back({stage.books.counts[i], "counted: " + stage.counters[i], false});
    }
  }
  return list;
}

/// "12.3 %", and never "0.0 %" for something.
std::string share_text(uint64_t part, uint64_t whole) {
  const double share = static_cast<double>(part) / static_cast<double>(whole);
  return part > 0 && share < 0.0005 ? "< 0.1 %" : format_share(share, 1);
}

/// The first departure on the stage's own line, further ones below it.
void add_stage_rows(TextTable& table, std::vector<std::string> cells,
                    const std::vector<Departure>& list, uint64_t records_in) {
  for (size_t i = 0; i < std::max<size_t>(1, list.size()); ++i) {
    if (i > 0) std::fill(cells.begin(), cells.end(), "");
    if (i < list.size()) {
      const Departure& departure = list[i];
      cells[5] = (departure.is_share ? "" : "+") + with_separators(departure.count);
      cells[6] = departure.is_share ? share_text(departure.count, records_in) : "";
      cells[7] = escaped(departure.name);
    }
    table.add(cells);
  }
}

/// Records that the input rejected: all but those that stages did.
uint64_t rejected_by_input(const RunDescription& run) {
  uint64_t by_stages = 0;
  for (const StageResult& stage : run.stages) by_stages += stage.books.rejected;
  return run.bad_records > by_stages ? run.bad_records - by_stages : 0;
}

TextTable stage_table() {
  return TextTable({{.title = "", .right = true, .tint = Tint::kDim},
                    {.title = "stage", .may_shrink = true},
                    {.title = "records in", .right = true},
                    {.title = "out", .right = true},
                    {.title = "", .tint = Tint::kCyan},
                    {.title = "left out", .right = true},
                    {.title = "", .right = true, .tint = Tint::kDim},
                    {.title = "why", .may_shrink = true}});
}

}  // namespace

std::string stages_section(const RunDescription& run, const Page& page) {
  if (run.stages.empty()) return {};
  uint64_t most = std::max<uint64_t>(1, run.records);
  for (const StageResult& stage : run.stages) most = std::max(most, stage.books.records_out);
  const auto bar_of = [&](uint64_t records) {
    return bar(static_cast<double>(records) / static_cast<double>(most), kBarCells);
  };
  TextTable table = stage_table();
  const uint64_t rejected = rejected_by_input(run);
  std::vector<Departure> unread;
  if (rejected > 0) unread.push_back({rejected, "rejected"});
  add_stage_rows(table,
                 {"", "input", "", with_separators(run.records), bar_of(run.records), "", "", ""},
                 unread, run.records + rejected);
  for (size_t i = 0; i < run.stages.size(); ++i) {
    const StageBooks& books = run.stages[i].books;
    add_stage_rows(
        table,
        {std::to_string(i), stage_label(run.stages[i]), with_separators(books.records_in),
         with_separators(books.records_out), bar_of(books.records_out), "", "", ""},
        departures(run.stages[i]), books.records_in);
  }
  return heading("The way of the records", "", page) + table.str(page.width, page.paint);
}

}  // namespace shardmill
