#include "stages/support/value_counter.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

namespace shardmill {
namespace {

constexpr size_t kBytes = 1 << 20;

using Counts = std::map<std::string, uint64_t>;

std::string key_of(const GroupTable& table, uint32_t group) {
  switch (table.key_types()[0]) {
    case Type::kText:
      return std::string(table.text(group, 0));
    case Type::kFloat:
      return std::to_string(table.number(group, 0));
    default:
      return std::to_string(table.integer(group, 0));
  }
}

Counts counts_in(const GroupTable& table) {
  Counts counts;
  for (uint32_t group = 0; group < table.size(); ++group) {
    counts[key_of(table, group)] = *table.state().at(group);
  }
  return counts;
}

/// Counts values in batches, and beside it in a map.
class BothWays {
 public:
  explicit BothWays(Type type, size_t bytes = kBytes)
      : type_(type), table_(new_table()), counter_(ValueCounter::make(type, bytes)) {}

  void add(const std::vector<std::string>& texts) {
    column_.prepare(Type::kText, texts.size());
    for (size_t i = 0; i < texts.size(); ++i) {
      column_.text[i] = texts[i];
      ++expected_[texts[i]];
    }
    counter_->add(column_, texts.size(), *table_, scratch_);
  }
  void add(const std::vector<double>& numbers) {
    column_.prepare(Type::kFloat, numbers.size());
    for (size_t i = 0; i < numbers.size(); ++i) {
      column_.floats[i] = numbers[i];
      ++expected_[std::to_string(std::isnan(numbers[i]) ? std::numeric_limits<double>::quiet_NaN()
                                                        : numbers[i] + 0.0)];
    }
    counter_->add(column_, numbers.size(), *table_, scratch_);
  }
  void add(const std::vector<int64_t>& numbers) {
    column_.prepare(type_, numbers.size());
    for (size_t i = 0; i < numbers.size(); ++i) {
      if (type_ == Type::kBool) {
        column_.bools[i] = numbers[i] != 0 ? 1 : 0;
      } else {
        column_.ints[i] = numbers[i];
      }
      ++expected_[std::to_string(numbers[i])];
    }
    counter_->add(column_, numbers.size(), *table_, scratch_);
  }
  void flush() { counter_->flush(*table_, scratch_); }
  void next_table() {
    table_ = new_table();
    expected_.clear();
  }
  void start_over() {
    counter_->clear();
    next_table();
  }
  void expect_equal() const { EXPECT_EQ(counts_in(*table_), expected_); }

 private:
  std::unique_ptr<GroupTable> new_table() const {
    return std::make_unique<GroupTable>(std::vector<Type>{type_}, 1);
  }

  Type type_;
  std::unique_ptr<GroupTable> table_;
  std::unique_ptr<ValueCounter> counter_;
  Counts expected_;
  Column column_;
  ValueScratch scratch_;
};

TEST(ValueCounter, CountsTextsOfAnyLength) {
  BothWays both(Type::kText);
  std::vector<std::string> texts;
  for (size_t size = 0; size < 40; ++size) {
    texts.insert(texts.end(), size + 1, std::string(size, 'x'));
    texts.push_back(std::string(size, '\0'));
    texts.push_back(std::string(size, '\xff'));
  }
  both.add(texts);
  both.add(texts);
  both.flush();
  both.expect_equal();
}

TEST(ValueCounter, CountsNarrowTextsAmongWhichLongerOnesComeLater) {
  BothWays both(Type::kText);
  std::vector<std::string> texts = {"", "a", std::string("\0", 1), "1234567", "1234567"};
  both.add(texts);
  for (const char* text :
       {"12345678", "\xff\xff\xff\xff\xff\xff\xff", "a", "longer than 15 bytes"}) {
    texts.emplace_back(text);
  }
  both.add(texts);
  both.flush();
  both.expect_equal();
}

TEST(ValueCounter, CountsIntsTimesAndBools) {
  for (const Type type : {Type::kInt, Type::kTime, Type::kBool}) {
    BothWays both(type);
    std::mt19937_64 random(3);
    std::vector<int64_t> numbers(20'000);
    for (int64_t& number : numbers) number = static_cast<int64_t>(random() % 2);
    both.add(numbers);
    if (type != Type::kBool) {
      both.add(std::vector<int64_t>{0, -1, INT64_MIN, INT64_MAX, 0, -1});
      for (int64_t& number : numbers) number = static_cast<int64_t>(random() % 5'000) << 40;
      both.add(numbers);
    }
    both.flush();
    both.expect_equal();
  }
}

TEST(ValueCounter, TakesZerosForOneNumberAndNansForOneValue) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  BothWays both(Type::kFloat);
  for (int batch = 0; batch < 3; ++batch) {
    both.add(std::vector<double>{0.0, -0.0, nan, -nan, std::nan("7"), 1.5, -1.5, 0.0, HUGE_VAL,
                                 -HUGE_VAL});
  }
  both.flush();
  both.expect_equal();
}

TEST(ValueCounter, RareValuesGiveWayToFrequentOnesAndNoneIsLost) {
  for (const size_t bytes : {ValueCounter::kBytesLeast, size_t{64} << 10, size_t{4} << 20}) {
    for (const size_t distinct : {3, 2'000, 400'000}) {
      std::mt19937_64 random(distinct);
      BothWays texts(Type::kText, bytes);
      BothWays numbers(Type::kInt, bytes);
      for (int batch = 0; batch < 60; ++batch) {
        std::vector<std::string> words(4096);
        std::vector<int64_t> wholes(4096);
        for (size_t i = 0; i < words.size(); ++i) {
          const size_t any = random() % distinct;
          const size_t chosen = random() % 3 == 0 ? any : any % 100;
          words[i] = "word " + std::to_string(chosen);
          wholes[i] = static_cast<int64_t>(chosen * 1'000'000'007u);
        }
        texts.add(words);
        numbers.add(wholes);
        if (batch % 30 == 0) texts.flush();
      }
      for (BothWays* both : {&texts, &numbers}) {
        both->flush();
        both->expect_equal();
      }
    }
  }
}

TEST(ValueCounter, NothingOfOneTableComesToTheNext) {
  BothWays both(Type::kText);
  std::mt19937_64 random(4);
  for (const size_t distinct : {5'000, 100, 20'000, 1, 7, 3'000}) {
    std::vector<std::string> words(30'000);
    for (std::string& word : words) word = std::to_string(random() % distinct);
    both.add(words);
    both.flush();
    both.expect_equal();
    both.next_table();
  }
}

TEST(ValueCounter, ForgetsWhatWasNotHandedOver) {
  BothWays both(Type::kText);
  both.add(std::vector<std::string>{"a", "b", "a", "c"});
  both.start_over();
  both.add(std::vector<std::string>{"c", "a"});
  both.flush();
  both.flush();
  both.expect_equal();
}

}  // namespace
}  // namespace shardmill
