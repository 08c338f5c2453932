// Calendar and time formats: UTC, the proleptic Gregorian calendar, English names, never the
// locale. Pure functions, any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace shardmill {

inline constexpr int64_t kNanosecondsPerSecond = 1'000'000'000;
inline constexpr int64_t kNanosecondsPerDay = 86'400 * kNanosecondsPerSecond;

/// Parts of a moment in UTC.
struct CalendarTime {
  int64_t year = 1970;
  int month = 1;
  int day = 1;
  int hour = 0;
  int minute = 0;
  int second = 0;
};

/// `nanoseconds` since 1970-01-01 UTC.
CalendarTime calendar_time(int64_t nanoseconds);

/// Days since 1970-01-01 of a day that exists; nothing otherwise.
/// Source: Howard Hinnant, "chrono-compatible low-level date algorithms".
std::optional<int64_t> days_since_1970(int64_t year, int month, int day);

/// "2026-01-31", 10 bytes, years 1677 to 2262 (all that 64 bits of ns reach).
void write_date(int64_t nanoseconds, char* out);

/// How times are written, as strptime has it:
///   %Y year, four digits     %y two digits, 69 to 99 are 19..   %m month    %d or %e day
///   %b or %B name of the month   %a or %A name of the day (not checked)   %j day of the year
///   %H hour    %I hour 1 to 12   %p AM or PM   %M minute   %S second   %f fraction, 1 to 9 digits
///   %z Z, +02:00 or +0200   %Z UTC, GMT or Z   %s seconds since 1970   %F %Y-%m-%d   %T %H:%M:%S
///   %% a percent sign; a blank stands for one or more blanks; all else for itself.
/// Numbers may have fewer digits, except years. What is missing is 1970-01-01 00:00:00 UTC.
class TimeFormat {
 public:
  /// Nothing, and why in `problem`, if the format has something else after a %.
  static std::optional<TimeFormat> parse(std::string_view format, std::string& problem);

  /// False if the whole text is not written so, or the moment does not exist or does not fit.
  bool read(std::string_view text, int64_t& nanoseconds) const;

 private:
  struct Piece {
    char kind = 0;     ///< the letter after %; 0 for a literal, ' ' for blanks
    char literal = 0;  ///< if kind is 0
  };
  std::vector<Piece> pieces_;
};

}  // namespace shardmill
