#include "pipeline/formats/number_fields.h"

#include <gtest/gtest.h>

#include <bit>
#include <random>
#include <string>
#include <vector>

namespace shardmill {
namespace {

/// Fields one behind the other with commas between them, and what the kernels make of them.
class FieldsUnderTest {
 public:
  void add(const std::string& field) {
    const auto begin = static_cast<uint32_t>(text_.size());
    text_ += field + ",";
    spans_.push_back({.begin = begin, .end = begin + static_cast<uint32_t>(field.size())});
  }

  void expect_floats_as_scalar() const {
    expect_same<double>(parse_float_fields, parse_float_fields_scalar);
  }
  void expect_ints_as_scalar() const {
    expect_same<int64_t>(parse_int_fields, parse_int_fields_scalar);
  }

 private:
  template <typename Value, typename Parse>
  void expect_same(Parse* fast, Parse* scalar) const {
    const std::string text = text_ + std::string(8, '7');
    std::vector<Value> fast_values(spans_.size()), values(spans_.size());
    std::vector<uint8_t> fast_kinds(spans_.size()), kinds(spans_.size());
    const uint8_t fast_all =
        fast(text.data(), spans_.data(), spans_.size(), fast_values.data(), fast_kinds.data());
    const uint8_t all =
        scalar(text.data(), spans_.data(), spans_.size(), values.data(), kinds.data());
    ASSERT_EQ(fast_all, all) << text_;
    for (size_t i = 0; i < spans_.size(); ++i) {
      const std::string field = text.substr(spans_[i].begin, spans_[i].end - spans_[i].begin);
      ASSERT_EQ(fast_kinds[i], kinds[i]) << "\"" << field << "\"";
      if (kinds[i] == kOddField) continue;
      ASSERT_EQ(std::bit_cast<uint64_t>(fast_values[i]), std::bit_cast<uint64_t>(values[i]))
          << "\"" << field << "\"";
    }
  }

  std::string text_;
  std::vector<FieldSpan> spans_;
};

TEST(NumberFields, OddFormsAreTakenAsOneByOne) {
  FieldsUnderTest fields;
  for (const char* field : {"",
                            "-",
                            "+",
                            ".",
                            "-.",
                            "+.",
                            "+-1",
                            "-+1",
                            "--1",
                            "1-",
                            "1.2.3",
                            "..5",
                            "5..",
                            "1.",
                            ".5",
                            "-.5",
                            "+.5",
                            "-0",
                            "-0.0",
                            "0",
                            "00000000",
                            "-0000000",
                            "12345678",
                            "-1234567",
                            "+1234567",
                            "123456789",
                            "-12345678",
                            "1234567.8",
                            "12345678.",
                            ".12345678",
                            "1.2345678",
                            "12345678.1234567",
                            "1234567.12345678",
                            "9007199254740991",
                            "9007199254740992",
                            "9007199254740993",
                            "9999999999999999",
                            "-999999999999999",
                            "99999999999999.9",
                            "0.00000000000001",
                            "1234567890123456",
                            "12345678901234567",
                            "1.2.345678901",
                            "1.234567.9",
                            "1e5",
                            "1E5",
                            "inf",
                            "nan",
                            "\"1.5\"",
                            "1/5",
                            "1:5",
                            "1 5",
                            " 1",
                            "1 ",
                            "\xb1\xb5",
                            "1\xae"
                            "5",
                            "9223372036854775807",
                            "-9223372036854775808",
                            "-9223372036854775809",
                            "12345678901234567890",
                            "+1234567890123456",
                            "-12345678901234567890123",
                            "-1234567890.1234567890123"}) {
    fields.add(field);
    FieldsUnderTest beside_short_ones;
    for (const char* other : {"1", field, "-2.5"}) beside_short_ones.add(other);
    beside_short_ones.expect_floats_as_scalar();
    beside_short_ones.expect_ints_as_scalar();
  }
  fields.expect_floats_as_scalar();
  fields.expect_ints_as_scalar();
}

TEST(NumberFields, EveryFieldIsTakenAsAlone) {
  constexpr std::string_view kBytes = "0123456789012345678901234567890123456789..-+e/:,\" \0x";
  std::mt19937 random(7);
  for (int round = 0; round < 3000; ++round) {
    FieldsUnderTest fields;
    const size_t longest = random() % 2 == 0 ? 8 : 20;
    const size_t kinds = random() % 3 == 0 ? kBytes.size() : 41;  // mostly numbers
    for (size_t left = random() % (kNumberFields + 1); left > 0; --left) {
      std::string field = random() % 4 == 0 ? "-" : "";
      for (size_t size = random() % longest; size > 0; --size) field += kBytes[random() % kinds];
      fields.add(field);
    }
    fields.expect_floats_as_scalar();
    fields.expect_ints_as_scalar();
  }
}

TEST(NumberFields, TellEmptyOnesFromOthersThatAreNoNumbers) {
  const std::string text = "1.5,x,,-2" + std::string(8, ' ');
  const FieldSpan fields[] = {{0, 3}, {4, 5}, {6, 6}, {7, 9}};
  double values[4] = {9, 9, 9, 9};
  uint8_t kinds[4] = {9, 9, 9, 9};
  EXPECT_EQ(parse_float_fields(text.data(), fields, 4, values, kinds), kEmptyField | kOddField);
  EXPECT_EQ(std::vector<uint8_t>(kinds, kinds + 4),
            (std::vector<uint8_t>{0, kOddField, kEmptyField, 0}));
  EXPECT_EQ(values[0], 1.5);
  EXPECT_EQ(values[2], 0);
  EXPECT_EQ(values[3], -2);
  EXPECT_EQ(parse_float_fields(text.data(), fields, 1, values, kinds), 0);
}

}  // namespace
}  // namespace shardmill
