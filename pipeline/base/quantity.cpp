#include "pipeline/base/quantity.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <utility>

#include "pipeline/base/bytes.h"
#include "pipeline/base/message.h"
#include "pipeline/base/text.h"

namespace shardmill {

namespace {

constexpr std::array<std::pair<std::string_view, uint64_t>, 12> kByteUnits = {{
    {"", 1},
    {"b", 1},
    {"kib", uint64_t{1} << 10},
    {"mib", uint64_t{1} << 20},
    {"gib", uint64_t{1} << 30},
    {"tib", uint64_t{1} << 40},
    {"pib", uint64_t{1} << 50},
    {"kb", 1'000},
    {"mb", 1'000'000},
    {"gb", 1'000'000'000},
    {"tb", 1'000'000'000'000},
    {"pb", 1'000'000'000'000'000},
}};

constexpr std::array<std::pair<std::string_view, double>, 9> kTimeUnits = {{
    {"ms", 1e-3},
    {"s", 1},
    {"sec", 1},
    {"m", 60},
    {"min", 60},
    {"h", 3600},
    {"hour", 3600},
    {"d", 86400},
    {"day", 86400},
}};

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/// Takes digits with at most one point from the front; nothing if there are none.
bool take_number(std::string_view& text, double& value) {
  size_t digits = 0;
  double scale = 1;
  bool after_point = false;
  value = 0;
  for (; !text.empty() && (is_digit(text.front()) || (text.front() == '.' && !after_point));
       text.remove_prefix(1)) {
    if (text.front() == '.') {
      after_point = true;
      continue;
    }
    value = value * 10 + (text.front() - '0');
    if (after_point) scale *= 10;
    ++digits;
  }
  value /= scale;
  return digits > 0;
}

/// A decimal number as it was written: digits / scale.
struct Decimal {
  UInt128 digits = 0;
  UInt128 scale = 1;
};

/// As take_number, but exact; nothing for numbers of more digits than sizes need.
bool take_decimal(std::string_view& text, Decimal& value) {
  constexpr UInt128 kMost = 10'000'000'000'000'000'000U;
  size_t digits = 0;
  bool after_point = false;
  for (; !text.empty() && (is_digit(text.front()) || (text.front() == '.' && !after_point));
       text.remove_prefix(1)) {
    if (text.front() == '.') {
      after_point = true;
      continue;
    }
    value.digits = value.digits * 10 + static_cast<unsigned>(text.front() - '0');
    if (after_point) value.scale *= 10;
    if (value.digits >= kMost || value.scale >= kMost) return false;
    ++digits;
  }
  return digits > 0;
}

std::string take_word(std::string_view& text) {
  text = trimmed(text);
  size_t size = 0;
  while (size < text.size() && !is_digit(text[size]) && text[size] != ' ') ++size;
  std::string word = ascii_lower(text.substr(0, size));
  text = trimmed(text.substr(size));
  return word;
}

Status not_a_size(std::string_view text) {
  return Status::usage(Message{
      .place = {},
      .found = "size " + quoted(text),
      .expected = "a number of bytes such as 65536, \"64KiB\" or \"1.5GiB\"",
      .fix = {}}.text());
}

Status not_a_duration(std::string_view text) {
  return Status::usage(Message{
      .place = {},
      .found = "time " + quoted(text),
      .expected = "seconds or a time such as \"90s\", \"1h30min\" or \"01:30:00\"",
      .fix = {}}.text());
}

/// "01:30:00", "90:00" or "2-01:00:00".
Result<double> parse_clock(std::string_view whole) {
  std::string_view text = whole;
  double total = 0;
  double part = 0;
  const size_t dash = text.find('-');
  if (dash != std::string_view::npos) {
    std::string_view days = text.substr(0, dash);
    if (!take_number(days, part) || !days.empty()) return not_a_duration(whole);
    text.remove_prefix(dash + 1);
  }
  const double days = dash == std::string_view::npos ? 0 : part;
  size_t parts = 0;
  for (; parts < 3; ++parts) {
    if (!take_number(text, part)) return not_a_duration(whole);
    total = total * 60 + part;
    if (text.empty()) break;
    if (text.front() != ':') return not_a_duration(whole);
    text.remove_prefix(1);
  }
  if (!text.empty() || parts > 2) return not_a_duration(whole);
  return days * 86400 + total;
}

/// A number of three digits: "1.23", "12.3", "123".
std::string three_digits(double value) {
  if (value < 9.995) return fmt::format("{:.2f}", value);
  if (value < 99.95) return fmt::format("{:.1f}", value);
  return fmt::format("{:.0f}", value);
}

}  // namespace

Result<uint64_t> parse_bytes(std::string_view text) {
  std::string_view rest = trimmed(text);
  Decimal number;
  if (!take_decimal(rest, number)) return not_a_size(text);
  const std::string unit = take_word(rest);
  if (!rest.empty()) return not_a_size(text);
  for (const auto& [name, factor] : kByteUnits) {
    if (name != unit) continue;
    const UInt128 bytes = number.digits * factor / number.scale;
    if (bytes > static_cast<UInt128>(std::numeric_limits<int64_t>::max())) return not_a_size(text);
    return static_cast<uint64_t>(bytes);
  }
  return not_a_size(text);
}

Result<double> parse_seconds(std::string_view text) {
  std::string_view rest = trimmed(text);
  if (rest.find(':') != std::string_view::npos) return parse_clock(rest);
  double total = 0;
  bool has_part = false;
  while (!rest.empty()) {
    double number = 0;
    if (!take_number(rest, number)) return not_a_duration(text);
    std::string unit = take_word(rest);
    if (unit.empty() && !has_part && rest.empty()) unit = "s";
    if (unit.size() > 3 && unit.back() == 's') unit.pop_back();
    const auto* const at = std::find_if(kTimeUnits.begin(), kTimeUnits.end(),
                                        [&](const auto& u) { return u.first == unit; });
    if (at == kTimeUnits.end()) return not_a_duration(text);
    total += number * at->second;
    has_part = true;
  }
  if (!has_part || std::isinf(total)) return not_a_duration(text);
  return total;
}

std::string format_bytes(uint64_t bytes) {
  if (bytes < 1024) return fmt::format("{} B", bytes);
  constexpr std::array<std::string_view, 6> kUnits = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  double value = static_cast<double>(bytes) / 1024;
  size_t unit = 0;
  for (; value >= 999.5 && unit + 1 < kUnits.size(); ++unit) value /= 1024;
  return three_digits(value) + " " + std::string(kUnits[unit]);
}

std::string format_rate(double bytes_per_second) {
  constexpr std::array<std::string_view, 5> kUnits = {"B/s", "kB/s", "MB/s", "GB/s", "TB/s"};
  size_t unit = 0;
  for (; bytes_per_second >= 999.5 && unit + 1 < kUnits.size(); ++unit) bytes_per_second /= 1000;
  return three_digits(bytes_per_second) + " " + std::string(kUnits[unit]);
}

std::string format_seconds(double seconds) {
  if (!(seconds >= 59.95)) return three_digits(seconds) + " s";
  const auto whole = static_cast<uint64_t>(std::llround(seconds));
  if (whole < 3600) return fmt::format("{} min {:02} s", whole / 60, whole % 60);
  const uint64_t minutes = (whole + 30) / 60;
  return fmt::format("{} h {:02} min", minutes / 60, minutes % 60);
}

std::string format_share(double part, double whole) {
  if (whole <= 0) return "0.0 %";
  return fmt::format("{:.1f} %", 100 * part / whole);
}

}  // namespace shardmill
