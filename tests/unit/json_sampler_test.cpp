#include "inputs/support/json_sampler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "inputs/support/text_window.h"

namespace shardmill {
namespace {

std::vector<std::string> listed(const JsonShape& shape) {
  std::vector<std::string> columns;
  for (const InputColumn& column : shape.columns()) {
    columns.push_back(column.name + " " + std::string(type_name(column.type)));
  }
  return columns;
}

std::vector<std::string> line_by_line(std::string_view text) {
  JsonShape shape;
  while (!text.empty()) {
    const size_t newline = std::min(text.find('\n'), text.size() - 1);
    shape.add(text.substr(0, newline + 1));
    text.remove_prefix(newline + 1);
  }
  return listed(shape);
}

// `parts` texts of whole lines, one after the other.
std::vector<std::string> many_at_once(std::string_view text, size_t parts) {
  JsonShape shape;
  JsonSampler sampler(shape);
  for (size_t part = 0; part < parts && !text.empty(); ++part) {
    const size_t newline = text.find('\n', text.size() / (parts - part));
    const size_t size = part + 1 == parts ? text.size() : std::min(newline, text.size() - 1) + 1;
    const std::string padded = std::string(text.substr(0, size)) + std::string(kTextPadding, '"');
    sampler.add(std::string_view(padded).substr(0, size));
    text.remove_prefix(size);
  }
  return listed(shape);
}

std::string repeated(std::string_view record, size_t times) {
  std::string text;
  for (size_t i = 0; i < times; ++i) text.append(record).append("\n");
  return text;
}

using Columns = std::vector<std::string>;

TEST(JsonSampler, LooksAtTheValuesOfRecordsOfAKnownMake) {
  const std::string usual = R"({"a":1,"b":{"c":"2024-01-02","d":true},"e":null})";
  const Columns plain = {"a int", "b.c time", "b.d bool", "e text"};
  EXPECT_EQ(many_at_once(repeated(usual, 500), 1), plain);
  const auto with = [&](std::string_view record) {
    return many_at_once(repeated(usual, 300) + std::string(record) + "\n" + repeated(usual, 300),
                        1);
  };
  EXPECT_EQ(with(R"({"a":1.5,"b":{"c":"2024-01-02","d":true},"e":null})")[0], "a float");
  EXPECT_EQ(with(R"({"a":"x","b":{"c":"2024-01-02","d":true},"e":null})")[0], "a text");
  EXPECT_EQ(with(R"({"a":12345678901234567890,"b":{"c":"2024-01-02","d":true},"e":null})")[0],
            "a text");
  EXPECT_EQ(with(R"({"a":1,"b":{"c":"2024-01-0x","d":true},"e":null})")[1], "b.c text");
  EXPECT_EQ(with(R"({"a":1,"b":{"c":"2024\u002d01-02","d":true},"e":null})")[1], "b.c time");
  EXPECT_EQ(with(R"({"a":1,"b":{"c":"2024-01-02","d":0},"e":null})")[2], "b.d text");
  EXPECT_EQ(with(R"({"a":1,"b":{"c":"2024-01-02","d":true},"e":7})")[3], "e int");
}

TEST(JsonSampler, FindsNewPathsInTheirOrder) {
  const std::string text = repeated(R"({"a":1})", 100) + repeated(R"({"b":1,"a":2})", 100) +
                           repeated(R"({"a":[1,{"z":2}],"c":{}})", 100) +
                           repeated(R"({"c":{"d":1.5}})", 100);
  EXPECT_EQ(many_at_once(text, 1), (Columns{"a text", "b int", "c.d float"}));
  EXPECT_EQ(many_at_once(text, 3), (Columns{"a text", "b int", "c.d float"}));
}

TEST(JsonSampler, PassesOverWhatIsNoSoundObject) {
  const std::string usual = R"({"a":1,"b":"x"})";
  for (const std::string_view odd :
       {R"({"a":1.5,"b":"x)", R"({"a":1.5,"b":"\x"})", R"({"a":1.5,"b":"\ud800"})", R"([1.5])",
        "{\"a\":1.5,\"b\":\"\xff\"}", "{\"a\":1.5,\"b\":\"\x01\"}", R"({"a":01.5,"b":"x"})",
        R"({"a":1.5,"b":"x"}})", "", " "}) {
    const std::string text =
        repeated(usual, 200) + std::string(odd) + "\n" + repeated(usual, 70) + std::string(odd);
    EXPECT_EQ(many_at_once(text, 1), (Columns{"a int", "b text"})) << odd;
  }
}

TEST(JsonSampler, KnowsTheMakeWhateverTheLineEndsAndEscapesAre) {
  const auto with = [](std::string_view usual, std::string_view odd) {
    return many_at_once(
        repeated(usual, 300) + std::string(odd) + "\n" + repeated(usual, 300) + std::string(odd),
        1);
  };
  EXPECT_EQ(with("{\"a\":1}\r", "{\"a\":1.5}\r"), (Columns{"a float"}));
  EXPECT_EQ(with("{\"a\":1}\r", "{\"a\":1\r.5}\r"), (Columns{"a int"}));
  EXPECT_EQ(with(R"({"a":"2024\u002d01-02","b":1})", R"({"a":null,"b":1.5})"),
            (Columns{"a time", "b float"}));
  EXPECT_EQ(with(R"({"a":"\u00e9","b":1})", R"({"a":"\u00e","b":1.5})"),
            (Columns{"a text", "b int"}));
}

TEST(JsonSampler, HasNoMoreColumnsThanJsonShape) {
  std::string text;
  for (size_t i = 0; i < JsonShape::kColumnsMax - 1; ++i) {
    text += "{\"k" + std::to_string(i) + "\":1}\n";
  }
  text += repeated(R"({"last":1,"none":2,"k0":1.5})", 3000);
  const Columns columns = many_at_once(text, 1);
  EXPECT_EQ(columns.size(), JsonShape::kColumnsMax);
  EXPECT_EQ(columns.front(), "k0 float");
  EXPECT_EQ(columns.back(), "last int");
}

TEST(JsonSampler, TakesRecordsOfAnyLength) {
  std::string array = "{\"a\":[1";
  for (size_t i = 0; i < 5000; ++i) array += ",1";
  array += "],\"b\":1}";
  std::string text = repeated(array, 10) + repeated(R"({"b":1.5})", 100);
  EXPECT_EQ(many_at_once(text, 1), (Columns{"a text", "b float"}));
  text += R"({"c":")" + std::string(9 << 20, 'x') + "\"}\n";  // more than is marked
  text += repeated(R"({"b":true})", 100);
  EXPECT_EQ(many_at_once(text, 1), (Columns{"a text", "b text", "c text"}));
}

