#include "stages/support/literal_set.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace shardmill {
namespace {

using Texts = std::vector<std::string>;
using Places = std::vector<std::pair<size_t, uint32_t>>;  // offset and literal

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
}

bool stands_at(std::string_view text, size_t at, std::string_view literal, bool ignore_case) {
  if (literal.size() > text.size() - at) return false;
  return std::equal(literal.begin(), literal.end(), text.begin() + static_cast<ptrdiff_t>(at),
                    [&](char a, char b) { return ignore_case ? lower(a) == lower(b) : a == b; });
}

Places places_by_plain_search(std::string_view text, const Texts& literals, bool ignore_case) {
  Places places;
  for (size_t at = 0; at < text.size(); ++at) {
    for (uint32_t i = 0; i < literals.size(); ++i) {
      if (stands_at(text, at, literals[i], ignore_case)) places.emplace_back(at, i);
    }
  }
  return places;
}

struct Collector final : LiteralSet::Visitor {
  Places places;
  size_t found(size_t begin, uint32_t literal) override {
    places.emplace_back(begin, literal);
    return 0;
  }
};

LiteralSet set_of(const Texts& literals, bool ignore_case = false) {
  return LiteralSet({literals.begin(), literals.end()}, ignore_case);
}

/// In order, each as often as it was told.
Places places_by_set(std::string_view text, const Texts& literals, bool ignore_case = false) {
  Collector collector;
  set_of(literals, ignore_case).scan(text, collector);
  std::sort(collector.places.begin(), collector.places.end());
  return collector.places;
}

/// Texts of a few different bytes, so that literals overlap, begin each other and repeat.
class Random {
 public:
  explicit Random(std::string alphabet) : alphabet_(std::move(alphabet)) {}
  std::string text(size_t bytes) {
    std::string text;
    while (text.size() < bytes) text += alphabet_[engine_() % alphabet_.size()];
    return text;
  }
  size_t below(size_t end) { return engine_() % end; }

 private:
  std::string alphabet_;
  std::mt19937_64 engine_{29};
};

TEST(LiteralSet, TellsEveryPlaceOnceAsAPlainSearchDoes) {
  using namespace std::string_literals;
  for (const std::string& alphabet :
       {"ab"s, "abAB@`"s, "a\0\n\r"s, "\xff\xfe\x80z"s, "0123456789"s, "aZ[{\xc0\xe0"s}) {
    Random random(alphabet);
    for (int round = 0; round < 60; ++round) {
      const size_t shortest = 1 + random.below(14);
      const size_t spread = 1 + random.below(12);
      Texts literals;
      for (size_t left = 1 + random.below(200); left > 0; --left) {
        literals.push_back(random.text(shortest + random.below(spread)));
      }
      const std::string text = random.text(random.below(300)) + literals[0] + literals.back();
      const bool ignore_case = round % 2 == 1;
      ASSERT_EQ(places_by_set(text, literals, ignore_case),
                places_by_plain_search(text, literals, ignore_case))
          << testing::PrintToString(literals) << " in " << testing::PrintToString(text);
    }
  }
}

TEST(LiteralSet, FindsLiteralsThatEndWithTheText) {
  for (size_t size = 1; size < 40; ++size) {
    const std::string literal = Random("abc").text(size);
    for (size_t before = 0; before < 20; ++before) {
      const std::string text = std::string(before, 'x') + literal;
      EXPECT_EQ(places_by_set(text, {literal}), Places({{before, 0}}));
      EXPECT_EQ(places_by_set(text.substr(0, text.size() - 1), {literal}), Places());
    }
  }
  EXPECT_EQ(places_by_set("", {"a", "bcdefghijklm"}), Places());
}

TEST(LiteralSet, TellsTheSameLiteralAsOftenAsItWasGiven) {
  EXPECT_EQ(places_by_set("xABCd", {"abcd", "aBCD", "abcd"}, true),
            Places({{1, 0}, {1, 1}, {1, 2}}));
  const Texts equal(100, "needle in a haystack");
  EXPECT_EQ(places_by_set("a needle in a haystack", equal).size(), 100u);
}

TEST(LiteralSet, ManyLiteralsThatBeginOrEndAlikeAreToldApart) {
  for (const bool is_prefix : {true, false}) {
    Texts literals;
    for (int i = 0; i < 3000; ++i) {
      const std::string number = std::to_string(1000 + i * 3);
      literals.push_back(is_prefix ? "the common text " + number : number + " the common text");
    }
    std::string text;
    for (int i = 900; i < 1100; ++i) {
      const std::string number = std::to_string(i);
      text += is_prefix ? "the common text " + number : number + " the common text";
    }
    EXPECT_EQ(places_by_set(text, literals), places_by_plain_search(text, literals, false));
  }
}

/// Goes on behind the line in which something was found.
struct LineCollector final : LiteralSet::Visitor {
  std::string_view text;
  std::set<size_t> lines;  // by where they end
  size_t told = 0;
  size_t found(size_t begin, uint32_t) override {
    const size_t end = std::min(text.find('\n', begin), text.size());
    lines.insert(end);
    ++told;
    return end;
  }
};

TEST(LiteralSet, GoesOnWhereTheVisitorWantsAndMissesNothingBehind) {
  Random random("abc\n");
  for (int round = 0; round < 300; ++round) {
    Texts literals;
    const size_t shortest = 1 + random.below(14);
    for (size_t left = 1 + random.below(20); left > 0; --left) {
      std::string literal = random.text(shortest + random.below(4));
      std::replace(literal.begin(), literal.end(), '\n', 'b');
      literals.push_back(literal);
    }
    std::string text = random.text(100);
    for (int i = 0; i < 10; ++i) text += literals[random.below(literals.size())] + random.text(9);
    LineCollector collector;
    collector.text = text;
    set_of(literals).scan(text, collector);
    std::set<size_t> expected;
    for (const auto& [begin, literal] : places_by_plain_search(text, literals, false)) {
      expected.insert(std::min(text.find('\n', begin), text.size()));
    }
    ASSERT_EQ(collector.lines, expected);
  }
}

TEST(LiteralSet, DoesNotLookAtTheRestOfALineInWhichSomethingWasFound) {
  Texts literals;
  for (int i = 0; i < 10'000; ++i) literals.push_back(std::to_string(10'000 + i).substr(1));
  LineCollector collector;
  const std::string text = std::string(100, '7') + "\n" + std::string(100, '8') + "\nx\n";
  collector.text = text;
  set_of(literals).scan(text, collector);
  EXPECT_EQ(collector.lines, (std::set<size_t>{100, 201}));
  EXPECT_EQ(collector.told, 2u);
}

TEST(LiteralSet, AHundredThousandLiteralsEqualLookingUpEveryPiece) {
  Random random("0123456789abcdefghij");
  std::set<std::string> literals;
  while (literals.size() < 100'000) literals.insert(random.text(4 + random.below(5)));
  const Texts list(literals.begin(), literals.end());
  const std::string text = random.text(20'000);
  Places expected;
  for (size_t at = 0; at < text.size(); ++at) {
    for (size_t size = 4; size < 9 && at + size <= text.size(); ++size) {
      const auto found = std::lower_bound(list.begin(), list.end(), text.substr(at, size));
      if (found == list.end() || *found != text.substr(at, size)) continue;
      expected.emplace_back(at, static_cast<uint32_t>(found - list.begin()));
    }
  }
  std::sort(expected.begin(), expected.end());
  ASSERT_GT(expected.size(), 1000u);
  EXPECT_EQ(places_by_set(text, list), expected);
}

}  // namespace
}  // namespace shardmill
