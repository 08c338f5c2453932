#include <fmt/format.h>

#include <algorithm>

#include "pipeline/base/message.h"
#include "pipeline/base/text.h"
#include "pipeline/report/cells.h"
#include "pipeline/report/sections.h"

namespace shardmill {

namespace {

/// "    a.csv (byte 1,234)  {...}": at most a third of the width for the place.
std::string example_line(const RecordExample& example, const Page& page) {
  const size_t room = page.width - 6;
  const std::string place = cut_start(place_in_file(example.path, example.offset), room / 3);
  const std::string record = cut_end(printable(example.record), room - code_points(place));
  return "    " + place + "  " + page.paint.dim(record) + "\n";
}

bool are_the_same(const RecordExamples& a, const RecordExamples& b) {
  return std::equal(a.list().begin(), a.list().end(), b.list().begin(), b.list().end(),
                    [](const RecordExample& one, const RecordExample& other) {
                      return one.path == other.path && one.offset == other.offset &&
                             one.sub_index == other.sub_index && one.record == other.record;
                    });
}

}  // namespace

std::string dropped_section(const RunDescription& run, const Page& page) {
  std::string out;
  for (size_t i = 0; i < run.stages.size(); ++i) {
    const StageResult& stage = run.stages[i];
    const size_t reasons = std::min(stage.drop_reasons.size(), stage.books.examples.size());
    for (size_t reason = 0; reason < reasons; ++reason) {
      const RecordExamples& examples = stage.books.examples[reason];
      if (examples.list().empty()) continue;
      out += fmt::format("  {}  {}: {}, {}\n", i, escaped(stage.use),
                         escaped(stage.drop_reasons[reason]),
                         counted(stage.books.dropped[reason], "record"));
      for (const RecordExample& example : examples.list()) out += example_line(example, page);
    }
  }
  return out.empty() ? out : heading("Left out, for instance", "", page) + out;
}

std::string shown_section(const RunDescription& run, const Page& page) {
  std::string out;
  const RecordExamples* before = nullptr;
  for (size_t i = 0; i < run.stages.size(); ++i) {
    const RecordExamples& shown = run.stages[i].books.shown;
    if (shown.list().empty()) continue;
    const bool is_new = before == nullptr || !are_the_same(*before, shown);
    out += fmt::format("  {}  {}: {} {}\n", i, escaped(run.stages[i].use),
                       is_new ? "the first of" : "the same of",
                       counted(run.stages[i].books.records_out, "record"));
    for (const RecordExample& example : shown.list()) {
      if (is_new) out += wrapped(printable(example.record), 4, page.width);
    }
    before = &shown;
  }
  return out.empty() ? out : heading("Passed on by each stage", "", page) + out;
}

}  // namespace shardmill
