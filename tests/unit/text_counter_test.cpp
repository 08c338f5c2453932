#include "stages/support/text_counter.h"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

namespace shardmill {
namespace {

using Counts = std::map<std::string, uint64_t>;

Counts counts_in(const GroupTable& table) {
  Counts counts;
  for (uint32_t group = 0; group < table.size(); ++group) {
    counts[std::string(table.text(group, 0))] = *table.state().at(group);
  }
  return counts;
}

/// Counts texts in batches, and beside it in a map.
class BothWays {
 public:
  void add(const std::vector<std::string>& texts) {
    column_.prepare(Type::kText, texts.size());
    for (size_t i = 0; i < texts.size(); ++i) {
      column_.text[i] = texts[i];
      ++expected_[texts[i]];
    }
    counter_.add(column_, texts.size(), *table_);
  }
  void flush() { counter_.flush(*table_); }
  void start_over() {
    counter_.clear();
    table_ = new_table();
    expected_.clear();
  }
  void expect_equal() const { EXPECT_EQ(counts_in(*table_), expected_); }

 private:
  static std::unique_ptr<GroupTable> new_table() {
    return std::make_unique<GroupTable>(std::vector<Type>{Type::kText}, 1);
  }

  std::unique_ptr<GroupTable> table_ = new_table();
  TextCounter counter_;
  Counts expected_;
  Column column_;
};

TEST(TextCounter, CountsTextsOfAnyLength) {
  BothWays both;
  std::vector<std::string> texts;
  for (size_t size = 0; size < 40; ++size) {
    texts.insert(texts.end(), size + 1, std::string(size, 'x'));
    texts.push_back(std::string(size, '\0'));
  }
  both.add(texts);
  both.add(texts);
  both.flush();
  both.expect_equal();
}

TEST(TextCounter, RareTextsGiveWayToFrequentOnesAndNoneIsLost) {
  for (const size_t distinct : {3, 2'000, 400'000}) {
    std::mt19937_64 random(distinct);
    BothWays both;
    for (int batch = 0; batch < 100; ++batch) {
      std::vector<std::string> texts(4096);
      for (std::string& text : texts) {
        const size_t any = random() % distinct;
        text = "word " + std::to_string(random() % 3 == 0 ? any : any % 100);
      }
      both.add(texts);
      if (batch % 30 == 0) both.flush();
    }
    both.flush();
    both.expect_equal();
  }
}

TEST(TextCounter, ForgetsWhatWasNotHandedOver) {
  BothWays both;
  both.add({"a", "b", "a", "c"});
  both.start_over();
  both.add({"c", "a"});
  both.flush();
  both.flush();
  both.expect_equal();
}

}  // namespace
}  // namespace shardmill
