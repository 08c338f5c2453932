#include "pipeline/formats/numbers.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdlib>
#include <random>
#include <string>

namespace shardmill {
namespace {

std::string written(double value) {
  std::string out;
  append_float(out, value);
  return out;
}

std::string written_time(int64_t nanoseconds) {
  std::string out;
  append_time(out, nanoseconds);
  return out;
}

TEST(Numbers, IntegersKeepToSixtyFourBits) {
  int64_t value = 0;
  EXPECT_TRUE(parse_int("-9223372036854775808", value));
  EXPECT_EQ(value, INT64_MIN);
  EXPECT_TRUE(parse_int("+9223372036854775807", value));
  EXPECT_EQ(value, INT64_MAX);
  for (const char* text : {"", "-", "+", "9223372036854775808", "-9223372036854775809", "1.0", " 1",
                           "1 ", "0x1", "1e3"}) {
    EXPECT_FALSE(parse_int(text, value)) << text;
  }
}

TEST(Numbers, FloatsTakeWhatPeopleWriteAndNothingElse) {
  double value = 0;
  for (const auto& [text, expected] : {std::pair{"+1.5", 1.5},
                                       {"-2e9", -2e9},
                                       {".5", 0.5},
                                       {"1.", 1.0},
                                       {"1e400", INFINITY},
                                       {"-inf", -INFINITY},
                                       {"Infinity", INFINITY},
                                       {"1e-400", 0.0},
                                       {"007", 7.0}}) {
    EXPECT_TRUE(parse_float(text, value)) << text;
    EXPECT_EQ(value, expected) << text;
  }
  EXPECT_TRUE(parse_float("NaN", value));
  EXPECT_TRUE(std::isnan(value));
  for (const char* text :
       {"", "-", "+", ".", "-.", "+-1", "1e", "1e+", "0x1p3", " 1", "1 ", "1,5", "nan(1)", "e5"}) {
    EXPECT_FALSE(parse_float(text, value)) << text;
  }
}

void expect_time_as_scalar(const std::string& text) {
  int64_t fast = 0;
  int64_t scalar = 0;
  const bool is_time = parse_time(text, fast);
  ASSERT_EQ(is_time, parse_time_scalar(text, scalar)) << text;
  if (is_time) {
    ASSERT_EQ(fast, scalar) << text;
  }
}

TEST(Numbers, TimesOfTheUsualFormsAreReadAsAllOthers) {
  for (int year = 1677; year <= 2262; ++year) {
    for (int month = 0; month <= 13; ++month) {
      for (const int day : {0, 1, 27, 28, 29, 30, 31, 32}) {
        const std::string date = fmt::format("{:04}-{:02}-{:02}", year, month, day);
        expect_time_as_scalar(date);
        expect_time_as_scalar(date + " 23:59:59");
      }
    }
  }
  std::mt19937 random(9);
  constexpr std::string_view kBytes = "0123456789-:TZ +./;\x80\xb1";
  for (int round = 0; round < 300000; ++round) {
    std::string text =
        fmt::format("{}-{:02}-{:02}T{:02}:{:02}:{:02}", 1600 + random() % 700, random() % 14,
                    random() % 33, random() % 25, random() % 61, random() % 61);
    if (random() % 4 == 0) text += "Z";
    if (random() % 8 == 0) text.resize(random() % text.size());
    if (random() % 2 == 0 && !text.empty()) {
      text[random() % text.size()] = kBytes[random() % kBytes.size()];
    }
    expect_time_as_scalar(text);
  }
}

TEST(Numbers, TheFastPathEqualsTheScalarOne) {
  std::mt19937_64 random(7);
  const std::string alphabet = "0123456789.-+eE";
  for (int i = 0; i < 300000; ++i) {
    std::string text;
    for (size_t length = random() % 20; length > 0; --length) {
      text += alphabet[random() % (random() % 4 == 0 ? alphabet.size() : 11)];
    }
    double fast = 0;
    double scalar = 0;
    const bool is_fast = parse_float(text, fast);
    ASSERT_EQ(is_fast, parse_float_scalar(text, scalar)) << text;
    if (!is_fast) continue;
    ASSERT_EQ(std::bit_cast<uint64_t>(fast), std::bit_cast<uint64_t>(scalar)) << text;
  }
}

TEST(Numbers, LongMantissasAndTiesRoundToTheNearest) {
  for (const std::string& text :
       {std::string(400, '7'), "0." + std::string(400, '3'), std::string("9007199254740993"),
        std::string("4.9406564584124654e-324"), std::string("2.4703282292062327e-324"),
        std::string("1.7976931348623159e308"), std::string("123456789012345678")}) {
    double value = 0;
    ASSERT_TRUE(parse_float(text, value)) << text;
    EXPECT_EQ(value, std::strtod(text.c_str(), nullptr)) << text;
  }
}

/// Decimals of any length and size, among them ties between two doubles and subnormals.
std::string random_decimal(std::mt19937_64& random) {
  std::string text = random() % 2 == 0 ? "-" : "";
  const size_t digits = 1 + random() % (random() % 8 == 0 ? 400 : 22);
  const size_t point = random() % (digits + 1);
  for (size_t i = 0; i < digits; ++i) {
    if (i == point) text += '.';
    text += static_cast<char>('0' + random() % 10);
  }
  if (random() % 2 == 0) {
    text += "e" + std::to_string(static_cast<int>(random() % 700) - 360);
  }
  return text;
}

TEST(Numbers, DecimalsGiveTheNearestDoubleAsInC) {
  std::mt19937_64 random(13);
  for (int i = 0; i < 100000; ++i) {
    const std::string text = random_decimal(random);
    double value = 0;
    ASSERT_TRUE(parse_float(text, value)) << text;
    const double expected = std::strtod(text.c_str(), nullptr);
    ASSERT_EQ(std::bit_cast<uint64_t>(value), std::bit_cast<uint64_t>(expected)) << text;
  }
}

TEST(Numbers, HalfwayBetweenTwoDoublesIsRoundedToEven) {
  for (uint64_t odd = (1ULL << 53) + 1; odd < (1ULL << 53) + 200; odd += 2) {
    double value = 0;
    ASSERT_TRUE(parse_float(std::to_string(odd), value));
    const uint64_t even = odd % 4 == 1 ? odd - 1 : odd + 1;
    ASSERT_EQ(value, static_cast<double>(even)) << odd;
  }
}

TEST(Numbers, WrittenFloatsReadBackAsTheSame) {
  std::mt19937_64 random(11);
  for (int i = 0; i < 200000; ++i) {
    const double value =
        i % 2 == 0 ? std::bit_cast<double>(random())
                   : static_cast<double>(static_cast<int64_t>(random() % 2000000) - 1000000) / 1000;
    if (std::isnan(value)) continue;
    double back = 0;
    ASSERT_TRUE(parse_float(written(value), back)) << written(value);
    ASSERT_EQ(back, value) << written(value);
  }
}

TEST(Numbers, FloatsAreWrittenShort) {
  EXPECT_EQ(written(0.1), "0.1");
  EXPECT_EQ(written(-0.5), "-0.5");
  EXPECT_EQ(written(-0.0), "0");
  EXPECT_EQ(written(5), "5");
  EXPECT_EQ(written(123456789012345.0), "123456789012345");
  EXPECT_EQ(written(1e15), "1e15");
  EXPECT_EQ(written(1e300), "1e300");
  EXPECT_EQ(written(1.25e-7), "1.25e-7");
  EXPECT_EQ(written(0.00001), "0.00001");
  EXPECT_EQ(written(NAN), "nan");
  EXPECT_EQ(written(-INFINITY), "-inf");
}

TEST(Numbers, WideIntegersAreWrittenExactly) {
  std::string out;
  append_int128(out, static_cast<Int128>(1) << 126);
  EXPECT_EQ(out, "85070591730234615865843651857942052864");
  out.clear();
  append_int128(out, static_cast<Int128>(UInt128{1} << 127));
  EXPECT_EQ(out, "-170141183460469231731687303715884105728");
}

TEST(Numbers, TimesAreReadInAllTheirForms) {
  int64_t value = 0;
  for (const auto& [text, expected] :
       {std::pair{"1970-01-01", "1970-01-01T00:00:00Z"},
        {"2026-01-31 12:34:56", "2026-01-31T12:34:56Z"},
        {"2026-01-31T12:34", "2026-01-31T12:34:00Z"},
        {"2026-01-31T12:34:56.5+02:00", "2026-01-31T10:34:56.500Z"},
        {"1969-12-31T23:59:59.999999999Z", "1969-12-31T23:59:59.999999999Z"},
        {"2024-02-29T00:00:00-0130", "2024-02-29T01:30:00Z"}}) {
    ASSERT_TRUE(parse_time(text, value)) << text;
    EXPECT_EQ(written_time(value), expected);
  }
  for (const char* text :
       {"", "2026", "2026-02-29", "2026-13-01", "2026-1-1", "2026-01-01T", "2026-01-01T24:00:00",
        "2026-01-01T00:00:00.", "2026-01-01T00:00:00.1234567891", "1600-01-01",
        "2026-01-01T00:00:00+2", "2026-01-01T00:00:00Zz", "2026-01-01+02:00"}) {
    EXPECT_FALSE(parse_time(text, value)) << text;
  }
}

}  // namespace
}  // namespace shardmill
