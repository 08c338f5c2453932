#include "stages/support/expression_evaluate.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <functional>

#include "pipeline/base/check.h"
#include "stages/support/expression_math.h"

namespace shardmill {

namespace {

/// Texts that are compared with one by one; longer lists are searched.
constexpr size_t kShortList = 8;

/// Rows to leave out because `a` or `b` says so; points to one of them or to `room`.
const uint8_t* either(const uint8_t* a, const uint8_t* b, uint8_t* room, size_t rows) {
  if (a == nullptr) return b;
  if (b == nullptr) return a;
  for (size_t i = 0; i < rows; ++i) room[i] = a[i] | b[i];
  return room;
}

/// Keeps the rule that a null bool is 0.
void clear_nulls(Value& value, size_t rows) {
  const uint8_t* null = value.vector().null;
  if (null == nullptr) return;
  uint8_t* out = value.bools();
  for (size_t i = 0; i < rows; ++i) out[i] &= static_cast<uint8_t>(null[i] ^ 1);
}

template <typename T, typename Test>
void test_all(const T* values, size_t rows, uint8_t* out, Test&& test) {
  for (size_t i = 0; i < rows; ++i) out[i] = test(values[i]) ? 1 : 0;
}

template <typename T>
void compare_to(const T* values, const T& constant, Comparison comparison, size_t rows,
                uint8_t* out) {
  const T c = constant;
  switch (comparison) {
    case Comparison::kEqual:
      return test_all(values, rows, out, [c](const T& v) { return v == c; });
    case Comparison::kNotEqual:
      return test_all(values, rows, out, [c](const T& v) { return !(v == c); });
    case Comparison::kLess:
      return test_all(values, rows, out, [c](const T& v) { return v < c; });
    case Comparison::kLessEqual:
      return test_all(values, rows, out, [c](const T& v) { return v <= c; });
    // Written so that a float column's NaN is above every constant.
    case Comparison::kGreater:
      return test_all(values, rows, out, [c](const T& v) { return !(v <= c); });
    case Comparison::kGreaterEqual:
      return test_all(values, rows, out, [c](const T& v) { return !(v < c); });
  }
}

void compare_to_text(const std::string_view* values, std::string_view constant,
                     Comparison comparison, size_t rows, uint8_t* out) {
  if (comparison != Comparison::kEqual && comparison != Comparison::kNotEqual) {
    return compare_to(values, constant, comparison, rows, out);
  }
  const uint8_t wanted = comparison == Comparison::kEqual ? 1 : 0;
  const size_t size = constant.size();
  for (size_t i = 0; i < rows; ++i) {
    const bool same =
        values[i].size() == size && std::memcmp(values[i].data(), constant.data(), size) == 0;
    out[i] = same ? wanted : wanted ^ 1;
  }
}

bool holds(int order, Comparison comparison) {
  switch (comparison) {
    case Comparison::kEqual:
      return order == 0;
    case Comparison::kNotEqual:
      return order != 0;
    case Comparison::kLess:
      return order < 0;
    case Comparison::kLessEqual:
      return order <= 0;
    case Comparison::kGreater:
      return order > 0;
    case Comparison::kGreaterEqual:
      return order >= 0;
  }
  SHARDMILL_CHECK(false);
}

template <typename T>
int order_of(const T& a, const T& b) {
  return a < b ? -1 : b < a ? 1 : 0;
}

int order_of_text(std::string_view a, std::string_view b) {
  return a.compare(b);
}

/// Compares row by row with `order(i)`.
template <typename Order>
void compare_rows(Comparison comparison, size_t rows, uint8_t* out, Order&& order) {
  for (size_t i = 0; i < rows; ++i) out[i] = holds(order(i), comparison) ? 1 : 0;
}

void compare_vectors(const Vector& a, const Vector& b, Comparison comparison, size_t rows,
                     uint8_t* out) {
  if (a.type == Type::kInt && b.type == Type::kFloat) {
    return compare_rows(comparison, rows, out,
                        [&](size_t i) { return compare_exactly(a.ints[i], b.floats[i]); });
  }
  if (a.type == Type::kFloat && b.type == Type::kInt) {
    return compare_rows(comparison, rows, out,
                        [&](size_t i) { return -compare_exactly(b.ints[i], a.floats[i]); });
  }
  switch (a.type) {
    case Type::kText:
      return compare_rows(comparison, rows, out,
                          [&](size_t i) { return order_of_text(a.text[i], b.text[i]); });
    case Type::kInt:
    case Type::kTime:
      return compare_rows(comparison, rows, out,
                          [&](size_t i) { return order_of(a.ints[i], b.ints[i]); });
    case Type::kFloat:
      return compare_rows(comparison, rows, out,
                          [&](size_t i) { return compare_floats(a.floats[i], b.floats[i]); });
    case Type::kBool:
      return compare_rows(comparison, rows, out,
                          [&](size_t i) { return order_of(a.bools[i], b.bools[i]); });
  }
}

bool float_below(double a, double b) {
  return compare_floats(a, b) < 0;
}

/// Computes `one(i, result)`, which says whether the result fits, for all rows that are not left
/// out.
template <typename One>
void checked_ints(Value& result, size_t rows, const uint8_t* skip, uint64_t& overflows, One&& one) {
  int64_t* out = result.ints();
  for (size_t i = 0; i < rows; ++i) {
    if (one(i, out[i])) continue;
    out[i] = 0;
    if (skip != nullptr && skip[i] != 0) continue;
    result.nulls()[i] = 1;
    ++overflows;
  }
}

template <typename T>
void gather(const T* from, const BlockRows& rows, T* to) {
  for (size_t i = 0; i < rows.count; ++i) to[i] = from[rows.row(i)];
}

template <typename T>
void copy_marked(const T* from, const uint8_t* where, size_t rows, T* to) {
  for (size_t i = 0; i < rows; ++i) to[i] = where[i] != 0 ? from[i] : to[i];
}

}  // namespace

ProgramEvaluator::ProgramEvaluator(const Program& program)
    : ProgramEvaluator(program.nodes, false) {
  root_ = program.root;
  if (program.can_reject) limited_.resize(kBlockRows);
}

ProgramEvaluator::ProgramEvaluator(const std::deque<ProgramNode>& nodes, bool folding)
    : nodes_(nodes) {
  if (folding) limited_.resize(kBlockRows);
  for (uint32_t i = 0; i < nodes.size() && !folding; ++i) make_match(i);
}

void ProgramEvaluator::make_match(uint32_t index) {
  const auto& pattern = nodes_[index].call.pattern;
  if (pattern == nullptr) return;
  if (matches_.size() <= index) matches_.resize(index + 1);
  matches_[index] = std::make_unique<PatternMatch>(*pattern);
}

Value ProgramEvaluator::evaluate(const BlockRows& rows, Arena& arena) {
  rows_ = rows;
  arena_ = &arena;
  std::fill(limited_.begin(), limited_.end(), uint8_t{0});
  return full(root_, nullptr);
}

Constant ProgramEvaluator::fold(const std::deque<ProgramNode>& nodes, uint32_t node,
                                ExpressionCounts& counts) {
  ProgramEvaluator evaluator(nodes, true);
  evaluator.rows_ = {.batch = nullptr, .count = 1, .first = 0, .rows = nullptr};
  evaluator.arena_ = &evaluator.own_arena_;
  evaluator.make_match(node);
  const Value value = evaluator.full(node, nullptr);
  const Vector& v = value.vector();
  counts = evaluator.counts_;
  Constant constant = {.type = v.type};
  constant.null = v.null != nullptr ? v.null[0] : 0;
  if (constant.null != 0) return constant;
  if (v.text != nullptr) constant.text = v.text[0];
  if (v.ints != nullptr) constant.integer = v.ints[0];
  if (v.floats != nullptr) constant.number = v.floats[0];
  if (v.bools != nullptr) constant.truth = v.bools[0];
  return constant;
}

Value ProgramEvaluator::node(uint32_t index, const uint8_t* skip) {
  const ProgramNode& node = nodes_[index];
  if (node.operation == Operation::kConstant) return Value(node.constant.vector());
  if (node.operation == Operation::kColumn) return column(node);
  return computed(node, index, skip);
}

Value ProgramEvaluator::computed(const ProgramNode& node, uint32_t index, const uint8_t* skip) {
  switch (node.operation) {
    case Operation::kToFloat:
      return to_float(node, skip);
    case Operation::kNegate:
      return negate(node, skip);
    case Operation::kNot:
      return logical_not(node, skip);
    case Operation::kAnd:
    case Operation::kOr:
      return logical_chain(node, skip);
    case Operation::kCompare:
      return compare(node, skip);
    case Operation::kCompareConstant:
      return compare_constant(node, skip);
    case Operation::kIn:
      return membership(node, skip);
    case Operation::kIsNull:
      return null_test(node, skip);
    case Operation::kCall:
      return call(node, index, skip);
    case Operation::kIf:
      return choose(node, skip);
    case Operation::kCoalesce:
      return first_not_null(node, skip);
    default:
      return arithmetic(node, skip);
  }
}

/// A value for each row, also of a constant.
Value ProgramEvaluator::full(uint32_t index, const uint8_t* skip) {
  Value value = node(index, skip);
  return value.vector().is_constant ? broadcast(value.vector()) : std::move(value);
}

Value ProgramEvaluator::broadcast(const Vector& constant) {
  Value value(constant.type, pool_);
  const size_t rows = rows_.count;
  switch (constant.type) {
    case Type::kText:
      std::fill_n(value.text(), rows, constant.text[0]);
      break;
    case Type::kInt:
    case Type::kTime:
      std::fill_n(value.ints(), rows, constant.ints[0]);
      break;
    case Type::kFloat:
      std::fill_n(value.floats(), rows, constant.floats[0]);
      break;
    case Type::kBool:
      std::fill_n(value.bools(), rows, constant.bools[0]);
      break;
  }
  if (constant.null != nullptr) std::fill_n(value.nulls(), rows, uint8_t{1});
  return value;
}

Value ProgramEvaluator::column(const ProgramNode& node) {
  const Column& column = rows_.batch->columns[node.column.slot];
  SHARDMILL_CHECK(column.type == node.type);
  const bool is_clean = node.type == Type::kInt || node.type == Type::kTime ||
                        node.type == Type::kFloat || !column.has_nulls;
  if (rows_.rows == nullptr && is_clean) {
    const size_t first = rows_.first;
    Vector vector = {.type = node.type};
    if (node.type == Type::kText) vector.text = column.text.data() + first;
    if (node.type == Type::kInt || node.type == Type::kTime) {
      vector.ints = column.ints.data() + first;
    }
    if (node.type == Type::kFloat) vector.floats = column.floats.data() + first;
    if (node.type == Type::kBool) vector.bools = column.bools.data() + first;
    if (column.has_nulls) vector.null = column.null.data() + first;
    return Value(vector);
  }
  Value value(node.type, pool_);
  if (node.type == Type::kText) gather(column.text.data(), rows_, value.text());
  if (node.type == Type::kInt || node.type == Type::kTime) {
    gather(column.ints.data(), rows_, value.ints());
  }
  if (node.type == Type::kFloat) gather(column.floats.data(), rows_, value.floats());
  if (node.type == Type::kBool) gather(column.bools.data(), rows_, value.bools());
  if (!column.has_nulls) return value;
  uint8_t* null = value.nulls();
  gather(column.null.data(), rows_, null);
  if (node.type == Type::kBool) clear_nulls(value, rows_.count);
  if (node.type == Type::kText) {
    for (size_t i = 0; i < rows_.count; ++i) {
      if (null[i] != 0) value.text()[i] = {"", 0};
    }
  }
  return value;
}

Value ProgramEvaluator::to_float(const ProgramNode& node, const uint8_t* skip) {
  const Value child = full(node.children[0], skip);
  Value result(Type::kFloat, pool_);
  for (size_t i = 0; i < rows_.count; ++i) {
    result.floats()[i] = static_cast<double>(child.vector().ints[i]);
  }
  result.add_nulls(child.vector().null, rows_.count);
  return result;
}

Value ProgramEvaluator::negate(const ProgramNode& node, const uint8_t* skip) {
  const Value child = full(node.children[0], skip);
  const Vector& v = child.vector();
  Value result(node.type, pool_);
  if (node.type == Type::kFloat) {
    for (size_t i = 0; i < rows_.count; ++i) result.floats()[i] = -v.floats[i];
  } else {
    std::array<uint8_t, kBlockRows> room;
    checked_ints(result, rows_.count, either(skip, v.null, room.data(), rows_.count),
                 counts_.int_overflow, [&](size_t i, int64_t& out) {
                   return !__builtin_sub_overflow(int64_t{0}, v.ints[i], &out);
                 });
  }
  result.add_nulls(v.null, rows_.count);
  return result;
}

Value ProgramEvaluator::logical_not(const ProgramNode& node, const uint8_t* skip) {
  const Value child = full(node.children[0], skip);
  Value result(Type::kBool, pool_);
  for (size_t i = 0; i < rows_.count; ++i) result.bools()[i] = child.vector().bools[i] ^ 1;
  result.add_nulls(child.vector().null, rows_.count);
  clear_nulls(result, rows_.count);
  return result;
}

/// A value that may be written to.
Value ProgramEvaluator::owned_copy(Value value) {
  if (value.is_owned()) return value;
  const Vector& v = value.vector();
  Value copy(v.type, pool_);
  const size_t rows = rows_.count;
  if (v.text != nullptr) std::copy_n(v.text, rows, copy.text());
  if (v.ints != nullptr) std::copy_n(v.ints, rows, copy.ints());
  if (v.floats != nullptr) std::copy_n(v.floats, rows, copy.floats());
  if (v.bools != nullptr) std::copy_n(v.bools, rows, copy.bools());
  copy.add_nulls(v.null, rows);
  return copy;
}

/// Kleene's logic: `and` is false as soon as one side is, `or` true as soon as one side is, else
/// null as soon as one side is null. Both are one computation, with `or` on the negated truth.
Value ProgramEvaluator::logical_chain(const ProgramNode& node, const uint8_t* skip) {
  const size_t rows = rows_.count;
  const uint8_t decisive = node.operation == Operation::kOr ? 1 : 0;
  Value result = owned_copy(full(node.children[0], skip));
  Value decided(Type::kBool, pool_);  // rows that need no further side
  for (size_t child = 1; child < node.children.size(); ++child) {
    const uint8_t* own_null = result.vector().null;
    uint8_t* done = decided.bools();
    uint8_t open = 0;
    for (size_t i = 0; i < rows; ++i) {
      const uint8_t is_null = own_null == nullptr ? 0 : own_null[i];
      done[i] = static_cast<uint8_t>((result.bools()[i] == decisive && is_null == 0) ||
                                     (skip != nullptr && skip[i] != 0));
      open |= done[i] ^ 1;
    }
    if (open == 0) break;
    const Value side = full(node.children[child], done);
    const uint8_t* side_null = side.vector().null;
    const uint8_t* truth = side.vector().bools;
    uint8_t* out = result.bools();
    if (own_null == nullptr && side_null == nullptr) {
      if (decisive == 1) {
        for (size_t i = 0; i < rows; ++i) out[i] |= truth[i];
      } else {
        for (size_t i = 0; i < rows; ++i) out[i] &= truth[i];
      }
      continue;
    }
    uint8_t* null = result.nulls();
    for (size_t i = 0; i < rows; ++i) {
      const uint8_t other_null = side_null == nullptr ? 0 : side_null[i];
      const bool decides =
          (out[i] == decisive && null[i] == 0) || (truth[i] == decisive && other_null == 0);
      const uint8_t is_null = !decides && (null[i] | other_null) != 0 ? 1 : 0;
      out[i] = is_null != 0 ? 0 : decides ? decisive : decisive ^ 1;
      null[i] = is_null;
    }
  }
  return result;
}

Value ProgramEvaluator::compare(const ProgramNode& node, const uint8_t* skip) {
  const Value left = full(node.children[0], skip);
  const Value right = full(node.children[1], skip);
  Value result(Type::kBool, pool_);
  compare_vectors(left.vector(), right.vector(), node.comparison, rows_.count, result.bools());
  result.add_nulls(left.vector().null, rows_.count);
  result.add_nulls(right.vector().null, rows_.count);
  clear_nulls(result, rows_.count);
  return result;
}

Value ProgramEvaluator::compare_constant(const ProgramNode& node, const uint8_t* skip) {
  const Value child = full(node.children[0], skip);
  const Vector& v = child.vector();
  const Constant& constant = node.constant;
  Value result(Type::kBool, pool_);
  const size_t rows = rows_.count;
  switch (v.type) {
    case Type::kText:
      compare_to_text(v.text, constant.view, node.comparison, rows, result.bools());
      break;
    case Type::kInt:
    case Type::kTime:
      compare_to(v.ints, constant.integer, node.comparison, rows, result.bools());
      break;
    case Type::kFloat:
      compare_to(v.floats, constant.number, node.comparison, rows, result.bools());
      break;
    case Type::kBool:
      compare_to(v.bools, constant.truth, node.comparison, rows, result.bools());
      break;
  }
  result.add_nulls(v.null, rows);
  clear_nulls(result, rows);
  return result;
}

Value ProgramEvaluator::membership(const ProgramNode& node, const uint8_t* skip) {
  const Value child = full(node.children[0], skip);
  const Vector& v = child.vector();
  Value result(Type::kBool, pool_);
  const auto test = [&](auto&& is_member) {
    for (size_t i = 0; i < rows_.count; ++i) {
      result.bools()[i] = is_member(i) != node.is_negated ? 1 : 0;
    }
  };
  const auto in_sorted = [](const auto& members, const auto& value, auto&& below) {
    return std::binary_search(members.begin(), members.end(), value, below);
  };
  if (v.type == Type::kText && node.texts.size() <= kShortList) {
    test([&](size_t i) {
      return std::any_of(node.texts.begin(), node.texts.end(),
                         [&](const std::string& member) { return member == v.text[i]; });
    });
  } else if (v.type == Type::kText) {
    test([&](size_t i) { return in_sorted(node.texts, v.text[i], std::less<std::string_view>()); });
  } else if (v.type == Type::kFloat) {
    test([&](size_t i) { return in_sorted(node.floats, v.floats[i], float_below); });
  } else if (v.type == Type::kBool) {
    test([&](size_t i) {
      return in_sorted(node.ints, static_cast<int64_t>(v.bools[i]), std::less<int64_t>());
    });
  } else {
    test([&](size_t i) { return in_sorted(node.ints, v.ints[i], std::less<int64_t>()); });
  }
  result.add_nulls(v.null, rows_.count);
  clear_nulls(result, rows_.count);
  return result;
}

Value ProgramEvaluator::null_test(const ProgramNode& node, const uint8_t* skip) {
  const Value child = full(node.children[0], skip);
  const uint8_t* null = child.vector().null;
  Value result(Type::kBool, pool_);
  for (size_t i = 0; i < rows_.count; ++i) {
    const bool is_null = null != nullptr && null[i] != 0;
    result.bools()[i] = is_null != node.is_negated ? 1 : 0;
  }
  return result;
}

Value ProgramEvaluator::arithmetic(const ProgramNode& node, const uint8_t* skip) {
  const Value left = full(node.children[0], skip);
  const Value right = full(node.children[1], skip);
  const Vector& a = left.vector();
  const Vector& b = right.vector();
  const size_t rows = rows_.count;
  Value result(node.type, pool_);
  std::array<uint8_t, kBlockRows> room;
  std::array<uint8_t, kBlockRows> more_room;
  const uint8_t* unwanted =
      either(either(skip, a.null, room.data(), rows), b.null, more_room.data(), rows);
  const auto ints = [&](auto&& one) {
    checked_ints(result, rows, unwanted, counts_.int_overflow, one);
  };
  const auto floats = [&](auto&& one) {
    for (size_t i = 0; i < rows; ++i) result.floats()[i] = one(i);
  };
  const auto null_where_zero = [&](auto&& is_zero) {
    for (size_t i = 0; i < rows; ++i) {
      if (is_zero(i)) result.nulls()[i] = 1;
    }
  };
  const bool is_float = node.type == Type::kFloat;
  switch (node.operation) {
    case Operation::kAdd:
      if (is_float) {
        floats([&](size_t i) { return a.floats[i] + b.floats[i]; });
      } else {
        ints([&](size_t i, int64_t& out) {
          return !__builtin_add_overflow(a.ints[i], b.ints[i], &out);
        });
      }
      break;
    case Operation::kSubtract:
      if (is_float) {
        floats([&](size_t i) { return a.floats[i] - b.floats[i]; });
      } else {
        ints([&](size_t i, int64_t& out) {
          return !__builtin_sub_overflow(a.ints[i], b.ints[i], &out);
        });
      }
      break;
    case Operation::kMultiply:
      if (is_float) {
        floats([&](size_t i) { return a.floats[i] * b.floats[i]; });
      } else {
        ints([&](size_t i, int64_t& out) {
          return !__builtin_mul_overflow(a.ints[i], b.ints[i], &out);
        });
      }
      break;
    case Operation::kDivide:
      floats([&](size_t i) { return b.floats[i] == 0 ? 0 : a.floats[i] / b.floats[i]; });
      null_where_zero([&](size_t i) { return b.floats[i] == 0; });
      break;
    case Operation::kModulo:
      if (is_float) {
        floats([&](size_t i) {
          return b.floats[i] == 0 ? 0 : exact_remainder(a.floats[i], b.floats[i]);
        });
        null_where_zero([&](size_t i) { return b.floats[i] == 0; });
      } else {
        // The least int by -1 would trap; every int by -1 leaves 0.
        for (size_t i = 0; i < rows; ++i) {
          result.ints()[i] = b.ints[i] == 0 || b.ints[i] == -1 ? 0 : a.ints[i] % b.ints[i];
        }
        null_where_zero([&](size_t i) { return b.ints[i] == 0; });
      }
      break;
    case Operation::kTimeBetween:
      floats([&](size_t i) {
        return seconds_of(static_cast<Int128>(a.ints[i]) - b.ints[i]);
      });
      break;
    default:
      SHARDMILL_CHECK(false);
  }
  result.add_nulls(a.null, rows);
  result.add_nulls(b.null, rows);
  return result;
}

Value ProgramEvaluator::call(const ProgramNode& node, uint32_t index, const uint8_t* skip) {
  const size_t rows = rows_.count;
  const size_t computed = node.is_prepared ? 1 : node.children.size();
  std::vector<Value> values;
  std::vector<Vector> arguments;
  values.reserve(computed);
  arguments.reserve(computed);
  std::array<uint8_t, kBlockRows> null;
  bool any_null = false;
  for (size_t i = 0; i < computed; ++i) {
    values.push_back(full(node.children[i], skip));
    arguments.push_back(values.back().vector());
    const uint8_t* marks = arguments.back().null;
    if (marks == nullptr) continue;
    if (!any_null) std::fill_n(null.data(), rows, uint8_t{0});
    any_null = true;
    for (size_t row = 0; row < rows; ++row) null[row] |= marks[row];
  }
  std::array<uint8_t, kBlockRows> room;
  CallFrame frame = {
      .rows = rows,
      .skip = either(skip, any_null ? null.data() : nullptr, room.data(), rows),
      .arguments = arguments,
      .constants = &node.call,
      .match = index < matches_.size() ? matches_[index].get() : nullptr,
      .pool = &pool_,
      .arena = arena_,
      .counts = &counts_,
      .limited = limited_.data(),
  };
  Value result = node.overload->evaluate(frame);
  if (any_null) result.add_nulls(null.data(), rows);
  if (node.type == Type::kBool) clear_nulls(result, rows);
  return result;
}

void ProgramEvaluator::copy_where(Value& to, const Vector& from, const uint8_t* where) {
  const size_t rows = rows_.count;
  switch (from.type) {
    case Type::kText:
      copy_marked(from.text, where, rows, to.text());
      break;
    case Type::kInt:
    case Type::kTime:
      copy_marked(from.ints, where, rows, to.ints());
      break;
    case Type::kFloat:
      copy_marked(from.floats, where, rows, to.floats());
      break;
    case Type::kBool:
      copy_marked(from.bools, where, rows, to.bools());
      break;
  }
  if (to.vector().null == nullptr && from.null == nullptr) return;
  uint8_t* null = to.nulls();
  for (size_t i = 0; i < rows; ++i) {
    if (where[i] != 0) null[i] = from.null == nullptr ? 0 : from.null[i];
  }
}

Value ProgramEvaluator::choose(const ProgramNode& node, const uint8_t* skip) {
  const size_t rows = rows_.count;
  const Value condition = full(node.children[0], skip);
  const uint8_t* truth = condition.vector().bools;  // 0 where null
  Value wanted(Type::kBool, pool_);
  Value left_out(Type::kBool, pool_);
  const auto skipped = [&](size_t i) { return skip != nullptr && skip[i] != 0; };
  for (size_t i = 0; i < rows; ++i) {
    left_out.bools()[i] = truth[i] != 0 || skipped(i) ? 1 : 0;
  }
  Value result = owned_copy(full(node.children[2], left_out.bools()));
  for (size_t i = 0; i < rows; ++i) {
    wanted.bools()[i] = truth[i];
    left_out.bools()[i] = truth[i] == 0 || skipped(i) ? 1 : 0;
  }
  const Value then = full(node.children[1], left_out.bools());
  copy_where(result, then.vector(), wanted.bools());
  return result;
}

Value ProgramEvaluator::first_not_null(const ProgramNode& node, const uint8_t* skip) {
  const size_t rows = rows_.count;
  Value result = owned_copy(full(node.children[0], skip));
  Value missing(Type::kBool, pool_);
  Value left_out(Type::kBool, pool_);
  for (size_t child = 1; child < node.children.size(); ++child) {
    const uint8_t* null = result.vector().null;
    if (null == nullptr || std::find(null, null + rows, uint8_t{1}) == null + rows) break;
    for (size_t i = 0; i < rows; ++i) {
      missing.bools()[i] = null[i];
      left_out.bools()[i] = null[i] == 0 || (skip != nullptr && skip[i] != 0) ? 1 : 0;
    }
    const Value next = full(node.children[child], left_out.bools());
    copy_where(result, next.vector(), missing.bools());
  }
  return result;
}

Vector Constant::vector() const {
  return {.type = type,
          .is_constant = true,
          .text = &view,
          .ints = &integer,
          .floats = &number,
          .bools = &truth,
          .null = null != 0 ? &null : nullptr};
}

}  // namespace shardmill
