// What `shardmill plan` prints.
#include <fmt/format.h>

#include <algorithm>

#include "pipeline/base/quantity.h"
#include "pipeline/base/text.h"
#include "pipeline/plan/memory.h"
#include "pipeline/plan/plan.h"

namespace shardmill {

namespace {

constexpr size_t kColumnsShown = 40;
constexpr size_t kNotesShown = 10;

void add_line(std::string& out, std::string_view label, const std::string& text) {
  out += fmt::format("{:<9}{}\n", label, text);
}

void add_input(const Plan& plan, std::string& out) {
  const Manifest& manifest = plan.manifest;
  add_line(
      out, "input",
      fmt::format("{}, {}, read as {}{}", counted(manifest.files.size(), "file"),
                  format_bytes(manifest.total_bytes), plan.message.format,
                  manifest.common_root.empty() ? "" : ", below " + quoted(manifest.common_root)));
  for (size_t i = 0; i < std::min(manifest.notes.size(), kNotesShown); ++i) {
    add_line(out, i == 0 ? "left out" : "",
             quoted(manifest.notes[i].path) + " " + manifest.notes[i].reason);
  }
  if (manifest.notes.size() > kNotesShown) {
    add_line(out, "",
             fmt::format("and {} more", with_separators(manifest.notes.size() - kNotesShown)));
  }
}

void add_columns(const BoundJob& bound, std::string& out) {
  const auto& columns = bound.schema.columns;
  size_t width = 0;
  for (const InputColumn& column : columns) width = std::max(width, code_points(column.name));
  width = std::min<size_t>(width, 40);
  for (size_t i = 0; i < std::min(columns.size(), kColumnsShown); ++i) {
    const std::string name = escaped(columns[i].name);
    const size_t pad = width > code_points(name) ? width - code_points(name) : 0;
    add_line(out, i == 0 ? "columns" : "",
             fmt::format("{}{}  {:<6}{}", name, std::string(pad, ' '), type_name(columns[i].type),
                         bound.slots.slots[i].used ? "used" : ""));
  }
  if (columns.size() > kColumnsShown) {
    add_line(out, "", fmt::format("and {} more", with_separators(columns.size() - kColumnsShown)));
  }
}

void add_stages(const BoundJob& bound, std::string& out) {
  for (size_t i = 0; i < bound.stages.size(); ++i) {
    const PipelineStage& stage = bound.stages[i];
    std::string text = fmt::format("{}  {}  {}", i, stage.spec->name, stage.spec->summary);
    if (stage.name != stage.spec->name) text += "  (" + escaped(stage.name) + ")";
    add_line(out, i == 0 ? "stages" : "", text);
  }
}

/// What stages read whole, as large as it is unpacked.
void add_side_files(const Plan& plan, std::string& out) {
  const std::vector<std::string> paths = side_file_paths(plan.bound->job);
  for (size_t i = 0; i < paths.size(); ++i) {
    add_line(
        out, i == 0 ? "reads" : "",
        fmt::format("{} whole, {}", quoted(paths[i]), format_bytes(plan.message.files[i]->size())));
  }
}

void add_units(const Plan& plan, std::string& out) {
  uint64_t bundles = 0;
  uint64_t ranges = 0;
  for (const UnitRange& unit : plan.units) {
    bundles += unit.file_count > 1 ? 1 : 0;
    ranges += unit.begin != 0 || unit.end != kEndOfFile ? 1 : 0;
  }
  add_line(out, "units",
           fmt::format("{}: {}, {}, {}", with_separators(plan.units.size()),
                       counted(ranges, "range") + " of big files", counted(bundles, "bundle"),
                       counted(plan.units.size() - bundles - ranges, "whole file")));
}

void add_memory(const MemoryPlan& memory, std::string& out) {
  const std::vector<std::string> lines = memory.lines();
  for (size_t i = 0; i < lines.size(); ++i) add_line(out, i == 0 ? "memory" : "", lines[i]);
}

std::string files_of(const OutputSpec& output) {
  const std::string of = output.layout == OutputLayout::kPerInput   ? " for each input"
                         : output.layout == OutputLayout::kByColumn ? " for each value"
                                                                    : "";
  if (output.hdf5.shards > 0) {
    return " (a file over " + counted(output.hdf5.shards, "file") + " with the rows)";
  }
  if (output.is_numbered()) return " (numbered files" + of + ")";
  return of.empty() ? "" : " (a file" + of + ")";
}

void add_outputs(const BoundJob& bound, std::string& out) {
  bool first = true;
  for (const PipelineStage& stage : bound.stages) {
    if (!stage.output) continue;
    add_line(out, first ? "output" : "", quoted(stage.output->shown) + files_of(*stage.output));
    first = false;
  }
}

}  // namespace

std::string explain(const Plan& plan, const MemoryPlan& memory) {
  std::string out;
  add_line(out, "job", escaped(plan.bound->job.name));
  add_input(plan, out);
  add_columns(*plan.bound, out);
  add_stages(*plan.bound, out);
  add_side_files(plan, out);
  add_outputs(*plan.bound, out);
  add_units(plan, out);
  add_memory(memory, out);
  return out;
}

}  // namespace shardmill
