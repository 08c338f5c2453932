#include "pipeline/formats/numbers.h"

#include <fast_float/fast_float.h>

#include <array>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>

#include "pipeline/base/text.h"

namespace shardmill {

namespace {

/// Powers of ten that a double holds exactly.
constexpr double kPowersOfTen[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                   1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                   1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
constexpr size_t kExactDigits = 15;  // every number of so many digits is below 2^53
constexpr size_t kIntDigits = 18;    // and of so many below 2^63
constexpr int64_t kNanosecondsPerSecond = 1'000'000'000;
constexpr int64_t kSecondsPerDay = 86'400;
constexpr int kFirstYear = 1678;
constexpr int kLastYear = 2261;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/// Sign, at most 15 digits with at most one point, and nothing else: one exact division gives the
/// nearest double.
bool parse_short_decimal(std::string_view text, double& value) {
  size_t at = 0;
  const bool negative = !text.empty() && text[0] == '-';
  if (negative || (!text.empty() && text[0] == '+')) at = 1;
  if (text.size() - at > kExactDigits + 1) return false;
  uint64_t digits = 0;
  size_t digit_count = 0;
  size_t point = text.size();
  for (; at < text.size(); ++at) {
    if (is_digit(text[at])) {
      digits = digits * 10 + static_cast<uint64_t>(text[at] - '0');
      ++digit_count;
    } else if (text[at] == '.' && point == text.size()) {
      point = at;
    } else {
      return false;
    }
  }
  if (digit_count == 0 || digit_count > kExactDigits) return false;
  const size_t decimals = point == text.size() ? 0 : text.size() - point - 1;
  const double magnitude = static_cast<double>(digits) / kPowersOfTen[decimals];
  value = negative ? -magnitude : magnitude;
  return true;
}

/// Reads exactly `count` digits at the front; -1 if they are not there.
int take_digits(std::string_view& text, size_t count) {
  if (text.size() < count) return -1;
  int value = 0;
  for (size_t i = 0; i < count; ++i) {
    if (!is_digit(text[i])) return -1;
    value = value * 10 + (text[i] - '0');
  }
  text.remove_prefix(count);
  return value;
}

bool take(std::string_view& text, char c) {
  if (text.empty() || text.front() != c) return false;
  text.remove_prefix(1);
  return true;
}

/// Days since 1970-01-01 of a Gregorian date (Howard Hinnant, "chrono-compatible low-level date
/// algorithms").
int64_t days_from_civil(int64_t year, int64_t month, int64_t day) {
  year -= month <= 2 ? 1 : 0;
  const int64_t era = (year >= 0 ? year : year - 399) / 400;
  const int64_t year_of_era = year - era * 400;
  const int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  const int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return era * 146097 + day_of_era - 719468;
}

struct CivilDate {
  int64_t year, month, day;
};

CivilDate civil_from_days(int64_t days) {
  days += 719468;
  const int64_t era = (days >= 0 ? days : days - 146096) / 146097;
  const int64_t day_of_era = days - era * 146097;
  const int64_t year_of_era =
      (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  const int64_t day_of_year =
      day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const int64_t shifted_month = (5 * day_of_year + 2) / 153;
  const int64_t month = shifted_month + (shifted_month < 10 ? 3 : -9);
  return {.year = year_of_era + era * 400 + (month <= 2 ? 1 : 0),
          .month = month,
          .day = day_of_year - (153 * shifted_month + 2) / 5 + 1};
}

int days_in_month(int year, int month) {
  constexpr std::array<int, 12> kDays = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  return kDays[static_cast<size_t>(month - 1)] + (month == 2 && is_leap ? 1 : 0);
}

bool take_date(std::string_view& text, int64_t& days) {
  const int year = take_digits(text, 4);
  if (year < kFirstYear || year > kLastYear || !take(text, '-')) return false;
  const int month = take_digits(text, 2);
  if (month < 1 || month > 12 || !take(text, '-')) return false;
  const int day = take_digits(text, 2);
  if (day < 1 || day > days_in_month(year, month)) return false;
  days = days_from_civil(year, month, day);
  return true;
}

bool take_fraction(std::string_view& text, int64_t& nanoseconds) {
  nanoseconds = 0;
  if (!take(text, '.')) return true;
  int64_t unit = kNanosecondsPerSecond / 10;
  size_t digits = 0;
  for (; !text.empty() && is_digit(text.front()); text.remove_prefix(1), unit /= 10, ++digits) {
    nanoseconds += unit * (text.front() - '0');
  }
  return digits >= 1 && digits <= 9;
}

bool take_clock(std::string_view& text, int64_t& seconds, int64_t& nanoseconds) {
  const int hour = take_digits(text, 2);
  if (hour < 0 || hour > 23 || !take(text, ':')) return false;
  const int minute = take_digits(text, 2);
  if (minute < 0 || minute > 59) return false;
  seconds = hour * 3600 + minute * 60;
  nanoseconds = 0;
  if (!take(text, ':')) return true;
  const int second = take_digits(text, 2);
  if (second < 0 || second > 59) return false;
  seconds += second;
  return take_fraction(text, nanoseconds);
}

/// "Z", "+02:00", "+0200", "+02" or nothing: seconds east of UTC.
bool take_offset(std::string_view& text, int64_t& seconds) {
  seconds = 0;
  if (text.empty() || take(text, 'Z')) return true;
  const int64_t sign = text.front() == '-' ? -1 : 1;
  if (!take(text, '+') && !take(text, '-')) return false;
  const int hours = take_digits(text, 2);
  if (hours < 0 || hours > 23) return false;
  if (!text.empty()) {
    take(text, ':');
    const int minutes = take_digits(text, 2);
    if (minutes < 0 || minutes > 59) return false;
    seconds = sign * (hours * 3600 + minutes * 60);
    return true;
  }
  seconds = sign * hours * 3600;
  return true;
}

// ---- times as most files have them, without a loop over their bytes

constexpr uint64_t word_of(const char (&bytes)[9]) {
  uint64_t word = 0;
  for (size_t i = 0; i < 8; ++i) word |= uint64_t{static_cast<uint8_t>(bytes[i])} << (8 * i);
  return word;
}

uint64_t load_word(const char* at) {
  uint64_t word = 0;
  std::memcpy(&word, at, sizeof word);
  return word;
}

/// Eight bytes that have digits where `zeros` has '0' and equal it elsewhere. In each byte where
/// two digits begin stands the number that they are.
struct DigitPairs {
  uint64_t pairs = 0;
  uint64_t wrong = 0;  ///< not 0 if a byte is something else

  DigitPairs(uint64_t word, uint64_t zeros, uint64_t digit_bytes) {
    constexpr uint64_t kTops = 0x8080808080808080u;
    constexpr uint64_t kOnes = 0x0101010101010101u;
    const uint64_t digits = word ^ zeros;
    // Adding this sets the top bit of a digit above 9, and of another byte above 0.
    const uint64_t to_top = kOnes * 0x7f - (digit_bytes & kOnes * 9);
    wrong = (digits | (digits + to_top)) & kTops;
    pairs = digits * 10 + (digits >> 8);
  }
  unsigned at(unsigned byte) const { return static_cast<unsigned>(pairs >> (8 * byte)) & 0xff; }
};

struct Year {
  int32_t days = 0;          ///< from 1970-01-01 to its first day
  uint32_t first_month = 0;  ///< in kMonths
};

/// The years from kFirstYear on.
constexpr auto kYears = [] {
  std::array<Year, kLastYear - kFirstYear + 1> years = {};
  int32_t days = -106650;
  for (int year = kFirstYear; year <= kLastYear; ++year) {
    const bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    years[static_cast<size_t>(year - kFirstYear)] = {.days = days,
                                                     .first_month = is_leap ? 16u : 0u};
    days += is_leap ? 366 : 365;
  }
  return years;
}();
static_assert(kYears[1970 - kFirstYear].days == 0);

struct MonthDays {
  int32_t before = 0;  ///< in the year
  uint32_t days = 0;   ///< 0 if there is no such month
};

/// By month, in leap years from 16 on: no branch on something that differs from time to time.
constexpr auto kMonths = [] {
  std::array<MonthDays, 32> months = {};
  for (size_t leap = 0; leap < 2; ++leap) {
    int32_t before = 0;
    for (uint32_t month = 1; month <= 12; ++month) {
      const uint32_t days =
          month == 2 ? 28 + static_cast<uint32_t>(leap) : 30 + ((month + (month >> 3)) & 1);
      months[16 * leap + month] = {.before = before, .days = days};
      before += static_cast<int32_t>(days);
    }
  }
  return months;
}();

/// "2026-01-31", "2026-01-31 12:34:56" and "2026-01-31T12:34:56", "Z" behind it or not. False for
/// all else, which may be a time all the same.
bool parse_usual_time(std::string_view text, int64_t& nanoseconds) {
  constexpr uint64_t kDate = word_of("0000-00-");
  constexpr uint64_t kClock = word_of("00:00:00");
  const bool has_clock = text.size() == 19 || (text.size() == 20 && text[19] == 'Z');
  if (!has_clock && text.size() != 10) return false;
  const DigitPairs date(load_word(text.data()), kDate, 0x00ffff00ffffffffu);
  const DigitPairs day(load_word(text.data() + 2) >> 48, 0x3030, 0xffff);
  const DigitPairs clock(has_clock ? load_word(text.data() + 11) : kClock, kClock,
                         0xffff00ffff00ffffu);
  if (has_clock && text[10] != ' ' && text[10] != 'T') return false;
  if ((date.wrong | day.wrong | clock.wrong) != 0) return false;
  const unsigned year = date.at(0) * 100 + date.at(2);
  const unsigned month = date.at(5);
  const bool in_range = year - kFirstYear <= kLastYear - kFirstYear && month < 16 &&
                        clock.at(0) < 24 && clock.at(3) < 60 && clock.at(6) < 60;
  if (!in_range) return false;
  const Year& start = kYears[year - kFirstYear];
  const MonthDays& in_year = kMonths[start.first_month + month];
  if (day.at(0) - 1 >= in_year.days) return false;
  const int64_t days = int64_t{start.days} + in_year.before + day.at(0) - 1;
  const int64_t seconds = clock.at(0) * 3600 + clock.at(3) * 60 + clock.at(6);
  nanoseconds = (days * kSecondsPerDay + seconds) * kNanosecondsPerSecond;
  return true;
}

void append_padded(std::string& out, int64_t value, size_t width) {
  const std::string digits = std::to_string(value);
  if (digits.size() < width) out.append(width - digits.size(), '0');
  out += digits;
}

/// Significant digits and decimal exponent of the shortest form that reads back.
struct ShortestDecimal {
  std::string digits;
  int exponent = 0;  ///< of the first digit: 5 has 0, 0.1 has -1
};

ShortestDecimal shortest_decimal(double magnitude) {
  std::array<char, 32> buffer;
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), magnitude,
                                 std::chars_format::scientific);
  std::string_view text(buffer.data(), static_cast<size_t>(end.ptr - buffer.data()));
  const size_t e = text.find('e');
  ShortestDecimal decimal;
  for (const char c : text.substr(0, e)) {
    if (c != '.') decimal.digits += c;
  }
  std::string_view exponent = text.substr(e + 1);
  if (exponent.front() == '+') exponent.remove_prefix(1);
  std::from_chars(exponent.data(), exponent.data() + exponent.size(), decimal.exponent);
  return decimal;
}

void append_fixed(std::string& out, const ShortestDecimal& decimal) {
  const int count = static_cast<int>(decimal.digits.size());
  if (decimal.exponent < 0) {
    out += "0.";
    out.append(static_cast<size_t>(-decimal.exponent - 1), '0');
    out += decimal.digits;
    return;
  }
  const int whole = decimal.exponent + 1;
  if (count <= whole) {
    out += decimal.digits;
    out.append(static_cast<size_t>(whole - count), '0');
    return;
  }
  out.append(decimal.digits, 0, static_cast<size_t>(whole));
  out += '.';
  out.append(decimal.digits, static_cast<size_t>(whole));
}

}  // namespace

bool parse_int(std::string_view text, int64_t& value) {
  const bool negative = !text.empty() && text[0] == '-';
  if (negative || (!text.empty() && text[0] == '+')) text.remove_prefix(1);
  if (text.empty()) return false;
  uint64_t magnitude = 0;
  if (text.size() <= kIntDigits) {
    for (const char c : text) {
      if (!is_digit(c)) return false;
      magnitude = magnitude * 10 + static_cast<uint64_t>(c - '0');
    }
    value = static_cast<int64_t>(negative ? 0 - magnitude : magnitude);
    return true;
  }
  constexpr uint64_t kLargest = std::numeric_limits<int64_t>::max();
  const uint64_t limit = negative ? kLargest + 1 : kLargest;
  for (const char c : text) {
    if (!is_digit(c)) return false;
    const auto digit = static_cast<uint64_t>(c - '0');
    if (magnitude > (limit - digit) / 10) return false;
    magnitude = magnitude * 10 + digit;
  }
  value = static_cast<int64_t>(negative ? 0 - magnitude : magnitude);
  return true;
}

bool parse_float_scalar(std::string_view text, double& value) {
  if (!text.empty() && text[0] == '+') {
    text.remove_prefix(1);
    if (!text.empty() && (text[0] == '-' || text[0] == '+')) return false;
  }
  if (text.empty() || text.back() == ')') return false;  // nan(...) is C's, not ours
  double parsed = 0;
  const auto [end, error] = fast_float::from_chars(text.data(), text.data() + text.size(), parsed);
  const bool is_number = error == std::errc() || error == std::errc::result_out_of_range;
  if (!is_number || end != text.data() + text.size()) return false;
  value = parsed;
  return true;
}

bool parse_float(std::string_view text, double& value) {
  return parse_short_decimal(text, value) || parse_float_scalar(text, value);
}

bool parse_bool(std::string_view text, bool& value) {
  if (text.size() != 4 && text.size() != 5) return false;
  const std::string lower = ascii_lower(text);
  if (lower != "true" && lower != "false") return false;
  value = lower == "true";
  return true;
}

bool parse_time(std::string_view text, int64_t& nanoseconds) {
  return parse_usual_time(text, nanoseconds) || parse_time_scalar(text, nanoseconds);
}

bool parse_time_scalar(std::string_view text, int64_t& nanoseconds) {
  int64_t days = 0;
  int64_t seconds = 0;
  int64_t fraction = 0;
  int64_t offset = 0;
  if (!take_date(text, days)) return false;
  if (!text.empty()) {
    if (!take(text, 'T') && !take(text, ' ')) return false;
    if (!take_clock(text, seconds, fraction) || !take_offset(text, offset)) return false;
  }
  if (!text.empty()) return false;
  nanoseconds = (days * kSecondsPerDay + seconds - offset) * kNanosecondsPerSecond + fraction;
  return true;
}

void append_float(std::string& out, double value) {
  if (std::isnan(value)) {
    out += "nan";
    return;
  }
  if (value < 0) out += '-';
  const double magnitude = std::fabs(value);
  if (std::isinf(magnitude)) {
    out += "inf";
    return;
  }
  if (magnitude == 0) {
    out += '0';
    return;
  }
  const ShortestDecimal decimal = shortest_decimal(magnitude);
  if (decimal.exponent >= -5 && decimal.exponent < 15) return append_fixed(out, decimal);
  out += decimal.digits[0];
  if (decimal.digits.size() > 1) out.append(1, '.').append(decimal.digits, 1);
  out += 'e';
  append_int(out, decimal.exponent);
}

void append_int(std::string& out, int64_t value) {
  std::array<char, 24> buffer;
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value);
  out.append(buffer.data(), end.ptr);
}