/// Random records, many of few makes, some of them with a byte that does not belong.
class Records {
 public:
  explicit Records(uint64_t seed) : random_(seed) {}

  std::string text() {
    makes_.resize(1 + random_() % 4);
    for (std::string& make : makes_) make = object(0);
    const std::string_view end = one_of({"\n", "\n", "\r\n", " \n"});
    std::string text;
    for (size_t left = random_() % 400; left > 0; --left) {
      text += with_values(makes_[random_() % makes_.size()]);
      text += random_() % 50 == 0 ? "\n\n" : end;
    }
    if (random_() % 3 == 0) text += with_values(makes_[0]);
    for (size_t left = random_() % 8; left > 0 && !text.empty(); --left) {
      text[random_() % text.size()] = static_cast<char>(random_());
    }
    return text;
  }

 private:
  std::string_view one_of(const std::vector<std::string_view>& choice) {
    return choice[random_() % choice.size()];
  }

  // With % where a value goes.
  std::string object(size_t depth) {
    std::string make = "{";
    const size_t members = random_() % 5;
    for (size_t i = 0; i < members; ++i) {
      if (i > 0) make += ',';
      make += one_of({"\"a\"", "\"b\"", "\"long name\"", "\"\\u0061\"", "\"\"", "\"e\xc3\xa9\""});
      make += one_of({":", ":", " : "});
      const size_t kind = random_() % 8;
      make += kind == 0 && depth < 3 ? object(depth + 1) : kind == 1 ? "[%,{\"a\":%}]" : "%";
    }
    return make + '}';
  }

  std::string with_values(const std::string& make) {
    const bool is_usual = random_() % 20 != 0;
    std::string record;
    for (const char c : make) {
      if (c != '%') {
        record += c;
      } else if (is_usual) {
        record += std::to_string(random_() % 100000);
      } else {
        record += one_of({"1", "-2.5e3", "true", "null", "\"x\"", "\"2024-05-06T07:08:09Z\"",
                          "\"a\\\\b\\\"c\"", "\"\\u00e9\"", "\"2024\\u002d05-06\"",
                          "99999999999999999999", "\"\xc3\xa9\""});
      }
    }
    return record;
  }

  std::mt19937_64 random_;
  std::vector<std::string> makes_;
};

TEST(JsonSampler, AgreesWithOneRecordAfterTheOther) {
  for (uint64_t seed = 0; seed < 1000; ++seed) {
    const std::string text = Records(seed).text();
    const Columns expected = line_by_line(text);
    ASSERT_EQ(many_at_once(text, 1), expected) << seed << "\n" << text;
    ASSERT_EQ(many_at_once(text, 3), expected) << seed << "\n" << text;
  }
}

}  // namespace
}  // namespace shardmill
