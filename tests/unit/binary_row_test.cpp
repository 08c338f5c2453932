// Rows on their way to an HDF5 file: what goes in comes out, column by column.
#include "pipeline/core/binary_row.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <random>

#include "pipeline/formats/hdf5_text.h"

namespace shardmill {
namespace {

using testing::ElementsAre;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr size_t kRows = 300;
constexpr size_t kWidth = 12;

/// A column of each type and two of text, with nulls in some of them.
class BinaryRowsTest : public testing::Test {
 protected:
  void SetUp() override {
    batch_.rows = kRows;
    batch_.columns.resize(types_.size());
    texts_.reserve(2 * kRows);
    for (size_t i = 0; i < types_.size(); ++i) {
      refs_.push_back({.slot = i, .type = types_[i]});
      batch_.columns[i].prepare(types_[i], kRows);
      for (size_t row = 0; row < kRows; ++row) set_value(batch_.columns[i], row);
    }
  }

  void set_value(Column& column, size_t row) {
    switch (column.type) {
      case Type::kText:
        column.text[row] = texts_.emplace_back(random_text());
        break;
      case Type::kInt:
      case Type::kTime:
        column.ints[row] = static_cast<int64_t>(random_());
        break;
      case Type::kFloat:
        column.floats[row] = row % 7 == 0 ? -0.0 : row % 7 == 1 ? -kNan : std::sqrt(double(row));
        break;
      case Type::kBool:
        column.bools[row] = random_() % 2;
        break;
    }
    if (column.type != Type::kTime && random_() % 5 == 0) column.set_null(row);
  }

  std::string random_text() {
    std::string text(random_() % (random_() % 20 == 0 ? 300 : 20), 'a');
    for (char& c : text) c = static_cast<char>('a' + random_() % 26);
    if (!text.empty() && random_() % 9 == 0)
      text[random_() % text.size()] = "\0\xff"[random_() % 2];
    if (random_() % 9 == 0) text += "\u00e9";
    return text;
  }

  /// Reads into targets of kWidth bytes for the first text, any length for the second.
  bool read(std::string_view bytes, size_t rows) {
    values_.assign(types_.size(), "");
    nulls_.assign(types_.size(), std::string(rows, '\0'));
    any_length_.assign(rows, {});
    std::vector<BinaryRowsTarget> targets;
    for (size_t i = 0; i < types_.size(); ++i) {
      BinaryRowsTarget target = {.type = types_[i], .nulls = nulls_[i].data()};
      if (i == kAnyLength) {
        target.texts = &any_length_;
      } else {
        target.width = types_[i] == Type::kText ? kWidth : types_[i] == Type::kBool ? 1 : 8;
        values_[i].assign(target.width * rows, '\0');
        target.values = values_[i].data();
        target.values_end = target.values + values_[i].size();
      }
      targets.push_back(target);
    }
    return read_binary_rows(bytes, rows, targets);
  }

  void expect_value(size_t index, size_t row, size_t at) {
    const Column& column = batch_.columns[index];
    const bool is_null = column.is_null(row);
    ASSERT_EQ(nulls_[index][at], is_null ? 1 : 0) << index << " " << row;
    if (index == kAnyLength) {
      ASSERT_EQ(any_length_[at], is_null ? "" : storable_text(column.text[row])) << row;
      return;
    }
    std::string expected(column.type == Type::kText   ? kWidth
                         : column.type == Type::kBool ? 1
                                                      : 8,
                         '\0');
    if (column.type == Type::kText && !is_null) {
      expected.replace(0, kWidth, storable_text(column.text[row]));
      expected.resize(kWidth);
    } else if (column.type == Type::kFloat) {
      const double value =
          is_null || std::isnan(column.floats[row]) ? kNan : column.floats[row] + 0.0;
      std::memcpy(expected.data(), &value, sizeof value);
    } else if (column.type == Type::kBool && !is_null) {
      expected[0] = static_cast<char>(column.bools[row]);
    } else if (column.type != Type::kText && !is_null) {
      std::memcpy(expected.data(), &column.ints[row], sizeof(int64_t));
    }
    ASSERT_EQ(values_[index].substr(at * expected.size(), expected.size()), expected)
        << index << " " << row;
  }

