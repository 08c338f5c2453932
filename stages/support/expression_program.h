// An expression with its columns found and its types checked.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/core/bind.h"
#include "stages/support/expression_functions.h"
#include "stages/support/expression_syntax.h"

namespace shardmill {

enum class Operation : uint8_t {
  kConstant,
  kColumn,
  kToFloat,
  kNegate,
  kNot,
  kAnd,
  kOr,
  kCompare,          ///< both sides computed
  kCompareConstant,  ///< with `constant` of the child's type
  kIn,
  kIsNull,
  kAdd,
  kSubtract,
  kMultiply,
  kDivide,  ///< of floats
  kModulo,
  kTimeBetween,  ///< time - time, in seconds
  kCall,
  kIf,
  kCoalesce,
};

enum class Comparison : uint8_t { kEqual, kNotEqual, kLess, kLessEqual, kGreater, kGreaterEqual };

/// One value, stored where a Vector can point to it.
struct Constant {
  Type type = Type::kBool;
  uint8_t null = 0;
  std::string text;
  std::string_view view = {"", 0};  ///< of `text`
  int64_t integer = 0;
  double number = 0;
  uint8_t truth = 0;

  Vector vector() const;
};

struct ProgramNode {
  Operation operation = Operation::kConstant;
  Type type = Type::kBool;
  size_t at = 0;
  std::vector<uint32_t> children;
  ColumnRef column;
  Constant constant;
  bool is_untyped_null = false;  ///< the word null: takes any type
  Comparison comparison = Comparison::kEqual;
  bool is_negated = false;  ///< kIn, kIsNull
  const FunctionOverload* overload = nullptr;
  CallConstants call;
  bool is_prepared = false;  ///< only the first argument is computed
  /// The members of kIn in the type of the child, sorted, each once.
  std::vector<int64_t> ints;
  std::vector<double> floats;
  std::vector<std::string> texts;
};

/// Immutable once made. Nodes stay where they are: Vectors point into their constants.
struct Program {
  std::deque<ProgramNode> nodes;
  uint32_t root = 0;
  bool can_reject = false;  ///< it matches patterns
};

/// Finds columns, checks types, folds constants. False after reporting at least one problem.
/// `wanted`: the type that the whole must have.
bool make_program(const ExpressionPlace& place, const Syntax& syntax, Binder& binder,
                  std::optional<Type> wanted, Program& program);

}  // namespace shardmill
