#include "stages/support/expression.h"

#include <algorithm>
#include <array>
#include <cstring>

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

using Fate = std::array<int, 3>;  ///< by truth

/// 0: false, 1: true, 2: null.
size_t truth_of(const Vector& value, size_t i) {
  return value.null != nullptr && value.null[i] != 0 ? 2 : value.bools[i];
}

bool has_byte(const uint8_t* bytes, uint8_t wanted, size_t begin, size_t end) {
  return bytes != nullptr && std::memchr(bytes + begin, wanted, end - begin) != nullptr;
}

// Shows the rows that are dropped. Most of the time none of a run of rows is wanted.
void show_dropped(const BlockRows& rows, const Vector& value, const uint8_t* limited,
                  const Fate& fate_of, const StageContext& context) {
  constexpr size_t kRun = 64;
  const Batch& batch = *rows.batch;
  for (size_t begin = 0; begin < rows.count; begin += kRun) {
    const size_t end = std::min(begin + kRun, rows.count);
    const bool may_be[] = {has_byte(value.bools, 0, begin, end),
                           has_byte(value.bools, 1, begin, end),
                           has_byte(value.null, 1, begin, end)};
    bool is_wanted = false;
    for (size_t truth = 0; truth < fate_of.size(); ++truth) {
      const int fate = fate_of[truth];
      if (fate == ExpressionWorker::kStays || !may_be[truth]) continue;
      is_wanted |= context.may_show_dropped(static_cast<size_t>(fate), batch, rows.row(begin),
                                            rows.row(end - 1));
    }
    for (size_t i = begin; is_wanted && i < end; ++i) {
      const int fate = fate_of[truth_of(value, i)];
      const bool is_limited = limited != nullptr && limited[i] != 0;
      if (fate == ExpressionWorker::kStays || is_limited) continue;
      context.show_dropped(static_cast<size_t>(fate), batch, rows.row(i));
    }
  }
}

}  // namespace

void ExpressionWorker::filter(Batch& batch, const Fates& fates, const StageContext& context) {
  SHARDMILL_CHECK(expression_.type() == Type::kBool);
  const Fate fate_of = {fates.if_false, fates.if_true, fates.if_null};
  const uint8_t stays[3] = {fate_of[0] == kStays, fate_of[1] == kStays, fate_of[2] == kStays};
  uint64_t is_true = 0;
  uint64_t is_null = 0;
  uint64_t looked_at = 0;
  const bool was_all = batch.selection.all;
  std::vector<uint32_t>& kept = batch.selection.rows;
  if (was_all) kept.resize(batch.rows);
  size_t count = 0;  // never ahead of the rows that are read
  for_each_block(batch, arena_,
                 [&](const BlockRows& rows, const Vector& value, const uint8_t* limited) {
                   // First, because the rows may stand where those that are kept are written.
                   if (context.is_watched()) show_dropped(rows, value, limited, fate_of, context);
                   uint32_t* const to = kept.data();
                   for (size_t i = 0; i < rows.count; ++i) {
                     const size_t row = rows.row(i);
                     if (limited != nullptr && limited[i] != 0) [[unlikely]] {
                       context.reject(batch, row, match_limit_reason());
                       continue;
                     }
                     const size_t truth = truth_of(value, i);
                     is_true += truth & 1;
                     is_null += truth >> 1;
                     ++looked_at;
                     to[count] = static_cast<uint32_t>(row);
                     count += stays[truth];
                   }
                   arena_.clear();
                 });
  const uint64_t records[3] = {looked_at - is_true - is_null, is_true, is_null};
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
