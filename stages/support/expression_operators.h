// The operators of expressions: one table that the parser, the docs and the tests read.
#pragma once

#include <string_view>

#include "stages/support/expression_syntax.h"

namespace shardmill {

/// How strongly operators bind; those of one level from left to right.
inline constexpr int kOrLevel = 1;
inline constexpr int kAndLevel = 2;
inline constexpr int kNotLevel = 3;
inline constexpr int kCompareLevel = 4;
inline constexpr int kAddLevel = 5;
inline constexpr int kMultiplyLevel = 6;
inline constexpr int kSignLevel = 7;

enum class OperatorForm : uint8_t {
  kBinary,   ///< between two expressions
  kPrefix,   ///< in front of one
  kPostfix,  ///< behind one, of several words or with a list
};

struct OperatorSpec {
  std::string_view name;  ///< as it is spelled
  OperatorForm form = OperatorForm::kBinary;
  int level = 0;
  SyntaxKind kind = SyntaxKind::kNull;
  std::string_view syntax;    ///< "a == b"
  std::string_view takes;     ///< what its operands are
  std::string_view gives;     ///< the type of the result in words
  std::string_view doc;       ///< one or two sentences
  std::string_view example;   ///< an expression without columns
  std::string_view expected;  ///< an expression of the same value
};

inline constexpr std::string_view kComparable =
    "two numbers, two values of one type, or a time and text in ISO 8601";

/// From what binds least to what binds most.
inline constexpr OperatorSpec kOperators[] = {
    {.name = "or",
     .level = kOrLevel,
     .kind = SyntaxKind::kOr,
     .syntax = "a or b",
     .takes = "bool",
     .gives = "bool",
     .doc = "True if one is true, even if the other is null.",
     .example = "null or true",
     .expected = "true"},
    {.name = "and",
     .level = kAndLevel,
     .kind = SyntaxKind::kAnd,
     .syntax = "a and b",
     .takes = "bool",
     .gives = "bool",
     .doc = "False if one is false, even if the other is null.",
     .example = "null and false",
     .expected = "false"},
    {.name = "not",
     .form = OperatorForm::kPrefix,
     .level = kNotLevel,
     .kind = SyntaxKind::kNot,
     .syntax = "not a",
     .takes = "bool",
     .gives = "bool",
     .doc = "The other of true and false. It binds less than a comparison.",
     .example = "not 1 == 2",
     .expected = "true"},
    {.name = "==",
     .level = kCompareLevel,
     .kind = SyntaxKind::kEqual,
     .syntax = "a == b",
     .takes = kComparable,
     .gives = "bool",
     .doc = "Whether they are equal: NaN is equal to NaN, -0.0 to 0.0, an int to the float of its "
            "value. Comparisons do not stand in chains.",
     .example = "1 == 1.0",
     .expected = "true"},
    {.name = "!=",
     .level = kCompareLevel,
     .kind = SyntaxKind::kNotEqual,
     .syntax = "a != b",
     .takes = kComparable,
     .gives = "bool",
     .doc = "Whether they differ.",
     .example = "'a' != 'b'",
     .expected = "true"},
    {.name = "<",
     .level = kCompareLevel,
     .kind = SyntaxKind::kLess,
     .syntax = "a < b",
     .takes = kComparable,
     .gives = "bool",
     .doc = "Numbers by value, texts by bytes, false before true.",
     .example = "'B' < 'a'",
     .expected = "true"},
    {.name = "<=",
     .level = kCompareLevel,
     .kind = SyntaxKind::kLessEqual,
     .syntax = "a <= b",
     .takes = kComparable,
     .gives = "bool",
     .doc = "The same, or equal.",
     .example = "2 <= 2",
     .expected = "true"},
    {.name = ">",
     .level = kCompareLevel,
     .kind = SyntaxKind::kGreater,
     .syntax = "a > b",
     .takes = kComparable,
     .gives = "bool",
     .doc = "The other way round.",
     .example = "time('2026-01-31T12:00:00Z') > '2026-01-31'",
     .expected = "true"},
    {.name = ">=",
     .level = kCompareLevel,
     .kind = SyntaxKind::kGreaterEqual,
     .syntax = "a >= b",
     .takes = kComparable,
     .gives = "bool",
     .doc = "The same, or equal.",
     .example = "1.5 >= 2",
     .expected = "false"},
    {.name = "in",
     .form = OperatorForm::kPostfix,
     .level = kCompareLevel,
     .kind = SyntaxKind::kIn,
     .syntax = "a in [b, c]",
     .takes = "a value, and constants to compare it with",
     .gives = "bool",
     .doc = "Whether it is equal to one of them.",
     .example = "404 in [200, 404]",
     .expected = "true"},
    {.name = "not in",
     .form = OperatorForm::kPostfix,
     .level = kCompareLevel,
     .kind = SyntaxKind::kNotIn,
     .syntax = "a not in [b, c]",
     .takes = "a value, and constants to compare it with",
     .gives = "bool",
     .doc = "Whether it is equal to none of them.",
     .example = "'/' not in ['/health']",
     .expected = "true"},
    {.name = "is null",
     .form = OperatorForm::kPostfix,
     .level = kCompareLevel,
     .kind = SyntaxKind::kIsNull,
     .syntax = "a is null",
     .takes = "anything",
     .gives = "bool",
     .doc = "Whether there is no value. Never null itself.",
     .example = "log(0) is null",
     .expected = "true"},
    {.name = "is not null",
     .form = OperatorForm::kPostfix,
     .level = kCompareLevel,
     .kind = SyntaxKind::kIsNotNull,
     .syntax = "a is not null",
     .takes = "anything",
     .gives = "bool",
     .doc = "Whether there is a value.",
     .example = "'' is not null",
     .expected = "true"},
    {.name = "+",
     .level = kAddLevel,
     .kind = SyntaxKind::kAdd,
     .syntax = "a + b",
     .takes = "two numbers",
     .gives = "int of two ints, else float",
     .doc = "The sum; null, and counted, if an int does not fit into 64 bits.",
     .example = "1 + 2.5",
     .expected = "3.5"},
    {.name = "-",
     .level = kAddLevel,
     .kind = SyntaxKind::kSubtract,
     .syntax = "a - b",
     .takes = "two numbers, or two times",
     .gives = "int of two ints, else float; of two times seconds as a float",
     .doc = "The difference.",
     .example = "time('2026-01-31') - time('2026-01-30')",
     .expected = "86400.0"},
    {.name = "*",
     .level = kMultiplyLevel,
     .kind = SyntaxKind::kMultiply,
     .syntax = "a * b",
     .takes = "two numbers",
     .gives = "int of two ints, else float",
     .doc = "The product.",
     .example = "2 + 3 * 4",
     .expected = "14"},
    {.name = "/",
     .level = kMultiplyLevel,
     .kind = SyntaxKind::kDivide,
     .syntax = "a / b",
     .takes = "two numbers",
     .gives = "float",
     .doc = "The quotient, never cut to a whole number; null if b is 0.",
     .example = "7 / 2",
     .expected = "3.5"},
    {.name = "%",
     .level = kMultiplyLevel,
     .kind = SyntaxKind::kModulo,
     .syntax = "a % b",
     .takes = "two numbers",
     .gives = "int of two ints, else float",
     .doc = "What is left of a division whose quotient is cut towards zero; null if b is 0.",
     .example = "-7 % 5",
     .expected = "-2"},
    {.name = "- (sign)",
     .form = OperatorForm::kPrefix,
     .level = kSignLevel,
     .kind = SyntaxKind::kNegate,
     .syntax = "-a",
     .takes = "a number",
     .gives = "as a",
     .doc = "The number with the other sign.",
     .example = "-abs(-3)",
     .expected = "-3"},
};

}  // namespace shardmill
