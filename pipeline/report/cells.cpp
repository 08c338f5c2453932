#include "pipeline/report/cells.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <optional>

#include "pipeline/base/message.h"
#include "pipeline/base/quantity.h"
#include "pipeline/base/text.h"
#include "pipeline/formats/numbers.h"

namespace shardmill {

namespace {

constexpr int kDigits = 7;
constexpr int kMostDecimals = 6;

/// Not NaN, not infinite, without libm.
bool is_finite(double value) {
  return value - value == 0;
}

double magnitude(double value) {
  return value < 0 ? -value : value;
}

/// Digits before the decimal point, at least 1.
int whole_digits(double value) {
  int digits = 1;
  for (double bound = 10; value >= bound && digits < 400; bound *= 10) ++digits;
  return digits;
}

/// Decimals that the value's shortest text has; nothing if it is written with an exponent.
std::optional<int> decimals_of(double value) {
  std::string text;
  append_float(text, value);
  if (text.find('e') != std::string::npos) return std::nullopt;
  const size_t point = text.find('.');
  return point == std::string::npos ? 0 : static_cast<int>(text.size() - point - 1);
}

std::string with_separated_whole(std::string text) {
  const size_t sign = !text.empty() && text[0] == '-' ? 1 : 0;
  size_t at = std::min(text.find('.'), text.size());
  for (; at > sign + 3;) {
    at -= 3;
    text.insert(at, ",");
  }
  return text;
}

std::string readable_float(double value, std::optional<int> decimals) {
  if (!is_finite(value)) return value != value ? "nan" : value < 0 ? "-inf" : "inf";
  if (!decimals) return fmt::format("{:.6g}", value);
  return with_separated_whole(fmt::format("{:.{}f}", value, *decimals));
}

constexpr Int128 kDay = Int128{86400} * 1000000000;

bool is_time(Int128 nanoseconds) {
  return nanoseconds >= std::numeric_limits<int64_t>::min() &&
         nanoseconds <= std::numeric_limits<int64_t>::max();
}

bool all_at_midnight(const TableColumn& column, size_t rows) {
  for (size_t row = 0; row < rows; ++row) {
    if (column.null[row] == 0 && (!is_time(column.ints[row]) || column.ints[row] % kDay != 0)) {
      return false;
    }
  }
  return true;
}

std::string readable_time(Int128 nanoseconds, bool only_date) {
  if (!is_time(nanoseconds)) return readable_int(nanoseconds);
  std::string text;
  append_time(text, static_cast<int64_t>(nanoseconds));
  return only_date ? text.substr(0, text.find('T')) : text;
}

/// What `readable_cells` finds out about a column before it writes its values.
struct ColumnStyle {
  std::optional<int> decimals;
  bool only_dates = false;
};

std::string readable_value(const TableColumn& column, size_t row, const ColumnStyle& style) {
  if (column.null[row] != 0) return "-";
  switch (column.type) {
    case Type::kText:
      return column.text[row].empty() ? "\"\"" : printable(column.text[row]);
    case Type::kInt:
      return readable_int(column.ints[row]);
    case Type::kTime:
      return readable_time(column.ints[row], style.only_dates);
    case Type::kFloat:
      return readable_float(column.floats[row], style.decimals);
    case Type::kBool:
      return column.bools[row] != 0 ? "true" : "false";
  }
  return {};
}

}  // namespace

std::optional<int> shared_decimals(const TableColumn& column, size_t rows) {
  double largest = 0;
  double smallest = std::numeric_limits<double>::infinity();
  int needed = 0;
  for (size_t row = 0; row < rows; ++row) {
    const double value = column.floats[row];
    if (column.null[row] != 0 || !is_finite(value) || value == 0) continue;
    largest = std::max(largest, magnitude(value));
    smallest = std::min(smallest, magnitude(value));
    needed = std::max(needed, decimals_of(value).value_or(kMostDecimals + 1));
  }
  if (largest >= 1e15) return std::nullopt;
  const int decimals =
      std::min(needed, std::clamp(kDigits - whole_digits(largest), 1, kMostDecimals));
  double step = 1;
  for (int i = 0; i < decimals; ++i) step /= 10;
  // A value that would show fewer than two of its digits is better off with an exponent.
  if (smallest < step * 10 && needed > decimals) return std::nullopt;
  return decimals;
}

std::string printable(std::string_view text) {
  std::string plain(text);
  std::erase_if(plain, [](char c) { return c == '"' || c == '\\'; });
  return escaped(plain).size() == plain.size() ? std::string(text) : escaped(text);
}

std::string readable_seconds(double seconds) {
  return seconds < 0.1 ? fmt::format("{:.1f} ms", seconds * 1000) : format_seconds(seconds);
}

std::string readable_int(Int128 value) {
  std::string text;
  append_int128(text, value);
  return with_separated_whole(std::move(text));
}

std::vector<std::string> readable_cells(const TableColumn& column, size_t rows) {
  ColumnStyle style;
  if (column.type == Type::kFloat) style.decimals = shared_decimals(column, rows);
  if (column.type == Type::kTime) style.only_dates = all_at_midnight(column, rows);
  std::vector<std::string> cells;
  for (size_t row = 0; row < rows; ++row) cells.push_back(readable_value(column, row, style));
  return cells;
}

}  // namespace shardmill
