#include "pipeline/cli/stage_docs.h"

#include <fmt/format.h>

#include <algorithm>

#include "pipeline/base/text.h"
#include "pipeline/core/registry.h"
#include "pipeline/plan/fields.h"
#include "pipeline/plan/toml_tree.h"

namespace shardmill {

namespace {

constexpr StageKind kKinds[] = {StageKind::kFilter, StageKind::kTransform, StageKind::kSummarise,
                                StageKind::kWrite};

std::string cell(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '|') out += '\\';
    out += c == '\n' ? ' ' : c;
  }
  return out;
}

std::string default_cell(const FieldSpec& field) {
  if (field.required) return "required";
  if (field.default_text.empty()) return "";
  return "`" + field.default_text + "`";
}

std::string fields_table(const std::vector<FieldSpec>& fields) {
  if (fields.empty()) return {};
  std::string out = "| option | takes | default | |\n|---|---|---|---|\n";
  for (const FieldSpec& field : fields) {
    const std::string bounds = field_bounds_text(field);
    out += fmt::format("| `{}` | {}{} | {} | {} |\n", field.name, cell(field_kind_text(field)),
                       bounds.empty() ? "" : ", " + bounds, cell(default_cell(field)),
                       cell(field.doc));
  }
  return out + "\n";
}

std::string named_list(std::string_view title, const std::vector<NamedCount>& names) {
  if (names.empty()) return {};
  std::string out = fmt::format("{}\n\n", title);
  for (const NamedCount& name : names) out += fmt::format("* `{}`: {}\n", name.name, name.doc);
  return out + "\n";
}

std::string toml_lines(const std::vector<std::string>& items) {
  std::string out;
  for (const std::string& item : items) out += "    " + item + ",\n";
  return out;
}

std::string quoted_lines(const std::vector<std::string>& lines) {
  std::vector<std::string> items;
  for (const std::string& line : lines) items.push_back(toml_quoted(line));
  return toml_lines(items);
}

std::string block(std::string_view text) {
  return text.empty() || text.ends_with('\n') ? std::string(text) : std::string(text) + "\n";
}

std::string files_line(const StageExample& example) {
  if (example.files.empty()) return {};
  std::string out;
  for (const auto& [path, lines] : example.files) {
    std::vector<std::string> items;
    for (const std::string& line : lines) items.push_back(toml_quoted(line));
    out +=
        (out.empty() ? " " : ", ") + toml_quoted(path) + " = [" + listed(items, items.size()) + "]";
  }
  return "files = {" + out + " }\n";
}

std::string example_section(const StageSpec& spec, const StageExample& example) {
  return fmt::format("{}\n\n```toml\n{}```\n\n", example.title, example_job(spec, example));
}

/// True if the example says what is passed on: an empty list means nothing for stages that change
/// records, and "as it came" for others that left it out.
bool tells_output(const StageSpec& spec, const StageExample& example) {
  return !example.output.empty() || spec.kind == StageKind::kFilter ||
         spec.kind == StageKind::kTransform;
}

std::string names_table() {
  std::string out = "| stage | |\n|---|---|\n";
  for (const StageKind kind : kKinds) {
    for (const StageSpec& spec : all_stages()) {
      if (spec.kind != kind) continue;
      out += fmt::format("| [{0}](#{0}) ({1}) | {2} |\n", spec.name, stage_kind_name(kind),
                         cell(spec.summary));
    }
  }
  return out + "\n";
}

}  // namespace

std::string example_job(const StageSpec& spec, const StageExample& example) {
  std::string job = fmt::format(
      "[input]\npaths = [\"data\"]\nformat = \"{}\"\n{}\n[[stage]]\nuse = \"{}\"\n{}\n",
      example.input_format, block(example.input_options), spec.name, block(example.stage));
  job += fmt::format("[[test]]\nname = {}\ninput = [\n{}]\n", toml_quoted(example.title),
                     quoted_lines(example.input));
  job += files_line(example);
  if (tells_output(spec, example))
    job += fmt::format("output = [\n{}]\n", toml_lines(example.output));
  if (example.tables.size() == 1) {
    job += fmt::format("tables = {{ {} = {} }}\n", spec.name, example.tables[0]);
  }
  return job;
}

std::string stages_list() {
  std::string out;
  for (const StageKind kind : kKinds) {
    std::string lines;
    for (const StageSpec& spec : all_stages()) {
      if (spec.kind == kind) lines += fmt::format("  {:<10} {}\n", spec.name, spec.summary);
    }
    if (lines.empty()) continue;
    out += fmt::format("{}{}\n{}", out.empty() ? "" : "\n", stage_kind_name(kind), lines);
  }
  return out + "\nshardmill stages NAME shows the options and examples of one.\n";
}

std::string stage_page(const StageSpec& spec) {
  std::string out =
      fmt::format("## {}\n\n{} ({})\n\n", spec.name, spec.summary, stage_kind_name(spec.kind));
  if (!spec.doc.empty()) out += block(spec.doc) + "\n";
  out += fields_table(spec.fields);
  out += named_list("Records are dropped because of:", spec.drop_reasons);
  out += named_list("Counted beside:", spec.counters);
  for (const StageExample& example : spec.examples) out += example_section(spec, example);
  return out;
}

std::string stages_markdown() {
  std::string out =
      "# Stages\n\n"
      "Made from the stages' own declarations by `shardmill stages --markdown`; a test holds every "
      "example.\nEvery stage also takes `name`, the name of its tables in the report.\n\n";
  out += names_table();
  for (const StageSpec& spec : all_stages()) out += stage_page(spec);
  while (out.ends_with("\n\n")) out.pop_back();
  return out;
}

}  // namespace shardmill
