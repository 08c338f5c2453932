#include <algorithm>

#include "pipeline/report/description.h"
#include "pipeline/report/sections.h"

namespace shardmill {

std::string report_text(const RunDescription& run, TextStyle style) {
  const Page page = {.width = std::clamp(style.width, 80u, 120u), .paint = {.on = style.colour}};
  std::string out = title_section(run, page) + summary_section(run, page);
  const auto add = [&](const std::string& section) {
    if (!section.empty()) out += "\n" + section;
  };
  add(stages_section(run, page));
  add(shown_section(run, page));
  for (const Table& table : run.tables) add(table_section(run, table, page));
  add(dropped_section(run, page));
  add(bad_files_section(run, page));
  add(bad_records_section(run, page));
  add(bad_values_section(run, page));
  add(slow_files_section(run, page));
  add(ranks_section(run, page));
  add(attempts_section(run, page));
  add(outputs_section(run, page));
  return out;
}

}  // namespace shardmill
