// Whatever instructions a processor has, the same is read: each kind that this one could be limited
// to is tried, not only the best.
#include <gtest/gtest.h>
#include <hwy/targets.h>

#include <initializer_list>
#include <random>
#include <string>
#include <tuple>
#include <vector>

#include "stages/support/float_planes.h"
#include "tests/support/read_input.h"

namespace shardmill {

InputSpec input_csv();
InputSpec input_jsonl();

namespace {

class Processors : public testing::Test {
 protected:
  Processors() {
    for (int64_t rest = hwy::SupportedTargets(); rest != 0; rest &= rest - 1) {
      targets_.push_back(rest & -rest);
    }
  }
  ~Processors() override { limit_to(0); }

  /// 0: no limit.
  static void limit_to(int64_t target) {
    hwy::SetSupportedTargetsForTest(target);
    hwy::GetChosenTarget().DeInit();  // so that kernels choose anew
  }

  /// What `make` gives with each kind of instructions is what it gives with the best.
  template <typename Make>
  void expect_same(Make&& make) const {
    limit_to(0);
    const auto best = make();
    for (const int64_t target : targets_) {
      limit_to(target);
      ASSERT_TRUE(make() == best) << "target bit " << __builtin_ctzll(target);
    }
  }

  std::vector<int64_t> targets_;  ///< of Highway
};

/// What of a file can differ.
struct Seen {
  explicit Seen(const ReadRecords& read)
      : rows(read.rows), raw(read.raw), rejects(read.rejects), bad_values(read.bad_values) {}
  bool operator==(const Seen&) const = default;

  std::vector<Cells> rows;
  std::vector<std::string> raw;
  std::vector<SeenReject> rejects;
  std::vector<SeenBadValue> bad_values;
};

const char* pick(std::mt19937& random, std::initializer_list<const char*> choices) {
  return choices.begin()[random() % choices.size()];
}

std::string number(std::mt19937& random) {
  if (random() % 4 == 0) {
    return pick(random, {"0", "-0", "1e5", "9223372036854775807", "9223372036854775808",
                         "9007199254740993", "0.30000000000000004", "12345678901234567890", "x"});
  }
  std::string digits = random() % 4 == 0 ? "-" : "";
  for (size_t left = 1 + random() % 17; left > 0; --left) {
    digits += static_cast<char>('0' + (left == 1 ? 1 + random() % 9 : random() % 10));
    if (random() % 12 == 0 && left > 1) digits += '.';
  }
  return digits;
}

std::string csv_text(unsigned seed) {
  std::mt19937 random(seed);
  std::string text = "a,b,c\n";
  for (int row = 0; row < 700; ++row) {
    text += number(random) + "," + number(random) + ",";
    text += pick(random, {"", "text", "\"quoted\"", "\"a,\"\"b\n\"", "a \" in the middle", "z,z"});
    text += pick(random, {"\n", "\r\n"});
  }
  return text;
}

std::string json_text(unsigned seed) {
  std::mt19937 random(seed);
  std::string text;
  for (int row = 0; row < 700; ++row) {
    text += "{\"a\":" + number(random) + ",\"b\":" + number(random) + ",\"c\":";
    text += pick(random, {"\"x\"", "\"\"", "null", "[1, 2]", "\"\\u00e9\\n\"", "\"\\x\"", "true"});
    text += pick(random, {"}\n", "}\n", "}\n", "}\r\n", ",\"d\":{\"e\":7}}\n", "}}\n"});
  }
  return text;
}

Seen read_all(const InputSpec& spec, const std::string& content) {
  InputUnderTest input(spec, {}, content);
  input.schema().columns = {{.name = "a", .type = Type::kFloat},
                            {.name = "b", .type = Type::kInt},
                            {.name = "c", .type = Type::kText}};
  return Seen(input.read_whole({.chunk_bytes = 10'000}));
}

TEST_F(Processors, ReadTheSameCsv) {
  for (unsigned seed = 0; seed < 20; ++seed) {
    const std::string content = csv_text(seed);
    expect_same([&] { return read_all(input_csv(), content); });
  }
}

TEST_F(Processors, ReadTheSameJsonLines) {
  for (unsigned seed = 0; seed < 20; ++seed) {
    const std::string content = json_text(seed);
    expect_same([&] { return read_all(input_jsonl(), content); });
  }
}

TEST_F(Processors, SplitFloatsInTheSameWay) {
  std::mt19937_64 random(3);
  for (int round = 0; round < 500; ++round) {
    std::vector<double> values(random() % (FloatPlanes::kValues + 1));
    for (double& value : values) {
      value = static_cast<double>(static_cast<int64_t>(random()) >> (random() % 64)) / 1024;
      if (random() % 100 == 0) value = 0x1p-70;
    }
    expect_same([&] {
      FloatPlanes planes = {};
      const uint32_t fit = split_planes(values.data(), values.size(), planes);
      for (size_t i = 0; i < values.size(); ++i) {
        if ((fit >> (i / FloatPlanes::kLane) & 1) == 0) planes.low[i] = planes.high[i] = 0;
      }
      return std::tuple(fit, planes.low, planes.high);
    });
  }
}

}  // namespace
}  // namespace shardmill
