#include "stages/support/expression_functions.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "pipeline/base/message.h"
#include "pipeline/base/quantity.h"
#include "pipeline/base/text.h"
#include "pipeline/formats/numbers.h"
#include "stages/support/expression_math.h"

namespace shardmill {

namespace {

// Kernels. Each computes one block; the loops are the same few, with what differs passed in.

template <typename Test>
Value test_text(CallFrame& frame, Test&& test) {
  Value result(Type::kBool, *frame.pool);
  uint8_t* out = result.bools();
  const std::string_view* texts = frame.arguments[0].text;
  for (size_t i = 0; i < frame.rows; ++i) {
    out[i] = !frame.skips(i) && test(i, texts[i]) ? 1 : 0;
  }
  return result;
}

template <typename Map>
Value map_text(CallFrame& frame, Map&& map) {
  Value result(Type::kText, *frame.pool);
  std::string_view* out = result.text();
  const std::string_view* texts = frame.arguments[0].text;
  for (size_t i = 0; i < frame.rows; ++i) {
    out[i] = frame.skips(i) ? std::string_view("", 0) : map(i, texts[i]);
  }
  return result;
}

template <typename Map>
Value map_float(CallFrame& frame, Map&& map) {
  Value result(Type::kFloat, *frame.pool);
  double* out = result.floats();
  const double* values = frame.arguments[0].floats;
  for (size_t i = 0; i < frame.rows; ++i) out[i] = map(values[i]);
  return result;
}

/// An int of each int or time.
template <typename Map>
Value map_int(CallFrame& frame, Type type, Map&& map) {
  Value result(type, *frame.pool);
  int64_t* out = result.ints();
  const int64_t* values = frame.arguments[0].ints;
  for (size_t i = 0; i < frame.rows; ++i) out[i] = map(values[i]);
  return result;
}

/// The same where a value may not fit: `map` says so, then the result is null and counted.
template <typename Map>
Value map_int_checked(CallFrame& frame, Type type, Map&& map) {
  Value result(type, *frame.pool);
  int64_t* out = result.ints();
  const int64_t* values = frame.arguments[0].ints;
  for (size_t i = 0; i < frame.rows; ++i) {
    out[i] = 0;
    if (frame.skips(i) || map(values[i], out[i])) continue;
    out[i] = 0;
    result.nulls()[i] = 1;
    frame.counts->int_overflow += 1;
  }
  return result;
}

std::string prepare_literal(std::span<const Vector> constants, CallConstants& prepared) {
  prepared.literal.emplace(constants[0].text[0]);
  return {};
}

Value contains(CallFrame& frame) {
  if (frame.constants->literal) {
    const LiteralSearch& literal = *frame.constants->literal;
    return test_text(frame, [&](size_t, std::string_view text) {
      return literal.find(text) != LiteralSearch::kNone;
    });
  }
  const std::string_view* parts = frame.arguments[1].text;
  return test_text(frame, [&](size_t row, std::string_view text) {
    return text.find(parts[row]) != std::string_view::npos;
  });
}

Value starts_with(CallFrame& frame) {
  const std::string_view* parts = frame.arguments[1].text;
  return test_text(frame,
                   [&](size_t row, std::string_view text) { return text.starts_with(parts[row]); });
}

Value ends_with(CallFrame& frame) {
  const std::string_view* parts = frame.arguments[1].text;
  return test_text(frame,
                   [&](size_t row, std::string_view text) { return text.ends_with(parts[row]); });
}

std::string prepare_pattern(std::span<const Vector> constants, CallConstants& prepared) {
  Message problem;
  prepared.pattern = Pattern::compile(constants[0].text[0], {}, "pattern", problem);
  return prepared.pattern == nullptr ? problem.text() : std::string();
}

Value matches(CallFrame& frame) {
  return test_text(frame, [&](size_t row, std::string_view text) {
    const PatternMatch::Found found = frame.match->find(text);
    if (found == PatternMatch::Found::kLimit) frame.limited[row] = 1;
    return found == PatternMatch::Found::kYes;
  });
}

/// The text with every byte in [first, last] moved by `step`; the text itself if there is none.
std::string_view moved(std::string_view text, char first, char last, int step, Arena& arena) {
  const auto is_moved = [&](char c) { return c >= first && c <= last; };
  if (std::none_of(text.begin(), text.end(), is_moved)) return text;
  char* out = arena.allocate(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    out[i] = is_moved(text[i]) ? static_cast<char>(text[i] + step) : text[i];
  }
  return {out, text.size()};
}

Value lower(CallFrame& frame) {
  return map_text(frame, [&](size_t, std::string_view text) {
    return moved(text, 'A', 'Z', 'a' - 'A', *frame.arena);
  });
}

Value upper(CallFrame& frame) {
  return map_text(frame, [&](size_t, std::string_view text) {
    return moved(text, 'a', 'z', 'A' - 'a', *frame.arena);
  });
}

Value trim(CallFrame& frame) {
  return map_text(frame, [](size_t, std::string_view text) { return trimmed(text); });
}

Value len(CallFrame& frame) {
  Value result(Type::kInt, *frame.pool);
  for (size_t i = 0; i < frame.rows; ++i) {
    result.ints()[i] = static_cast<int64_t>(code_points(frame.arguments[0].text[i]));
  }
  return result;
}

/// Byte offset of the code point `index`, or the size of the text.
size_t byte_of(std::string_view text, int64_t index) {
  for (size_t at = 0; at < text.size(); ++at) {
    const bool starts = (static_cast<unsigned char>(text[at]) & 0xc0) != 0x80;
    if (starts && index-- == 0) return at;
  }
  return text.size();
}

/// Code points [start, start + count), counted from 1, or from the end if start is negative.
std::string_view part_of(std::string_view text, int64_t start, Int128 count) {
  const auto length = static_cast<int64_t>(code_points(text));
  Int128 first = start < 0 ? static_cast<Int128>(length) + start : static_cast<Int128>(start) - 1;
  const Int128 last = std::min<Int128>(first + count, length);
  first = std::max<Int128>(first, 0);
  if (first >= last) return {"", 0};
  const size_t begin = byte_of(text, static_cast<int64_t>(first));
  const std::string_view rest = text.substr(begin);
  return rest.substr(0, byte_of(rest, static_cast<int64_t>(last - first)));
}

Value substr(CallFrame& frame) {
  constexpr Int128 kToTheEnd = Int128{1} << 64;  // from any start
  const int64_t* starts = frame.arguments[1].ints;
  const int64_t* counts = frame.arguments.size() > 2 ? frame.arguments[2].ints : nullptr;
  return map_text(frame, [&](size_t row, std::string_view text) {
    return part_of(text, starts[row], counts == nullptr ? kToTheEnd : counts[row]);
  });
}

Value same_int(CallFrame& frame) {
  return map_int(frame, Type::kInt, [](int64_t value) { return value; });
}

Value round_float(CallFrame& frame) {
  return map_float(frame, round_half_away);
}

Value floor_float(CallFrame& frame) {
  return map_float(frame, [](double value) { return std::floor(value); });
}

Value ceil_float(CallFrame& frame) {
  return map_float(frame, [](double value) { return std::ceil(value); });
}

Value abs_int(CallFrame& frame) {
  return map_int_checked(frame, Type::kInt, [](int64_t value, int64_t& out) {
    out = value;
    return value >= 0 || !__builtin_sub_overflow(int64_t{0}, value, &out);
  });
}

Value abs_float(CallFrame& frame) {
  return map_float(frame, [](double value) { return std::fabs(value); });
}

Value log(CallFrame& frame) {
  Value result(Type::kFloat, *frame.pool);
  const double* values = frame.arguments[0].floats;
  for (size_t i = 0; i < frame.rows; ++i) {
    const bool is_defined = !(values[i] <= 0);
    result.floats()[i] = is_defined ? fixed_log(values[i]) : 0;
    if (!is_defined) result.nulls()[i] = 1;
  }
  return result;
}

std::string prepare_int_width(std::span<const Vector> constants, CallConstants& prepared) {
  prepared.whole_width = constants[0].ints[0];
  return prepared.whole_width > 0 ? std::string() : "width must be above 0";
}

std::string prepare_float_width(std::span<const Vector> constants, CallConstants& prepared) {
  prepared.width = constants[0].floats[0];
  const bool is_good = prepared.width > 0 && prepared.width <= std::numeric_limits<double>::max();
  if (is_good) prepared.multiples = DecimalMultiples(prepared.width);
  return is_good ? std::string() : "width must be above 0";
}

std::string prepare_time_width(std::span<const Vector> constants, CallConstants& prepared) {
  const std::string_view text = constants[0].text[0];
  const auto seconds = parse_seconds(text);
  const bool fits = seconds.is_ok() && seconds.value() > 0 && seconds.value() < 9e9;
  if (fits) prepared.whole_width = static_cast<int64_t>(seconds.value() * 1e9);
  if (prepared.whole_width > 0) return {};
  return quoted(text) + " is no width of a time, which is written like '15min' or '1h'";
}

Value bin_whole(CallFrame& frame, Type type) {
  const int64_t width = frame.constants->whole_width;
  return map_int_checked(frame, type, [width](int64_t value, int64_t& out) {
    return floor_to_multiple(value, width, out);
  });
}
Value bin_int(CallFrame& frame) {
  return bin_whole(frame, Type::kInt);
}
Value bin_time(CallFrame& frame) {
  return bin_whole(frame, Type::kTime);
}

Value bin_float(CallFrame& frame) {
  const DecimalMultiples& multiples = frame.constants->multiples;
  return map_float(frame, [&](double value) { return multiples.floor(value); });
}

/// Times from texts; what is not a time is null and counted.
template <typename Parse>
Value read_times(CallFrame& frame, Parse&& parse) {
  Value result(Type::kTime, *frame.pool);
  for (size_t i = 0; i < frame.rows; ++i) {
    result.ints()[i] = 0;
    if (frame.skips(i) || parse(frame.arguments[0].text[i], result.ints()[i])) continue;
    result.nulls()[i] = 1;
    frame.counts->bad_time += 1;
  }
  return result;
}

std::string prepare_time_format(std::span<const Vector> constants, CallConstants& prepared) {
  std::string problem;
  prepared.time_format = TimeFormat::parse(constants[0].text[0], problem);
  return prepared.time_format ? std::string()
                              : problem +
                                    ", known are %Y %y %m %d %e %b %B %a %A %j %H %I %p %M "
                                    "%S %f %z %Z %s %F %T %%";
}

Value time_of_format(CallFrame& frame) {
  const TimeFormat& format = *frame.constants->time_format;
  return read_times(frame,
                    [&](std::string_view text, int64_t& out) { return format.read(text, out); });
}

Value time_of_iso(CallFrame& frame) {
  return read_times(frame,
                    [](std::string_view text, int64_t& out) { return parse_time(text, out); });
}

/// Numbers from texts; what is not a number is null and counted.
template <typename T, typename Parse>
Value read_numbers(CallFrame& frame, Type type, T* (Value::*values)(), Parse&& parse) {
  Value result(type, *frame.pool);
  T* out = (result.*values)();
  for (size_t i = 0; i < frame.rows; ++i) {
    out[i] = 0;
    if (frame.skips(i) || parse(trimmed(frame.arguments[0].text[i]), out[i])) continue;
    out[i] = 0;
    result.nulls()[i] = 1;
    frame.counts->bad_number += 1;
  }
  return result;
}

Value int_of_text(CallFrame& frame) {
  return read_numbers<int64_t>(frame, Type::kInt, &Value::ints, parse_int);
}

Value float_of_text(CallFrame& frame) {
  return read_numbers<double>(frame, Type::kFloat, &Value::floats, parse_float);
}

/// Without the fraction; what does not fit is null and counted, NaN too.
Value int_of_float(CallFrame& frame) {
  constexpr double kEnd = 0x1p63;
  Value result(Type::kInt, *frame.pool);
  for (size_t i = 0; i < frame.rows; ++i) {
    const double value = frame.arguments[0].floats[i];
    const bool fits = value >= -kEnd && value < kEnd;
    result.ints()[i] = fits ? static_cast<int64_t>(value) : 0;
    if (frame.skips(i) || fits) continue;
    result.nulls()[i] = 1;
    frame.counts->int_overflow += 1;
  }
  return result;
}

Value same_float(CallFrame& frame) {
  return map_float(frame, [](double value) { return value; });
}

/// The text of each value, as it is written to files.
template <typename Append>
Value write_texts(CallFrame& frame, Append&& append) {
  Value result(Type::kText, *frame.pool);
  std::string text;
  for (size_t i = 0; i < frame.rows; ++i) {
    text.clear();
    if (!frame.skips(i)) append(text, i);
    result.text()[i] = frame.arena->copy(text);
  }
  return result;
}

Value text_of_int(CallFrame& frame) {
  const int64_t* values = frame.arguments[0].ints;
  return write_texts(frame, [&](std::string& out, size_t i) { append_int(out, values[i]); });
}

Value text_of_float(CallFrame& frame) {
  const double* values = frame.arguments[0].floats;
  return write_texts(frame, [&](std::string& out, size_t i) { append_float(out, values[i]); });
}

Value text_of_bool(CallFrame& frame) {
  const uint8_t* values = frame.arguments[0].bools;
  return write_texts(frame,
                     [&](std::string& out, size_t i) { out = values[i] != 0 ? "true" : "false"; });
}

Value text_of_time(CallFrame& frame) {
  const int64_t* values = frame.arguments[0].ints;
  return write_texts(frame, [&](std::string& out, size_t i) { append_time(out, values[i]); });
}

Value same_text(CallFrame& frame) {
  return map_text(frame, [](size_t, std::string_view text) { return text; });
}

Value concat(CallFrame& frame) {
  return write_texts(frame, [&](std::string& out, size_t i) {
    for (const Vector& argument : frame.arguments) out += argument.text[i];
  });
}

Value weekday(CallFrame& frame) {
  return map_int(frame, Type::kInt, [](int64_t value) {
    constexpr int64_t kFirstMonday = 4;  // 1970 began on a Thursday
    const int64_t days = value / kNanosecondsPerDay - (value % kNanosecondsPerDay < 0 ? 1 : 0);
    return ((days - kFirstMonday) % 7 + 7) % 7 + 1;
  });
}

template <auto kPart>
Value time_part(CallFrame& frame) {
  return map_int(frame, Type::kInt,
                 [](int64_t value) { return static_cast<int64_t>(calendar_time(value).*kPart); });
}

Value date(CallFrame& frame) {
  constexpr size_t kDateBytes = 10;
  Value result(Type::kText, *frame.pool);
  char* out = frame.arena->allocate(kDateBytes * frame.rows);
  for (size_t i = 0; i < frame.rows; ++i, out += kDateBytes) {
    write_date(frame.arguments[0].ints[i], out);
    result.text()[i] = {out, kDateBytes};
  }
  return result;
}

constexpr Type kText = Type::kText;
constexpr Type kInt = Type::kInt;
constexpr Type kFloat = Type::kFloat;
constexpr Type kBool = Type::kBool;
constexpr Type kTime = Type::kTime;

constexpr size_t kConcatMax = 8;

std::vector<FunctionOverload> concat_overloads() {
  std::vector<FunctionOverload> overloads;
  for (size_t count = 2; count <= kConcatMax; ++count) {
    overloads.push_back(
        {.arguments = std::vector<Type>(count, kText), .result = kText, .evaluate = concat});
  }
  return overloads;
}

std::vector<FunctionSpec> make_functions() {
  return {
      {.name = "contains",
       .signature = "contains(text, part)",
       .result = "bool",
       .doc = "Whether `part` occurs in `text`.",
       .example = "contains('disk full', 'full')",
       .expected = "true",
       .arguments_min = 2,
       .arguments_max = 2,
       .overloads = {{.arguments = {kText, kText},
                      .result = kBool,
                      .evaluate = contains,
                      .prepare = prepare_literal}}},
      {.name = "starts_with",
       .signature = "starts_with(text, part)",
       .result = "bool",
       .doc = "Whether `text` begins with `part`.",
       .example = "starts_with('disk full', 'disk')",
       .expected = "true",
       .arguments_min = 2,
       .arguments_max = 2,
       .overloads = {{.arguments = {kText, kText}, .result = kBool, .evaluate = starts_with}}},
      {.name = "ends_with",
       .signature = "ends_with(text, part)",
       .result = "bool",
       .doc = "Whether `text` ends with `part`.",
       .example = "ends_with('access.log', '.log')",
       .expected = "true",
       .arguments_min = 2,
       .arguments_max = 2,
       .overloads = {{.arguments = {kText, kText}, .result = kBool, .evaluate = ends_with}}},
      {.name = "matches",
       .signature = "matches(text, 'pattern')",
       .result = "bool",
       .doc = "Whether the PCRE2 pattern, a constant, matches somewhere in `text`. Patterns match "
              "bytes. A record on which this takes too many steps is rejected.",
       .example = "matches('took 12ms', '[0-9]+ms')",
       .expected = "true",
       .arguments_min = 2,
       .arguments_max = 2,
       .overloads = {{.arguments = {kText, kText},
                      .result = kBool,
                      .evaluate = matches,
                      .prepare = prepare_pattern,
                      .needs_constants = true}}},
      {.name = "lower",
       .signature = "lower(text)",
       .result = "text",
       .doc = "ASCII letters as small letters; all other bytes as they are.",
       .example = "lower('ÀBC')",
       .expected = "'Àbc'",
       .arguments_min = 1,
       .arguments_max = 1,
       .overloads = {{.arguments = {kText}, .result = kText, .evaluate = lower}}},
      {.name = "upper",
       .signature = "upper(text)",
       .result = "text",
       .doc = "ASCII letters as capitals; all other bytes as they are.",
       .example = "upper('get')",
       .expected = "'GET'",
       .arguments_min = 1,
       .arguments_max = 1,
       .overloads = {{.arguments = {kText}, .result = kText, .evaluate = upper}}},
      {.name = "trim",
       .signature = "trim(text)",
       .result = "text",
       .doc = "Without ASCII blanks, tabs and line ends at both ends.",
       .example = "trim('  a b ')",
       .expected = "'a b'",
       .arguments_min = 1,
       .arguments_max = 1,
       .overloads = {{.arguments = {kText}, .result = kText, .evaluate = trim}}},
      {.name = "len",
       .signature = "len(text)",
       .result = "int",
       .doc = "Code points: bytes that are not UTF-8 continuation bytes.",
       .example = "len('naïve')",
       .expected = "5",
       .arguments_min = 1,
       .arguments_max = 1,
       .overloads = {{.arguments = {kText}, .result = kInt, .evaluate = len}}},
      {.name = "substr",
       .signature = "substr(text, start[, count])",
       .result = "text",
       .doc = "`count` code points from `start` on, or all. The first is 1; a negative `start` "
              "counts from the end. What lies outside of the text is left out.",
       .example = "substr('2026-01-31', 6, 2)",
       .expected = "'01'",
       .arguments_min = 2,
       .arguments_max = 3,
       .overloads = {{.arguments = {kText, kInt}, .result = kText, .evaluate = substr},
                     {.arguments = {kText, kInt, kInt}, .result = kText, .evaluate = substr}}},
      {.name = "concat",
       .signature = "concat(text, text, ...)",
       .result = "text",
       .doc = "Up to eight texts behind one another; null if one is null.",
       .example = "concat('a', '-', text(7))",
       .expected = "'a-7'",
       .arguments_min = 2,
       .arguments_max = kConcatMax,
       .overloads = concat_overloads()},
      {.name = "text",
       .signature = "text(x)",
       .result = "text",
       .doc = "The value as it is written to files: floats as the shortest text that reads back as "
              "the same, times in ISO 8601 in UTC.",
       .example = "text(0.50)",
       .expected = "'0.5'",
       .arguments_min = 1,
       .arguments_max = 1,
       .overloads = {{.arguments = {kInt}, .result = kText, .evaluate = text_of_int},
                     {.arguments = {kFloat}, .result = kText, .evaluate = text_of_float},
                     {.arguments = {kBool}, .result = kText, .evaluate = text_of_bool},
                     {.arguments = {kTime}, .result = kText, .evaluate = text_of_time},
                     {.arguments = {kText}, .result = kText, .evaluate = same_text}}},
      {.name = "int",
       .signature = "int(x)",
       .result = "int",
       .doc = "The whole number that a text is, blanks around it aside, or a float without its "
              "fraction. Text that is no whole number within 64 bits, and floats beyond them, give "
              "null and are counted.",
       .example = "int(' 42 ')",
       .expected = "42",
       .arguments_min = 1,
       .arguments_max = 1,
       .overloads = {{.arguments = {kInt}, .result = kInt, .evaluate = same_int},
                     {.arguments = {kFloat}, .result = kInt, .evaluate = int_of_float},
                     {.arguments = {kText}, .result = kInt, .evaluate = int_of_text}}},
      {.name = "float",
       .signature = "float(x)",
       .result = "float",
       .doc =
           "The number that a text is, blanks around it aside. Text that is no number gives null "
           "and is counted.",
       .example = "float('1.5e3')",
       .expected = "1500.0",
       .arguments_min = 1,
       .arguments_max = 1,
       .overloads = {{.arguments = {kFloat}, .result = kFloat, .evaluate = same_float},
                     {.arguments = {kText}, .result = kFloat, .evaluate = float_of_text}}},
      {.name = "round",
       .signature = "round(x)",
       .result = "as x",
       .doc = "To the nearest whole number, halves away from zero.",
       .example = "round(-2.5)",
       .expected = "-3.0",
       .arguments_min = 1,
       .arguments_max = 1,
       .overloads = {{.arguments = {kInt}, .result = kInt, .evaluate = same_int},
                     {.arguments = {kFloat}, .result = kFloat, .evaluate = round_float}}},
      {.name = "floor",
       .signature = "floor(x)",
       .result = "as x",
       .doc = "The greatest whole number not above x.",
       .example = "floor(-2.5)",
       .expected = "-3.0",
       .arguments_min = 1,
       .arguments_max = 1,
       .overloads = {{.arguments = {kInt}, .result = kInt, .evaluate = same_int},
                     {.arguments = {kFloat}, .result = kFloat, .evaluate = floor_float}}},
      {.name = "ceil",
       .signature = "ceil(x)",
       .result = "as x",
       .doc = "The smallest whole number not below x.",
       .example = "ceil(-2.5)",
       .expected = "-2.0",
       .arguments_min = 1,
       .arguments_max = 1,
       .overloads = {{.arguments = {kInt}, .result = kInt, .evaluate = same_int},
                     {.arguments = {kFloat}, .result = kFloat, .evaluate = ceil_float}}},
      {.name = "abs",
       .signature = "abs(x)",
       .result = "as x",
       .doc = "Without its sign.",
       .example = "abs(-3)",
       .expected = "3",
       .arguments_min = 1,
       .arguments_max = 1,
       .overloads = {{.arguments = {kInt}, .result = kInt, .evaluate = abs_int},
                     {.arguments = {kFloat}, .result = kFloat, .evaluate = abs_float}}},
      {.name = "log",
       .signature = "log(x)",
       .result = "float",
       .doc = "The natural logarithm, the same bits on every machine, within one unit in the last "
              "place; null for 0 and below.",
       .example = "log(1)",
       .expected = "0.0",
       .arguments_min = 1,
       .arguments_max = 1,
       .overloads = {{.arguments = {kFloat}, .result = kFloat, .evaluate = log}}},
      {.name = "if",
       .signature = "if(condition, then, otherwise)",
       .result = "as then and otherwise",
       .doc = "`then` where the condition is true, `otherwise` where it is false or null.",
       .example = "if(3 > 2, 'more', 'less')",
       .expected = "'more'",
       .arguments_min = 3,
       .arguments_max = 3,
       .form = FunctionForm::kIf},
      {.name = "coalesce",
       .signature = "coalesce(x, y, ...)",
       .result = "as its arguments",
       .doc = "The first of its arguments that is not null.",
       .example = "coalesce(null, 2, 3)",
       .expected = "2",
       .arguments_min = 1,
       .arguments_max = kAnyCount,
       .form = FunctionForm::kCoalesce},
      {.name = "bin",
       .signature = "bin(x, width)",
       .result = "as x and width",
       .doc = "The greatest multiple of `width` not above x. `width` is a constant above 0; for a "
              "time x it is text, like '15min' or '1h', and counts from 1970-01-01 UTC.",
       .example = "bin(-7, 5)",
       .expected = "-10",
       .arguments_min = 2,
       .arguments_max = 2,
       .overloads = {{.arguments = {kInt, kInt},
                      .result = kInt,
                      .evaluate = bin_int,
                      .prepare = prepare_int_width,
                      .needs_constants = true},
                     {.arguments = {kFloat, kFloat},
                      .result = kFloat,
                      .evaluate = bin_float,
                      .prepare = prepare_float_width,
                      .needs_constants = true},
                     {.arguments = {kTime, kText},
                      .result = kTime,
                      .evaluate = bin_time,
                      .prepare = prepare_time_width,
                      .needs_constants = true}}},
      {.name = "time",
       .signature = "time(text[, 'format'])",
       .result = "time",
       .doc = "The moment that `text` names: ISO 8601, or as the format, a constant, says with "
              "%Y %y %m %d %e %b %B %a %A %j %H %I %p %M %S %f %z %Z %s %F %T %%. UTC unless the "
              "text holds an offset. Text that is no such time gives null and is counted. Seconds "
              "since "
              "1970 in an int are read by time(text(x), '%s').",
       .example = "time('31/Jan/2026:10:00:00 +0200', '%d/%b/%Y:%T %z')",
       .expected = "time('2026-01-31T08:00:00Z')",
       .arguments_min = 1,
       .arguments_max = 2,
       .overloads = {{.arguments = {kText}, .result = kTime, .evaluate = time_of_iso},
                     {.arguments = {kText, kText},
                      .result = kTime,
                      .evaluate = time_of_format,
                      .prepare = prepare_time_format,
                      .needs_constants = true}}},
      {.name = "year",
       .signature = "year(time)",
       .result = "int",
       .doc = "The year in UTC.",
       .example = "year(time('2026-01-31'))",
       .expected = "2026",
       .arguments_min = 1,
       .arguments_max = 1,
       .overloads = {{.arguments = {kTime},
                      .result = kInt,
                      .evaluate = time_part<&CalendarTime::year>}}},
      {.name = "month",
       .signature = "month(time)",
       .result = "int",
       .doc = "The month in UTC, 1 to 12.",
       .example = "month(time('2026-01-31'))",
       .expected = "1",
       .arguments_min = 1,
       .arguments_max = 1,
       .overloads = {{.arguments = {kTime},
                      .result = kInt,
                      .evaluate = time_part<&CalendarTime::month>}}},
      {.name = "day",
       .signature = "day(time)",
       .result = "int",
       .doc = "The day of the month in UTC, 1 to 31.",
       .example = "day(time('2026-01-31'))",
       .expected = "31",
       .arguments_min = 1,
       .arguments_max = 1,
       .overloads = {{.arguments = {kTime},
                      .result = kInt,
                      .evaluate = time_part<&CalendarTime::day>}}},
      {.name = "hour",
       .signature = "hour(time)",
       .result = "int",
       .doc = "The hour in UTC, 0 to 23.",
       .example = "hour(time('2026-01-31T23:59:59Z'))",
       .expected = "23",
       .arguments_min = 1,
       .arguments_max = 1,
       .overloads = {{.arguments = {kTime},
                      .result = kInt,
                      .evaluate = time_part<&CalendarTime::hour>}}},
      {.name = "minute",
       .signature = "minute(time)",
       .result = "int",
       .doc = "The minute, 0 to 59.",
       .example = "minute(time('2026-01-31T23:58:59Z'))",
       .expected = "58",
       .arguments_min = 1,
       .arguments_max = 1,
       .overloads = {{.arguments = {kTime},
                      .result = kInt,
                      .evaluate = time_part<&CalendarTime::minute>}}},
      {.name = "second",
       .signature = "second(time)",
       .result = "int",
       .doc = "The whole second, 0 to 59.",
       .example = "second(time('2026-01-31T23:58:59.9Z'))",
       .expected = "59",
       .arguments_min = 1,
       .arguments_max = 1,
       .overloads = {{.arguments = {kTime},
                      .result = kInt,
                      .evaluate = time_part<&CalendarTime::second>}}},
      {.name = "weekday",
       .signature = "weekday(time)",
       .result = "int",
       .doc = "The day of the week in UTC, 1 (Monday) to 7 (Sunday).",
       .example = "weekday(time('2026-01-31'))",
       .expected = "6",
       .arguments_min = 1,
       .arguments_max = 1,
       .overloads = {{.arguments = {kTime}, .result = kInt, .evaluate = weekday}}},
      {.name = "date",
       .signature = "date(time)",
       .result = "text",
       .doc = "The day in UTC, as in 2026-01-31.",
       .example = "date(time('2026-01-31T23:59:59Z'))",
       .expected = "'2026-01-31'",
       .arguments_min = 1,
       .arguments_max = 1,
       .overloads = {{.arguments = {kTime}, .result = kText, .evaluate = date}}},
  };
}

}  // namespace

const std::vector<FunctionSpec>& all_functions() {
  static const std::vector<FunctionSpec> functions = make_functions();
  return functions;
}

const FunctionSpec* find_function(std::string_view name) {
  for (const FunctionSpec& function : all_functions()) {
    if (function.name == name) return &function;
  }
  return nullptr;
}

std::vector<std::string> function_names() {
  std::vector<std::string> names;
  for (const FunctionSpec& function : all_functions()) names.emplace_back(function.name);
  return names;
}

}  // namespace shardmill
