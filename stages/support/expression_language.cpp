#include "pipeline/core/expression_language.h"

#include "pipeline/core/column.h"
#include "stages/support/expression_functions.h"
#include "stages/support/expression_operators.h"

namespace shardmill {

namespace {

std::vector<LanguageEntry> make_types() {
  return {
      {.name = type_name(Type::kText),
       .syntax = "'text'",
       .doc = "Bytes, UTF-8 or not. Two single quotes inside stand for one; there are no other "
              "escapes, so patterns are written as they are.",
       .example = "len('it''s')",
       .expected = "4"},
      {.name = type_name(Type::kInt),
       .syntax = "12, -3",
       .doc = "Whole numbers of 64 bits. What does not fit is null, and counted.",
       .example = "3 * 4",
       .expected = "12"},
      {.name = type_name(Type::kFloat),
       .syntax = "1.5, 2e9",
       .doc = "Numbers of IEEE 754 with 64 bits. An int serves where a float is asked for, never "
              "the other way.",
       .example = "log(1)",
       .expected = "0.0"},
      {.name = type_name(Type::kBool),
       .syntax = "true, false",
       .doc = "What conditions are. Null is not true.",
       .example = "1 < 2",
       .expected = "true"},
      {.name = type_name(Type::kTime),
       .syntax = "time('2026-01-31')",
       .doc = "A moment, to the nanosecond, in UTC. It compares with text in ISO 8601.",
       .example = "time('2026-01-31T01:00:00+02:00') < '2026-01-31'",
       .expected = "true"},
      {.name = "null",
       .syntax = "null",
       .doc = "No value, of any type. What is computed of it is null, unless it says otherwise.",
       .example = "coalesce(null + 1, 0)",
       .expected = "0"},
  };
}

ExpressionLanguage make_language() {
  ExpressionLanguage language = {.types = make_types()};
  for (const OperatorSpec& one : kOperators) {
    language.operators.push_back({.name = one.name,
                                  .syntax = one.syntax,
                                  .takes = one.takes,
                                  .gives = one.gives,
                                  .doc = one.doc,
                                  .example = one.example,
                                  .expected = one.expected});
  }
  for (const FunctionSpec& function : all_functions()) {
    language.functions.push_back({.name = function.name,
                                  .syntax = function.signature,
                                  .takes = {},
                                  .gives = function.result,
                                  .doc = function.doc,
                                  .example = function.example,
                                  .expected = function.expected});
  }
  return language;
}

}  // namespace

const ExpressionLanguage& expression_language() {
  static const ExpressionLanguage language = make_language();
  return language;
}

}  // namespace shardmill