bool parse_int128(std::string_view text, Int128& value) {
  const bool is_negative = text.starts_with('-');
  if (is_negative) text.remove_prefix(1);
  value = 0;  // downwards, since the least value has no positive twin
  for (const char c : text) {
    if (c < '0' || c > '9') return false;
    if (__builtin_mul_overflow(value, Int128{10}, &value)) return false;
    if (__builtin_sub_overflow(value, Int128{c - '0'}, &value)) return false;
  }
  const bool fits = is_negative || !__builtin_sub_overflow(Int128{0}, value, &value);
  return fits && !text.empty();
}

void append_int128(std::string& out, Int128 value) {
  if (value < 0) out += '-';
  UInt128 magnitude = value < 0 ? -static_cast<UInt128>(value) : static_cast<UInt128>(value);
  std::array<char, 40> buffer;
  size_t at = buffer.size();
  do {
    buffer[--at] = static_cast<char>('0' + static_cast<int>(magnitude % 10));
    magnitude /= 10;
  } while (magnitude != 0);
  out.append(buffer.data() + at, buffer.size() - at);
}

void append_time(std::string& out, int64_t nanoseconds) {
  constexpr int64_t kNanosecondsPerDay = kSecondsPerDay * kNanosecondsPerSecond;
  int64_t days = nanoseconds / kNanosecondsPerDay;
  int64_t rest = nanoseconds % kNanosecondsPerDay;
  if (rest < 0) {
    rest += kNanosecondsPerDay;
    --days;
  }
  const CivilDate date = civil_from_days(days);
  append_padded(out, date.year, 4);
  append_padded(out.append(1, '-'), date.month, 2);
  append_padded(out.append(1, '-'), date.day, 2);
  const int64_t seconds = rest / kNanosecondsPerSecond;
  append_padded(out.append(1, 'T'), seconds / 3600, 2);
  append_padded(out.append(1, ':'), seconds / 60 % 60, 2);
  append_padded(out.append(1, ':'), seconds % 60, 2);
  int64_t fraction = rest % kNanosecondsPerSecond;
  if (fraction != 0) {
    size_t width = 9;
    for (; fraction % 1000 == 0; fraction /= 1000) width -= 3;
    append_padded(out.append(1, '.'), fraction, width);
  }
  out += 'Z';
}

}  // namespace shardmill
