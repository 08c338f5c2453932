#include "stages/support/exec_answers.h"

#include <fmt/format.h>

#include "pipeline/base/message.h"
#include "stages/support/json_column.h"

namespace shardmill {

std::optional<std::string> pack_record(const ExecSettings& settings, const Batch& batch, size_t row,
                                       std::string& out) {
  const Column& column = batch.columns[settings.column.slot];
  const bool is_line = !settings.is_json && column.type == Type::kText && !column.is_null(row);
  if (is_line && column.text[row].find('\n') != std::string_view::npos) {
    return fmt::format(
        "column {} holds a newline, expected text of one line for the program; use format = "
        "\"jsonl\"",
        quoted(settings.column_name));
  }
  settings.sent.append_row(batch, row, out);
  return std::nullopt;
}

AnswerReader::AnswerReader(const ExecSettings& settings, const SlotPlan& plan)
    : settings_(settings) {
  std::vector<std::string> paths;
  for (const AnswerColumn& column : settings.answers) {
    if (!plan.slots[column.ref.slot].used) continue;
    wanted_.push_back({.column = &column, .path = paths.size()});
    paths.push_back(column.name);
  }
  if (!settings.is_json) return;
  paths_.emplace(paths);
  fields_.emplace(*paths_);
}

void AnswerReader::prepare(Batch& batch, size_t rows) const {
  for (const Wanted& wanted : wanted_) {
    batch.columns[wanted.column->ref.slot].prepare(wanted.column->ref.type, rows);
  }
}

void AnswerReader::write_nulls(Batch& batch, size_t row) const {
  for (const Wanted& wanted : wanted_) batch.columns[wanted.column->ref.slot].set_null(row);
}

std::optional<std::string> AnswerReader::read(std::string_view line, Batch& batch, size_t row,
                                              const StageContext& context) {
  if (!settings_.is_json) {
    for (const Wanted& wanted : wanted_) {
      batch.columns[wanted.column->ref.slot].text[row] = batch.arena.copy(line);
    }
    return std::nullopt;
  }
  const std::string_view text = wanted_.empty() ? line : batch.arena.copy(line);
  if (const auto mistake = fields_->read(text)) {
    return fmt::format("answer of program {}: {}", quoted(settings_.program.name),
                       mistake->text("line"));
  }
  for (const Wanted& wanted : wanted_) {
    Column& column = batch.columns[wanted.column->ref.slot];
    const JsonValue* const value = fields_->value(wanted.path);
    if (value == nullptr || value->kind == JsonKind::kNull) {
      column.set_null(row);
    } else if (!read_json_value(*value, column, row, batch.arena)) {
      column.set_null(row);
      context.count(kExecBadValue, 1);
      context.rejects->bad_value(batch.slice->path, batch.offsets[row], wanted.column->name,
                                 value->source());
    }
  }
  return std::nullopt;
}

}  // namespace shardmill
