#include "stages/support/expression.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <random>

#include "pipeline/core/expression_language.h"
#include "stages/support/expression_math.h"
#include "stages/support/expression_operators.h"
#include "tests/support/stage_runner.h"

namespace shardmill {

StageSpec stage_keep();

namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

/// What an expression gives for a record of these columns, and the problems.
struct Computed {
  Column column;
  std::vector<std::string> problems;
  ExpressionCounts counts;
};

Computed compute(std::string_view text, const std::vector<TestColumn>& columns) {
  Computed result;
  Problems problems;
  SlotPlan slots;
  Schema schema;
  Batch batch;
  batch.rows = columns.empty() ? 1 : columns[0].cells.size();
  batch.columns.resize(columns.size());
  for (size_t c = 0; c < columns.size(); ++c) {
    schema.columns.push_back({.name = columns[c].name, .type = columns[c].type, .slot = c});
    slots.slots.push_back({.name = columns[c].name, .type = columns[c].type});
    batch.columns[c].prepare(columns[c].type, batch.rows);
    for (size_t row = 0; row < batch.rows; ++row) {
      const Cell& cell = columns[c].cells[row];
      if (std::holds_alternative<std::monostate>(cell)) batch.columns[c].set_null(row);
      if (const auto* value = std::get_if<std::string>(&cell)) {
        batch.columns[c].text[row] = *value;
      }
      if (const auto* value = std::get_if<int64_t>(&cell)) batch.columns[c].ints[row] = *value;
      if (const auto* value = std::get_if<double>(&cell)) batch.columns[c].floats[row] = *value;
      if (const auto* value = std::get_if<bool>(&cell)) batch.columns[c].bools[row] = *value;
    }
  }
  Binder binder(schema, slots, {.format = "lines"}, problems);
  const auto expression = Expression::bind(text, "value", 1, binder, std::nullopt);
  for (const auto& problem : problems.list()) result.problems.push_back(problem.message.text());
  EXPECT_EQ(expression == nullptr, !result.problems.empty());
  if (expression == nullptr) return result;
  StageBooks books;
  books.counts.resize(expression_counters().size());
  StageContext context = {.books = &books};
  ExpressionWorker(*expression).compute(batch, result.column, context);
  result.counts = {
      .int_overflow = books.counts[0], .bad_time = books.counts[1], .bad_number = books.counts[2]};
  // New text lives in the batch's arena; a copy that stays is made here.
  static std::deque<std::string> kept;
  if (result.column.type == Type::kText) {
    for (size_t row = 0; row < batch.rows; ++row) {
      if (result.column.is_null(row)) continue;
      result.column.text[row] = kept.emplace_back(result.column.text[row]);
    }
  }
  return result;
}

/// "1", "1.5f", "'x'", "true", "null" and so on for row 0; problems if there are any.
std::string value_of(std::string_view text, const std::vector<TestColumn>& columns = {},
                     size_t row = 0) {
  const Computed result = compute(text, columns);
  if (!result.problems.empty()) return "problem: " + result.problems[0];
  if (result.column.is_null(row)) return "null";
  switch (result.column.type) {
    case Type::kText:
      return "'" + std::string(result.column.text[row]) + "'";
    case Type::kInt:
      return std::to_string(result.column.ints[row]);
    case Type::kTime:
      return std::to_string(result.column.ints[row]) + "ns";
    case Type::kFloat: {
      char buffer[64];
      snprintf(buffer, sizeof buffer, "%.17gf", result.column.floats[row]);
      return buffer;
    }
    case Type::kBool:
      return result.column.bools[row] != 0 ? "true" : "false";
  }
  return "?";
}

struct Case {
  const char* expression;
  const char* value;
};

TEST(Expression, ComputesWhatIsWritten) {
  const Case cases[] = {
      {"1 + 2 * 3", "7"},
      {"(1 + 2) * 3", "9"},
      {"7 / 2", "3.5f"},
      {"4 / 2", "2f"},
      {"7 % 3", "1"},
      {"-7 % 3", "-1"},
      {"7 % -3", "1"},
      {"7.5 % 2", "1.5f"},
      {"-7.5 % 2", "-1.5f"},
      {"1 / 0", "null"},
      {"1.0 / 0.0", "null"},
      {"1 % 0", "null"},
      {"1.5 % 0", "null"},
      {"2 - 3 - 4", "-5"},
      {"-2 - -3", "1"},
      {"1 + 0.5", "1.5f"},
      {"1 == 1.0", "true"},
      {"-0.0 == 0", "true"},
      {"9007199254740993 == 9007199254740992.0", "false"},
      {"9007199254740993 > 9007199254740992.0", "true"},
      {"9223372036854775807 < 9223372036854775808.0", "true"},
      {"-9223372036854775808 == -9223372036854775808.0", "true"},
      {"'a' < 'b'", "true"},
      {"'B' < 'a'", "true"},
      {"'z' < 'é'", "true"},
      {"'it''s'", "'it's'"},
      {"true and not false", "true"},
      {"not 1 == 2", "true"},
      {"1 < 2 == true",
       "problem: value (character 7): a chain of comparisons, expected one "
       "comparison; write a < b and b < c"},
      {"(1 < 2) == true", "true"},
      {"true or false and false", "true"},
      {"3 in [1, 2, 3]", "true"},
      {"3 not in [1, 2, 3]", "false"},
      {"3 in [3.0, 4.5]", "true"},
      {"2.5 in [2, 3]", "false"},
      {"'b' in ['c', 'b']", "true"},
      {"null is null", "true"},
      {"1 is not null", "true"},
      {"null and false", "false"},
      {"null or true", "true"},
      {"null and true", "null"},
      {"not null", "null"},
      {"null + 1", "null"},
      {"len('')", "0"},
      {"substr('abc', 2)", "'bc'"},
      {"substr('abc', -9223372036854775807 - 1)", "'abc'"},
      {"substr('abc', -2, 1)", "'b'"},
      {"substr('abc', 0, 2)", "'a'"},
      {"substr('abc', 9)", "''"},
      {"substr('abc', 2, -1)", "''"},
      {"substr('naïve', 3, 2)", "'ïv'"},
      {"round(2.5)", "3f"},
      {"round(-2.5)", "-3f"},
      {"round(0.49999999999999994)", "0f"},
      {"round(7)", "7"},
      {"floor(-0.5)", "-1f"},
      {"abs(-2.5)", "2.5f"},
      {"log(0)", "null"},
      {"log(-1.5)", "null"},
      {"if(null, 1, 2)", "2"},
      {"if(true, 1, 2.5)", "1f"},
      {"if(false, 'a', null)", "null"},
      {"coalesce(null, null, 'x')", "'x'"},
      {"bin(17, 5)", "15"},
      {"bin(17, 2.5)", "15f"},
      {"bin(-0.1, 1.0)", "-1f"},
      {"bin(time('1970-01-01T01:47:00Z'), '15min')", "6300000000000ns"},
      {"time('2026-01-31') - time('2026-01-30')", "86400f"},
      {"time('2026-01-31') > '2026-01-30T23:59:59'", "true"},
      {"time('Jan  5 2026', '%b %e %Y') == '2026-01-05'", "true"},
      {"time('1700000000.250', '%s.%f')", "1700000000250000000ns"},
      {"time('12:30 AM', '%I:%M %p')", "1800000000000ns"},
      {"time('2026 060', '%Y %j') == '2026-03-01'", "true"},
      {"date(time('1969-12-31T23:59:59Z'))", "'1969-12-31'"},
      {"contains('abc', '')", "true"},
      {"matches('ABC', '(?i)b')", "true"},
  };
  for (const Case& c : cases) EXPECT_EQ(value_of(c.expression), c.value) << c.expression;
}

TEST(Expression, EverythingDoesWhatItsExampleSays) {
  const ExpressionLanguage& language = expression_language();
  for (const auto* entries : {&language.types, &language.operators, &language.functions}) {
    for (const LanguageEntry& entry : *entries) {
      const std::string value = value_of(entry.example);
      EXPECT_EQ(value, value_of(entry.expected)) << entry.name;
      EXPECT_THAT(value, testing::Not(HasSubstr("expected"))) << entry.name;
      EXPECT_FALSE(entry.doc.empty());
    }
  }
  EXPECT_EQ(language.types.size(), 6u) << "text, int, float, bool, time and null";
  EXPECT_EQ(language.functions.size(), all_functions().size());
  for (const LanguageEntry& function : language.functions) {
    EXPECT_THAT(std::string(function.syntax), testing::StartsWith(std::string(function.name)));
  }
}

/// What stands first in the table binds least: "a FIRST b SECOND c" is "a FIRST (b SECOND c)".
TEST(Expression, OperatorsBindAndCompareAsTheirTableSays) {
  int level = 0;
  for (const OperatorSpec& op : kOperators) {
    EXPECT_GE(op.level, level) << op.name;
    level = op.level;
  }
  const std::pair<const char*, const char*> cases[] = {
      {"true or true and false", "true or (true and false)"},
      {"not false and false", "(not false) and false"},
      {"not false or true", "(not false) or true"},
      {"not 1 + 1 == 3", "not ((1 + 1) == 3)"},
      {"not not 1 in [1]", "not (not (1 in [1]))"},
      {"true and not false is null", "true and (not (false is null))"},
      {"10 - 2 - 3", "(10 - 2) - 3"},
      {"2 + 3 * 4 - 1", "(2 + (3 * 4)) - 1"},
      {"-2 * -3", "(-2) * (-3)"},
      {"-abs(-2) * 3", "(-abs(-2)) * 3"},
      {"float('nan') == float('nan')", "true"},
      {"float('nan') > 1e308", "true"},
      {"-0.0 == 0.0", "true"},
      {"false < true", "true"},
      {"1 / 0 is null", "true"},
      {"1 % 0 is null", "true"}};
  for (const auto& [text, meaning] : cases) EXPECT_EQ(value_of(text), value_of(meaning)) << text;
}

TEST(Expression, SaysWhereAndWhatIsWrong) {
  const Case cases[] = {
      {"", "value (character 1): the end, expected a column, a number, a 'text' or a function"},
      {"1 = 2", "value (character 3): \"=\", expected an operator or the end; write =="},
      {"true & true", "value (character 6): \"&\", expected an operator or the end; write and"},
      {"true | true", "value (character 6): \"|\", expected an operator or the end; write or"},
      {"true && true", "value (character 6): \"&&\", expected an operator or the end; write and"},
      {"\"a\" == 'a'",
       "value (character 1): \"\\\"\", expected a value or an operator; write text in single "
       "quotes, 'like this'"},
      {"'naïve' == 'x",
       "value (character 12): a text is never closed, expected a closing '; write "
       "'' for one ' inside"},
      {"uper('a')",
       "value (character 1): there is no function \"uper\", expected one of contains, "
       "starts_with, ends_with, matches, lower, upper, trim, len, substr, concat, text, int, "
       "float, "
       "round, floor, ceil, abs, log, if, coalesce, bin, time, year, month, day, hour, minute, "
       "second, weekday, date; did you mean \"upper\"?"},
      {"true AND true", "value (character 6): \"AND\", expected an operator or the end; write and"},
      {"1 between 0 and 2",
       "value (character 3): \"between\", expected an operator or the end; write x >= 1 and x <= "
       "2"},
      {"'a' LIKE 'b'",
       "value (character 5): \"LIKE\", expected an operator or the end; write contains(...), "
       "starts_with(...) or matches(...)"},
      {"1 in (1, 2)", "value (character 6): \"(\", expected \"[\"; write lists like [1, 2]"},
      {"Last Update > 1",
       "value (character 6): \"Update\", expected an operator or the end; put names with blanks or "
       "signs in `backquotes`"},
      {"1 # 2", "value (character 3): \"#\", expected a value or an operator"},
      {"len()",
       "value (character 1): len with 0 arguments, expected len(text); for example "
       "len('naïve')"},
      {"len(1)",
       "value (character 1): len(int), expected len(text); write text(...) around what is no text"},
      {"concat('a', 1, true)",
       "value (character 1): concat(text, int, bool), expected concat(text, text, text); write "
       "text(...) around what is no text"},
      {"hour('2026')",
       "value (character 1): hour(text), expected hour(time); write "
       "hour(time(...))"},
      {"'a' + 1", "value (character 5): text + int, expected two numbers"},
      {"1 == null",
       "value (character 3): a comparison with null, which is never true, expected a "
       "value; write is null or is not null"},
      {"time('2026-01-31') > 'x'",
       "value (character 22): \"x\", expected a time like '2026-01-31' or "
       "'2026-01-31T12:00:00Z'"},
      {"9223372036854775808",
       "value (character 1): number \"9223372036854775808\", expected at most 64 bits; write it "
       "with a decimal point to take it as a float"},
      {"9223372036854775807 + 1",
       "value (character 21): a number that does not fit, expected at most 64 bits; write one of "
       "the numbers with a decimal point to compute with floats"},
      {"matches('a', '(')",
       "value (character 14): pattern \"(\" is wrong at character 2 (missing closing "
       "parenthesis), expected a PCRE2 pattern over bytes; put a backslash before a character "
       "that stands for itself"},
      {"bin(1, 0)", "value (character 8): width must be above 0"},
      {"int('1.5')", "value (character 1): a text that is not such a number, expected digits"},
      {"time('a', '%Q')",
       "value (character 11): \"%Q\" in a time format, known are %Y %y %m %d %e "
       "%b %B %a %A %j %H %I %p %M %S %f %z %Z %s %F %T %%"},
      {"1 in []",
       "value (character 7): \"]\", expected a column, a number, a 'text' or a function"},
      {"1 in [null]",
       "value (character 7): something else in a list, expected numbers, texts, true or false; "
       "compare with columns by == and or; test for null by is null"},
      {"if(1, 2, 3)",
       "value (character 1): if of int, expected a condition, which is bool; "
       "compare it with something"},
      {"coalesce(1, 'a')",
       "value (character 13): coalesce of int and text, expected values of one type"},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(value_of(c.expression), std::string("problem: ") + c.value) << c.expression;
  }
}

TEST(Expression, RefusesWhatWouldExhaustTheStack) {
  const std::string million(1 << 20, '(');
  EXPECT_THAT(value_of(million), HasSubstr("more than 250 levels"));
  std::string nots;
  for (int i = 0; i < 200'000; ++i) nots += "not ";
  EXPECT_THAT(value_of(nots + "true"), HasSubstr("more than 250 levels"));
  EXPECT_THAT(value_of(std::string(1 << 20, '-') + "1"), HasSubstr("more than 250 levels"));
  std::string sum = "1";
  for (int i = 0; i < 200'000; ++i) sum += "+1";
  EXPECT_THAT(value_of(sum), HasSubstr("more than 250 levels"));
  std::string calls;
  for (int i = 0; i < 100'000; ++i) calls += "abs(";
  EXPECT_THAT(value_of(calls), HasSubstr("more than 250 levels"));
}

TEST(Expression, TakesLongChainsOfOrAsOneLevel) {
  std::string chain = "n == 0";
  for (int i = 1; i < 5000; ++i) chain += " or n == " + std::to_string(i * 2);
  const std::vector<TestColumn> columns = {int_column("n", {9998, 9999})};
  EXPECT_EQ(value_of(chain, columns, 0), "true");
  EXPECT_EQ(value_of(chain, columns, 1), "false");
}

TEST(Expression, NeverCrashesOnTextFromTheAlphabetOfExpressions) {
  const char* const words[] = {"a",  "n",   "'x'", "1",  "1.5", "null", "(",   ")",   "[",
                               "]",  ",",   "+",   "-",  "*",   "/",    "%",   "==",  "<",
                               "in", "not", "and", "or", "is",  "len(", "if(", "`b`", "true"};
  std::mt19937_64 random(5);
  size_t good = 0;
  for (int i = 0; i < 20'000; ++i) {
    std::string text;
    for (size_t left = 1 + random() % 9; left > 0; --left) {
      text += std::string(words[random() % std::size(words)]) + " ";
    }
    const std::string value =
        value_of(text, {text_column("a", {"x"}), int_column("n", {std::nullopt})});
    good += value.starts_with("problem") ? 0 : 1;
  }
  EXPECT_GT(good, 100u);
}

TEST(Expression, NullSpreadsThroughEverythingButLogic) {
  const std::vector<TestColumn> columns = {
      int_column("n", {std::nullopt}), text_column("t", {std::nullopt}),
      float_column("f", {std::nullopt}), bool_column("b", {std::nullopt}), int_column("one", {1})};
  for (const char* text :
       {"n + 1", "n == 1", "1.5 < f", "t == 'a'", "lower(t)", "n in [1]", "not b", "b and true",
        "b or false", "-n", "n / one", "if(true, n, 1)", "coalesce(n, n)", "t < 'a'",
        "contains(t, 'a')", "f - f", "n * f", "substr('abc', n)", "starts_with('a', t)"}) {
    EXPECT_EQ(value_of(text, columns), "null") << text;
  }
  EXPECT_EQ(value_of("b and one == 2", columns), "false");
  EXPECT_EQ(value_of("one == 2 and b", columns), "false");
  EXPECT_EQ(value_of("b or one == 1", columns), "true");
  EXPECT_EQ(value_of("one == 1 or b", columns), "true");
  EXPECT_EQ(value_of("n is null", columns), "true");
  EXPECT_EQ(value_of("if(b, 1, 2)", columns), "2");
  EXPECT_EQ(value_of("coalesce(n, 5)", columns), "5");
  EXPECT_EQ(value_of("n not in [1]", columns), "null");
}

TEST(Expression, LogicIsKleenesForAllNineCases) {
  const std::optional<bool> values[] = {false, true, std::nullopt};
  for (const auto& a : values) {
    for (const auto& b : values) {
      const std::vector<TestColumn> columns = {bool_column("a", {a}), bool_column("b", {b})};
      const bool any_false = a == false || b == false;
      const bool any_true = a == true || b == true;
      const std::string unknown = "null";
      const std::string both = any_false ? "false" : a && b ? "true" : unknown;
      const std::string one = any_true ? "true" : a && b ? "false" : unknown;
      EXPECT_EQ(value_of("a and b", columns), both);
      EXPECT_EQ(value_of("a or b", columns), one);
    }
  }
}

TEST(Expression, IntegersThatDoNotFitAreNullAndCounted) {
  const int64_t most = std::numeric_limits<int64_t>::max();
  const int64_t least = std::numeric_limits<int64_t>::min();
  const std::vector<TestColumn> columns = {int_column("a", {most, least, 5}),
                                           int_column("b", {1, -1, 2})};
  for (const char* text : {"a + b", "a * (b + b)", "-(a * b) - b - b"}) {
    const Computed result = compute(text, columns);
    EXPECT_TRUE(result.column.is_null(0) || result.column.is_null(1)) << text;
    EXPECT_FALSE(result.column.is_null(2)) << text;
    EXPECT_GT(result.counts.int_overflow, 0u) << text;
  }
  EXPECT_EQ(value_of("a % b", columns, 1), "0");
  EXPECT_EQ(value_of("abs(a)", columns, 1), "null");
  EXPECT_EQ(value_of("bin(a, 1000)", columns, 1), "null");
  EXPECT_EQ(compute("if(a > 5, 0, a * 3)", columns).counts.int_overflow, 1u);
}

TEST(Expression, NanIsOneValueAboveAllOthers) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const double infinity = std::numeric_limits<double>::infinity();
  const std::vector<TestColumn> columns = {float_column("nan", {nan}),
                                           float_column("x", {infinity}), int_column("n", {5})};
  for (const char* text : {"nan == nan", "nan > x", "nan > 1", "nan >= 1.5", "x < nan", "nan != 1",
                           "1 < nan", "n < nan", "nan > n", "x <= nan", "nan <= nan"}) {
    EXPECT_EQ(value_of(text, columns), "true") << text;
  }
  for (const char* text : {"nan < 1", "nan <= 1.5", "nan == 1", "nan < nan", "nan in [1, 2]",
                           "nan < n", "nan != nan"}) {
    EXPECT_EQ(value_of(text, columns), "false") << text;
  }
}

TEST(Expression, ComparesIntsWithFloatsExactly) {
  std::mt19937_64 random(3);
  const auto wide = [](int64_t value) { return static_cast<long double>(value); };
  for (int i = 0; i < 3000; ++i) {
    const auto n = static_cast<int64_t>(random()) >> (random() % 64);
    double x = static_cast<double>(n) + static_cast<double>(random() % 5) / 4 - 0.5;
    if (i % 3 == 0) x = static_cast<double>(n);
    const long double y = x;
    const std::vector<TestColumn> columns = {int_column("n", {n}), float_column("x", {x})};
    char constant[64];
    snprintf(constant, sizeof constant, "%.17e", x);
    const std::string c = constant;
    EXPECT_EQ(value_of("n < x", columns) == "true", wide(n) < y);
    EXPECT_EQ(value_of("n == x", columns) == "true", wide(n) == y);
    EXPECT_EQ(value_of("x >= n", columns) == "true", y >= wide(n));
    EXPECT_EQ(value_of("n < " + c, columns) == "true", wide(n) < y) << n << " " << c;
    EXPECT_EQ(value_of("n <= " + c, columns) == "true", wide(n) <= y);
    EXPECT_EQ(value_of("n > " + c, columns) == "true", wide(n) > y);
    EXPECT_EQ(value_of(c + " <= n", columns) == "true", y <= wide(n));
    EXPECT_EQ(value_of("n in [" + c + "]", columns) == "true", wide(n) == y);
    EXPECT_EQ(value_of("x > " + std::to_string(n), columns) == "true", y > wide(n));
  }
}

TEST(Expression, ListsOfAnyLengthFindTheirMembers) {
  for (const int members : {1, 8, 9, 300}) {
    std::string texts;
    std::string ints;
    for (int i = 0; i < members; ++i) {
      texts += (i == 0 ? "'t" : ", 't") + std::to_string(i * 2) + "'";
      ints += (i == 0 ? "" : ", ") + std::to_string(i * 2);
    }
    const std::string last = std::to_string(members * 2 - 2);
    const std::vector<TestColumn> columns = {text_column("t", {"t" + last, "t1"}),
                                             int_column("n", {members * 2 - 2, 1}),
                                             float_column("f", {members * 2.0 - 2, 0.5})};
    EXPECT_EQ(value_of("t in [" + texts + "]", columns, 0), "true");
    EXPECT_EQ(value_of("t in [" + texts + "]", columns, 1), "false");
    EXPECT_EQ(value_of("n in [" + ints + "]", columns, 0), "true");
    EXPECT_EQ(value_of("n not in [" + ints + "]", columns, 1), "true");
    EXPECT_EQ(value_of("f in [" + ints + "]", columns, 0), "true");
    EXPECT_EQ(value_of("f in [" + ints + "]", columns, 1), "false");
  }
}

TEST(Expression, OddNamesAreWrittenInBackquotes) {
  const std::vector<TestColumn> columns = {int_column("a b", {1}), int_column("user.id", {2}),
                                           int_column("and", {3}), int_column("größe", {4})};
  EXPECT_EQ(value_of("`a b` + user.id + `and` + größe", columns), "10");
}

TEST(Expression, BadTimesAreNullAndCounted) {
  const std::vector<TestColumn> columns = {
      text_column("t", {"2026-02-29", "2026-02-28", std::nullopt, "x"})};
  const Computed result = compute("time(t)", columns);
  EXPECT_TRUE(result.column.is_null(0));
  EXPECT_FALSE(result.column.is_null(1));
  EXPECT_TRUE(result.column.is_null(2));
  EXPECT_EQ(result.counts.bad_time, 2u);
  EXPECT_EQ(compute("time(t, '%Y-%m-%d')", columns).counts.bad_time, 2u);
}

TEST(Expression, NumbersAreReadFromTextAndWhatIsNoneIsNullAndCounted) {
  const std::vector<TestColumn> columns = {
      {.name = "t",
       .type = Type::kText,
       .cells = {std::string("12"), std::string(" -7\t"), std::string("1.5"), std::string(""),
                 std::string("9223372036854775808"), std::string("0x1f"), std::monostate{}}}};
  const char* ints[] = {"12", "-7", "null", "null", "null", "null", "null"};
  const char* floats[] = {"12f", "-7f", "1.5f", "null", "9.2233720368547758e+18f", "null", "null"};
  for (size_t row = 0; row < 7; ++row) {
    EXPECT_EQ(value_of("int(t)", columns, row), ints[row]) << row;
    EXPECT_EQ(value_of("float(t)", columns, row), floats[row]) << row;
  }
  EXPECT_EQ(compute("int(t)", columns).counts.bad_number, 4u);
  EXPECT_EQ(compute("float(t)", columns).counts.bad_number, 2u);
  EXPECT_EQ(compute("if(t == '12', int(t), 0)", columns).counts.bad_number, 0u);
}

TEST(Expression, FloatsBecomeIntsWithoutTheirFractionIfTheyFit) {
  const std::vector<TestColumn> columns = {
      {.name = "f",
       .type = Type::kFloat,
       .cells = {-2.9, 9223372036854774784.0, 9223372036854775808.0, -9223372036854775808.0,
                 std::numeric_limits<double>::quiet_NaN(), 1e300}}};
  const char* expected[] = {"-2",  "9223372036854774784", "null", "-9223372036854775808", "null",
                            "null"};
  for (size_t row = 0; row < 6; ++row) EXPECT_EQ(value_of("int(f)", columns, row), expected[row]);
  EXPECT_EQ(compute("int(f)", columns).counts.int_overflow, 3u);
}

TEST(Expression, ValuesBecomeTheTextThatFilesHold) {
  const Case cases[] = {{"text(1e300)", "'1e300'"},
                        {"text(-5)", "'-5'"},
                        {"text(1 < 2)", "'true'"},
                        {"text(time('2026-01-31 10:00:00.5'))", "'2026-01-31T10:00:00.500Z'"},
                        {"concat('', '')", "''"},
                        {"concat('a', null, 'b')", "null"},
                        {"concat('a', '\xff', 'b', 'c', 'd', 'e', 'f', 'g')",
                         "'a\xff"
                         "bcdefg'"}};
  for (const Case& c : cases) EXPECT_EQ(value_of(c.expression), c.value) << c.expression;
}

TEST(Expression, BinsOfDecimalWidthsBeginWherePeopleWriteThem) {
  for (int i = -1000; i <= 1000; ++i) {
    const std::string decimal =
        fmt::format("{}{}.{}", i < 0 ? "-" : "", std::abs(i) / 10, std::abs(i) % 10);
    EXPECT_EQ(value_of("bin(" + decimal + ", 0.1) == " + decimal), "true") << decimal;
  }
  const Case cases[] = {{"bin(0.3, 0.1)", "0.29999999999999999f"},
                        {"bin(0.69, 0.1) == 0.6", "true"},
                        {"bin(-0.05, 0.1) == -0.1", "true"},
                        {"bin(7.4, 2.5)", "5f"},
                        {"bin(1e308, 0.1)", "1e+308f"},
                        {"bin(-1e300, 1e-300) == -1e300", "true"},
                        {"bin(5e-324, 1e-300)", "0f"},
                        {"bin(1e308 * 10, 2.0) == 1e308 * 10", "true"},
                        {"bin(log(2) / 3, log(2) / 3) == log(2) / 3", "true"}};
  for (const Case& c : cases) EXPECT_EQ(value_of(c.expression), c.value) << c.expression;
}

// Beyond 2^53 numerators the product of index and numerator is no double.
TEST(Expression, BinsOfLargeNumbersBeginAtTheDoubleNearestToTheMultiple) {
  const Case cases[] = {{"bin(4503599627370486.0, 0.5) == 4503599627370486.0", "true"},
                        {"bin(901717499284663.75, 0.5) == 901717499284663.5", "true"},
                        {"bin(90175630470160.48, 0.25) == 90175630470160.25", "true"},
                        {"bin(-9055459250948.293, 0.123) == -9055459250948.307", "true"},
                        {"bin(902157383293.9401, 0.0625) == 902157383293.9375", "true"},
                        {"bin(9008574556.655462, 0.015625) == 9008574556.640625", "true"},
                        {"bin(-902018.345948557, 1.0 / 1024) == -902018.3466796875", "true"}};
  for (const Case& c : cases) EXPECT_EQ(value_of(c.expression), c.value) << c.expression;
  // Multiples of a power of two are exact however they are made.
  std::mt19937_64 random(5);
  for (int i = 0; i < 100'000; ++i) {
    const double width = std::ldexp(1, -static_cast<int>(random() % 15));
    const auto index = static_cast<double>(random() >> (11 + random() % 40));
    ASSERT_EQ(DecimalMultiples(width).multiple(index), index * width);
    ASSERT_EQ(DecimalMultiples(width).multiple(-index), -index * width);
  }
}

TEST(Expression, SecondsBetweenAnyTimesAreTheNearestDouble) {
  const Case cases[] = {
      {"time('-86400', '%s') - time('-7329091167', '%s') == 7329004767.0", "true"},
      {"time('-7329091167', '%s') - time('-86400', '%s') == -7329004767.0", "true"},
      {"time('9223372036', '%s') - time('-9223372036', '%s') == 18446744072.0", "true"},
      {"time('2026-01-31T12:00:00.000000001') - time('2026-01-31T12:00:00') == 1e-9", "true"}};
  for (const Case& c : cases) EXPECT_EQ(value_of(c.expression), c.value) << c.expression;
  // Where the difference is a whole number of 2^-9 seconds it is a double.
  std::mt19937_64 random(6);
  for (int i = 0; i < 100'000; ++i) {
    const auto parts = static_cast<int64_t>(random() % (uint64_t{1} << 43));
    const double seconds = static_cast<double>(parts) / 512;
    ASSERT_EQ(seconds_of(Int128{parts} * 1'953'125), seconds) << parts;
    ASSERT_EQ(seconds_of(-Int128{parts} * 1'953'125), -seconds) << parts;
  }
}

TEST(Expression, NoMultipleLiesBetweenAValueAndItsBin) {
  uint64_t state = 1;
  const auto next = [&] { return state = state * 6364136223846793005ull + 1442695040888963407ull; };
  for (int i = 0; i < 100000; ++i) {
    const double width = static_cast<double>(next() >> 44 | 1) / 1000;
    const double value =
        (static_cast<double>(next() >> 11) - 0x1p52) / static_cast<double>(next() >> 33 | 1);
    const double bin = DecimalMultiples(width).floor(value);
    ASSERT_LE(bin, value) << value << " " << width;
    ASSERT_GT(bin + width * (1 + 1e-9), value) << value << " " << width;
    ASSERT_EQ(DecimalMultiples(width).floor(bin), bin) << value << " " << width;
  }
}

TEST(Expression, WeekdaysFollowEachOther) {
  for (int day = 0; day < 2000; ++day) {
    const std::string time = fmt::format("time('{}', '%s')", (day - 1000) * int64_t{86'400} - 1);
    EXPECT_EQ(value_of("weekday(" + time + ")"), std::to_string((day + 3) % 7 + 1)) << time;
  }
}

TEST(Expression, SecondsBefore1970HaveTheirFractionBeforeToo) {
  EXPECT_EQ(value_of("time('-1.5', '%s.%f')"), "-1500000000ns");
  EXPECT_EQ(value_of("time('-0.25', '%s.%f')"), "-250000000ns");
  EXPECT_EQ(value_of("time('1.5', '%s.%f')"), "1500000000ns");
}

TEST(Expression, UnknownColumnsSayWhatWasMeant) {
  const std::vector<TestColumn> columns = {
      {.name = "Country/Region", .type = Type::kText, .cells = {std::string("US")}},
      {.name = "deaths", .type = Type::kInt, .cells = {int64_t{1}}}};
  const std::string found = "problem: value (character 1): there is no column ";
  const std::string listed = " here, expected one of Country/Region, deaths; ";
  EXPECT_EQ(
      value_of("Country/Region == 'US'", columns),
      found + "\"Country\"" + listed + "put odd column names in backquotes: `Country/Region`");
  EXPECT_EQ(value_of("Deaths", columns),
            found + "\"Deaths\"" + listed + "did you mean \"deaths\"?");
  EXPECT_EQ(value_of("NULL", columns), found + "\"NULL\"" + listed + "write null");
  EXPECT_EQ(value_of("US", columns),
            found + "\"US\"" + listed +
                "write text in single quotes, 'like this', and odd column names in `backquotes`");
}

TEST(Expression, LogIsWithinOneUnitOfTheLastPlace) {
  std::mt19937_64 random(11);
  for (int i = 0; i < 200'000; ++i) {
    double x = std::bit_cast<double>(random() & ~(uint64_t{1} << 63));
    if (i % 2 == 0) x = 0.5 + static_cast<double>(random() >> 11) * 0x1p-53;
    if (!(x > 0) || std::isinf(x)) continue;
    const long double exact = std::log(static_cast<long double>(x));
    const double got = fixed_log(x);
    const double near = static_cast<double>(exact);
    const double unit = std::nextafter(std::fabs(near), INFINITY) - std::fabs(near);
    ASSERT_LE(std::fabs(static_cast<double>(got - exact)), unit) << x;
  }
  EXPECT_EQ(fixed_log(1), 0);
  EXPECT_TRUE(std::isinf(fixed_log(INFINITY)));
}

TEST(Expression, RemainderEqualsFmod) {
  std::mt19937_64 random(12);
  for (int i = 0; i < 100'000; ++i) {
    const double a = std::bit_cast<double>(random());
    double b = std::bit_cast<double>(random());
    if (i % 2 == 0) b = a * static_cast<double>(random() >> 11) * 0x1p-53;
    if (b == 0) continue;
    const double expected = std::fmod(a, b);
    const double got = exact_remainder(a, b);
    if (std::isnan(expected)) {
      ASSERT_TRUE(std::isnan(got));
    } else {
      ASSERT_EQ(got, expected) << a << " " << b;
    }
  }
}

}  // namespace
}  // namespace shardmill
