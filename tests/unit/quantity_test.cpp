#include "pipeline/base/quantity.h"

#include <gtest/gtest.h>

namespace shardmill {
namespace {

TEST(Quantity, SizesHaveBinaryAndDecimalUnits) {
  EXPECT_EQ(*parse_bytes("512"), 512u);
  EXPECT_EQ(*parse_bytes("64KiB"), 65536u);
  EXPECT_EQ(*parse_bytes(" 1.5 GiB "), 1610612736u);
  EXPECT_EQ(*parse_bytes("10MB"), 10000000u);
  EXPECT_EQ(*parse_bytes("9223372036854775807"), 9223372036854775807u);
}

TEST(Quantity, FractionsAreExactAndRoundedDown) {
  EXPECT_EQ(*parse_bytes("0.29MB"), 290000u);
  EXPECT_EQ(*parse_bytes("1.001 kB"), 1001u);
  EXPECT_EQ(*parse_bytes("4.35GB"), 4350000000u);
  EXPECT_EQ(*parse_bytes("0.9999"), 0u);
  EXPECT_EQ(*parse_bytes("8191.999999999PiB"), 9223372036853649908u);
}

TEST(Quantity, WhatIsNoSizeIsSaidSo) {
  for (const char* text : {"", "abc", "-1", "1 2", "9223372036854775808", "99999PiB", "8192PiB",
                           "1.2.3", ".", "12 parsecs"}) {
    EXPECT_FALSE(parse_bytes(text).is_ok()) << text;
  }
  EXPECT_EQ(
      parse_bytes("12 parsecs").status().message(),
      "size \"12 parsecs\", expected a number of bytes such as 65536, \"64KiB\" or \"1.5GiB\"");
}

TEST(Quantity, TimesHaveUnitsOrColons) {
  EXPECT_EQ(*parse_seconds("90"), 90);
  EXPECT_EQ(*parse_seconds("1h30min"), 5400);
  EXPECT_EQ(*parse_seconds("01:30:00"), 5400);
  EXPECT_EQ(*parse_seconds("2-01:00:00"), 2 * 86400 + 3600);
  EXPECT_EQ(*parse_seconds("2 hours"), 7200);
  for (const char* text : {"", "x", "5 parsecs", "1:2:3:4", ":", "1h x", ".", "1.2.3"})
    EXPECT_FALSE(parse_seconds(text).is_ok()) << text;
  EXPECT_EQ(parse_seconds("x").status().message(),
            "time \"x\", expected seconds or a time such as \"90s\", \"1h30min\" or \"01:30:00\"");
}

TEST(Quantity, AreWrittenForPeople) {
  EXPECT_EQ(format_bytes(812), "812 B");
  EXPECT_EQ(format_bytes(64 << 20), "64.0 MiB");
  EXPECT_EQ(format_bytes(uint64_t{3} << 29), "1.50 GiB");
  EXPECT_EQ(format_bytes(1023 * 1024 + 1000), "1.00 MiB");
  EXPECT_EQ(format_rate(1.23e9), "1.23 GB/s");
  EXPECT_EQ(format_seconds(0.42), "0.42 s");
  EXPECT_EQ(format_seconds(12.34), "12.3 s");
  EXPECT_EQ(format_seconds(245), "4 min 05 s");
  EXPECT_EQ(format_seconds(7380), "2 h 03 min");
  EXPECT_EQ(format_share(1, 8), "12.5 %");
}

}  // namespace
}  // namespace shardmill
