#include <fmt/format.h>

#include <algorithm>

#include "pipeline/base/message.h"
#include "pipeline/base/text.h"
#include "pipeline/report/cells.h"
#include "pipeline/report/sections.h"

namespace shardmill {

namespace {

/// "    a.csv (byte 1,234)  the bytes...": at least a third of the width for each.
std::string bad_record_line(const BadRecord& bad, const Page& page) {
  const size_t room = page.width - 6;
  const std::string place = cut_start(place_in_file(bad.path, bad.offset), room * 2 / 3);
  const size_t rest = room - code_points(place);
  return "    " + place + "  " + page.paint.dim(cut_end(printable(bad.bytes), rest)) + "\n";
}

/// "partly read: 20,000 records kept, 1,234 bytes lost".
std::string outcome_text(const FileResult& file) {
  if (file.outcome != "partly read") return file.outcome;
  std::string text = file.outcome + ": " + counted(file.records, "record") + " kept";
  if (file.lost_bytes > 0) text += ", " + counted(file.lost_bytes, "byte") + " lost";
  return text;
}

}  // namespace

std::string bad_files_section(const RunDescription& run, const Page& page) {
  constexpr size_t kShown = 10;
  const uint64_t count = bad_file_count(run);
  if (count == 0) return {};
  std::string out = heading("Bad files", counted(count, "file"), page);
  size_t shown = 0;
  for (const FileResult& file : run.files) {
    if (!is_bad_file(file)) continue;
    if (++shown > kShown) break;
    const std::string outcome = outcome_text(file);
    const std::string path = cut_start(escaped(file.path), page.width - 4 - outcome.size());
    out += "  " + path + "  " + page.paint.red(outcome) + "\n";
    out += wrapped(printable(file.reason), 4, page.width);
  }
  if (count > kShown) {
    out += note("... " + counted(count - kShown, "more file") +
                    (run.run_dir.empty() ? "" : " in files.tsv"),
                page);
  }
  return out;
}

std::string bad_records_section(const RunDescription& run, const Page& page) {
  constexpr size_t kShown = 5;
  if (run.bad_records == 0) return {};
  std::string out = heading("Bad records", counted(run.bad_records, "record"), page);
  const size_t shown = std::min(run.bad_records_kept.size(), kShown);
  std::string_view reason;
  for (size_t i = 0; i < shown; ++i) {
    const BadRecord& bad = run.bad_records_kept[i];
    if (bad.reason != reason) {
      out += wrapped(printable(bad.reason), 2, page.width);
      reason = bad.reason;
    }
    out += bad_record_line(bad, page);
  }
  if (run.bad_records > shown && !run.run_dir.empty()) {
    const uint64_t kept = run.bad_records_kept.size();
    out += note("... " + counted(run.bad_records - shown, "more record") + "; " +
                    (kept < run.bad_records ? "the first " + with_separators(kept) : "all") +
                    " are in bad_records.jsonl",
                page);
  }
  return out;
}

std::string bad_values_section(const RunDescription& run, const Page& page) {
  if (run.bad_values.empty()) return {};
  TextTable table({{.title = "column", .may_shrink = true},
                   {.title = "values", .right = true},
                   {.title = "for instance", .may_shrink = true}});
  for (const BadValueCount& bad : run.bad_values) {
    std::vector<std::string> examples;
    for (const std::string& example : bad.examples) examples.push_back(quoted(example, 40));
    table.add({escaped(bad.column), with_separators(bad.count), listed(examples, 4)});
  }
  return heading("Values that are not of their column's type, read as null",
                 counted(bad_value_count(run), "value"), page) +
         table.str(page.width, page.paint);
}

}  // namespace shardmill
