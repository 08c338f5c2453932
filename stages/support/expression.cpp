#include "stages/support/expression.h"

#include <algorithm>

#include "pipeline/base/check.h"

namespace shardmill {

namespace {

enum Counter : size_t { kIntOverflow, kBadTime, kBadNumber };

void check_patterns(const ExpressionPlace& place, const Syntax& syntax) {
  for (const SyntaxNode& node : syntax.nodes) {
    if (node.kind != SyntaxKind::kCall || node.text != "matches") continue;
    const SyntaxNode& pattern = syntax.nodes[node.children[1]];
    Message problem;
    if (pattern.kind != SyntaxKind::kText ||
        Pattern::compile(pattern.text, {}, "pattern", problem) != nullptr) {
      continue;
    }
    place.problem(pattern.at, problem.text(), "", "");
  }
}

/// Copies the values of a block to their rows.
void scatter(const Vector& from, const BlockRows& rows, Column& column) {
  for (size_t i = 0; i < rows.count; ++i) {
    const size_t row = rows.row(i);
    if (from.null != nullptr && from.null[i] != 0) {
      column.set_null(row);
      continue;
    }
    switch (from.type) {
      case Type::kText:
        column.text[row] = from.text[i];
        break;
      case Type::kInt:
      case Type::kTime:
        column.ints[row] = from.ints[i];
        break;
      case Type::kFloat:
        column.floats[row] = from.floats[i];
        break;
      case Type::kBool:
        column.bools[row] = from.bools[i];
        break;
    }
  }
}

}  // namespace

void check_expression(std::string_view text, std::string_view field, int line, Problems& problems) {
  const ExpressionPlace place = {.text = text, .field = field, .line = line, .problems = &problems};
  Syntax syntax;
  if (parse_expression(place, syntax)) check_patterns(place, syntax);
}

std::unique_ptr<const Expression> Expression::bind(std::string_view text, std::string_view field,
                                                   int line, Binder& binder,
                                                   std::optional<Type> wanted) {
  const ExpressionPlace place = {
      .text = text, .field = field, .line = line, .problems = &binder.problems()};
  Syntax syntax;
  if (!parse_expression(place, syntax)) return nullptr;
  auto expression = std::make_unique<Expression>();
  if (!make_program(place, syntax, binder, wanted, expression->program_)) return nullptr;
  if (expression->program_.can_reject) binder.need_offsets();
  return expression;
}

std::vector<NamedCount> expression_counters() {
  return {{"int_overflow", "results beyond 64 bits, which became null"},
          {"bad_time", "texts that time() could not read, which became null"},
          {"bad_number", "texts that int() or float() could not read, which became null"}};
}

ExpressionWorker::ExpressionWorker(const Expression& expression)
    : expression_(expression), evaluator_(expression.program()) {}

/// Calls `visit(rows, values, limited)` for the selected rows, a block at a time.
template <typename Visit>
void ExpressionWorker::for_each_block(Batch& batch, Arena& arena, Visit&& visit) {
  const size_t selected = batch.selected();
  for (size_t first = 0; first < selected; first += kBlockRows) {
    const BlockRows rows = {
        .batch = &batch,
        .count = std::min(kBlockRows, selected - first),
        .first = first,
        .rows = batch.selection.all ? nullptr : batch.selection.rows.data() + first};
    const Value value = evaluator_.evaluate(rows, arena);
    visit(rows, value.vector(), evaluator_.limited());
  }
}

void ExpressionWorker::take_counts(const StageContext& context) {
  context.count(kIntOverflow, evaluator_.counts().int_overflow);
  context.count(kBadTime, evaluator_.counts().bad_time);
  context.count(kBadNumber, evaluator_.counts().bad_number);
  evaluator_.reset_counts();
}

namespace {

/// 0: false, 1: true, 2: null.
size_t truth_of(const Vector& value, size_t i) {
  return value.null != nullptr && value.null[i] != 0 ? 2 : value.bools[i];
}

}  // namespace

void ExpressionWorker::filter(Batch& batch, const Fates& fates, const StageContext& context) {
  SHARDMILL_CHECK(expression_.type() == Type::kBool);
  const int fate_of[3] = {fates.if_false, fates.if_true, fates.if_null};
  const uint8_t stays[3] = {fate_of[0] == kStays, fate_of[1] == kStays, fate_of[2] == kStays};
  uint64_t records[3] = {};
  const bool was_all = batch.selection.all;
  std::vector<uint32_t>& kept = batch.selection.rows;
  if (was_all) kept.resize(batch.rows);
  size_t count = 0;  // never ahead of the rows that are read
  for_each_block(batch, arena_,
                 [&](const BlockRows& rows, const Vector& value, const uint8_t* limited) {
                   // First, because the rows may stand where those that are kept are written.
                   for (size_t i = 0; context.is_watched() && i < rows.count; ++i) {
                     const int fate = fate_of[truth_of(value, i)];
                     const bool is_limited = limited != nullptr && limited[i] != 0;
                     if (fate != kStays && !is_limited) {
                       context.show_dropped(static_cast<size_t>(fate), batch, rows.row(i));
                     }
                   }
                   for (size_t i = 0; i < rows.count; ++i) {
                     const size_t row = rows.row(i);
                     const bool is_limited = limited != nullptr && limited[i] != 0;
                     if (is_limited) [[unlikely]] {
                       context.reject(batch, row, match_limit_reason());
                       continue;
                     }
                     const size_t truth = truth_of(value, i);
                     ++records[truth];
                     kept[count] = static_cast<uint32_t>(row);
                     count += stays[truth];
                   }
                   arena_.clear();
                 });
  for (size_t truth = 0; truth < std::size(records); ++truth) {
    if (!stays[truth]) context.drop(static_cast<size_t>(fate_of[truth]), records[truth]);
  }
  kept.resize(count);
  batch.selection.all = was_all && count == batch.rows;
  take_counts(context);
}

void ExpressionWorker::compute(Batch& batch, Column& column, const StageContext& context) {
  column.prepare(expression_.type(), batch.rows);
  rejected_.clear();
  for_each_block(batch, batch.arena,
                 [&](const BlockRows& rows, const Vector& value, const uint8_t* limited) {
                   scatter(value, rows, column);
                   for (size_t i = 0; limited != nullptr && i < rows.count; ++i) {
                     if (limited[i] != 0) rejected_.push_back(static_cast<uint32_t>(rows.row(i)));
                   }
                 });
  take_counts(context);
  if (rejected_.empty()) return;
  for (const uint32_t row : rejected_) context.reject(batch, row, match_limit_reason());
  auto next = rejected_.begin();
  batch.keep_rows([&](size_t row) {
    if (next == rejected_.end() || *next != row) return true;
    ++next;
    return false;
  });
}

}  // namespace shardmill
