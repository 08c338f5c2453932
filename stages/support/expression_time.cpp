#include "stages/support/expression_time.h"

#include <fmt/format.h>

#include <array>

#include "pipeline/base/bytes.h"
#include "pipeline/base/message.h"

namespace shardmill {

namespace {

constexpr std::array<std::string_view, 12> kMonths = {
    "january", "february", "march",     "april",   "may",      "june",
    "july",    "august",   "september", "october", "november", "december"};
constexpr std::array<std::string_view, 7> kDays = {"sunday",   "monday", "tuesday", "wednesday",
                                                   "thursday", "friday", "saturday"};

int64_t floor_divide(int64_t a, int64_t b) {
  return a / b - (a % b != 0 && (a < 0) != (b < 0) ? 1 : 0);
}

bool is_leap(int64_t year) {
  return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

int days_in_month(int64_t year, int month) {
  constexpr std::array<int, 12> kDaysIn = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  return month == 2 && is_leap(year) ? 29 : kDaysIn[static_cast<size_t>(month - 1)];
}

bool is_blank(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

/// Takes times apart, from the front.
class TimeReader {
 public:
  explicit TimeReader(std::string_view text) : rest_(text) {}

  bool read(char kind) {
    switch (kind) {
      case 'Y':
        return number(4, 4, 0, 9999, year_);
      case 'y':
        return short_year();
      case 'm':
        return number(1, 2, 1, 12, month_);
      case 'd':
      case 'e':
        if (!rest_.empty() && rest_[0] == ' ') rest_.remove_prefix(1);
        return number(1, 2, 1, 31, day_);
      case 'j':
        return number(1, 3, 1, 366, day_of_year_);
      case 'b':
      case 'B':
        return name(kMonths, month_) && ++month_ > 0;
      case 'a':
      case 'A':
        return name(kDays, ignored_);
      case 'H':
        return number(1, 2, 0, 23, hour_);
      case 'I':
        return number(1, 2, 1, 12, hour_of_half_);
      case 'p':
        return half_of_day();
      case 'M':
        return number(1, 2, 0, 59, minute_);
      case 'S':
        return number(1, 2, 0, 59, second_);
      case 'f':
        return fraction();
      case 's':
        return epoch();
      case 'z':
        return offset();
      case 'Z':
        return word("utc") || word("gmt") || word("z");
      default:
        return false;
    }
  }

  bool literal(char c) {
    if (rest_.empty() || rest_[0] != c) return false;
    rest_.remove_prefix(1);
    return true;
  }

  bool blanks() {
    if (rest_.empty() || !is_blank(rest_[0])) return false;
    while (!rest_.empty() && is_blank(rest_[0])) rest_.remove_prefix(1);
    return true;
  }

  bool finish(int64_t& nanoseconds) const {
    if (!rest_.empty()) return false;
    Int128 seconds = epoch_;
    if (!has_epoch_ && !seconds_of_calendar(seconds)) return false;
    const Int128 total =
        seconds * kNanosecondsPerSecond + (epoch_is_negative_ ? -fraction_ : fraction_);
    nanoseconds = static_cast<int64_t>(total);
    return total == nanoseconds;
  }

 private:
  bool seconds_of_calendar(Int128& seconds) const {
    if (day_of_year_ != 0 && day_of_year_ > (is_leap(year_) ? 366 : 365)) return false;
    const auto days = day_of_year_ != 0 ? days_since_1970(year_, 1, 1)
                                        : days_since_1970(year_, static_cast<int>(month_),
                                                          static_cast<int>(day_));
    if (!days) return false;
    const int64_t day = *days + (day_of_year_ != 0 ? day_of_year_ - 1 : 0);
    const int64_t hour = hour_of_half_ != 0 ? hour_of_half_ % 12 + half_ * 12 : hour_;
    seconds = static_cast<Int128>(day) * 86'400 + hour * 3600 + minute_ * 60 + second_ - offset_;
    return true;
  }

  bool number(size_t digits_min, size_t digits_max, int64_t least, int64_t most, int64_t& value) {
    size_t digits = 0;
    value = 0;
    while (digits < digits_max && digits < rest_.size() && is_digit(rest_[digits])) {
      value = value * 10 + (rest_[digits++] - '0');
    }
    rest_.remove_prefix(digits);
    return digits >= digits_min && value >= least && value <= most;
  }

  bool short_year() {
    if (!number(2, 2, 0, 99, year_)) return false;
    year_ += year_ < 69 ? 2000 : 1900;
    return true;
  }

  /// A full name or its first three letters, in any case; `index` from 0.
  template <size_t N>
  bool name(const std::array<std::string_view, N>& names, int64_t& index) {
    for (size_t i = 0; i < N; ++i) {
      if (word(names[i]) || word(names[i].substr(0, 3))) {
        index = static_cast<int64_t>(i);
        return true;
      }
    }
    return false;
  }

  bool word(std::string_view lower_case) {
    if (rest_.size() < lower_case.size()) return false;
    for (size_t i = 0; i < lower_case.size(); ++i) {
      if (lower(rest_[i]) != lower_case[i]) return false;
    }
    rest_.remove_prefix(lower_case.size());
    return true;
  }

  bool half_of_day() {
    half_ = word("pm") ? 1 : 0;
    return half_ == 1 || word("am");
  }

  bool fraction() {
    const size_t before = rest_.size();
    if (!number(1, 9, 0, kNanosecondsPerSecond - 1, fraction_)) return false;
    for (size_t digits = before - rest_.size(); digits < 9; ++digits) fraction_ *= 10;
    return true;
  }

  bool epoch() {
    epoch_is_negative_ = literal('-');
    if (!number(1, 18, 0, INT64_MAX, epoch_)) return false;
    if (epoch_is_negative_) epoch_ = -epoch_;
    has_epoch_ = true;
    return true;
  }

  bool offset() {
    if (word("z")) return true;
    const bool negative = literal('-');
    if (!negative && !literal('+')) return false;
    int64_t hours = 0;
    int64_t minutes = 0;
    if (!number(2, 2, 0, 23, hours)) return false;
    literal(':');
    if (!number(2, 2, 0, 59, minutes)) return false;
    offset_ = (hours * 60 + minutes) * (negative ? -60 : 60);
    return true;
  }

  std::string_view rest_;
  int64_t year_ = 1970;
  int64_t month_ = 1;
  int64_t day_ = 1;
  int64_t day_of_year_ = 0;
  int64_t hour_ = 0;
  int64_t hour_of_half_ = 0;
  int64_t half_ = 0;
  int64_t minute_ = 0;
  int64_t second_ = 0;
  int64_t fraction_ = 0;
  int64_t offset_ = 0;
  int64_t epoch_ = 0;
  int64_t ignored_ = 0;
  bool has_epoch_ = false;
  bool epoch_is_negative_ = false;  ///< so is its fraction: -0.5 is half a second before 1970
};

}  // namespace

std::optional<int64_t> days_since_1970(int64_t year, int month, int day) {
  if (month < 1 || month > 12 || day < 1 || day > days_in_month(year, month)) return std::nullopt;
  const int64_t shifted_year = year - (month <= 2 ? 1 : 0);  // years start in March
  const int64_t era = floor_divide(shifted_year, 400);
  const int64_t year_of_era = shifted_year - era * 400;
  const int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  const int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return era * 146'097 + day_of_era - 719'468;
}

CalendarTime calendar_time(int64_t nanoseconds) {
  const int64_t days = floor_divide(nanoseconds, kNanosecondsPerDay);
  const int64_t seconds = floor_divide(nanoseconds, kNanosecondsPerSecond) - days * 86'400;
  const int64_t shifted = days + 719'468;
  const int64_t era = floor_divide(shifted, 146'097);
  const int64_t day_of_era = shifted - era * 146'097;
  const int64_t year_of_era =
      (day_of_era - day_of_era / 1460 + day_of_era / 36'524 - day_of_era / 146'096) / 365;
  const int64_t day_of_year =
      day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const int64_t month_from_march = (5 * day_of_year + 2) / 153;
  const int month =
      static_cast<int>(month_from_march < 10 ? month_from_march + 3 : month_from_march - 9);
  return {.year = year_of_era + era * 400 + (month <= 2 ? 1 : 0),
          .month = month,
          .day = static_cast<int>(day_of_year - (153 * month_from_march + 2) / 5 + 1),
          .hour = static_cast<int>(seconds / 3600),
          .minute = static_cast<int>(seconds / 60 % 60),
          .second = static_cast<int>(seconds % 60)};
}

void write_date(int64_t nanoseconds, char* out) {
  const CalendarTime time = calendar_time(nanoseconds);
  const auto digit = [](int64_t value) { return static_cast<char>('0' + value % 10); };
  const char date[] = {digit(time.year / 1000),
                       digit(time.year / 100),
                       digit(time.year / 10),
                       digit(time.year),
                       '-',
                       digit(time.month / 10),
                       digit(time.month),
                       '-',
                       digit(time.day / 10),
                       digit(time.day)};
  for (size_t i = 0; i < sizeof date; ++i) out[i] = date[i];
}

std::optional<TimeFormat> TimeFormat::parse(std::string_view format, std::string& problem) {
  static constexpr std::string_view kKnown = "YymdejbBaAHIpMSfszZ";
  TimeFormat result;
  const auto expand = [&](std::string_view pieces) {
    for (const char c : pieces) {
      const bool literal = c == '-' || c == ':';
      result.pieces_.push_back({.kind = literal ? '\0' : c, .literal = literal ? c : '\0'});
    }
  };
  for (size_t i = 0; i < format.size(); ++i) {
    const char c = format[i];
    if (is_blank(c)) {
      if (result.pieces_.empty() || result.pieces_.back().kind != ' ') {
        result.pieces_.push_back({.kind = ' '});
      }
      continue;
    }
    if (c != '%') {
      result.pieces_.push_back({.kind = '\0', .literal = c});
      continue;
    }
    const char kind = ++i < format.size() ? format[i] : '\0';
    if (kind == 'F') {
      expand("Y-m-d");
    } else if (kind == 'T') {
      expand("H:M:S");
    } else if (kind == '%') {
      result.pieces_.push_back({.kind = '\0', .literal = '%'});
    } else if (kind != '\0' && kKnown.find(kind) != std::string_view::npos) {
      result.pieces_.push_back({.kind = kind});
    } else {
      problem =
          fmt::format("{} in a time format", quoted(format.substr(i - 1, kind == '\0' ? 1 : 2)));
      return std::nullopt;
    }
  }
  return result;
}

bool TimeFormat::read(std::string_view text, int64_t& nanoseconds) const {
  TimeReader reader(text);
  for (const Piece& piece : pieces_) {
    const bool fits = piece.kind == '\0'  ? reader.literal(piece.literal)
                      : piece.kind == ' ' ? reader.blanks()
                                          : reader.read(piece.kind);
    if (!fits) return false;
  }
  return reader.finish(nanoseconds);
}

}  // namespace shardmill
