// The text of an expression as a tree, before anything is known of columns and types.
//
//   or < and < not < == != < <= > >= in is < + - < * / % < - (sign) < value
//
// Values: 12, 1.5e3, 'text' ('' is one quote), true, false, null, column, user.country,
// `odd name` (`` is one backquote), function(argument, ...), (expression).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/core/options.h"

namespace shardmill {

struct FunctionSpec;

enum class SyntaxKind : uint8_t {
  kNull,
  kBool,
  kInt,
  kFloat,
  kText,
  kColumn,
  kCall,
  kNegate,
  kNot,
  kAnd,  ///< two or more children
  kOr,   ///< two or more children
  kEqual,
  kNotEqual,
  kLess,
  kLessEqual,
  kGreater,
  kGreaterEqual,
  kAdd,
  kSubtract,
  kMultiply,
  kDivide,
  kModulo,
  kIn,     ///< the value, then the constants of the list
  kNotIn,  ///< the same
  kIsNull,
  kIsNotNull,
};

struct SyntaxNode {
  SyntaxKind kind = SyntaxKind::kNull;
  size_t at = 0;     ///< byte offset in the expression
  size_t depth = 1;  ///< levels of nodes, this one included
  std::string text;  ///< kText, kColumn
  int64_t integer = 0;
  double number = 0;
  bool truth = false;
  const FunctionSpec* function = nullptr;  ///< kCall
  std::vector<uint32_t> children;
};

/// Nodes refer to each other by index; children come before their parents.
struct Syntax {
  std::vector<SyntaxNode> nodes;
  uint32_t root = 0;
};

/// Levels of an expression; deeper ones are refused, so that no text can exhaust the stack. Chains
/// of `and` or of `or` are one level, however long.
inline constexpr size_t kExpressionDepthMax = 250;

/// Where mistakes of one expression go.
struct ExpressionPlace {
  std::string_view text;   ///< the expression
  std::string_view field;  ///< the option it was given for
  int line = 0;
  Problems* problems = nullptr;

  /// Reports `field (character 12): found`.
  void problem(size_t at, std::string found, std::string expected, std::string fix) const;
};

/// Parses `place.text`. False after reporting at least one problem: a syntax error ends the
/// parsing; unknown functions and wrong counts of arguments are all reported.
bool parse_expression(const ExpressionPlace& place, Syntax& syntax);

}  // namespace shardmill