  static constexpr size_t kAnyLength = 5;
  const std::vector<Type> types_ = {Type::kInt,  Type::kText, Type::kFloat,
                                    Type::kBool, Type::kTime, Type::kText,
                                    Type::kInt,  Type::kBool, Type::kFloat};
  std::minstd_rand random_{7};
  std::vector<std::string> texts_;
  Batch batch_;
  std::vector<ColumnRef> refs_;
  std::vector<std::string> values_;
  std::vector<std::string> nulls_;
  std::vector<std::string_view> any_length_;
};

TEST_F(BinaryRowsTest, ComeBackAsTheyWere) {
  BinaryRows rows(refs_);
  std::string bytes;
  std::vector<size_t> ends;
  rows.append_rows(batch_, 0, 100, bytes, ends);
  rows.append_rows(batch_, 100, kRows - 100, bytes, ends);
  ASSERT_EQ(ends.size(), kRows);
  EXPECT_EQ(ends.back(), bytes.size());
  ASSERT_TRUE(read(bytes, kRows));
  for (size_t i = 0; i < types_.size(); ++i) {
    for (size_t row = 0; row < kRows; ++row) expect_value(i, row, row);
  }
}

TEST_F(BinaryRowsTest, AreThoseOfTheSelectionAndEndWhereTheySay) {
  batch_.keep_rows([](size_t row) { return row % 3 == 1; });
  BinaryRows rows(refs_);
  std::string bytes;
  std::vector<size_t> ends;
  rows.append_rows(batch_, 20, 50, bytes, ends);
  size_t begin = 0;
  for (size_t at = 0; at < 50; ++at) {
    ASSERT_TRUE(read(std::string_view(bytes).substr(begin, ends[at] - begin), 1)) << at;
    for (size_t i = 0; i < types_.size(); ++i) expect_value(i, 3 * (20 + at) + 1, 0);
    begin = ends[at];
  }
}

TEST_F(BinaryRowsTest, SayHowManyNullsThereAreAndHowLongTextsAre) {
  Batch batch;
  batch.rows = 3;
  batch.columns.resize(1);
  batch.columns[0].prepare(Type::kText, 3);
  batch.columns[0].text = {"four", std::string_view("\0", 1), "never read"};
  batch.columns[0].set_null(2);
  BinaryRows rows({{.slot = 0, .type = Type::kText}});
  std::string bytes;
  std::vector<size_t> ends;
  rows.append_rows(batch, 0, 3, bytes, ends);
  EXPECT_EQ(bytes, std::string("\0\4four\0\21{\"base64\":\"AA==\"}\1", 6 + 19 + 1));
  EXPECT_THAT(ends, ElementsAre(6, 25, 26));
  EXPECT_EQ(rows.totals()[0].nulls, 1U);
  EXPECT_EQ(rows.totals()[0].longest_text, 17U);
  rows.forget_totals();
  EXPECT_EQ(rows.totals()[0].nulls, 0U);
}

TEST_F(BinaryRowsTest, AreNotReadIfAnyByteIsMissingOrTooMany) {
  BinaryRows rows(refs_);
  std::string bytes;
  std::vector<size_t> ends;
  rows.append_rows(batch_, 0, 20, bytes, ends);
  for (size_t size = 0; size < bytes.size(); ++size) {
    const std::string cut(bytes, 0, size);  // a sanitizer sees reads beyond it
    ASSERT_FALSE(read(cut, 20)) << size;
  }
  EXPECT_FALSE(read(bytes + '\0', 20));
  EXPECT_TRUE(read(bytes, 20));
}

TEST_F(BinaryRowsTest, AreNotReadIfATextIsLongerThanThereIs) {
  const std::vector<BinaryRowsTarget> targets = {{.texts = &any_length_}};
  any_length_.resize(1);
  for (const std::string_view length : {"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", "\x02",
                                        "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"}) {
    EXPECT_FALSE(read_binary_rows(std::string(1, '\0') + std::string(length) + "x", 1, targets));
  }
}

TEST(StorableText, IsUtf8WithoutNulAtAnyPlace) {
  for (size_t size = 0; size < 40; ++size) {
    const std::string text(size, 'x');
    EXPECT_TRUE(is_storable_text(text));
    for (size_t at = 0; at < size; ++at) {
      for (const char odd : {'\0', '\x80', '\xff'}) {
        std::string other = text;
        other[at] = odd;
        EXPECT_FALSE(is_storable_text(other)) << size << " " << at;
      }
      EXPECT_TRUE(is_storable_text(text.substr(0, at) + "\u00e9" + text.substr(at)));
    }
  }
}

}  // namespace
}  // namespace shardmill
