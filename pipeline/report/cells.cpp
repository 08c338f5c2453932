#include "pipeline/report/cells.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <optional>

#include "pipeline/base/message.h"
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

/// The decimals that suit the first `rows` values; nothing if no number of decimals does.
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

std::string readable_time(Int128 nanoseconds) {
  if (nanoseconds < std::numeric_limits<int64_t>::min() ||
      nanoseconds > std::numeric_limits<int64_t>::max()) {
    return readable_int(nanoseconds);
  }
  std::string text;
  append_time(text, static_cast<int64_t>(nanoseconds));
  return text;
}

}  // namespace

std::string readable_int(Int128 value) {
  std::string text;
  append_int128(text, value);
  return with_separated_whole(std::move(text));
}

std::vector<std::string> readable_cells(const TableColumn& column, size_t rows) {
  std::vector<std::string> cells;
  std::optional<int> decimals;
  if (column.type == Type::kFloat) decimals = shared_decimals(column, rows);
  for (size_t row = 0; row < rows; ++row) {
    if (column.null[row] != 0) {
      cells.emplace_back("-");
      continue;
    }
    switch (column.type) {
      case Type::kText:
        cells.push_back(column.text[row].empty() ? "\"\"" : escaped(column.text[row]));
        break;
      case Type::kInt:
        cells.push_back(readable_int(column.ints[row]));
        break;
      case Type::kTime:
        cells.push_back(readable_time(column.ints[row]));
        break;
      case Type::kFloat:
        cells.push_back(readable_float(column.floats[row], decimals));
        break;
      case Type::kBool:
        cells.emplace_back(column.bools[row] != 0 ? "true" : "false");
        break;
    }
  }
  return cells;
}

}  // namespace shardmill
