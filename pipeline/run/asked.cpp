#include "pipeline/run/asked.h"

#include <fmt/format.h>

#include "pipeline/base/quantity.h"

namespace shardmill {

namespace {

std::string joined(const std::vector<std::string>& texts) {
  std::string out;
  for (const std::string& text : texts) out += (out.empty() ? "" : ", ") + text;
  return out;
}

std::string joined(const TextMap& map) {
  std::string out;
  for (const auto& [key, value] : map) out += (out.empty() ? "" : ", ") + key + ": " + value;
  return out;
}

std::string value_text(const Options& options, const FieldSpec& field) {
  switch (field.kind) {
    case FieldKind::kInt:
      return std::to_string(options.integer(field.name));
    case FieldKind::kBytes:
      return format_bytes(static_cast<uint64_t>(options.integer(field.name)));
    case FieldKind::kFloat:
      return fmt::format("{}", options.number(field.name));
    case FieldKind::kSeconds:
      return format_seconds(options.number(field.name));
    case FieldKind::kBool:
      return options.flag(field.name) ? "true" : "false";
    case FieldKind::kTextList:
    case FieldKind::kColumnList:
      return joined(options.list(field.name));
    case FieldKind::kTextMap:
      return joined(options.map(field.name));
    case FieldKind::kText:
    case FieldKind::kChoice:
    case FieldKind::kColumn:
    case FieldKind::kExpression:
    case FieldKind::kFile:
      break;
  }
  return options.text(field.name);
}

}  // namespace

std::vector<AskedOption> asked_options(const JobStage& stage) {
  std::vector<AskedOption> asked;
  for (const FieldSpec& field : stage.spec->fields) {
    if (!stage.options.has(field.name)) continue;
    // Defaults have the line of the stage's heading.
    if (stage.options.line(field.name) == stage.options.stage_line) continue;
    asked.push_back({.name = field.name, .value = value_text(stage.options, field)});
  }
  return asked;
}

}  // namespace shardmill
